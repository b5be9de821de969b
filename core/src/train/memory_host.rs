//! A training without files: what is recorded goes to an observer, weights stay in memory.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{EvaluationFiles, Host, Observer, SavedModel, TrainError, TrainingCheckpoint};
use crate::{
    checkpoint::{CheckpointError, Files, SaveCheckpoint, SpanbertMeta, Weights, save_in_memory},
    config::BertConfig,
    evaluate::BoxFuture,
    run::{BestScore, Event, Phase, Request, RunError},
    tokenizer::TokenizerSettings,
};

/// Requests to a training of the same program, obeyed in their order.
#[derive(Clone, Debug, Default)]
pub struct Requests(Arc<Mutex<VecDeque<Request>>>);

impl Requests {
    /// Adds one.
    pub fn push(&self, request: Request) {
        self.queue().push_back(request);
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<Request>> {
        // A queue is whole whenever its lock is free.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A model that a training has saved.
#[derive(Clone, Debug)]
pub struct MemoryModel {
    /// Architecture.
    pub config: BertConfig,
    /// Every parameter by canonical name.
    pub weights: Weights,
    /// The vocabulary's pieces by id.
    pub vocab: Vec<String>,
    /// What the tokenizer does with text.
    pub settings: TokenizerSettings,
    /// How it is to be used, and how it came about.
    pub meta: SpanbertMeta,
}

impl MemoryModel {
    /// Its files as those of a checkpoint's folder.
    ///
    /// # Errors
    /// If its weights are not finite.
    pub fn files(&self, name: &str) -> Result<Files, CheckpointError> {
        let Self { config, weights, vocab, settings, meta } = self;
        save_in_memory(name, &SaveCheckpoint { config, weights, vocab, settings, meta })
    }
}

impl From<SavedModel<'_>> for MemoryModel {
    fn from(model: SavedModel<'_>) -> Self {
        let SavedModel { config, weights, vocab, settings, meta, .. } = model;
        Self { config: config.clone(), weights, vocab: vocab.to_vec(), settings: settings.clone(), meta }
    }
}

/// Waits for a time, or only gives others a turn.
pub type Sleep<'o> = dyn Fn(Duration) -> BoxFuture<'static, ()> + 'o;

/// A host that keeps the newest of each kind in memory.
pub struct MemoryHost<'o> {
    /// The newest checkpoint to resume from.
    pub checkpoint: Option<TrainingCheckpoint>,
    /// The weights of the best evaluation. For a resumed training put those here that were kept before it was stopped: they
    /// are replaced only by better ones.
    pub best: Option<MemoryModel>,
    /// The weights at the end.
    pub last: Option<MemoryModel>,
    /// Updates before the newest evaluation, and its files.
    pub evaluation: Option<(usize, EvaluationFiles)>,
    /// The text of the reference's `eval_results.txt`, of the best weights.
    pub results: Option<String>,
    step: usize,
    requests: Requests,
    observer: &'o mut dyn Observer,
    clock: &'o dyn Fn() -> Duration,
    sleep: &'o Sleep<'o>,
}

impl<'o> MemoryHost<'o> {
    /// A host for a training that `observer` watches. `clock` tells the time since some moment, `sleep` waits as
    /// [`Host::sleep`] has it.
    pub fn new(
        observer: &'o mut dyn Observer,
        requests: Requests,
        clock: &'o dyn Fn() -> Duration,
        sleep: &'o Sleep<'o>,
    ) -> Self {
        let (checkpoint, best, last, evaluation, results) = (None, None, None, None, None);
        Self { checkpoint, best, last, evaluation, results, step: 0, requests, observer, clock, sleep }
    }
}

impl Host for MemoryHost<'_> {
    fn clock(&self) -> Duration {
        (self.clock)()
    }

    fn sleep(&mut self, time: Duration) -> BoxFuture<'_, ()> {
        (self.sleep)(time)
    }

    fn record(&mut self, event: Event) -> Result<(), RunError> {
        match &event {
            Event::Step(step) => self.step = step.step,
            Event::Resumed { step, .. } => self.step = *step,
            _ => {}
        }
        self.observer.event(&event);
        Ok(())
    }

    fn progress(&mut self, phase: Phase, done: usize, total: usize) {
        self.observer.progress(phase, done, total);
    }

    fn step(&self) -> usize {
        self.step
    }

    fn take_request(&mut self) -> Result<Option<Request>, RunError> {
        Ok(self.requests.queue().pop_front())
    }

    fn is_stop_requested(&self) -> bool {
        self.requests.queue().contains(&Request::Stop)
    }

    fn save_evaluation(&mut self, step: usize, files: EvaluationFiles) -> Result<(), RunError> {
        self.evaluation = Some((step, files));
        Ok(())
    }

    fn save_checkpoint(&mut self, checkpoint: TrainingCheckpoint) -> Result<(), TrainError> {
        self.checkpoint = Some(checkpoint);
        Ok(())
    }

    fn save_best(
        &mut self,
        model: SavedModel<'_>,
        _best: &BestScore,
        results: Option<String>,
    ) -> Result<(), TrainError> {
        self.best = Some(model.into());
        self.results = results;
        Ok(())
    }

    fn save_last(&mut self, model: SavedModel<'_>) -> Result<(), TrainError> {
        self.last = Some(model.into());
        Ok(())
    }

    fn newest_saved(&self) -> Option<String> {
        let step = |model: &MemoryModel| model.meta.global_step;
        match (&self.checkpoint, &self.best) {
            (Some(checkpoint), _) => Some(format!("those of step {}", checkpoint.progress.place.step)),
            (None, Some(best)) => Some(format!("the best ones, of step {}", step(best).unwrap_or(0))),
            (None, None) => None,
        }
    }
}
