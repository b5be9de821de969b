//! Going on with a run: its newest checkpoint that is whole.

use std::{collections::BTreeMap, path::Path};

use super::{
    Fit, PROGRESS_VERSION, Progress, Recipe, TrainError, TrainingCheckpoint, changes::changes,
    checkpoints::checkpoint_steps,
};
use crate::{
    checkpoint::{Weights, from_safetensors_bytes},
    engine::OptimizerState,
    hash::sha256_hex,
    run::{Environment, Layout, Outcome, RunState},
};

/// `progress.json` is small; anything longer is not ours.
const LONGEST_PROGRESS: u64 = 1 << 20;

impl TrainingCheckpoint {
    /// Reads the newest whole checkpoint of a run, and says why newer ones were passed over. `None` if the run has
    /// none yet.
    ///
    /// # Errors
    /// If there are checkpoints, but every one is damaged.
    pub fn newest(layout: &Layout) -> Result<(Option<Self>, Vec<String>), TrainError> {
        let mut damaged = Vec::new();
        for step in checkpoint_steps(layout) {
            let folder = layout.checkpoint(step);
            match Self::read(&folder) {
                Ok(checkpoint) => {
                    let warnings = damaged.iter().map(|what| format!("{what}; going on from step {step}"));
                    return Ok((Some(checkpoint), warnings.collect()));
                }
                Err(what) => damaged.push(format!("{} is damaged: {what}", folder.display())),
            }
        }
        match damaged.into_iter().next() {
            Some(what) => Err(TrainError::NoWholeCheckpoint { folder: layout.checkpoints(), what }),
            None => Ok((None, Vec::new())),
        }
    }

    /// The same; with `force` the run begins again if every one is damaged, and a warning says so.
    ///
    /// # Errors
    /// Without `force`, as [`newest`](Self::newest).
    pub(crate) fn newest_or_none(
        layout: &Layout,
        force: bool,
    ) -> Result<(Option<Self>, Vec<String>), TrainError> {
        match Self::newest(layout) {
            Err(error @ TrainError::NoWholeCheckpoint { .. }) if force => {
                Ok((None, vec![format!("beginning again: {error}")]))
            }
            newest => newest,
        }
    }

    /// Reads `checkpoints/step-<n>/` and compares it with its checksums.
    fn read(folder: &Path) -> Result<Self, String> {
        let progress = read_progress(&folder.join("progress.json"))?;
        let weights = read_tensors(folder, "model.safetensors", &progress.files)?;
        let moments = read_tensors(folder, "optimizer.safetensors", &progress.files)?;
        let mut optimizer = OptimizerState {
            loss_scale: progress.loss_scale,
            updates: progress.place.training_step as u64,
            ..OptimizerState::default()
        };
        for (name, tensor) in moments {
            match name.split_once('/') {
                Some(("first", name)) => optimizer.first.insert(name.to_owned(), tensor),
                Some(("second", name)) => optimizer.second.insert(name.to_owned(), tensor),
                Some(("average", name)) => optimizer.average.insert(name.to_owned(), tensor),
                _ => return Err(format!("optimizer.safetensors holds {name:?}, which is no moment")),
            };
        }
        Ok(Self { progress, weights, optimizer })
    }
}

/// Refuses to resume a run that is complete, unless what ended it has changed: the limit of its length is now a higher one
/// (`is_longer`), or its patience another.
pub(crate) fn refuse_completed(
    layout: &Layout,
    is_longer: bool,
    same_patience: bool,
) -> Result<(), TrainError> {
    let run = layout.root().to_owned();
    match RunState::read(layout) {
        Ok(RunState { outcome: Some(Outcome::Completed), step: steps, reason, .. }) => match reason {
            Some(reason) if same_patience => Err(TrainError::EndedEarly { run, steps, reason }),
            None if !is_longer => Err(TrainError::Complete { run, steps }),
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

/// Refuses differences that would make the rest of the run another one; with `force` they become a warning.
pub(crate) fn accept_changes(
    layout: &Layout,
    differences: Vec<String>,
    force: bool,
) -> Result<Vec<String>, TrainError> {
    if differences.is_empty() {
        return Ok(Vec::new());
    }
    let differences = differences.join(", ");
    if !force {
        return Err(TrainError::Changed { run: layout.root().to_owned(), differences });
    }
    Ok(vec![format!("going on although {differences}")])
}

/// A run that is to be resumed: what it began with, compared with what it is resumed with.
pub(super) struct Resumed {
    /// Where it goes on; `None` if it begins again.
    pub progress: Option<Progress>,
    /// How batches were split, if that still holds.
    pub fit: Option<Fit>,
    /// The run's environment, with this resumption noted.
    pub environment: Environment,
    pub warnings: Vec<String>,
    state: Option<(Weights, OptimizerState)>,
}

impl Resumed {
    /// Reads a run that is to go on with this recipe and these files.
    pub fn read(
        layout: &Layout,
        recipe: &Recipe,
        environment: Environment,
        force: bool,
    ) -> Result<Self, TrainError> {
        let (recipe_before, before) = (Recipe::from_path(&layout.recipe())?, Environment::read(layout)?);
        // Of a sweep only the last training could go on, and would be compared with shorter ones.
        let is_longer = recipe.learning_rates().len() == 1
            && recipe_before.max_steps.is_some_and(|before| recipe.max_steps.is_none_or(|now| now > before));
        let same_patience = recipe_before.early_stopping_patience == recipe.early_stopping_patience;
        refuse_completed(layout, is_longer, same_patience)?;
        let differences = changes((&recipe_before, &before), (recipe, &environment));
        let mut warnings = accept_changes(layout, differences, force)?;
        let (checkpoint, damaged) = TrainingCheckpoint::newest_or_none(layout, force)?;
        if checkpoint.is_none() && !force {
            // It would begin again, over the weights it ended with.
            refuse_completed(layout, false, true)?;
        }
        warnings.extend(damaged);
        if checkpoint.is_some() && recipe_before.parts != recipe.parts {
            let sums = |parts: Option<usize>| {
                parts.map_or("one micro-batch after another".to_owned(), |parts| format!("in {parts} parts"))
            };
            let (before, now) = (sums(recipe_before.parts), sums(recipe.parts));
            warnings.push(format!(
                "gradients were summed {before} and are summed {now} from here on: last digits differ from those of a \
                 run that was not resumed"
            ));
        }
        warnings.extend(before.other_bits(&environment).filter(|_| checkpoint.is_some()));
        let same_device = before.device == environment.device && before.backend == environment.backend;
        let same_split = recipe_before.micro_batch == recipe.micro_batch
            && recipe_before.eval_batch_size == recipe.eval_batch_size;
        let fit = Fit::read(layout).filter(|_| same_device && same_split);
        let (progress, state) = match checkpoint {
            Some(TrainingCheckpoint { progress, weights, optimizer }) => {
                (Some(progress), Some((weights, optimizer)))
            }
            None => (None, None),
        };
        let step = progress.as_ref().map_or(0, |progress| progress.place.step);
        // What the run began with stays on record; what it goes on with is where it is found next time.
        let mut kept = Environment {
            backend: environment.backend,
            portable: environment.portable,
            model: environment.model,
            checkpoint: environment.checkpoint,
            teacher: environment.teacher,
            train_data: environment.train_data,
            dev_data: environment.dev_data,
            workers: environment.workers,
            ..before
        };
        kept.resume(step, &environment.device);
        kept.device = environment.device;
        Ok(Self { progress, fit, environment: kept, warnings, state })
    }

    /// Weights and moments to go on with; once.
    pub fn take_state(&mut self) -> Option<(Weights, OptimizerState)> {
        self.state.take()
    }
}

fn read_progress(path: &Path) -> Result<Progress, String> {
    let length = path.metadata().map_err(|error| format!("progress.json: {error}"))?.len();
    if length > LONGEST_PROGRESS {
        return Err(format!("progress.json has {length} bytes"));
    }
    let text = std::fs::read(path).map_err(|error| format!("progress.json: {error}"))?;
    let progress = Progress::from_json(&text).map_err(|error| format!("progress.json: {error}"))?;
    match progress.version {
        PROGRESS_VERSION => Ok(progress),
        version => {
            Err(format!("progress.json is of version {version}, this program's is {PROGRESS_VERSION}"))
        }
    }
}

fn read_tensors(folder: &Path, name: &str, digests: &BTreeMap<String, String>) -> Result<Weights, String> {
    let bytes = std::fs::read(folder.join(name)).map_err(|error| format!("{name}: {error}"))?;
    match digests.get(name) {
        Some(digest) if *digest == sha256_hex(&bytes) => {}
        Some(_) => return Err(format!("{name} is not what was written (its checksum differs)")),
        None => return Err(format!("progress.json has no checksum of {name}")),
    }
    from_safetensors_bytes(&bytes).map(|(tensors, _)| tensors).map_err(|what| format!("{name}: {what}"))
}
