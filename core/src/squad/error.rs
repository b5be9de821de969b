//! What can be wrong with a SQuAD file, and where.

use std::fmt;
use std::sync::Arc;

use super::finding::Finding;
use crate::advice::Advice;

/// Where in a SQuAD file something stands. Indices count from 0, as in the JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Index in `data`.
    pub article: usize,
    /// The article's title, empty if it has none. Shared: a file may have many findings in an article.
    pub title: Arc<str>,
    /// Index in the article's `paragraphs`.
    pub paragraph: usize,
    /// Index in the paragraph's `qas` and the question's id, if the place is a question.
    pub question: Option<(usize, String)>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "data[{}].paragraphs[{}]", self.article, self.paragraph)?;
        if let Some((index, _)) = &self.question {
            write!(f, ".qas[{index}]")?;
        }
        write!(f, " (article {}", shortened(&self.title))?;
        if let Some((_, id)) = &self.question {
            write!(f, ", question {}", shortened(id))?;
        }
        f.write_str(")")
    }
}

/// Why a SQuAD file cannot be used. Every message is one line.
#[derive(Debug, thiserror::Error)]
pub enum SquadError {
    /// The file could not be opened or read.
    #[error("{file}: cannot be read: {cause}")]
    Read {
        /// The file as given.
        file: String,
        /// The system's reason.
        cause: std::io::Error,
    },
    /// The file is not text.
    #[error("{file}: not UTF-8 text (byte {offset})")]
    NotUtf8 {
        /// The file as given.
        file: String,
        /// Offset of the first offending byte.
        offset: usize,
    },
    /// The file is not JSON.
    #[error("{file}: not valid JSON at line {line}, column {column}: {cause}")]
    Syntax {
        /// The file as given.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What the parser found.
        cause: String,
    },
    /// A value is missing or has the wrong type.
    #[error("{file}: {place}: expected {expected}, found {found}")]
    Schema {
        /// The file as given.
        file: String,
        /// JSON path of the value, with title and id where known.
        place: String,
        /// What belongs there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// Two questions share an id, so their predictions could not be told apart.
    #[error("{file}: {second}: this id was used before, at {first}")]
    DuplicateId {
        /// The file as given.
        file: String,
        /// The earlier question.
        first: Box<Place>,
        /// The later question.
        second: Box<Place>,
    },
    /// There is nothing to train on or to answer.
    #[error("{file}: holds no questions")]
    NoQuestions {
        /// The file as given.
        file: String,
    },
    /// A mistake in the content; the first one of possibly several.
    #[error("{file}: {finding}{}", more(*.others))]
    Invalid {
        /// The file as given.
        file: String,
        /// What and where.
        finding: Box<Finding>,
        /// How many more mistakes the file has.
        others: usize,
    },
}

impl Advice for SquadError {
    fn remedy(&self) -> String {
        match self {
            Self::Read { .. } => "check the path".into(),
            Self::NotUtf8 { .. } => "save it as UTF-8, or unpack it if it is compressed".into(),
            Self::Syntax { .. } => {
                "correct the JSON there, or download the file again if it was cut short".into()
            }
            Self::Schema { .. } => {
                "bring the file into SQuAD's layout, data[].paragraphs[].qas[].answers[]".into()
            }
            Self::DuplicateId { .. } => "give every question an id of its own".into(),
            Self::NoQuestions { .. } => "give a file with questions".into(),
            Self::Invalid { .. } => "correct or remove it".into(),
        }
    }
}

/// ` (and 3 more in this file)`, or nothing.
fn more(others: usize) -> String {
    if others == 0 { String::new() } else { format!(" (and {others} more in this file)") }
}

/// Text quoted on one line and cut to a length that a message can bear.
pub(super) fn shortened(text: &str) -> String {
    const LONGEST: usize = 60;
    // Not a count: the text may be megabytes long, and this is called for every question of a file.
    match text.char_indices().nth(LONGEST) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}", format!("{}…", &text[..end])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_read_like_json_paths() {
        let mut place = Place { article: 3, title: "Normans".into(), paragraph: 2, question: None };
        assert_eq!(place.to_string(), "data[3].paragraphs[2] (article \"Normans\")");
        place.question = Some((1, "56d\n".into()));
        assert_eq!(
            place.to_string(),
            "data[3].paragraphs[2].qas[1] (article \"Normans\", question \"56d\\n\")"
        );
    }

    #[test]
    fn long_text_is_cut_by_characters() {
        assert_eq!(shortened("ab"), "\"ab\"");
        let cut = shortened(&"é".repeat(100));
        assert_eq!(cut.chars().filter(|&c| c == 'é').count(), 60);
        assert!(cut.ends_with("…\""));
    }
}
