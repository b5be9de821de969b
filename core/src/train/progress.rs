//! Training checkpoints: weights, moments and where the training was, to resume from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Patience;
use crate::{
    checkpoint::Weights,
    engine::{LossScale, OptimizerState},
    json,
    run::{BestScore, are_counts},
    score::Scores,
};

/// Layout of `progress.json` that this program writes and reads.
pub(super) const PROGRESS_VERSION: u32 = 2;

/// Where a training is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Which training of a learning-rate sweep, from 0.
    pub training: usize,
    /// Its epoch, from 0.
    pub epoch: usize,
    /// Batches done in the epoch.
    pub batches: usize,
    /// Updates made in this training.
    pub training_step: usize,
    /// Updates made in the run.
    pub step: usize,
}

/// `progress.json` of a training checkpoint. With the recipe and the data it determines all that follows: order and
/// dropout depend on the seed and the place alone, and no gradients are pending at a checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Version of this layout.
    pub version: u32,
    /// Where the training was.
    pub place: Place,
    /// Learning rate of the training.
    pub learning_rate: f64,
    /// Best evaluation so far.
    pub best: Option<BestScore>,
    /// Step and scores of the latest evaluation.
    #[serde(default)]
    pub latest: Option<(usize, Scores)>,
    /// Evaluations made.
    #[serde(default)]
    pub evaluations: usize,
    /// Whether the evaluation that is due here was broken off and has to be made first.
    #[serde(default)]
    pub owed_evaluation: bool,
    /// How long the score of the present training has not improved.
    #[serde(default)]
    pub patience: Patience,
    /// Seconds spent on the run.
    #[serde(default)]
    pub elapsed_secs: f64,
    /// In fp16, the loss scale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_scale: Option<LossScale>,
    /// SHA-256 of the checkpoint's other files.
    pub files: BTreeMap<String, String>,
}

impl Progress {
    /// That of a training at a place; what its evaluations came to is added by those who know.
    #[must_use]
    pub fn at(place: Place, learning_rate: f64, elapsed_secs: f64) -> Self {
        Self {
            version: PROGRESS_VERSION,
            place,
            learning_rate,
            best: None,
            latest: None,
            evaluations: 0,
            owed_evaluation: false,
            patience: Patience::default(),
            elapsed_secs,
            loss_scale: None,
            files: BTreeMap::new(),
        }
    }

    /// Reads the content of a `progress.json`.
    ///
    /// # Errors
    /// If it is not the JSON expected, or counts what no training can reach.
    pub fn from_json(text: &[u8]) -> serde_json::Result<Self> {
        let progress: Self = json::parse(text)?;
        let Place { training, epoch, batches, training_step, step } = progress.place;
        let latest = progress.latest.as_ref().map_or(0, |(step, _)| *step);
        let best = progress.best.as_ref().map_or(0, |best| best.step);
        let waited = progress.patience.without_improvement;
        let counts =
            [training, epoch, batches, training_step, step, progress.evaluations, latest, best, waited];
        if are_counts(counts) && progress.loss_scale.is_none_or(|scale| scale.is_sound()) {
            Ok(progress)
        } else {
            Err(serde::de::Error::custom(
                "a number of steps or epochs, or a loss scale, that no training can reach",
            ))
        }
    }
}

/// A training checkpoint in memory.
#[derive(Clone, Debug)]
pub struct TrainingCheckpoint {
    /// Where the training was.
    pub progress: Progress,
    /// Every parameter.
    pub weights: Weights,
    /// The optimizer's moments.
    pub optimizer: OptimizerState,
}
