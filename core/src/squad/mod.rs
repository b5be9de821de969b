//! SQuAD files: reading, recognising the version, and saying precisely what is wrong with one.
//!
//! Two steps, because the reference itself trains on files with doubtful answers and skips those:
//! [`Dataset::from_path`] reads and refuses what cannot be read (syntax, types, missing keys, duplicate ids) and
//! notes everything doubtful in [`Dataset::warnings`]; [`Dataset::validate`] turns those that are plain
//! mistakes (empty context or question, answer past the end or nowhere in its context) into an error. Commands
//! that spend hours on a file validate it first.

mod dataset;
mod diagnose;
mod error;
mod finding;
mod question_word;

pub use dataset::{Answer, Article, Counts, Dataset, Paragraph, ParagraphPlace, Question, SquadVersion};
pub use error::{Place, SquadError};
pub use finding::{Finding, FindingKind};
pub use question_word::QuestionWord;

#[cfg(test)]
mod tests;
