use super::{super::tests::analysis, *};
use crate::advice::Advice;

fn ids(query: &str) -> Vec<String> {
    let analysis = analysis();
    let members = Query::parse(query).unwrap().members(&analysis, 2.5);
    members.iter().map(|index| analysis.cases[*index as usize].id.clone()).collect()
}

fn error(query: &str) -> String {
    Query::parse(query).unwrap_err().in_one_line()
}

#[test]
fn queries_find_questions() {
    assert_eq!(ids("question_word = \"who\""), ["a", "e"]);
    assert_eq!(ids("question_word in ('who', 'WHEN') and answerable"), ["a", "b"]);
    assert_eq!(ids("f1 < 0.5 or not exact and answerable"), ["a", "c", "d", "f"]);
    assert_eq!(ids("not (f1 < 0.5 or not exact)"), ["b", "e"]);
    assert_eq!(ids("negation"), ["c"]);
    assert_eq!(ids("negation = false and answerable = no"), ["e"]);
    assert_eq!(ids("number = \"absent\""), ["e"]);
    assert_eq!(ids("outcome = \"too long\""), ["a"]);
    assert_eq!(ids("question contains \"HARBOUR\" and context_words>10"), ["a", "b"]);
    assert_eq!(ids("gold contains \"hill\""), ["d"]);
    assert_eq!(ids("gold = none"), ["c", "e"]);
    assert_eq!(ids("article = \"mill\" and null_odds >= 2"), ["d", "e"]);
    assert_eq!(ids("oracle_f1 > 0.99"), ["a", "b"]);
}

#[test]
fn what_has_no_value_is_none_and_nothing_else() {
    assert_eq!(ids("answer_words = none"), ["c", "e"]);
    assert_eq!(ids("answer_words != 2"), ["b", "d"]);
    assert_eq!(ids("answer_words < 100"), ["a", "b", "d", "f"]);
    assert_eq!(ids("not answer_words < 100"), ["c", "e"]);
    assert_eq!(ids("windows > 0 or windows <= 0"), [""; 0]);
    assert_eq!(ids("answer_words != none"), ["a", "b", "d", "f"]);
}

#[test]
fn errors_say_where_and_what_to_write() {
    for (query, message) in [
        ("", "the query is empty at column 1"),
        (
            "questoin_word = \"why\"",
            "there is no field \"questoin_word\" at column 1 of the query; write question_word",
        ),
        ("f1 <", "a value is missing at column 5"),
        ("f1 < \"x\"", "f1 is a number at column 6"),
        ("f1", "f1 is compared with nothing at column 3 of the query; write f1 < 10"),
        ("question < 3", "question is not a number"),
        ("question_word = \"whom\"", "question_word is never \"whom\" at column 17"),
        (
            "question_word = why",
            "why is not a value at column 17 of the query; write texts in quotes: \"why\"",
        ),
        ("f1 < 0.5 f1 > 2", "\"f1\" does not belong here at column 10"),
        ("(f1 < 0.5", "a parenthesis is not closed at column 10"),
        ("question contains 5", "a text is missing after `contains` at column 19"),
        ("f1 contains \"5\"", "f1 is not a text"),
        ("question = \"why", "the text has no end at column 12"),
        ("f1 < 0.5.2", "\"0.5.2\" is not a number at column 6"),
        ("f1 < 1e999", "is not a number"),
        ("f1 ; 2", "\";\" means nothing here at column 4"),
        ("question_word in \"who\"", "a list is missing after `in`"),
        ("question_word in (\"who\"", "the list is not closed"),
        ("0.5 > f1", "\"0.5\" stands where a field is expected at column 1"),
        ("négation", "there is no field \"négation\" at column 1 of the query; write negation"),
        ("zzzzzzzzzzz = 1", "write one of id, question,"),
        ("answerable and", "the query ends too early"),
    ] {
        let found = error(query);
        assert!(found.contains(message), "{query}: {found}");
    }
    assert!(error(&"(".repeat(100_000)).contains("nested too deeply"));
    assert!(error(&"not ".repeat(100_000)).contains("nested too deeply"));
}

#[test]
fn the_outcomes_of_the_language_are_those_there_are() {
    let field = FIELDS.iter().find(|field| field.name == "outcome").unwrap();
    let names: Vec<_> = super::super::Outcome::ALL.iter().map(|outcome| outcome.name()).collect();
    assert_eq!(field.values.unwrap(), names);
    let field = FIELDS.iter().find(|field| field.name == "question_word").unwrap();
    let names: Vec<_> = crate::squad::QuestionWord::ALL.iter().map(|word| word.name()).collect();
    assert_eq!(field.values.unwrap(), names);
}

proptest::proptest! {
    #[test]
    fn no_query_makes_it_panic(query in "[a-z_0-9\"'()=<>!, .é\\\\-]{0,40}") {
        let _ = Query::parse(&query);
    }
}
