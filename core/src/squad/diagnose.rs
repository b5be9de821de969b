//! Finds the place of a mistake in JSON that serde has refused.
//!
//! Reading goes straight into the types, which is fast but leaves errors with a line number alone. Only after a
//! failure is the file parsed again as plain JSON and walked to the first value that does not fit. What fits is asked of
//! the same types.

use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::{Map, Value};

use super::error::{SquadError, shortened};
use super::formats::{
    Container, DataFormat, Entry, Failure, Shape,
    question::RawAnswers,
    scalars::{Flag, Label, Start, Text},
};
use crate::json;

/// The error that best explains why `text` was refused.
pub(super) fn diagnose(text: &str, source_name: &str, shape: Shape, failure: &Failure) -> SquadError {
    let file = source_name.to_owned();
    if shape.container == Container::Lines {
        return diagnose_line(text, file, shape, failure);
    }
    let value: Value = match json::parse(text.as_bytes()) {
        Ok(value) => value,
        // Too large for a second look: what was said at first has to do.
        Err(error) if error.is_data() => return syntax(file, &failure.error),
        Err(error) => return syntax(file, &error),
    };
    match check_file(&value, shape) {
        Err(fault) => fault.into_error(file, format(shape)),
        // What the walk does not know of, such as a key given twice.
        Ok(()) => syntax(file, &failure.error),
    }
}

/// The same for one of several values.
fn diagnose_line(text: &str, file: String, shape: Shape, failure: &Failure) -> SquadError {
    let before = text.get(..failure.from).unwrap_or_default().matches('\n').count();
    let rest = text.get(failure.from..).unwrap_or_default();
    // The reader counts from the start of the text, so that its own error needs no correction.
    let refused = || syntax(file.clone(), &failure.error);
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
    if !matches!(values.next(), Some(Ok(IgnoredAny))) {
        return refused();
    }
    let Ok(value) = json::parse(rest.get(..values.byte_offset()).unwrap_or_default().as_bytes()) else {
        return refused();
    };
    match check_entry(&value, &format!("line {}", before + 1), shape.entry) {
        Err(fault) => fault.into_error(file, format(shape)),
        Ok(()) => refused(),
    }
}

/// The error that best explains why a row of a table was refused.
pub(super) fn diagnose_row(
    row: &Value,
    number: usize,
    source_name: &str,
    error: &serde_json::Error,
) -> SquadError {
    let place = format!("row {number}");
    let fault = check_entry(row, &place, Entry::Row).err().unwrap_or_else(|| Fault {
        place,
        expected: "a row".to_owned(),
        found: error.to_string(),
    });
    fault.into_error(source_name.to_owned(), Some(DataFormat::Rows))
}

fn format(shape: Shape) -> Option<DataFormat> {
    shape.known.then_some(match (shape.container, shape.entry) {
        (Container::Data, Entry::Article) => DataFormat::Squad,
        (_, Entry::Article) => DataFormat::Articles,
        (Container::Lines, Entry::Paragraph) => DataFormat::Mrqa,
        (_, Entry::Paragraph) => DataFormat::Paragraphs,
        (_, Entry::Row) => DataFormat::Rows,
    })
}

fn syntax(file: String, error: &serde_json::Error) -> SquadError {
    let text = error.to_string();
    let cause = text.rfind(" at line ").and_then(|at| text.get(..at)).unwrap_or(&text).to_owned();
    SquadError::Syntax { file, line: error.line(), column: error.column(), cause, cut: error.is_eof() }
}

/// The first value that does not fit.
struct Fault {
    place: String,
    expected: String,
    found: String,
}

impl Fault {
    fn into_error(self, file: String, format: Option<DataFormat>) -> SquadError {
        let Self { place, expected, found } = self;
        SquadError::Schema { file, place, expected, found, format }
    }
}

fn check_file(root: &Value, shape: Shape) -> Result<(), Fault> {
    let (entries, prefix) = match (shape.container, root) {
        (Container::Columns | Container::DataColumns | Container::Lines, _) => return Ok(()),
        (Container::List, Value::Array(entries)) => (entries, ""),
        (_, root) => (list(object(root, "top level")?, "data", "top level")?, "data"),
    };
    for (index, entry) in entries.iter().enumerate() {
        check_entry(entry, &format!("{prefix}[{index}]"), shape.entry)?;
    }
    Ok(())
}

fn check_entry(entry: &Value, path: &str, kind: Entry) -> Result<(), Fault> {
    match kind {
        Entry::Article => check_article(entry, path),
        Entry::Paragraph => check_paragraph(entry, path, ""),
        Entry::Row => {
            let row = object(entry, path)?;
            let name = format!(" (question {})", shortened(&label(row, "id")));
            optional::<Label>(row, "title", path, &name, "a string")?;
            required::<Text>(row, "context", path, &name, "a string")?;
            check_question(entry, path, "")
        }
    }
}

fn check_article(article: &Value, path: &str) -> Result<(), Fault> {
    let article = object(article, path)?;
    optional::<Label>(article, "title", path, "", "a string")?;
    let title = label(article, "title");
    let name = if title.is_empty() { String::new() } else { format!(" (article {})", shortened(&title)) };
    for (index, paragraph) in list(article, "paragraphs", &format!("{path}{name}"))?.iter().enumerate() {
        check_paragraph(paragraph, &format!("{path}.paragraphs[{index}]"), &title)?;
    }
    Ok(())
}

fn check_paragraph(paragraph: &Value, path: &str, title: &str) -> Result<(), Fault> {
    let name = if title.is_empty() { String::new() } else { format!(" (article {})", shortened(title)) };
    let paragraph = object(paragraph, &format!("{path}{name}"))?;
    if paragraph.contains_key("header") && !paragraph.contains_key("context") {
        return Ok(());
    }
    required::<Text>(paragraph, "context", path, &name, "a string")?;
    for (index, question) in list(paragraph, "qas", &format!("{path}{name}"))?.iter().enumerate() {
        check_question(question, &format!("{path}.qas[{index}]"), title)?;
    }
    Ok(())
}

fn check_question(question: &Value, path: &str, title: &str) -> Result<(), Fault> {
    let article = if title.is_empty() { String::new() } else { format!("article {}", shortened(title)) };
    let outer = if article.is_empty() { String::new() } else { format!(" ({article})") };
    let question = object(question, &format!("{path}{outer}"))?;
    for key in ["id", "qid"] {
        optional::<Label>(question, key, path, &outer, "a string")?;
    }
    let id = [label(question, "qid"), label(question, "id")].into_iter().find(|id| !id.is_empty());
    let name = match (id, article.is_empty()) {
        (Some(id), true) => format!(" (question {})", shortened(&id)),
        (Some(id), false) => format!(" ({article}, question {})", shortened(&id)),
        (None, _) => outer,
    };
    required::<Text>(question, "question", path, &name, "a string")?;
    optional::<Flag>(question, "is_impossible", path, &name, "true or false")?;
    for key in ["answers", "plausible_answers"] {
        let Some(value) = question.get(key) else { continue };
        if let Value::Array(answers) = value {
            for (index, answer) in answers.iter().enumerate() {
                check_answer(answer, &format!("{path}.{key}[{index}]"), &name)?;
            }
        } else if RawAnswers::deserialize(value).is_err() {
            let expected = format!("a list as {key:?}");
            return Err(fault(format!("{path}{name}"), &expected, value));
        }
    }
    Ok(())
}

fn check_answer(answer: &Value, path: &str, name: &str) -> Result<(), Fault> {
    if answer.is_string() {
        return Ok(());
    }
    let answer = object(answer, &format!("{path}{name}"))?;
    required::<Label>(answer, "text", path, name, "a string")?;
    optional::<Start>(answer, "answer_start", path, name, "a whole number from 0")
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

/// A name, empty if there is none.
fn label(object: &Map<String, Value>, key: &str) -> String {
    object.get(key).and_then(|value| Label::deserialize(value).ok()).unwrap_or_default().into_text()
}

fn required<T: DeserializeOwned>(
    object: &Map<String, Value>,
    key: &str,
    path: &str,
    name: &str,
    expected: &str,
) -> Result<(), Fault> {
    if object.contains_key(key) {
        optional::<T>(object, key, path, name, expected)
    } else {
        Err(missing(key, &format!("{path}{name}"), expected))
    }
}

fn optional<T: DeserializeOwned>(
    object: &Map<String, Value>,
    key: &str,
    path: &str,
    name: &str,
    expected: &str,
) -> Result<(), Fault> {
    match object.get(key) {
        Some(value) if T::deserialize(value).is_err() => {
            Err(fault(format!("{path}.{key}{name}"), expected, value))
        }
        _ => Ok(()),
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
