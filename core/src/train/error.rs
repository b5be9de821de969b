//! Why a training could not start or go on.

use std::path::PathBuf;

use spanbert_backends::{collective::CollectiveError, fault::Fault};

use super::{Activity, EvaluatorError, RecipeError, TeacherError};
use crate::{
    advice::Advice,
    checkpoint::CheckpointError,
    engine::EngineError,
    evaluate::EvaluateError,
    features::FeatureError,
    run::{RunError, counted},
    squad::SquadError,
    tokenizer::TokenizerError,
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
    /// The teacher.
    #[error(transparent)]
    Teacher(#[from] TeacherError),
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
    #[error("--version-2-with-negative was given, but {file} is SQuAD 1.1 (no question says is_impossible)")]
    NotVersion2 {
        /// The data file.
        file: String,
    },
    /// The score that decides does not exist for the data.
    #[error("eval_metric is {metric}, which needs questions marked is_impossible, but {file} is SQuAD 1.1")]
    Metric {
        /// The score's name.
        metric: &'static str,
        /// The development data.
        file: String,
    },
    /// Too many questions cannot be learnt from.
    #[error(
        "{file}: {skipped} of {questions} questions cannot be learnt from, more than --allow-skipped {allowed} allows, \
         the first: {first}"
    )]
    TooManySkipped {
        /// The training data.
        file: String,
        /// Questions that would be left out.
        skipped: usize,
        /// All questions.
        questions: usize,
        /// The share that may be left out.
        allowed: f64,
        /// The first of them, and why.
        first: String,
        /// A share that would do.
        enough: f64,
    },
    /// Nothing to train on.
    #[error("{file} gives no training windows")]
    NoWindows {
        /// The training data.
        file: String,
    },
    /// Too little to train on.
    #[error(
        "{batches} batches an epoch are fewer than gradient_accumulation_steps ({accumulation}), so no update would \
         ever be made"
    )]
    TooFewBatches {
        /// Batches in an epoch.
        batches: usize,
        /// Batches per update.
        accumulation: usize,
    },
    /// Every training checkpoint is damaged.
    #[error("no checkpoint in {} can be read ({what})", folder.display())]
    NoWholeCheckpoint {
        /// The folder of checkpoints.
        folder: PathBuf,
        /// What is wrong with the newest.
        what: String,
    },
    /// The run is not resumed as it began.
    #[error("{} cannot be resumed as it began: {differences}", run.display())]
    Changed {
        /// The run folder.
        run: PathBuf,
        /// What differs.
        differences: String,
    },
    /// Early stopping without evaluations.
    #[error("early_stopping_patience waits for the score on development data to improve, but there is none")]
    NothingToWaitFor,
    /// The run has ended early, as its recipe wants it to.
    #[error("{} is complete: it ended early after {steps} updates, because {reason}", run.display())]
    EndedEarly {
        /// The run folder.
        run: PathBuf,
        /// Updates of the run.
        steps: usize,
        /// Why it did.
        reason: String,
    },
    /// Nothing is left to be done.
    #[error("{} is complete, all {steps} updates are made", run.display())]
    Complete {
        /// The run folder.
        run: PathBuf,
        /// Updates of the run.
        steps: usize,
    },
    /// The other workers.
    #[error(transparent)]
    Workers(#[from] CollectiveError),
    /// A worker trains something else than the first one.
    #[error("worker {rank} differs from worker 0 in its {what}")]
    WorkerDiffers {
        /// Its rank.
        rank: usize,
        /// What differs, and how.
        what: String,
    },
    /// A worker's weights are no longer those of the first one.
    #[error(
        "worker {rank} has other weights or moments than worker 0 after {step} updates, the last good ones are {kept}"
    )]
    WorkerDiverged {
        /// Its rank.
        rank: usize,
        /// Updates made.
        step: usize,
        /// What was saved before.
        kept: String,
    },
    /// There are more workers than parts of a batch.
    #[error("{workers} workers share {parts} parts of a batch, which leaves some without any")]
    TooFewParts {
        /// How many there are.
        workers: usize,
        /// Parts of a batch.
        parts: usize,
    },
    /// The numbers went wrong.
    #[error("{what} is {value} at step {step} ({examples}), the last good weights are {kept}")]
    NotFinite {
        /// Loss or gradient norm.
        what: &'static str,
        /// Its value.
        value: f32,
        /// The update, from 1.
        step: usize,
        /// What the update was made of, shortened.
        examples: String,
        /// What was saved before.
        kept: String,
    },
}

impl Advice for TrainError {
    fn remedy(&self) -> String {
        match self {
            Self::Recipe(error) => error.remedy(),
            Self::Checkpoint(error) => error.remedy(),
            Self::Tokenizer(error) => error.remedy(),
            Self::Squad(error) => error.remedy(),
            Self::Teacher(error) => error.remedy(),
            Self::Features(error) => error.remedy(),
            Self::Run(error) => error.remedy(),
            Self::Engine(error) => error.remedy(),
            Self::Evaluation(error) => match (error.downcast_ref(), error.downcast_ref::<EngineError>()) {
                (Some(error), _) => EvaluateError::remedy(error),
                (None, Some(error)) => error.remedy(),
                (None, None) => "evaluate a checkpoint of the run with `spanbert evaluate`".into(),
            },
            Self::NotVersion2 { .. } => "leave the flag out, the version is recognised from the data".into(),
            Self::Metric { .. } => "use --eval-metric f1 or exact".into(),
            Self::TooManySkipped { enough, .. } => {
                format!("correct the data, or leave these questions out with --allow-skipped {enough}")
            }
            Self::NoWindows { .. } => "check that its contexts and questions are not empty".into(),
            Self::TooFewBatches { .. } => "use a smaller train_batch_size or fewer accumulation steps".into(),
            Self::NoWholeCheckpoint { .. } => "add `--force` to begin again with the first step".into(),
            Self::Changed { .. } => "undo that, or add `--force` to resume in spite of it".into(),
            Self::NothingToWaitFor => "add --dev-file, or leave early_stopping_patience out".into(),
            Self::EndedEarly { .. } => {
                "start a new run, or raise --early-stopping-patience to train on".into()
            }
            Self::Complete { .. } => "start a new run, or raise --max-steps if that ended it".into(),
            Self::Workers(error) => error.remedy(),
            Self::WorkerDiffers { .. } => {
                "give all workers the same program, command, environment, model and data".into()
            }
            Self::WorkerDiverged { .. } => {
                "check that worker's machine and device, then resume from the last checkpoint".into()
            }
            Self::TooFewParts { workers, parts } => {
                format!("start at most {}, or add --parts {workers}", counted(*parts, "worker"))
            }
            Self::NotFinite { .. } => "lower the learning rate, or look at these examples".into(),
        }
    }
}

impl TrainError {
    /// Whether a run was only refused to be resumed, because it is complete, would become another one or is under way.
    #[must_use]
    pub fn leaves_the_run_alone(&self) -> bool {
        matches!(
            self,
            Self::Changed { .. }
                | Self::Complete { .. }
                | Self::EndedEarly { .. }
                | Self::Run(RunError::Locked { .. })
        )
    }

    /// The failure of the device, and what it was busy with, if that is what ended the training: another process may
    /// go on.
    #[must_use]
    pub fn device_fault(&self) -> Option<(Activity, Fault)> {
        let (activity, engine) = match self {
            Self::Engine(error) => (Activity::Training, error),
            Self::Evaluation(error) => {
                let engine = match error.downcast_ref::<EvaluateError>() {
                    Some(EvaluateError::Engine(error)) => Some(error),
                    _ => error.downcast_ref::<EngineError>(),
                };
                (Activity::Evaluating, engine?)
            }
            _ => return None,
        };
        match engine {
            EngineError::Fault(fault) => Some((activity, fault.clone())),
            EngineError::Read(message) => {
                let fault =
                    Fault { message: message.clone(), thread: String::new(), location: String::new() };
                Some((activity, fault))
            }
            _ => None,
        }
    }
}
