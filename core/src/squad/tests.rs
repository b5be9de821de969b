//! Every way a SQuAD file can be wrong, and what is said about it.

use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::advice::Advice;

/// Two paragraphs, three questions, nothing wrong.
fn sound() -> Value {
    json!({"version": "v2.0", "data": [{"title": "Tides", "paragraphs": [
        {"context": "Été brought  the tide.", "qas": [
            {"id": "a", "question": "What came?", "is_impossible": false,
             "answers": [{"text": "the tide", "answer_start": 13}], "extra": 1},
            {"id": "b", "question": "Who left?", "is_impossible": true, "answers": [],
             "plausible_answers": [{"text": "Été", "answer_start": 0}]}]},
        {"context": "Nothing else.", "qas": [
            {"id": "c", "question": "What else?", "is_impossible": false,
             "answers": [{"text": "Nothing", "answer_start": 0}]}]}]}]})
}

/// [`sound`] with the value at a JSON pointer replaced, or removed if `None`.
fn changed(pointer: &str, value: Option<Value>) -> String {
    let mut root = sound();
    if let Some(value) = value {
        *root.pointer_mut(pointer).unwrap() = value;
    } else {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        root.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key).unwrap();
    }
    root.to_string()
}

fn error(json: &str) -> String {
    let message = Dataset::from_json(json, "my.json").unwrap_err().in_one_line();
    assert!(!message.contains('\n'), "one line: {message}");
    message
}

/// The only warning of a file.
fn warning(json: &str) -> String {
    let dataset = Dataset::from_json(json, "my.json").unwrap();
    dataset.validate().unwrap();
    let lines = dataset.warning_lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(!lines[0].contains('\n'), "one line: {}", lines[0]);
    lines[0].strip_prefix("my.json: ").unwrap().to_owned()
}

const FIRST: &str = "/data/0/paragraphs/0/qas/0";

#[test]
fn a_sound_file_is_read_whole() {
    let dataset = Dataset::from_json(&sound().to_string(), "my.json").unwrap();
    assert_eq!(dataset.version, SquadVersion::V2);
    assert_eq!(
        dataset.counts(),
        Counts { articles: 1, paragraphs: 2, questions: 3, answerable: 2, unanswerable: 1 }
    );
    assert_eq!(dataset.warnings, []);
    dataset.validate().unwrap();
    let ids: Vec<_> = dataset.questions().map(|(_, _, question)| question.id.as_str()).collect();
    assert_eq!(ids, ["a", "b", "c"]);
    assert_eq!(dataset.articles[0].paragraphs[0].questions[1].plausible_answers[0].text, "Été");
}

#[test]
fn version_one_is_recognised_from_the_questions() {
    let mut root = sound();
    for pointer in [FIRST, "/data/0/paragraphs/0/qas/1", "/data/0/paragraphs/1/qas/0"] {
        let question = root.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
        question.remove("is_impossible");
        if question["answers"] == json!([]) {
            question.remove("answers");
        }
    }
    let dataset = Dataset::from_json(&root.to_string(), "my.json").unwrap();
    assert_eq!(dataset.version, SquadVersion::V1);
    assert_eq!(dataset.counts().answerable, 3);
}

#[test]
fn a_byte_order_mark_and_missing_titles_and_answers_are_no_obstacle() {
    let text = changed("/data/0/title", None);
    Dataset::from_json(&format!("\u{feff}{text}"), "my.json").unwrap();
    let dataset = Dataset::from_json(&changed(&format!("{FIRST}/answers"), None), "my.json").unwrap();
    assert_eq!(dataset.warnings[0].kind, FindingKind::PossibleWithoutAnswers);
    dataset.validate().unwrap();
}

#[test]
fn a_missing_file_is_named() {
    let message = Dataset::from_path(Path::new("no/such.json")).unwrap_err().in_one_line();
    assert!(message.starts_with("no/such.json: cannot be read: "), "{message}");
}

#[test]
fn text_that_is_not_utf8_is_located() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), b"{\"data\xff").unwrap();
    let message = Dataset::from_path(file.path()).unwrap_err().in_one_line();
    assert!(message.contains("not UTF-8 text (byte 6)"), "{message}");
}

#[test]
fn broken_json_is_located() {
    let text = "{\"data\": [\n{\"paragraphs\": [}]}";
    let message = error(text);
    assert!(message.starts_with("my.json: not valid JSON at line 2, column 17: "), "{message}");
    let whole = sound().to_string();
    assert!(error(&whole[..whole.len() / 2]).contains("not valid JSON at line 1, column "));
    assert!(error("").contains("the file is empty"));
}

#[test]
fn a_key_given_twice_is_located() {
    let message = error("{\"data\": [{\"title\": \"a\", \"title\": \"b\", \"paragraphs\": []}]}");
    assert!(message.contains("line 1") && message.contains("duplicate field `title`"), "{message}");
}

#[test]
fn wrong_types_are_located() {
    let layout = format!("; write SQuAD as in {}", DataFormat::Squad.example());
    let first = "data[0].paragraphs[0].qas[0]";
    let cases = [
        ("/data/0/title", json!([]), "data[0].title: expected a string, found a list".to_owned()),
        (
            "/data/0/paragraphs",
            json!({}),
            "data[0] (article \"Tides\"): expected a list as \"paragraphs\", found an object".to_owned(),
        ),
        (
            "/data/0/paragraphs/1/context",
            json!(false),
            "data[0].paragraphs[1].context (article \"Tides\"): expected a string, found false".to_owned(),
        ),
        (
            "/data/0/paragraphs/0/qas/1",
            json!("q"),
            "data[0].paragraphs[0].qas[1] (article \"Tides\"): expected an object, found the string \"q\""
                .to_owned(),
        ),
        (
            "/data/0/paragraphs/0/qas/0/id",
            json!(true),
            format!("{first}.id (article \"Tides\"): expected a string, found true"),
        ),
        (
            "/data/0/paragraphs/0/qas/0/is_impossible",
            json!("no"),
            format!(
                "{first}.is_impossible (article \"Tides\", question \"a\"): expected true or false, found the \
                 string \"no\""
            ),
        ),
        (
            "/data/0/paragraphs/0/qas/0/answers/0/answer_start",
            json!([3]),
            format!(
                "{first}.answers[0].answer_start (article \"Tides\", question \"a\"): expected a whole number \
                 from 0, found a list"
            ),
        ),
        (
            "/data/0/paragraphs/0/qas/0/answers/0/text",
            json!(["x"]),
            format!(
                "{first}.answers[0].text (article \"Tides\", question \"a\"): expected a string, found a list"
            ),
        ),
        (
            "/data/0/paragraphs/0/qas/1/plausible_answers",
            json!(3),
            "data[0].paragraphs[0].qas[1] (article \"Tides\", question \"b\"): expected a list as \
             \"plausible_answers\", found the number 3"
                .to_owned(),
        ),
    ];
    for (pointer, value, expected) in cases {
        assert_eq!(error(&changed(pointer, Some(value))), format!("my.json: {expected}{layout}"));
    }
}

#[test]
fn an_unknown_layout_is_refused_with_an_example_of_each() {
    for (text, expected) in [
        ("[1]", "[0]: expected an object, found the number 1"),
        (r#"{"data": "x"}"#, "top level: expected a list as \"data\", found the string \"x\""),
        (r#"{"data": [null]}"#, "data[0]: expected an object, found null"),
        (r#"{"rows": []}"#, "top level: expected a list as \"data\", found no such key"),
        (r#"{"data": [{"text": "t"}]}"#, "data[0]: expected a list as \"paragraphs\", found no such key"),
        ("3", "top level: expected an object, found the number 3"),
    ] {
        let message = error(text);
        assert!(message.starts_with(&format!("my.json: {expected}; give one of the layouts")), "{message}");
        for format in [DataFormat::Squad, DataFormat::Rows, DataFormat::Mrqa] {
            assert!(message.contains(format.example()), "{message}");
            let example = Dataset::from_json(format.example(), "example").unwrap();
            assert_eq!((example.format, example.counts().questions), (format, 1), "{format}");
            assert_eq!(example.warnings, []);
        }
    }
    assert!(error("<!doctype html>").contains("a web page"));
    assert!(error("id,context,question\n1,c,q\n").contains("a CSV table"));
    let table = Dataset::from_bytes(b"PAR1\x15\x04", "t.parquet").unwrap_err().in_one_line();
    assert!(table.contains("a Parquet table") && table.contains("from_parquet(\"t.parquet\")"), "{table}");
}

#[test]
fn missing_keys_are_located() {
    for (pointer, expected) in [
        ("/data", "top level: expected a list as \"data\", found no such key"),
        ("/data/0/paragraphs", "data[0] (article \"Tides\"): expected a list as \"paragraphs\""),
        (
            "/data/0/paragraphs/0/context",
            "data[0].paragraphs[0] (article \"Tides\"): expected a string as \"context\"",
        ),
        ("/data/0/paragraphs/0/qas", "data[0].paragraphs[0] (article \"Tides\"): expected a list as \"qas\""),
        (
            "/data/0/paragraphs/0/qas/0/question",
            "qas[0] (article \"Tides\", question \"a\"): expected a string as \"question\"",
        ),
        (
            "/data/0/paragraphs/0/qas/0/answers/0/text",
            "qas[0].answers[0] (article \"Tides\", question \"a\"): expected a string as \"text\"",
        ),
    ] {
        let message = error(&changed(pointer, None));
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn the_mark_follows_from_the_answers_where_it_is_absent() {
    // An empty list is a statement, no list is none.
    for (pointer, expected) in [
        ("/data/0/paragraphs/1/qas/0", [Some(false), Some(true), Some(false)]),
        ("/data/0/paragraphs/0/qas/1", [Some(false), Some(true), Some(false)]),
    ] {
        let dataset =
            Dataset::from_json(&changed(&format!("{pointer}/is_impossible"), None), "my.json").unwrap();
        assert_eq!(dataset.version, SquadVersion::V2);
        let marks: Vec<_> = dataset.questions().map(|(_, _, question)| question.is_impossible).collect();
        assert_eq!(marks, expected);
    }
    let question = |rest: &str| {
        let json = format!(
            r#"{{"data": [{{"paragraphs": [{{"context": "c", "qas": [{{"id": "a", "question": "q"{rest}}}]}}]}}]}}"#
        );
        let dataset = Dataset::from_json(&json, "my.json").unwrap();
        let mark = dataset.questions().next().unwrap().2.is_impossible;
        (dataset.version, dataset.has_gold_answers(), mark)
    };
    assert_eq!(question(""), (SquadVersion::V1, false, None));
    assert_eq!(question(r#", "answers": []"#), (SquadVersion::V2, true, Some(true)));
    assert_eq!(question(r#", "is_impossible": false"#), (SquadVersion::V2, false, Some(false)));
    assert_eq!(question(r#", "is_impossible": true"#), (SquadVersion::V2, true, Some(true)));
    let answer = r#", "answers": [{"text": "c", "answer_start": 0}]"#;
    assert_eq!(question(answer), (SquadVersion::V1, true, None));
}

#[test]
fn a_repeated_id_is_a_warning_and_the_last_question_counts() {
    let text = changed("/data/0/paragraphs/1/qas/0/id", Some(json!("a")));
    let (second, first) = ("data[0].paragraphs[1].qas[0]", "data[0].paragraphs[0].qas[0]");
    let question = "(article \"Tides\", question \"a\")";
    let said = format!("{second} {question}: this id was used before, at {first} {question}");
    assert_eq!(
        warning(&text),
        format!("{said}; of questions with one id the last counts, as in the official scorer")
    );
    let questions = |dataset: &Dataset| -> Vec<_> {
        dataset.questions().map(|(_, _, question)| question.question.clone()).collect()
    };
    let dataset = Dataset::from_json(&text, "my.json").unwrap();
    assert_eq!((questions(&dataset), dataset.left_out), (vec!["Who left?".into(), "What else?".into()], 1));
    // Training looks at no id.
    let dataset = Dataset::from_bytes_with(text.as_bytes(), "my.json", RepeatedIds::KeepAll).unwrap();
    assert_eq!(questions(&dataset).len(), 3);
    assert_eq!(dataset.warning_lines(), [format!("my.json: {said}")]);
    assert_eq!(dataset.id_warning_lines().len(), 1);
}

#[test]
fn a_file_without_questions_is_refused() {
    for text in ["{\"data\": []}", "[]"] {
        let message = Dataset::from_json(text, "my.json").unwrap().validate().unwrap_err().in_one_line();
        assert_eq!(message, "my.json: holds no questions; give a file with questions");
    }
}

#[test]
fn doubtful_content_is_warned_of() {
    let title = "(article \"Tides\"";
    let first = format!("data[0].paragraphs[0].qas[0] {title}, question \"a\")");
    let at = |key: &str, value: Value| warning(&changed(&format!("{FIRST}/{key}"), Some(value)));
    assert_eq!(at("question", json!("")), format!("{first}: the question is empty"));
    assert_eq!(at("question", json!(null)), format!("{first}: the question is empty"));
    assert_eq!(at("answers/0/text", json!(" ")), format!("{first}: the answer is empty"));
    assert_eq!(
        at("answers/0/text", json!("The tide")),
        format!("{first}: answer \"The tide\" does not occur in its context")
    );
    assert_eq!(
        at("answers/0/answer_start", json!(22)),
        format!("{first}: answer \"the tide\" at answer_start 22 ends past the context's 22 characters")
    );
    assert_eq!(
        at("answers/0/answer_start", json!(-1)),
        format!("{first}: answer \"the tide\" has answer_start -1, which is not a position")
    );
    assert_eq!(
        at("answers/0/answer_start", json!("13")),
        format!("{first}: answer \"the tide\" has the text \"13\" as answer_start, read as a number")
    );
    assert_eq!(
        at("answers", json!(["the tide"])),
        format!("{first}: answer \"the tide\" has no answer_start")
    );
}

#[test]
fn ids_are_understood_or_made_up() {
    let at = |value: Value| changed(&format!("{FIRST}/id"), Some(value));
    let id =
        |text: &str| Dataset::from_json(text, "my.json").unwrap().questions().next().unwrap().2.id.clone();
    assert_eq!(id(&at(json!(12))), "12");
    assert!(warning(&at(json!(12))).ends_with("the id is a number, read as a text"));
    let made_up = id(&at(json!(null)));
    assert!(made_up.starts_with("q-") && made_up.len() == 18, "{made_up}");
    assert_eq!(made_up, id(&changed(&format!("{FIRST}/id"), None)));
    // It depends on passage and question, not on the place.
    let mut root = sound();
    root.pointer_mut("/data/0").unwrap()["title"] = json!("Other");
    root.pointer_mut(FIRST).unwrap()["id"] = json!("");
    assert_eq!(made_up, id(&root.to_string()));
    // Twice the same question: two ids.
    let mut root = sound();
    root.pointer_mut(FIRST).unwrap()["id"] = json!(null);
    let twice = root.pointer(FIRST).unwrap().clone();
    root.pointer_mut("/data/0/paragraphs/0/qas").unwrap().as_array_mut().unwrap().push(twice);
    let dataset = Dataset::from_json(&root.to_string(), "my.json").unwrap();
    let ids: Vec<_> = dataset.questions().map(|(_, _, question)| question.id.clone()).collect();
    assert_eq!(ids, [made_up.clone(), "b".into(), format!("{made_up}-2"), "c".into()]);
}

#[test]
fn warnings_of_one_kind_are_said_once_with_three_places() {
    let questions: Vec<Value> = (0..5)
        .map(|id| json!({"id": id.to_string(), "question": "q", "answers": [{"text": "z", "answer_start": 0}]}))
        .collect();
    let json = json!({"data": [{"paragraphs": [{"context": "a", "qas": questions}]}]}).to_string();
    let place = |index: usize| format!("data[0].paragraphs[0].qas[{index}] (question \"{index}\")");
    let places = [place(0), place(1), place(2)].join(", ");
    assert_eq!(warning(&json), format!("5 answers do not occur in their contexts: {places}, …"));
}

#[test]
fn null_is_read_as_absent() {
    for (pointer, said) in [
        ("/data/0/title", "title is null, read as absent"),
        ("/data/0/paragraphs/0/qas/1/plausible_answers", "plausible_answers is null, read as absent"),
        ("/data/0/paragraphs/0/qas/1/answers", "answers is null, read as absent"),
    ] {
        assert!(warning(&changed(pointer, Some(json!(null)))).ends_with(said), "{pointer}");
    }
}

#[test]
fn halves_of_surrogate_pairs_become_one_replacement_character_each() {
    let mut root = sound();
    root.pointer_mut("/data/0/paragraphs/1/qas/0/answers/0").unwrap()["answer_start"] = json!(2);
    root.pointer_mut("/data/0/paragraphs/1").unwrap()["context"] = json!("HALF Nothing else.");
    let text = root.to_string().replace("HALF", "\\ud83d");
    assert!(warning(&text).ends_with("was read as U+FFFD"));
    let dataset = Dataset::from_json(&text, "my.json").unwrap();
    assert_eq!(dataset.articles[0].paragraphs[1].context, "\u{fffd} Nothing else.");
    // A whole pair is a character, and what is no JSON besides is still refused.
    assert!(error(&format!("{text}x")).contains("not valid JSON"));
}

#[test]
fn an_answer_found_elsewhere_is_a_warning() {
    for (text, start) in [("the tide", 12), ("brought the", 4), ("Été", 1)] {
        let mut root = sound();
        *root.pointer_mut(&format!("{FIRST}/answers/0")).unwrap() =
            json!({"text": text, "answer_start": start});
        let dataset = Dataset::from_json(&root.to_string(), "my.json").unwrap();
        let [Finding { kind: FindingKind::AnswerElsewhere { text: found, .. }, place }] =
            &dataset.warnings[..]
        else {
            panic!("{:?}", dataset.warnings)
        };
        assert_eq!((found.as_str(), place.question.as_ref().unwrap().0), (text, 0));
    }
}

#[test]
fn contradictions_between_mark_and_answers_are_warnings() {
    let text = changed(&format!("{FIRST}/is_impossible"), Some(json!(true)));
    assert!(warning(&text).ends_with("is_impossible is true, yet there are answers"));
    let text = changed(&format!("{FIRST}/is_impossible"), None);
    assert!(warning(&text).contains("is_impossible is absent, which other questions have"));
}

/// The same three questions in every layout.
#[test]
fn every_layout_gives_the_same_questions() {
    let answers = json!({"text": ["the tide"], "answer_start": [13]});
    let context = "Été brought  the tide.";
    let rows = [
        json!({"id": "a", "title": "Tides", "context": context, "question": "What came?", "answers": answers}),
        json!({"id": "b", "title": "Tides", "context": context, "question": "Who left?",
               "answers": {"text": [], "answer_start": []}}),
        json!({"id": "c", "title": "Tides", "context": "Nothing else.", "question": "What else?",
               "answers": {"text": ["Nothing"], "answer_start": [0]}}),
    ];
    let column = |key: &str| Value::Array(rows.iter().map(|row| row[key].clone()).collect());
    let indexed = |key: &str| {
        let values = rows.iter().enumerate().map(|(index, row)| (index.to_string(), row[key].clone()));
        Value::Object(values.collect())
    };
    let table = |column: &dyn Fn(&str) -> Value| {
        let keys = ["id", "title", "context", "question", "answers"];
        Value::Object(keys.iter().map(|key| ((*key).to_owned(), column(key))).collect())
    };
    let mut squad = sound();
    squad
        .pointer_mut("/data/0/paragraphs/0/qas/1")
        .unwrap()
        .as_object_mut()
        .unwrap()
        .remove("plausible_answers");
    let articles = squad["data"].clone();
    let lines = |values: &[Value]| values.iter().map(|value| format!("{value}\n")).collect::<String>();
    let expected = Dataset::from_json(&squad.to_string(), "x").unwrap().articles;
    for (text, format) in [
        (squad.to_string(), DataFormat::Squad),
        (articles.to_string(), DataFormat::Articles),
        (lines(articles.as_array().unwrap()), DataFormat::Articles),
        (lines(&rows), DataFormat::Rows),
        (rows.iter().map(|row| format!("{row:#}\n\n")).collect(), DataFormat::Rows),
        (json!(rows).to_string(), DataFormat::Rows),
        (json!({"version": "0.1", "data": rows}).to_string(), DataFormat::Rows),
        (table(&column).to_string(), DataFormat::Rows),
        (table(&indexed).to_string(), DataFormat::Rows),
        (json!({"data": table(&column)}).to_string(), DataFormat::Rows),
    ] {
        let dataset = Dataset::from_json(&text, "x").unwrap();
        assert_eq!((dataset.format, dataset.version), (format, SquadVersion::V2), "{text}");
        assert_eq!(dataset.articles, expected, "{text}");
        assert_eq!(dataset.warnings, [], "{text}");
        let note = (format != DataFormat::Squad)
            .then(|| format!("x: read as {format}: 3 questions, 1 without an answer"));
        assert_eq!(dataset.reading_note(), note);
        let again = Dataset::from_json(&dataset.to_squad_json().unwrap(), "y").unwrap();
        assert_eq!(again.articles, expected);
    }
}

#[test]
fn mrqa_is_read_as_version_one_with_the_found_answers_first() {
    let text = concat!(
        r#"{"header": {"dataset": "X", "split": "dev"}}"#,
        "\n",
        r#"{"id": "", "context": "é Marra, marra and Torik.", "qas": [{"qid": "a", "id": 7, "question": "who?",
            "answers": ["Marra", "Mara"], "question_tokens": [["who", 0]], "detected_answers": [
            {"text": "Marra", "char_spans": [[2, 6], [9, 13]], "token_spans": [[1, 1]]},
            {"text": "Torik", "char_spans": [[19, 23]], "token_spans": [[4, 4]]}]}]}"#,
        "\n",
        r#"{"id": "", "context": "Nothing.", "qas": [{"qid": "b", "question": "what?", "answers": []}]}"#,
    );
    let dataset = Dataset::from_json(text, "m.jsonl").unwrap();
    assert_eq!((dataset.format, dataset.version), (DataFormat::Mrqa, SquadVersion::V1));
    let questions: Vec<_> = dataset.questions().map(|(_, _, question)| question).collect();
    let answers: Vec<_> = questions[0].answers.iter().map(|a| (a.text.as_str(), a.answer_start)).collect();
    assert_eq!(answers, [("Marra", Some(2)), ("marra", Some(9)), ("Torik", Some(19)), ("Mara", None)]);
    assert_eq!((questions[0].id.as_str(), questions[1].id.as_str()), ("a", "b"));
    assert_eq!(questions[1].is_impossible, None);
    assert_eq!(dataset.warnings, []);
    assert_eq!(dataset.articles.len(), 2);
    assert_eq!(dataset.place(1, 0, 0).to_string(), "line 6 (question \"b\")");
}

#[test]
fn mistakes_in_lines_and_rows_are_located() {
    let row = r#"{"id": "a", "context": "c", "question": "q"}"#;
    let message = error(&format!("{row}\n\n{}\n", r#"{"id": "b", "context": 3, "question": "q"}"#));
    assert!(
        message
            .starts_with("my.json: line 3.context (question \"b\"): expected a string, found the number 3"),
        "{message}"
    );
    assert!(message.contains(DataFormat::Rows.example()), "{message}");
    let message = error(&format!("[{row}, {}]", r#"{"id": "b", "context": "c"}"#));
    assert!(
        message.starts_with("my.json: [1] (question \"b\"): expected a string as \"question\""),
        "{message}"
    );
    let message = error(&format!("{row}\n{{\"id\": \"b\", \"cont"));
    assert!(
        message.contains("line 2, column ") && message.contains("download was not complete"),
        "{message}"
    );
    let message = error(&format!("{row}\n{row}}}\n"));
    assert!(message.contains("line 2, column ") && !message.contains("download"), "{message}");
    let message = error(r#"{"context": ["c", "d"], "question": ["q"]}"#);
    assert!(message.contains("the column question has 1 values, but context has 2"), "{message}");
    // Warnings name lines as well.
    let blank = format!("{row}\n{}", r#"{"id": "b", "context": "c", "question": ""}"#);
    assert_eq!(warning(&blank), "line 2 (question \"b\"): the question is empty");
}

/// Rows as other tools wrap them.
#[test]
fn pages_of_the_dataset_server_and_pandas_tables_are_rows() {
    let row = |id: &str, question: &str, answers: Value| json!({"id": id, "title": "Tides", "context": "Nothing else.", "question": question, "answers": answers});
    let rows = [
        row("a", "What else?", json!({"text": ["Nothing"], "answer_start": [0]})),
        row("b", "Who left?", json!({"text": [], "answer_start": []})),
    ];
    let wrapped = |cut: &[&str]| -> Vec<Value> {
        let wrap = |(index, row): (usize, &Value)| {
            let cut: &[&str] = if index == 0 { cut } else { &[] };
            json!({"row_idx": index, "row": row, "truncated_cells": cut})
        };
        rows.iter().enumerate().map(wrap).collect()
    };
    let columns = ["id", "title", "context", "question", "answers"];
    let values: Vec<Vec<Value>> =
        rows.iter().map(|row| columns.iter().map(|column| row[*column].clone()).collect()).collect();
    let expected = Dataset::from_json(&json!(rows).to_string(), "x").unwrap().articles;
    for text in [
        json!({"features": [{"name": "id"}], "rows": wrapped(&[]), "num_rows_total": 2, "partial": false}),
        json!({"rows": rows}),
        json!({"columns": columns, "index": [0, 1], "data": values}),
        json!({"0": rows[0], "1": rows[1]}),
        json!({"schema": {"fields": []}, "data": rows}),
    ] {
        let dataset = Dataset::from_json(&text.to_string(), "x").unwrap();
        assert_eq!((dataset.format, dataset.version), (DataFormat::Rows, SquadVersion::V2), "{text}");
        assert_eq!(dataset.articles, expected, "{text}");
        assert_eq!(dataset.warning_lines(), [""; 0], "{text}");
    }
    let page = json!({"rows": wrapped(&["context"]), "num_rows_total": 11_873}).to_string();
    assert_eq!(
        Dataset::from_json(&page, "x").unwrap().warning_lines(),
        [
            "x: a page with 2 of the 11873 rows of the data set",
            "x: row 0 (article \"Tides\", question \"a\"): the dataset server has cut \"context\" off",
        ]
    );
    let bad = json!({"rows": [rows[0], {"id": "b", "context": 3, "question": "q"}]}).to_string();
    let message = error(&bad);
    assert!(
        message.starts_with("my.json: row 1.context (question \"b\"): expected a string, found the number 3"),
        "{message}"
    );
}

#[test]
fn numbers_that_json_lacks_are_read_as_absent_and_named() {
    for (pointer, key) in [
        ("/data/0/title", "title"),
        ("/data/0/paragraphs/0/qas/1/plausible_answers", "plausible_answers"),
        ("/data/0/paragraphs/0/qas/1/is_impossible", "is_impossible"),
    ] {
        for number in ["NaN", "Infinity", "-Infinity"] {
            let text = changed(pointer, Some(json!("HERE"))).replace("\"HERE\"", number);
            let dataset = Dataset::from_json(&text, "my.json").unwrap();
            let said = format!(
                "my.json: a value is NaN or Infinity, which JSON does not have; read as null (\"{key}\" on line 1)"
            );
            assert_eq!(dataset.warning_lines()[0], said);
            assert_eq!(dataset.id_warning_lines()[0], said, "score says so too");
            assert_eq!(dataset.counts().questions, 3);
        }
    }
    // pandas writes it for what is missing: here a title, and in a column that means nothing to us.
    let rows = "{\"id\": \"a\", \"title\": NaN, \"context\": \"c\", \"question\": \"q\", \"answers\": [\"c\"]}\n\
                {\"id\": \"b\", \"score\": NaN, \"context\": \"c\", \"question\": \"NaN?\", \"answers\": [\"c\"]}";
    let dataset = Dataset::from_json(rows, "r.jsonl").unwrap();
    let questions: Vec<_> = dataset.questions().map(|(_, _, question)| question.question.as_str()).collect();
    assert_eq!((dataset.format, questions), (DataFormat::Rows, vec!["q", "NaN?"]));
    assert!(dataset.warning_lines()[0].ends_with("(\"title\" on line 1, \"score\" on line 2)"));
}

#[test]
fn commas_too_many_and_marks_between_lines_are_no_obstacle() {
    let row = |id: &str| format!(r#"{{"id": "{id}", "context": "c", "question": "q", "answers": ["c"]}}"#);
    for (text, said) in [
        (format!("{},\n{},\n", row("a"), row("b")), Some("2 commas too many, ignored (line 1, line 2)")),
        (format!("[{},\n{},\n]", row("a"), row("b")), Some("a comma too many, ignored (line 2)")),
        (format!("{}\n\u{feff}{}\n", row("a"), row("b")), None),
        (format!("\u{1e}{}\n\u{1e}{}\n", row("a"), row("b")), None),
    ] {
        let dataset = Dataset::from_json(&text, "r").unwrap();
        let ids: Vec<_> = dataset.questions().map(|(_, _, question)| question.id.as_str()).collect();
        assert_eq!(ids, ["a", "b"], "{text}");
        let lines = dataset.warning_lines();
        assert_eq!(
            lines.first().filter(|line| line.contains("comma")).cloned(),
            said.map(|said| format!("r: {said}"))
        );
    }
}

#[test]
fn mrqa_s_rows_on_the_hub_have_its_ids_and_places() {
    let row = json!({"subset": "SQuAD", "context": "é Marra and Torik.", "qid": "a", "question": "who?",
        "answers": ["Marra"], "detected_answers": {"text": ["Marra", "Torik"],
        "char_spans": [{"start": [2], "end": [6]}, {"start": [12], "end": [16]}],
        "token_spans": [{"start": [1], "end": [1]}, {"start": [3], "end": [3]}]}});
    let dataset = Dataset::from_json(&row.to_string(), "m.jsonl").unwrap();
    assert_eq!((dataset.format, dataset.version), (DataFormat::Mrqa, SquadVersion::V1));
    let (_, _, question) = dataset.questions().next().unwrap();
    let answers: Vec<_> = question.answers.iter().map(|a| (a.text.as_str(), a.answer_start)).collect();
    assert_eq!((question.id.as_str(), answers), ("a", vec![("Marra", Some(2)), ("Torik", Some(12))]));
    assert_eq!(dataset.warnings, []);
}

#[test]
fn a_lone_answer_counts_and_what_else_has_that_name_is_ignored() {
    let read = |answer: Value, more: Value| {
        let mut row = json!({"id": "a", "context": "the mill", "question": "q", "answer": answer});
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let dataset = Dataset::from_json(&row.to_string(), "r").unwrap();
        let (_, _, question) = dataset.questions().next().unwrap();
        question.answers.iter().map(|answer| (answer.text.clone(), answer.answer_start)).collect::<Vec<_>>()
    };
    let mill = |start| vec![("mill".to_owned(), start)];
    assert_eq!(read(json!({"text": "mill", "answer_start": 4}), json!({})), mill(Some(4)));
    assert_eq!(read(json!("mill"), json!({})), mill(None));
    assert_eq!(read(json!(true), json!({})), []);
    assert_eq!(read(json!({"span": [1, 2]}), json!({})), []);
    assert_eq!(read(json!("x"), json!({"answers": {"text": ["mill"], "answer_start": [4]}})), mill(Some(4)));
    let korquad = json!({"data": [{"context": "the mill", "title": "t", "qas": [
        {"id": "1", "question": "q", "answer": {"text": "mill", "answer_start": 4, "html_answer_start": 4}}]}]});
    let dataset = Dataset::from_json(&korquad.to_string(), "k").unwrap();
    assert_eq!(dataset.questions().next().unwrap().2.answers[0].answer_start, Some(4));
}

#[test]
fn what_is_no_data_set_at_all_is_named() {
    let bytes = |bytes: &[u8]| Dataset::from_bytes(bytes, "f").unwrap_err().in_one_line();
    for empty in [&b""[..], b" \n\n", b"\xef\xbb\xbf"] {
        assert!(bytes(empty).starts_with("f: the file is empty; "), "{}", bytes(empty));
    }
    assert!(bytes(b"\xff\xff\xff\xff\x78\x01\0\0\x10").contains("an Arrow table"));
    assert!(bytes(b"ARROW1\0\0").contains("read_feather(\"f\")"));
    assert!(bytes(b"id\tcontext\tquestion\n1\tc\tq\n").contains("sep=\"\\t\""));
    for text in ["{'version': 'v2.0', 'data': []}", "[{'id': 1}]"] {
        assert!(error(text).contains("json.dump"), "{}", error(text));
    }
    let folder = tempfile::tempdir().unwrap();
    let message = Dataset::from_path(folder.path()).unwrap_err().in_one_line();
    assert!(message.ends_with("name the file with the questions, not a folder"), "{message}");
}
