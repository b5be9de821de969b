//! Files of answers, in whichever of the customary layouts.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, de::Visitor};

use super::{IdMap, NullOdds, Predictions, ScoreError};
use crate::squad::half_pairs_replaced;

/// What a file of answers holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AnswerFile {
    /// The answers.
    pub predictions: Predictions,
    /// The probabilities of "no answer", if the file gives them for every question.
    pub null_odds: Option<NullOdds>,
}

impl AnswerFile {
    /// Reads answers: a JSON object from question ids to texts (`predictions.json`), or what the `evaluate` library's
    /// metrics take, a list (or JSON Lines) of `{"id", "prediction_text", "no_answer_probability"}`. `source_name` is what
    /// messages call it.
    ///
    /// An answer that is `null` is the empty one, and half a surrogate pair, which Python writes, is U+FFFD, as in data sets.
    ///
    /// # Errors
    /// If it is neither, or a probability is NaN.
    pub fn from_json(text: &str, source_name: &str) -> Result<Self, ScoreError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let read = Self::read(text, source_name);
        if matches!(&read, Err(ScoreError::Json { source, .. }) if source.is_syntax())
            && let Some(repaired) = half_pairs_replaced(text)
        {
            return Self::read(&repaired, source_name);
        }
        read
    }

    fn read(text: &str, source_name: &str) -> Result<Self, ScoreError> {
        let json = |source| ScoreError::Json {
            file: source_name.to_owned(),
            source,
            expected: "texts, or a list of {\"id\", \"prediction_text\", \"no_answer_probability\"}",
        };
        let start = text.trim_start();
        if start.starts_with('[') {
            return Self::from_rows(from_python(text).map_err(json)?, source_name);
        }
        if is_json_lines(start) {
            let text = words_quoted(text);
            let rows = serde_json::Deserializer::from_str(&text).into_iter::<Row>();
            return Self::from_rows(rows.collect::<Result<_, _>>().map_err(json)?, source_name);
        }
        let texts: IdMap<Option<String>> = serde_json::from_str(text).map_err(json)?;
        let predictions = texts.into_iter().map(|(id, text)| (id, text.unwrap_or_default())).collect();
        Ok(Self { predictions, null_odds: None })
    }

    fn from_rows(rows: Vec<Row>, source_name: &str) -> Result<Self, ScoreError> {
        let mut null_odds = NullOdds::default();
        let mut all = !rows.is_empty();
        let mut predictions = Predictions::default();
        for row in rows {
            match row.no_answer_probability {
                Some(value) => null_odds.insert(row.id.0.clone(), value.0),
                None => all = false,
            }
            predictions.insert(row.id.0, row.prediction_text.unwrap_or_default());
        }
        let null_odds = if all { Some(without_nan(null_odds, source_name)?) } else { None };
        Ok(Self { predictions, null_odds })
    }
}

/// Reads null odds: a JSON object from question ids to numbers, infinite ones as Python writes them.
///
/// # Errors
/// If it is not, or a value is NaN.
pub(super) fn null_odds(text: &str, source_name: &str) -> Result<NullOdds, ScoreError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let values: IdMap<PythonFloat> = from_python(text).map_err(|source| ScoreError::Json {
        file: source_name.to_owned(),
        source,
        expected: "numbers",
    })?;
    without_nan(values.into_iter().map(|(id, value)| (id, value.0)).collect(), source_name)
}

fn without_nan(odds: NullOdds, source_name: &str) -> Result<NullOdds, ScoreError> {
    if let Some((id, _)) = odds.iter().find(|(_, value)| value.is_nan()) {
        return Err(ScoreError::NotANumber { file: source_name.to_owned(), id: id.to_owned() });
    }
    Ok(odds)
}

/// Whether a text that starts with a brace is lines of answers rather than one object of ids.
fn is_json_lines(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    let first = words_quoted(first);
    serde_json::from_str::<Row>(&first).is_ok()
}

/// An entry of the `evaluate` library's predictions.
#[derive(Deserialize)]
#[serde(expecting = "an object with \"id\" and \"prediction_text\"")]
struct Row {
    id: RowId,
    #[serde(deserialize_with = "Option::deserialize")]
    prediction_text: Option<String>,
    #[serde(default)]
    no_answer_probability: Option<PythonFloat>,
}

/// An id, which some write as a number.
struct RowId(String);

impl<'de> Deserialize<'de> for RowId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IdVisitor;

        impl Visitor<'_> for IdVisitor {
            type Value = RowId;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a question's id")
            }

            fn visit_str<E: serde::de::Error>(self, id: &str) -> Result<RowId, E> {
                Ok(RowId(id.to_owned()))
            }

            fn visit_u64<E: serde::de::Error>(self, id: u64) -> Result<RowId, E> {
                Ok(RowId(id.to_string()))
            }

            fn visit_i64<E: serde::de::Error>(self, id: i64) -> Result<RowId, E> {
                Ok(RowId(id.to_string()))
            }
        }

        deserializer.deserialize_any(IdVisitor)
    }
}

/// A float, or one of the words that Python's `json` writes for those that JSON lacks.
struct PythonFloat(f64);

/// Python's words, and quoted texts of the same length, so that errors name the right column.
const WORDS: [(&str, &str, f64); 3] = [
    ("-Infinity", "\"-Infini\"", f64::NEG_INFINITY),
    ("Infinity", "\"Infini\"", f64::INFINITY),
    ("NaN", "\"N\"", f64::NAN),
];

impl<'de> Deserialize<'de> for PythonFloat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FloatVisitor;

        impl Visitor<'_> for FloatVisitor {
            type Value = PythonFloat;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a number")
            }

            fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<PythonFloat, E> {
                Ok(PythonFloat(value))
            }

            #[allow(clippy::cast_precision_loss, reason = "as Python compares it")]
            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<PythonFloat, E> {
                Ok(PythonFloat(value as f64))
            }

            #[allow(clippy::cast_precision_loss, reason = "as Python compares it")]
            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<PythonFloat, E> {
                Ok(PythonFloat(value as f64))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<PythonFloat, E> {
                let word = WORDS.iter().find(|(_, quoted, _)| quoted.trim_matches('"') == text);
                word.map(|(_, _, value)| PythonFloat(*value))
                    .ok_or_else(|| E::invalid_type(serde::de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_any(FloatVisitor)
    }
}

fn from_python<T: for<'de> Deserialize<'de>>(text: &str) -> serde_json::Result<T> {
    serde_json::from_str(&words_quoted(text))
}

/// The text with Python's bare words in quotes.
fn words_quoted(text: &str) -> Cow<'_, str> {
    if !text.contains("Infinity") && !text.contains("NaN") {
        return Cow::Borrowed(text);
    }
    let mut quoted = String::with_capacity(text.len());
    let (mut in_string, mut escaped) = (false, false);
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let word = WORDS.iter().find(|(word, ..)| !in_string && rest.starts_with(word));
        let taken = match word {
            Some((word, replacement, _)) => {
                quoted.push_str(replacement);
                word.len()
            }
            None => {
                quoted.push(character);
                character.len_utf8()
            }
        };
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = in_string,
            '"' => in_string = !in_string,
            _ => {}
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    Cow::Owned(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infinite_odds_are_read_and_nan_is_refused_by_name() {
        let odds = NullOdds::from_json(r#"{"NaN": -Infinity, "b\"": Infinity, "c": 1, "d": -2.5}"#, "n.json");
        let odds = odds.unwrap();
        let values: Vec<(&str, f64)> = odds.iter().map(|(id, value)| (id, *value)).collect();
        assert_eq!(values, [("NaN", f64::NEG_INFINITY), ("b\"", f64::INFINITY), ("c", 1.0), ("d", -2.5)]);
        let error = NullOdds::from_json(r#"{"a": 1.0, "q7": NaN}"#, "n.json").unwrap_err();
        assert!(matches!(&error, ScoreError::NotANumber { id, .. } if id == "q7"), "{error}");
        assert!(error.to_string().starts_with("n.json: the null odds of question q7 are NaN"), "{error}");
        let error = NullOdds::from_json("{\"a\": Infinity,\n \"b\": x}", "n.json").unwrap_err().to_string();
        assert!(error.contains("line 2 column 7"), "{error}");
        assert!(NullOdds::from_json(r#"{"a": "1.0"}"#, "n.json").is_err());
    }

    #[test]
    fn lists_and_lines_of_the_evaluate_library_are_read() {
        let rows = [
            r#"{"id": "a", "prediction_text": "Marra", "no_answer_probability": 0.25}"#,
            r#"{"id": 7, "prediction_text": "", "no_answer_probability": 1}"#,
        ];
        let expected = AnswerFile {
            predictions: [("a", "Marra"), ("7", "")]
                .map(|(id, text)| (id.into(), text.into()))
                .into_iter()
                .collect(),
            null_odds: Some([("a".to_owned(), 0.25), ("7".to_owned(), 1.0)].into_iter().collect()),
        };
        let list = format!("[{}]", rows.join(", "));
        assert_eq!(AnswerFile::from_json(&list, "p.json").unwrap(), expected);
        assert_eq!(AnswerFile::from_json(&rows.join("\n"), "p.jsonl").unwrap(), expected);
        assert_eq!(Predictions::from_json(&list, "p.json").unwrap(), expected.predictions);
        let bare = AnswerFile::from_json(r#"[{"id": "a", "prediction_text": "x"}]"#, "p.json").unwrap();
        assert_eq!((bare.predictions.len(), bare.null_odds), (1, None));
        // No answer, and a character that was cut in two.
        for text in [
            r#"{"a": null, "b": "x \ud83d"}"#,
            r#"[{"id": "a", "prediction_text": null}, {"id": "b", "prediction_text": "x \ud83d"}]"#,
        ] {
            let read = AnswerFile::from_json(text, "p.json").unwrap().predictions;
            assert_eq!(read.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["", "x \u{fffd}"]);
        }
        let error = AnswerFile::from_json(r#"[{"id": "a"}]"#, "p.json").unwrap_err().to_string();
        assert!(error.contains("missing field `prediction_text`"), "{error}");
    }
}
