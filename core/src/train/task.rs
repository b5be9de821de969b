//! What a training is about: the part of the loop in which fine-tuning and pre-training differ.

use std::future::Future;

use super::{EvaluatorError, Metric, Place, Progress, SavedModel, Schedule, Scored};
use crate::{
    checkpoint::Weights,
    engine::{EngineError, Learner},
    evaluate::Monitor,
    run::Event,
};

/// Batches, the engine that learns them, how weights are judged, and how they are saved.
pub trait Task {
    /// The engine that the task's batches go to.
    type Engine: Learner + ?Sized;
    /// A batch ready for the device.
    type Batch;
    /// Makes the batches of a training, one after the other.
    type Batches: Iterator<Item = Self::Batch>;
    /// What an evaluation finds.
    type Scores;

    /// Counts and learning rates.
    fn schedule(&self) -> &Schedule;

    /// What the recipe says about checkpoints and the end of a training.
    fn limits(&self) -> Limits;

    /// The batches of a training in order, from a place on. `training` counts the trainings of a learning-rate sweep.
    fn batches(&self, training: usize, from: Place) -> Self::Batches;

    /// Where a batch stands in the training and how much of the data it holds.
    fn serving(batch: &Self::Batch) -> Serving;

    /// Has the engine add the gradients of a batch.
    ///
    /// # Errors
    /// If the batch does not fit the model or the device fails.
    fn accumulate(&mut self, engine: &mut Self::Engine, batch: &Self::Batch) -> Result<(), EngineError>;

    /// What the batches were made of (`questions a, b and 3 more`), to look at when numbers have gone wrong. Each is given
    /// by its epoch and its position in it.
    fn describe(&self, training: usize, batches: &[(usize, usize)]) -> String;

    /// Rows of one evaluation; none if there is nothing to evaluate by.
    fn evaluation_rows(&self) -> Option<usize>;

    /// Evaluates the weights as they are; `None` if `monitor` (rows done, of all) broke it off.
    ///
    /// # Errors
    /// If the device fails or the weights give anything but numbers.
    fn evaluate(
        &mut self,
        engine: &mut Self::Engine,
        monitor: &mut dyn Monitor,
    ) -> impl Future<Output = Result<Option<Scored<Self::Scores>>, EvaluatorError>>;

    /// The score that decides which weights are the best.
    fn metric(&self) -> Metric;

    /// Its value; none if the data does not have it.
    fn value(&self, scores: &Self::Scores) -> Option<f64>;

    /// Notes an evaluation, as the latest, and gives its event.
    fn evaluated(&mut self, at: &EvaluatedAt, scores: &Self::Scores) -> Event;

    /// Adds what the task has to know again to a checkpoint's progress.
    fn note(&self, progress: &mut Progress) {
        let _ = progress;
    }

    /// The model to be kept as the best, which has these scores.
    fn best_model(&self, weights: Weights, place: Place, scores: &Self::Scores) -> SavedModel<'_>;

    /// The model to be kept as the last.
    fn last_model(&self, weights: Weights, place: Place) -> SavedModel<'_>;

    /// The text of the reference's `eval_results.txt` for the best weights, if the reference has one.
    fn results(&self, place: Place, learning_rate: f64, scores: &Self::Scores) -> Option<String> {
        let _ = (place, learning_rate, scores);
        None
    }
}

/// Where a batch stands in a training, and how much of the data it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Serving {
    /// Epoch of the training, from 0.
    pub epoch: usize,
    /// Place in the epoch, from 0.
    pub position: usize,
    /// Windows or texts in it.
    pub rows: usize,
    /// Word pieces in it, padding left out.
    pub tokens: usize,
}

/// When checkpoints are written, what ends a training before its data does, and the like.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Updates between training checkpoints.
    pub checkpoint_steps: Option<usize>,
    /// Minutes between them.
    pub checkpoint_minutes: Option<f64>,
    /// Whether the training ends at the schedule's last update, with a checkpoint to go on from, and not with its last
    /// batch.
    pub ends_at_last_update: bool,
    /// Evaluations without improvement after which it ends.
    pub patience: Option<usize>,
    /// Whether the loss scale of fp16 does not adapt itself.
    pub fixed_loss_scale: bool,
}

/// An evaluation's place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EvaluatedAt {
    /// Where the training was.
    pub place: Place,
    /// Whether it is the best so far.
    pub best: bool,
    /// How long it took.
    pub secs: f64,
}
