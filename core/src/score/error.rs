//! What can go wrong when scoring.

/// Predictions or null odds that cannot be scored against a data set.
#[derive(Debug, thiserror::Error)]
pub enum ScoreError {
    /// A predictions or null-odds file is not the JSON object expected.
    #[error("{file}: {source}; expected one JSON object from question ids to {expected}")]
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
        "no prediction for {} of {total} questions: {}; add them (an empty text means \"no answer\")",
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
    #[error("no null odds for {} of {total} questions: {}; were they made for this data set?", ids.len(), first_few(ids))]
    MissingNullOdds {
        /// Ids of the questions, in the data set's order.
        ids: Vec<String>,
        /// Number of questions in the data set.
        total: usize,
    },
    /// There is nothing to average over.
    #[error("the data set has no questions, so there is nothing to score")]
    NoQuestions,
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
