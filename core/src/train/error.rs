//! Why a training could not start or go on.

use super::{EvaluatorError, RecipeError};
use crate::{
    checkpoint::CheckpointError, engine::EngineError, features::FeatureError, run::RunError,
    squad::SquadError, tokenizer::TokenizerError,
};

/// Failure of a training.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A hyper-parameter.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The vocabulary.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// A data file.
    #[error(transparent)]
    Squad(#[from] SquadError),
    /// The windows.
    #[error(transparent)]
    Features(#[from] FeatureError),
    /// The run folder.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The device.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The evaluation on the development set.
    #[error("the evaluation failed: {0}")]
    Evaluation(EvaluatorError),
    /// The file is not the SQuAD that a flag says.
    #[error(
        "--version-2-with-negative was given, but {file} is SQuAD 1.1 (no question says is_impossible); leave the \
         flag out, the version is recognised from the data"
    )]
    NotVersion2 {
        /// The data file.
        file: String,
    },
    /// The score that decides does not exist for the data.
    #[error(
        "eval_metric is {metric}, which needs questions marked is_impossible, but {file} is SQuAD 1.1; use \
         --eval-metric f1 or exact"
    )]
    Metric {
        /// The score's name.
        metric: &'static str,
        /// The development data.
        file: String,
    },
    /// Nothing to train on.
    #[error("{file} gives no training windows; check that its contexts and questions are not empty")]
    NoWindows {
        /// The training data.
        file: String,
    },
    /// Too little to train on.
    #[error(
        "{batches} batches an epoch are fewer than gradient_accumulation_steps ({accumulation}), so no update would \
         ever be made; use a smaller train_batch_size or fewer accumulation steps"
    )]
    TooFewBatches {
        /// Batches in an epoch.
        batches: usize,
        /// Batches per update.
        accumulation: usize,
    },
    /// The numbers went wrong.
    #[error(
        "{what} is {value} at step {step} (questions {questions}); nothing was saved since: lower the learning rate, \
         or look at these questions"
    )]
    NotFinite {
        /// Loss or gradient norm.
        what: &'static str,
        /// Its value.
        value: f32,
        /// The update, from 1.
        step: usize,
        /// Ids of the update's questions, shortened.
        questions: String,
    },
}
