//! Why an evaluation failed.

use crate::{
    answers::AnswerError, engine::EngineError, features::FeatureError, run::atomic::WriteError,
    score::ScoreError,
};

/// Why an evaluation failed.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// A count is zero.
    #[error("{0} must be at least 1")]
    Zero(&'static str),
    /// The data set is empty.
    #[error("{0} has no questions, so there is nothing to evaluate")]
    NoQuestions(String),
    /// Windows are longer than the model takes.
    #[error(
        "max_seq_length {max_seq_length} is beyond the {positions} positions of the model; lower it to at most {positions}"
    )]
    TooLong {
        /// As given.
        max_seq_length: usize,
        /// `max_position_embeddings` of the model.
        positions: usize,
    },
    /// The progress callback asked to stop.
    #[error("the evaluation was stopped after {done} of {total} windows")]
    Stopped {
        /// Windows worked through.
        done: usize,
        /// Windows of the data set.
        total: usize,
    },
    /// The data set cannot be cut into windows.
    #[error(transparent)]
    Features(#[from] FeatureError),
    /// The model failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The logits do not fit the windows.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// The answers cannot be scored.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A file's content could not be made.
    #[error("cannot write the results as JSON: {0}")]
    Json(#[from] serde_json::Error),
}
