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

fn invalid(json: &str) -> String {
    let dataset = Dataset::from_json(json, "my.json").unwrap();
    let message = dataset.validate().unwrap_err().in_one_line();
    assert!(!message.contains('\n'), "one line: {message}");
    message
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
    assert!(error("").contains("not valid JSON"));
}

#[test]
fn a_key_given_twice_is_located() {
    let message = error("{\"data\": [{\"title\": \"a\", \"title\": \"b\", \"paragraphs\": []}]}");
    assert!(message.contains("line 1") && message.contains("duplicate field `title`"), "{message}");
}

#[test]
fn wrong_types_are_located() {
    let layout = "; bring the file into SQuAD's layout, data[].paragraphs[].qas[].answers[]";
    for (pointer, value, expected) in [
        ("", json!([1]), "top level: expected an object, found a list"),
        ("/data", json!("x"), "top level: expected a list as \"data\", found the string \"x\""),
        ("/data/0", json!(null), "data[0]: expected an object, found null"),
        ("/data/0/title", json!(7), "data[0].title: expected a string, found the number 7"),
        (
            "/data/0/paragraphs",
            json!({}),
            "data[0] (article \"Tides\"): expected a list as \"paragraphs\", found an object",
        ),
        (
            "/data/0/paragraphs/1/context",
            json!(false),
            "data[0].paragraphs[1].context (article \"Tides\"): expected a string, found false",
        ),
        (
            "/data/0/paragraphs/0/qas/1",
            json!("q"),
            "data[0].paragraphs[0].qas[1] (article \"Tides\"): expected an object, found the string \"q\"",
        ),
        (
            "/data/0/paragraphs/0/qas/0/id",
            json!(12),
            "data[0].paragraphs[0].qas[0].id (article \"Tides\"): expected a string, found the number 12",
        ),
        (
            "/data/0/paragraphs/0/qas/0/is_impossible",
            json!("no"),
            "data[0].paragraphs[0].qas[0].is_impossible (article \"Tides\", question \"a\"): \
             expected true or false, found the string \"no\"",
        ),
        (
            "/data/0/paragraphs/0/qas/0/answers/0/answer_start",
            json!(-1),
            "data[0].paragraphs[0].qas[0].answers[0].answer_start (article \"Tides\", question \"a\"): \
             expected a whole number from 0, found the number -1",
        ),
        (
            "/data/0/paragraphs/0/qas/0/answers/0/text",
            json!(["x"]),
            "data[0].paragraphs[0].qas[0].answers[0].text (article \"Tides\", question \"a\"): \
             expected a string, found a list",
        ),
        (
            "/data/0/paragraphs/0/qas/1/plausible_answers",
            json!(3),
            "data[0].paragraphs[0].qas[1] (article \"Tides\", question \"b\"): \
             expected a list as \"plausible_answers\", found the number 3",
        ),
    ] {
        assert_eq!(error(&changed(pointer, Some(value))), format!("my.json: {expected}{layout}"));
    }
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
            "/data/0/paragraphs/0/qas/0/id",
            "data[0].paragraphs[0].qas[0] (article \"Tides\"): expected a string as \"id\"",
        ),
        (
            "/data/0/paragraphs/0/qas/0/question",
            "qas[0] (article \"Tides\", question \"a\"): expected a string as \"question\"",
        ),
        (
            "/data/0/paragraphs/0/qas/0/answers/0/answer_start",
            "qas[0].answers[0] (article \"Tides\", question \"a\"): expected a whole number from 0 as \"answer_start\"",
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
fn a_repeated_id_is_located_twice() {
    let message = error(&changed("/data/0/paragraphs/1/qas/0/id", Some(json!("a"))));
    assert_eq!(
        message,
        "my.json: data[0].paragraphs[1].qas[0] (article \"Tides\", question \"a\"): this id was used before, at \
         data[0].paragraphs[0].qas[0] (article \"Tides\", question \"a\"); give every question an id of its own"
    );
}

#[test]
fn a_file_without_questions_is_refused() {
    assert_eq!(invalid("{\"data\": []}"), "my.json: holds no questions; give a file with questions");
}

#[test]
fn empty_contexts_and_questions_are_refused_by_validation() {
    // The answer's offset is then wrong, too: two mistakes.
    let message = invalid(&changed("/data/0/paragraphs/1/context", Some(json!(" \n"))));
    assert_eq!(
        message,
        "my.json: data[0].paragraphs[1] (article \"Tides\"): the context is empty \
         (and 1 more in this file); correct or remove it"
    );
    let message = invalid(&changed(&format!("{FIRST}/question"), Some(json!(""))));
    assert_eq!(
        message,
        "my.json: data[0].paragraphs[0].qas[0] (article \"Tides\", question \"a\"): the question is empty; \
         correct or remove it"
    );
}

#[test]
fn answers_past_the_end_count_code_points() {
    // The context has 22 code points in 24 bytes.
    for (start, fits) in [(13, true), (14, true), (15, false), (usize::MAX, false)] {
        let text = changed(&format!("{FIRST}/answers/0/answer_start"), Some(json!(start)));
        let dataset = Dataset::from_json(&text, "my.json").unwrap();
        assert_eq!(dataset.validate().is_ok(), fits, "answer_start {start}");
    }
    let message = invalid(&changed(&format!("{FIRST}/answers/0/answer_start"), Some(json!(22))));
    assert!(
        message.contains("answer \"the tide\" at answer_start 22 ends past the context's 22 characters"),
        "{message}"
    );
}

#[test]
fn an_answer_found_nowhere_is_refused_by_validation() {
    let message = invalid(&changed(&format!("{FIRST}/answers/0/text"), Some(json!("The tide"))));
    assert!(message.contains("answer \"The tide\" does not occur in its context"), "{message}");
}

#[test]
fn an_answer_found_elsewhere_is_a_warning_only() {
    for (text, start) in [("the tide", 12), ("brought the", 4), ("Été", 1)] {
        let mut root = sound();
        *root.pointer_mut(&format!("{FIRST}/answers/0")).unwrap() =
            json!({"text": text, "answer_start": start});
        let dataset = Dataset::from_json(&root.to_string(), "my.json").unwrap();
        dataset.validate().unwrap();
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
    let dataset = Dataset::from_json(&text, "my.json").unwrap();
    assert_eq!(dataset.warnings[0].kind, FindingKind::ImpossibleWithAnswers);
    dataset.validate().unwrap();
}
