//! What is kept of the weights: the best, the last, and checkpoints to go on from.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{Patience, Recipe, TrainError};
use crate::{
    checkpoint::{SaveCheckpoint, SpanbertMeta, Weights, save, to_safetensors},
    config::BertConfig,
    engine::{LossScale, OptimizerState},
    hash::sha256_hex,
    json,
    run::{BestScore, Layout, RunError, WriteError, are_counts, write_atomic, write_json},
    score::{ResultValue, Scores, eval_results_text},
    tokenizer::BertTokenizer,
};

/// Training checkpoints kept; the one before the newest stays in case that one turns out to be damaged.
const CHECKPOINTS_KEPT: usize = 2;

/// Layout of `progress.json` that this program writes and reads.
pub(crate) const PROGRESS_VERSION: u32 = 2;

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

/// When a checkpoint is written.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// After which update.
    pub place: Place,
    /// Learning rate of the training.
    pub learning_rate: f64,
    /// See [`Progress`].
    pub owed_evaluation: bool,
    /// See [`Progress`].
    pub elapsed_secs: f64,
}

/// Writes weights into the run folder and remembers the best evaluation.
#[derive(Debug)]
pub struct Keeper<'a> {
    layout: Layout,
    config: &'a BertConfig,
    tokenizer: &'a BertTokenizer,
    recipe: &'a Recipe,
    dataset_version: String,
    best: Option<BestScore>,
    latest: Option<(usize, Scores)>,
    evaluations: usize,
    patience: Patience,
}

impl<'a> Keeper<'a> {
    /// A keeper for a run that has just begun.
    #[must_use]
    pub fn new(
        layout: Layout,
        config: &'a BertConfig,
        tokenizer: &'a BertTokenizer,
        recipe: &'a Recipe,
        dataset_version: String,
    ) -> Self {
        Self {
            layout,
            config,
            tokenizer,
            recipe,
            dataset_version,
            best: None,
            latest: None,
            evaluations: 0,
            patience: Patience::default(),
        }
    }

    /// Goes on where a checkpoint was written.
    pub fn resume(&mut self, progress: &Progress) {
        self.best.clone_from(&progress.best);
        self.latest.clone_from(&progress.latest);
        self.evaluations = progress.evaluations;
        self.patience = progress.patience;
    }

    /// Begins another training of a learning-rate sweep: the best is shared, patience is not.
    pub fn begin_training(&mut self) {
        self.patience = Patience::default();
    }

    /// Notes an evaluation that the schedule asked for, for early stopping.
    pub fn evaluated_on_schedule(&mut self, scores: &Scores) {
        if let Some(value) = scores.get(self.recipe.eval_metric.key()) {
            self.patience.evaluated(value);
        }
    }

    /// Why the present training has to end early, if the recipe's patience is used up.
    #[must_use]
    pub fn out_of_patience(&self) -> Option<String> {
        let patience = self.recipe.early_stopping_patience?;
        let best = self.patience.best.filter(|_| self.patience.without_improvement >= patience)?;
        let (metric, waited) = (self.recipe.eval_metric.key(), self.patience.without_improvement);
        let evaluations = if waited == 1 { "evaluation" } else { "evaluations" };
        Some(format!("{metric} has not improved on {best:.2} for {waited} {evaluations}"))
    }

    /// Evaluations made so far.
    #[must_use]
    pub fn evaluations(&self) -> usize {
        self.evaluations
    }

    /// The best evaluation so far.
    #[must_use]
    pub fn best(&self) -> Option<&BestScore> {
        self.best.as_ref()
    }

    /// Notes an evaluation; true if it beats all before, strictly, as in the reference.
    pub fn evaluated(&mut self, place: Place, scores: &Scores) -> bool {
        let metric = self.recipe.eval_metric.key();
        self.latest = Some((place.step, scores.clone()));
        self.evaluations += 1;
        let Some(value) = scores.get(metric) else { return false };
        if self.best.as_ref().is_some_and(|best| value <= best.value) {
            return false;
        }
        self.best = Some(BestScore { metric: metric.to_owned(), value, step: place.step });
        true
    }

    /// Writes `best/` and `eval_results.txt`.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn save_best(
        &self,
        weights: &Weights,
        place: Place,
        learning_rate: f64,
        scores: &Scores,
    ) -> Result<PathBuf, TrainError> {
        let folder = self.layout.best();
        self.save(&folder, weights, &self.meta(place, Some((place.step, scores))))?;
        let extra = [
            ("global_step", ResultValue::Count(place.training_step as u64)),
            ("epoch", ResultValue::Count(place.epoch as u64)),
            ("learning_rate", ResultValue::Float(learning_rate)),
            ("batch_size", ResultValue::Count(self.recipe.batch_rows() as u64)),
        ];
        let text = eval_results_text(scores, &extra);
        write_atomic(&self.layout.eval_results(), text.as_bytes()).map_err(RunError::from)?;
        Ok(folder)
    }

    /// Writes `last/`, with the threshold of the latest evaluation.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn save_last(&self, weights: &Weights, place: Place) -> Result<PathBuf, TrainError> {
        let folder = self.layout.last();
        let latest = self.latest.as_ref().map(|(step, scores)| (*step, scores));
        self.save(&folder, weights, &self.meta(place, latest))?;
        Ok(folder)
    }

    /// Writes `checkpoints/step-<n>/`, which appears whole, and removes all but the newest two; says which it could not.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn save_checkpoint(
        &self,
        weights: &Weights,
        optimizer: OptimizerState,
        moment: Moment,
    ) -> Result<Vec<String>, TrainError> {
        let Moment { place, learning_rate, owed_evaluation, elapsed_secs } = moment;
        let progress = Progress {
            version: PROGRESS_VERSION,
            place,
            learning_rate,
            best: self.best.clone(),
            latest: self.latest.clone(),
            evaluations: self.evaluations,
            owed_evaluation,
            patience: self.patience,
            elapsed_secs,
            loss_scale: optimizer.loss_scale,
            files: BTreeMap::new(),
        };
        write_checkpoint(&self.layout, weights, optimizer, progress)
    }

    fn save(&self, folder: &Path, weights: &Weights, meta: &SpanbertMeta) -> Result<(), TrainError> {
        let checkpoint = SaveCheckpoint {
            config: self.config,
            weights,
            vocab: self.tokenizer.vocab_pieces(),
            settings: self.tokenizer.settings(),
            meta,
        };
        Ok(save(folder, &checkpoint)?)
    }

    /// `evaluation` is the step it was made at and its scores; scores of other weights than these are left out,
    /// their threshold is the best guess there is.
    fn meta(&self, place: Place, evaluation: Option<(usize, &Scores)>) -> SpanbertMeta {
        let own = evaluation.filter(|(step, _)| *step == place.step);
        SpanbertMeta {
            threshold: evaluation.and_then(|(_, scores)| scores.best_f1_thresh),
            max_seq_length: Some(self.recipe.max_seq_length),
            doc_stride: Some(self.recipe.doc_stride),
            max_query_length: Some(self.recipe.max_query_length),
            n_best_size: Some(self.recipe.n_best_size),
            max_answer_length: Some(self.recipe.max_answer_length),
            dataset_version: Some(self.dataset_version.clone()),
            global_step: Some(place.training_step as u64),
            scores: own
                .map(|(_, scores)| {
                    let values = scores.entries().into_iter();
                    values.filter_map(|(name, value)| Some((name.to_owned(), value.as_f64()?))).collect()
                })
                .unwrap_or_default(),
            created_by: Some(concat!("SpanBERT Studio ", env!("CARGO_PKG_VERSION")).to_owned()),
            ..SpanbertMeta::default()
        }
    }
}

/// Writes `checkpoints/step-<n>/`, which appears whole, and removes all but the newest two; a warning for each old one that
/// stays, because they would fill the disk.
pub(crate) fn write_checkpoint(
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
