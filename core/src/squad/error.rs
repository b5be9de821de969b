//! What can be wrong with a data set so that it cannot be read.

use super::formats::{DataFormat, layouts};
use crate::{advice::Advice, text_file::TextError};

/// Why a data set cannot be used. Every message is one line.
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
    /// There is nothing in the file.
    #[error("{file}: the file is empty")]
    Empty {
        /// The file as given.
        file: String,
    },
    /// The file is what Python prints for its own values.
    #[error("{file}: Python's way to print a dictionary, not JSON")]
    PythonRepr {
        /// The file as given.
        file: String,
    },
    /// The file is not text.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The file is compressed and cannot be unpacked.
    #[error("{file}: {cause}")]
    Packed {
        /// The file as given.
        file: String,
        /// What is wrong.
        cause: String,
    },
    /// The file is a table.
    #[error("{file}: {what}, which is not read")]
    Table {
        /// The file as given.
        file: String,
        /// Which kind.
        what: &'static str,
        /// Python that makes JSON Lines of it.
        convert: String,
    },
    /// The file is a web page.
    #[error("{file}: a web page or XML, not JSON")]
    Page {
        /// The file as given.
        file: String,
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
        /// Whether the text ends too early.
        cut: bool,
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
        /// The layout, if it is one of those known.
        format: Option<DataFormat>,
    },
    /// There is nothing to train on or to answer.
    #[error("{file}: holds no questions")]
    NoQuestions {
        /// The file as given.
        file: String,
    },
}

impl Advice for SquadError {
    fn remedy(&self) -> String {
        match self {
            Self::Read { cause, .. } if cause.kind() == std::io::ErrorKind::IsADirectory => {
                "name the file with the questions, not a folder".into()
            }
            Self::Read { .. } => "check the path".into(),
            Self::Empty { .. } => "give a file with questions, or download it again".into(),
            Self::PythonRepr { .. } => "write it with json.dump(data, file) instead of print or str".into(),
            Self::Text(error) => error.remedy(),
            Self::Packed { .. } => "download the file again, or pack it again".into(),
            Self::Table { convert, .. } => format!("save it as JSON Lines, in Python with {convert}"),
            Self::Page { .. } => "download the file itself instead of the page that shows it".into(),
            Self::Syntax { cut: true, .. } => {
                "download the file again: it ends too early, so the download was not complete".into()
            }
            Self::Syntax { .. } => {
                "correct the text there, or save the data again with a program that writes JSON".into()
            }
            Self::Schema { format: Some(format), .. } => {
                format!("write {format} as in {}", format.example())
            }
            Self::Schema { format: None, .. } => {
                format!("give one of the layouts that are read: {}", layouts())
            }
            Self::NoQuestions { .. } => "give a file with questions".into(),
        }
    }
}

/// Text quoted on one line and cut to a length that a message can bear.
pub(crate) fn shortened(text: &str) -> String {
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
    fn long_text_is_cut_by_characters() {
        assert_eq!(shortened("ab"), "\"ab\"");
        let cut = shortened(&"é".repeat(100));
        assert_eq!(cut.chars().filter(|&c| c == 'é').count(), 60);
        assert!(cut.ends_with("…\""));
    }
}
