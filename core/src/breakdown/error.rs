//! What can go wrong when an evaluation is broken down.

use crate::score::ScoreError;

/// Why there is no breakdown.
#[derive(Debug, thiserror::Error)]
pub enum BreakdownError {
    /// The predictions cannot be scored.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// None of the predictions is for a question of the data set.
    #[error(
        "none of the {predictions} predictions is for one of the {questions} questions of {data} (a prediction is for {example}); choose the data set that was answered"
    )]
    OtherQuestions {
        /// Number of predictions.
        predictions: usize,
        /// Number of questions.
        questions: usize,
        /// The data set.
        data: String,
        /// The id of a prediction.
        example: String,
    },
    /// An n-best file is not what the reference writes.
    #[error(
        "{file}: {source}; expected nbest_predictions.json: one JSON object from question ids to lists of objects with \"text\""
    )]
    Nbest {
        /// The file.
        file: String,
        /// The cause, with line and column.
        source: serde_json::Error,
    },
    /// Null odds that are no numbers.
    #[error(
        "the null odds of question {id} are {value}, which is no number; make them again, or leave them out"
    )]
    NotANumber {
        /// The question.
        id: String,
        /// Its null odds.
        value: f64,
    },
    /// Two evaluations of different questions.
    #[error(
        "{first} and {second} are not about the same questions: {missing} of {total} are in only one of them ({example}); compare evaluations of one data set"
    )]
    NotComparable {
        /// The one.
        first: String,
        /// The other.
        second: String,
        /// Questions that only one has.
        missing: usize,
        /// Questions of both together.
        total: usize,
        /// One of them.
        example: String,
    },
    /// A query that cannot be understood.
    #[error(transparent)]
    Query(#[from] super::QueryError),
}
