//! What can go wrong when an evaluation is broken down.

use crate::{advice::Advice, score::ScoreError};

/// Why there is no breakdown.
#[derive(Debug, thiserror::Error)]
pub enum BreakdownError {
    /// The predictions cannot be scored.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// None of the predictions is for a question of the data set.
    #[error(
        "none of the {predictions} predictions is for one of the {questions} questions of {data} (a prediction is for {example})"
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
    #[error("{file} is not a valid nbest_predictions.json: {source}")]
    Nbest {
        /// The file.
        file: String,
        /// The cause, with line and column.
        source: serde_json::Error,
    },
    /// Null odds that are no numbers.
    #[error("the null odds of question {id} are {value}, which is not a number")]
    NotANumber {
        /// The question.
        id: String,
        /// Its null odds.
        value: f64,
    },
    /// Two evaluations of different questions.
    #[error(
        "{first} and {second} are not about the same questions: {missing} of {total} are in only one of them ({example})"
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

impl Advice for BreakdownError {
    fn remedy(&self) -> String {
        match self {
            Self::Score(error) => error.remedy(),
            Self::OtherQuestions { .. } => "choose the data set that was answered".into(),
            Self::Nbest { .. } => {
                "give one JSON object from question ids to lists of objects with \"text\"".into()
            }
            Self::NotANumber { .. } => "make them again, or leave them out".into(),
            Self::NotComparable { .. } => "compare evaluations of one data set".into(),
            Self::Query(error) => error.remedy(),
        }
    }
}
