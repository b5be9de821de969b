//! What can go wrong when scoring.

use super::UnknownIds;
use crate::advice::Advice;

/// Predictions or null odds that cannot be scored against a data set.
#[derive(Debug, thiserror::Error)]
pub enum ScoreError {
    /// A predictions or null-odds file is not the JSON object expected.
    #[error("{file}: {source}")]
    Json {
        /// The file or other source.
        file: String,
        /// The cause, with line and column.
        source: serde_json::Error,
        /// What the values should be.
        expected: &'static str,
    },
    /// Some questions have no prediction. The official script stops here, too.
    #[error(
        "no prediction for {} of {total} questions: {}",
        ids.len(),
        first_few(ids)
    )]
    MissingPredictions {
        /// Ids of the questions, in the data set's order.
        ids: Vec<String>,
        /// Number of questions in the data set.
        total: usize,
    },
    /// Some questions have no null odds.
    #[error("no null odds for {} of {total} questions: {}", ids.len(), first_few(ids))]
    MissingNullOdds {
        /// Ids of the questions, in the data set's order.
        ids: Vec<String>,
        /// Number of questions in the data set.
        total: usize,
    },
    /// All ids are of other questions.
    #[error(
        "none of the {} {what} is for any of the {total} questions, which have other ids than {}",
        unknown.count,
        unknown.first
    )]
    OtherDataSet {
        /// Predictions or null odds.
        what: &'static str,
        /// What they are for.
        unknown: UnknownIds,
        /// Number of questions in the data set.
        total: usize,
    },
    /// A null-odds file holds a value that cannot be compared with a threshold.
    #[error("{file}: the null odds of question {id} are NaN")]
    NotANumber {
        /// The file or other source.
        file: String,
        /// The question.
        id: String,
    },
    /// The data set says of no question what its answer is.
    #[error("{file} has no gold answers, so there is nothing to score")]
    NoGoldAnswers {
        /// The data set.
        file: String,
    },
    /// There is nothing to average over.
    #[error("the data set has no questions, so there is nothing to score")]
    NoQuestions,
}

impl Advice for ScoreError {
    fn remedy(&self) -> String {
        match self {
            Self::Json { expected, .. } => format!("give one JSON object from question ids to {expected}"),
            Self::MissingPredictions { .. } => "add them (an empty text means \"no answer\")".into(),
            Self::MissingNullOdds { .. } => "give the null odds that were made with these predictions".into(),
            Self::OtherDataSet { what, .. } => format!("give the {what} made for this data set"),
            Self::NotANumber { .. } => "remove them, or have the model make them again".into(),
            Self::NoGoldAnswers { .. } => "give the file with the gold answers".into(),
            Self::NoQuestions => "give a file with questions".into(),
        }
    }
}

/// The first ids, and how many more there are.
fn first_few(ids: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = ids.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match ids.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => format!("{shown} and {more} more"),
        _ => shown,
    }
}
