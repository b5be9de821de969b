//! `checkpoints/` of a run folder.

use std::{collections::BTreeMap, fs, path::Path};

use super::{TrainError, TrainingCheckpoint};
use crate::{
    atomic::{patiently, rename},
    checkpoint::{Weights, to_safetensors},
    hash::sha256_hex,
    run::{Layout, RunError, WriteError, write_atomic, write_json},
};

/// Training checkpoints kept; the one before the newest stays in case that one turns out to be damaged.
const CHECKPOINTS_KEPT: usize = 2;

/// Writes `checkpoints/step-<n>/`, which appears whole, and removes all but the newest two; a warning for each old one that
/// stays, because they would fill the disk.
pub(super) fn write_checkpoint(
    layout: &Layout,
    checkpoint: TrainingCheckpoint,
) -> Result<Vec<String>, TrainError> {
    let step = checkpoint.progress.place.step;
    let folder = layout.checkpoint(step);
    let staging = layout.checkpoints().join(format!(".step-{step}.tmp"));
    let result = fill_checkpoint(&staging, checkpoint);
    if let Err(error) = result.and_then(|()| replace_folder(&staging, &folder)) {
        // The failure itself is what is reported.
        let _ = fs::remove_dir_all(&staging);
        return Err(RunError::from(error).into());
    }
    let old = checkpoint_steps(layout).into_iter().skip(CHECKPOINTS_KEPT).map(|step| layout.checkpoint(step));
    let stays = old.filter_map(|folder| {
        let error = patiently(|| fs::remove_dir_all(&folder)).err()?;
        Some(format!("the old checkpoint {} cannot be removed: {error}", folder.display()))
    });
    Ok(stays.collect())
}

fn fill_checkpoint(staging: &Path, checkpoint: TrainingCheckpoint) -> Result<(), WriteError> {
    let TrainingCheckpoint { mut progress, weights, optimizer } = checkpoint;
    if staging.exists() {
        patiently(|| fs::remove_dir_all(staging)).map_err(WriteError::at(staging))?;
    }
    fs::create_dir_all(staging).map_err(WriteError::at(staging))?;
    let kinds = [("first", optimizer.first), ("second", optimizer.second), ("average", optimizer.average)];
    let named = |(kind, tensors): (_, Weights)| {
        tensors.into_iter().map(move |(name, tensor)| (format!("{kind}/{name}"), tensor))
    };
    let moments: Weights = kinds.into_iter().flat_map(named).collect();
    for (name, tensors) in [("model.safetensors", &weights), ("optimizer.safetensors", &moments)] {
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
        patiently(|| fs::remove_dir_all(folder)).map_err(WriteError::at(folder))?;
    }
    rename(staging, folder).map_err(WriteError::at(folder))
}
