//! Why an evaluation failed.

use std::path::Path;

use spanbert_backends::collective::CollectiveError;

use crate::{
    advice::{self, Advice},
    answers::AnswerError,
    atomic::WriteError,
    breakdown::BreakdownError,
    engine::EngineError,
    features::FeatureError,
    score::ScoreError,
    squad::SquadError,
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
    /// The data set says of no question what its answer is.
    #[error("{0} has no gold answers, so there is nothing to score")]
    NoGoldAnswers(String),
    /// A threshold was given for a model that may not abstain.
    #[error("--threshold {0} is given along with --squad-version 1.1, which has every question answered")]
    ThresholdWithoutAbstention(f64),
    /// Windows are longer than the model takes.
    #[error("max_seq_length {max_seq_length} is beyond the {positions} positions of the model")]
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
    /// The other workers of a training.
    #[error(transparent)]
    Workers(#[from] CollectiveError),
    /// The logits do not fit the windows.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// The answers cannot be scored.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A file of an evaluation could not be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A file of an evaluation is not what was written.
    #[error("{place} is damaged: {message}")]
    Damaged {
        /// The file, and the line.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// A folder holds no evaluation.
    #[error("{folder} holds no evaluation yet")]
    NoEvaluation {
        /// The folder.
        folder: String,
    },
    /// A folder does not say what was answered.
    #[error("{folder} does not say which data set was answered")]
    DataUnknown {
        /// The folder.
        folder: String,
    },
    /// The data that comes with the program could not be made.
    #[error("{path} could not be read: {message}")]
    Data {
        /// The data set.
        path: String,
        /// Why.
        message: String,
    },
    /// The data set cannot be read.
    #[error(transparent)]
    Squad(#[from] SquadError),
    /// The answers cannot be broken down.
    #[error(transparent)]
    Breakdown(#[from] BreakdownError),
    /// A file's content could not be made.
    #[error("cannot write the results as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl Advice for EvaluateError {
    fn remedy(&self) -> String {
        match self {
            Self::Zero(name) => format!("set {name} to 1 or more"),
            Self::NoGoldAnswers(_) => "use `spanbert predict` to answer its questions".into(),
            Self::ThresholdWithoutAbstention(_) => "leave one of the two out".into(),
            Self::NoQuestions(_) => "give a file with questions".into(),
            Self::TooLong { positions, .. } => format!("lower it to at most {positions}"),
            Self::Stopped { .. } => "evaluate again".into(),
            Self::Features(error) => error.remedy(),
            Self::Engine(error) => error.remedy(),
            Self::Workers(error) => error.remedy(),
            Self::Answer(error) => error.remedy(),
            Self::Score(error) => error.remedy(),
            Self::Write(error) => error.remedy(),
            Self::Read { .. } => "choose a folder eval/step-N of a run".into(),
            Self::Damaged { .. } => "evaluate the checkpoint again with `spanbert evaluate`".into(),
            Self::NoEvaluation { .. } => {
                "name a run that has evaluated, or what `spanbert evaluate --output-dir` wrote".into()
            }
            Self::DataUnknown { .. } => "name it with --data".into(),
            Self::Data { .. } => "name the data set with --data".into(),
            Self::Squad(error) => error.remedy(),
            Self::Breakdown(error) => error.remedy(),
            Self::Json(_) => advice::REPORT.into(),
        }
    }
}

impl EvaluateError {
    #[cfg(feature = "native")]
    pub(super) fn read(path: &Path) -> impl Fn(std::io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::Read { path: path.clone(), source }
    }

    pub(super) fn damaged(path: &Path) -> impl Fn(serde_json::Error) -> Self {
        let place = path.display().to_string();
        move |error| Self::Damaged { place: place.clone(), message: error.to_string() }
    }
}
