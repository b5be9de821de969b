//! Question data: reading it in any of its layouts, recognising the version, and saying precisely what is wrong.
//!
//! A few bad questions must not cost a file: [`Dataset::from_path`] refuses only what cannot be read (no JSON, no known
//! layout, types that can mean nothing) and notes everything doubtful in [`Dataset::warnings`].
//! [`Dataset::warning_lines`] says it in a line for each kind.

mod dataset;
mod diagnose;
mod error;
mod finding;
mod foreign;
mod formats;
mod ids;
mod place;
mod question_word;
mod warning_lines;

pub use dataset::{Answer, Article, Counts, Dataset, Paragraph, ParagraphPlace, Question, SquadVersion};
pub use error::SquadError;
pub(crate) use error::shortened;
pub(crate) use finding::is_blank;
pub use finding::{Finding, FindingKind};
pub use formats::DataFormat;
pub(crate) use formats::half_pairs_replaced;
pub use ids::RepeatedIds;
pub use place::{Place, Style};
pub use question_word::QuestionWord;

#[cfg(test)]
mod tests;
