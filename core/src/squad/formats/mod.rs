//! The layouts that question data comes in, one reader each, all made into articles.
//!
//! [`recognise`] looks at the first entry only; then the whole text goes straight into that layout's types.

mod builder;
mod lines;
mod mrqa;
pub(super) mod question;
mod recognise;
mod repair;
mod rows;
pub(super) mod scalars;
mod squad;
mod surrogates;
mod tables;

use std::fmt;

use serde_json::error::Category;

pub(crate) use self::surrogates::replaced as half_pairs_replaced;
pub(super) use self::{
    builder::{At, Parsed},
    mrqa::RawLine,
    recognise::{Container, Entry, Shape, recognise},
    rows::RawRow,
    squad::RawArticle,
};
use super::{diagnose::diagnose, error::SquadError};

/// The layout that a data set was read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DataFormat {
    /// SQuAD's own: articles under `data`.
    #[default]
    Squad,
    /// SQuAD's articles in a list or one a line.
    Articles,
    /// SQuAD's paragraphs (`context` and `qas`) without articles.
    Paragraphs,
    /// Rows of the Hugging Face hub's SQuAD (`context`, `question`, `answers: {text, answer_start}`).
    Rows,
    /// MRQA's lines (`context` and `qas` with `detected_answers`).
    Mrqa,
}

impl DataFormat {
    /// A small example.
    #[must_use]
    pub fn example(self) -> &'static str {
        match self {
            Self::Squad => {
                r#"{"data": [{"title": "T", "paragraphs": [{"context": "A mill.", "qas": [{"id": "1", "question": "What?", "answers": [{"text": "mill", "answer_start": 2}]}]}]}]}"#
            }
            Self::Articles => {
                r#"[{"title": "T", "paragraphs": [{"context": "A mill.", "qas": [{"id": "1", "question": "What?", "answers": [{"text": "mill", "answer_start": 2}]}]}]}]"#
            }
            Self::Paragraphs => {
                r#"[{"context": "A mill.", "qas": [{"id": "1", "question": "What?", "answers": [{"text": "mill", "answer_start": 2}]}]}]"#
            }
            Self::Rows => {
                r#"{"id": "1", "context": "A mill.", "question": "What?", "answers": {"text": ["mill"], "answer_start": [2]}}"#
            }
            Self::Mrqa => {
                r#"{"context": "A mill.", "qas": [{"qid": "1", "question": "What?", "answers": ["mill"], "detected_answers": [{"text": "mill", "char_spans": [[2, 5]]}]}]}"#
            }
        }
    }
}

impl fmt::Display for DataFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Squad => "SQuAD",
            Self::Articles => "a list of SQuAD articles",
            Self::Paragraphs => "SQuAD paragraphs",
            Self::Rows => "Hugging Face rows",
            Self::Mrqa => "MRQA",
        })
    }
}

/// Every accepted layout with an example, for refusals.
pub(super) fn layouts() -> String {
    format!(
        "SQuAD: {}, or the list under data alone; Hugging Face rows, one a line, in a list or under data: {}; MRQA, one passage a line: {}",
        DataFormat::Squad.example(),
        DataFormat::Rows.example(),
        DataFormat::Mrqa.example()
    )
}

/// Reads the text of a data set, whatever its layout.
pub(super) fn parse(text: &str, source_name: &str) -> Result<Parsed, SquadError> {
    let refused = match read_any(text, source_name) {
        Ok(parsed) => return Ok(parsed),
        Err(refused) => refused,
    };
    if !refused.is_syntax() {
        return Err(refused.explained(text, source_name));
    }
    // Python writes characters beyond U+FFFF that were cut in two as half a pair, which is not a text, and NaN, which is no
    // number of JSON's.
    let whole = surrogates::replaced(text);
    let is_repaired = whole.is_some();
    let (text, remarks) = match repair::repaired(whole.as_deref().unwrap_or(text)) {
        Some(repair::Repaired { text, remarks }) => (text, remarks),
        None => match whole {
            Some(whole) => (whole, Vec::new()),
            None => return Err(refused.explained(text, source_name)),
        },
    };
    match read_any(&text, source_name) {
        Ok(mut parsed) => {
            parsed.repaired = is_repaired;
            parsed.remarks = [remarks, parsed.remarks].concat();
            Ok(parsed)
        }
        Err(refused) => Err(refused.explained(&text, source_name)),
    }
}

/// Why a layout's reader has refused a text.
enum Refused {
    /// Not yet looked into.
    Reader(Shape, Failure),
    Told(SquadError),
}

impl Refused {
    fn is_syntax(&self) -> bool {
        matches!(self, Self::Reader(_, failure) if failure.error.classify() == Category::Syntax)
    }

    fn explained(self, text: &str, source_name: &str) -> SquadError {
        match self {
            Self::Reader(shape, failure) => diagnose(text, source_name, shape, &failure),
            Self::Told(error) => error,
        }
    }
}

fn read_any(text: &str, source_name: &str) -> Result<Parsed, Refused> {
    let shape = recognise(text);
    if !shape.known
        && let Some(table) = tables::read(text, source_name)
    {
        return table.map_err(Refused::Told);
    }
    read(text, shape).map_err(|failure| Refused::Reader(shape, failure))
}

/// Why a text was refused.
pub(super) struct Failure {
    pub(super) error: serde_json::Error,
    /// Where the value that was refused starts, in bytes, if the text holds several.
    pub(super) from: usize,
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self { error, from: 0 }
    }
}

fn read(text: &str, shape: Shape) -> Result<Parsed, Failure> {
    match (shape.container, shape.entry) {
        (Container::Lines, Entry::Article) => lines::read::<RawArticle>(text),
        (Container::Lines, Entry::Row) => lines::read::<RawRow>(text),
        (Container::Lines, Entry::Paragraph) => lines::read::<RawLine>(text),
        (Container::Columns, _) => Ok(rows::read_columns(text, false)?),
        (Container::DataColumns, _) => Ok(rows::read_columns(text, true)?),
        (container, Entry::Row) => Ok(builder::read_list::<RawRow>(text, container)?),
        (container, Entry::Paragraph) => Ok(builder::read_list::<RawLine>(text, container)?),
        (container, Entry::Article) => Ok(builder::read_list::<RawArticle>(text, container)?),
    }
}
