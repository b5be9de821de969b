//! Training checkpoints: weights, moments and where the training was, to go on from.

use std::{collections::BTreeMap, fs, path::Path};

use serde::{Deserialize, Serialize};

use super::{Patience, TrainError};
use crate::{
    checkpoint::{Weights, to_safetensors},
    engine::{LossScale, OptimizerState},
    hash::sha256_hex,
    json,
    run::{BestScore, Layout, RunError, WriteError, are_counts, write_atomic, write_json},
    score::Scores,
};

/// Training checkpoints kept; the one before the newest stays in case that one turns out to be damaged.
const CHECKPOINTS_KEPT: usize = 2;

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

/// Writes `checkpoints/step-<n>/`, which appears whole, and removes all but the newest two; a warning for each old one that
/// stays, because they would fill the disk.
pub(super) fn write_checkpoint(
    layout: &Layout,
    weights: &Weights,
    optimizer: OptimizerState,
    progress: Progress,
) -> Result<Vec<String>, TrainError> {
    let step = progress.place.step;
    let folder = layout.checkpoint(step);
    let staging = layout.checkpoints().join(format!(".step-{step}.tmp"));
    let result = fill_checkpoint(&staging, weights, optimizer, progress);
    if let Err(error) = result.and_then(|()| replace_folder(&staging, &folder)) {
        // The failure itself is what is reported.
        let _ = fs::remove_dir_all(&staging);
        return Err(RunError::from(error).into());
    }
    let old = checkpoint_steps(layout).into_iter().skip(CHECKPOINTS_KEPT).map(|step| layout.checkpoint(step));
    let stays = old.filter_map(|folder| {
        let error = fs::remove_dir_all(&folder).err()?;
        Some(format!("the old checkpoint {} cannot be removed: {error}", folder.display()))
    });
    Ok(stays.collect())
}

fn fill_checkpoint(
    staging: &Path,
    weights: &Weights,
    optimizer: OptimizerState,
    mut progress: Progress,
) -> Result<(), WriteError> {
    progress.loss_scale = optimizer.loss_scale;
    if staging.exists() {
        fs::remove_dir_all(staging).map_err(WriteError::at(staging))?;
    }
    fs::create_dir_all(staging).map_err(WriteError::at(staging))?;
    let moments: Weights = optimizer
        .first
        .into_iter()
        .map(|(name, tensor)| (format!("first/{name}"), tensor))
        .chain(optimizer.second.into_iter().map(|(name, tensor)| (format!("second/{name}"), tensor)))
        .collect();
    for (name, tensors) in [("model.safetensors", weights), ("optimizer.safetensors", &moments)] {
        let path = staging.join(name);
        let bytes = to_safetensors(tensors, &BTreeMap::new()).map_err(WriteError::at(&path))?;
        write_atomic(&path, &bytes)?;
        progress.files.insert(name.to_owned(), sha256_hex(&bytes));
    }
    write_json(&staging.join("progress.json"), &progress)
}

/// The steps of a run's training checkpoints, newest first.
pub(super) fn checkpoint_steps(layout: &Layout) -> Vec<usize> {
    let Ok(entries) = fs::read_dir(layout.checkpoints()) else { return Vec::new() };
    let step = |entry: fs::DirEntry| entry.file_name().to_str()?.strip_prefix("step-")?.parse().ok();
    let mut steps: Vec<usize> = entries.flatten().filter_map(step).collect();
    steps.sort_unstable_by(|a, b| b.cmp(a));
    steps
}

/// Puts `staging` in the place of `folder`.
fn replace_folder(staging: &Path, folder: &Path) -> Result<(), WriteError> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(WriteError::at(folder))?;
    }
    fs::rename(staging, folder).map_err(WriteError::at(folder))
}
