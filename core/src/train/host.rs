//! What a training runs in: a clock, records, requests, and places for weights.

use std::time::Duration;

use super::{Fit, SavedModel, TrainError, TrainingCheckpoint};
use crate::{
    evaluate::BoxFuture,
    features::SkippedQuestion,
    run::{BestScore, Event, Phase, Request, RunError},
};

/// Files of an evaluation by name; the last one shows that it is complete.
pub type EvaluationFiles = Vec<(&'static str, Vec<u8>)>;

/// What the loop wants of its surroundings. A run folder and a process is one host (`RunHost`, native), the memory of a
/// program or of a browser's tab another ([`MemoryHost`](super::MemoryHost)).
pub trait Host {
    /// Time since a moment of the host's choosing; it never goes back.
    fn clock(&self) -> Duration;

    /// Waits; without a time only gives others a turn. A host that nobody waits for returns at once then.
    fn sleep(&mut self, time: Duration) -> BoxFuture<'_, ()>;

    /// Records what happened, and shows it.
    ///
    /// # Errors
    /// If a file cannot be written.
    fn record(&mut self, event: Event) -> Result<(), RunError>;

    /// Shows how far a phase is, `done` of `total`; not recorded.
    fn progress(&mut self, phase: Phase, done: usize, total: usize);

    /// Updates recorded so far.
    fn step(&self) -> usize;

    /// Takes the request that waits, if any.
    ///
    /// # Errors
    /// If it cannot be taken away (it would be obeyed again and again).
    fn take_request(&mut self) -> Result<Option<Request>, RunError>;

    /// Whether the training is to end after the current step; takes nothing.
    fn is_stop_requested(&self) -> bool;

    /// Keeps the files of the evaluation after `step` updates.
    ///
    /// # Errors
    /// If a file cannot be written.
    fn save_evaluation(&mut self, step: usize, files: EvaluationFiles) -> Result<(), RunError>;

    /// Keeps a checkpoint to resume from.
    ///
    /// # Errors
    /// If a file cannot be written.
    fn save_checkpoint(&mut self, checkpoint: TrainingCheckpoint) -> Result<(), TrainError>;

    /// Keeps the weights of the best evaluation so far; `results` is the text of the reference's `eval_results.txt`.
    ///
    /// # Errors
    /// If a file cannot be written.
    fn save_best(
        &mut self,
        model: SavedModel<'_>,
        best: &BestScore,
        results: Option<String>,
    ) -> Result<(), TrainError>;

    /// Keeps the weights at the end.
    ///
    /// # Errors
    /// If a file cannot be written.
    fn save_last(&mut self, model: SavedModel<'_>) -> Result<(), TrainError>;

    /// Where the newest weights are that were saved of the run, for a message.
    fn newest_saved(&self) -> Option<String>;

    /// Takes note of how many updates the run will have.
    fn set_total_steps(&mut self, total_steps: usize) {
        let _ = total_steps;
    }

    /// Keeps the list of the training questions that were left out; there is at least one.
    ///
    /// # Errors
    /// If a file cannot be written.
    fn save_skipped(&mut self, questions: &[SkippedQuestion]) -> Result<(), RunError> {
        let _ = questions;
        Ok(())
    }

    /// The training ends by an error, which may be news to others.
    fn give_up(&mut self, error: &TrainError) {
        let _ = error;
    }

    /// How batches are split, where others have a say in it.
    ///
    /// # Errors
    /// If they cannot be asked.
    fn settle_fit(&mut self, fit: Fit) -> Result<Fit, TrainError> {
        Ok(fit)
    }

    /// Keeps how batches are split, for a resumed run.
    ///
    /// # Errors
    /// If a file cannot be written.
    fn save_fit(&mut self, fit: &Fit) -> Result<(), RunError> {
        let _ = fit;
        Ok(())
    }

    /// Gives others a turn.
    fn yield_now(&mut self) -> BoxFuture<'_, ()> {
        self.sleep(Duration::ZERO)
    }

    /// Records a change of phase.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    fn phase(&mut self, phase: Phase) -> Result<(), RunError> {
        self.record(Event::Phase { phase, detail: None })
    }

    /// Records a change of phase and what it is about.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    fn detailed_phase(&mut self, phase: Phase, detail: String) -> Result<(), RunError> {
        self.record(Event::Phase { phase, detail: Some(detail) })
    }

    /// Records something the user should know.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    fn warn(&mut self, message: String) -> Result<(), RunError> {
        self.record(Event::Warning { message })
    }
}
