//! Finds the place of a mistake in JSON that serde has refused.
//!
//! Reading goes straight into the types, which is fast but leaves errors with a line number alone. Only after a
//! failure is the file parsed again as plain JSON and walked to the first value that does not fit.

use serde_json::{Map, Value};

use super::error::{SquadError, shortened};
use crate::json;

/// The error that best explains why `text` was refused.
pub(super) fn diagnose(text: &str, source_name: &str, refused: &serde_json::Error) -> SquadError {
    let file = source_name.to_owned();
    let value: Value = match json::parse(text.as_bytes()) {
        Ok(value) => value,
        // Too large for a second look: what was said at first has to do.
        Err(error) if error.is_data() => return syntax(file, refused),
        Err(error) => return syntax(file, &error),
    };
    match check_file(&value) {
        Err(Fault { place, expected, found }) => SquadError::Schema { file, place, expected, found },
        // What the walk does not know of, such as a key given twice.
        Ok(()) => syntax(file, refused),
    }
}

fn syntax(file: String, error: &serde_json::Error) -> SquadError {
    let text = error.to_string();
    let cause = text.rfind(" at line ").and_then(|at| text.get(..at)).unwrap_or(&text).to_owned();
    SquadError::Syntax { file, line: error.line(), column: error.column(), cause }
}

/// The first value that does not fit.
struct Fault {
    place: String,
    expected: String,
    found: String,
}

fn check_file(root: &Value) -> Result<(), Fault> {
    let root = object(root, "top level")?;
    for (index, article) in list(root, "data", "top level")?.iter().enumerate() {
        let path = format!("data[{index}]");
        check_article(article, &path)?;
    }
    Ok(())
}

fn check_article(article: &Value, path: &str) -> Result<(), Fault> {
    let article = object(article, path)?;
    let title = match article.get("title") {
        None => "",
        Some(_) => string(article, "title", path, "")?,
    };
    let name = format!(" (article {})", shortened(title));
    for (index, paragraph) in list(article, "paragraphs", &format!("{path}{name}"))?.iter().enumerate() {
        check_paragraph(paragraph, &format!("{path}.paragraphs[{index}]"), title)?;
    }
    Ok(())
}

fn check_paragraph(paragraph: &Value, path: &str, title: &str) -> Result<(), Fault> {
    let name = format!(" (article {})", shortened(title));
    let paragraph = object(paragraph, &format!("{path}{name}"))?;
    string(paragraph, "context", path, &name)?;
    for (index, question) in list(paragraph, "qas", &format!("{path}{name}"))?.iter().enumerate() {
        check_question(question, &format!("{path}.qas[{index}]"), title)?;
    }
    Ok(())
}

fn check_question(question: &Value, path: &str, title: &str) -> Result<(), Fault> {
    let mut name = format!(" (article {})", shortened(title));
    let question = object(question, &format!("{path}{name}"))?;
    let id = string(question, "id", path, &name)?;
    name = format!(" (article {}, question {})", shortened(title), shortened(id));
    string(question, "question", path, &name)?;
    match question.get("is_impossible") {
        None | Some(Value::Null | Value::Bool(_)) => {}
        Some(other) => return Err(fault(format!("{path}.is_impossible{name}"), "true or false", other)),
    }
    for key in ["answers", "plausible_answers"] {
        if question.contains_key(key) {
            for (index, answer) in list(question, key, &format!("{path}{name}"))?.iter().enumerate() {
                check_answer(answer, &format!("{path}.{key}[{index}]"), &name)?;
            }
        }
    }
    Ok(())
}

fn check_answer(answer: &Value, path: &str, name: &str) -> Result<(), Fault> {
    let answer = object(answer, &format!("{path}{name}"))?;
    string(answer, "text", path, name)?;
    let expected = "a whole number from 0";
    match answer.get("answer_start") {
        Some(start) if start.as_u64().is_some_and(|start| usize::try_from(start).is_ok()) => Ok(()),
        Some(other) => Err(fault(format!("{path}.answer_start{name}"), expected, other)),
        None => Err(missing("answer_start", &format!("{path}{name}"), expected)),
    }
}

fn object<'a>(value: &'a Value, place: &str) -> Result<&'a Map<String, Value>, Fault> {
    value.as_object().ok_or_else(|| fault(place.to_owned(), "an object", value))
}

fn list<'a>(object: &'a Map<String, Value>, key: &str, place: &str) -> Result<&'a Vec<Value>, Fault> {
    let expected = format!("a list as {key:?}");
    match object.get(key) {
        Some(Value::Array(values)) => Ok(values),
        Some(other) => Err(fault(place.to_owned(), &expected, other)),
        None => Err(missing(key, place, "a list")),
    }
}

fn string<'a>(object: &'a Map<String, Value>, key: &str, path: &str, name: &str) -> Result<&'a str, Fault> {
    match object.get(key) {
        Some(Value::String(text)) => Ok(text),
        Some(other) => Err(fault(format!("{path}.{key}{name}"), "a string", other)),
        None => Err(missing(key, &format!("{path}{name}"), "a string")),
    }
}

fn missing(key: &str, place: &str, expected: &str) -> Fault {
    Fault {
        place: place.to_owned(),
        expected: format!("{expected} as {key:?}"),
        found: "no such key".to_owned(),
    }
}

fn fault(place: String, expected: &str, value: &Value) -> Fault {
    let found = match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the string {}", shortened(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    };
    Fault { place, expected: expected.to_owned(), found }
}
