//! What is saved of a training: checkpoints to go on from, and the weights at its end.

use std::time::Instant;

use super::{Ending, Trainer, Training};
use crate::{
    advice::Advice,
    engine::Learner,
    run::{CheckpointKind, Event, Outcome, Phase},
    train::{
        Limits, Progress, Recorder, Task, TrainError, TrainOutcome,
        checkpoints::{checkpoint_steps, write_checkpoint},
    },
};

/// Minutes of work that a crash may cost at most, unless the recipe says how often to write checkpoints.
const CHECKPOINT_MINUTES: f64 = 5.0;

impl<T: Task> Trainer<'_, T> {
    /// Whether the recipe wants a checkpoint after this update.
    pub(super) fn checkpoint_is_due(&self) -> bool {
        let Limits { checkpoint_steps, checkpoint_minutes, .. } = self.task.limits();
        let minutes = checkpoint_minutes.or(checkpoint_steps.is_none().then_some(CHECKPOINT_MINUTES));
        let is_old = |minutes: f64| self.checkpointed.elapsed().as_secs_f64() >= minutes * 60.0;
        let counted = |steps| self.place.training_step.is_multiple_of(steps);
        minutes.is_some_and(is_old) || checkpoint_steps.is_some_and(counted)
    }

    /// Writes a training checkpoint of the last update.
    pub(super) fn save_checkpoint(
        &mut self,
        engine: &mut T::Engine,
        training: Training,
    ) -> Result<(), TrainError> {
        self.drain(engine, training)?;
        self.recorder.phase(Phase::Saving)?;
        let (weights, optimizer) = (engine.weights()?, engine.optimizer_state()?);
        let elapsed_secs = self.pace.elapsed_secs(Instant::now());
        let mut progress = Progress::at(self.boundary, training.learning_rate, elapsed_secs);
        progress.owed_evaluation = self.owed_evaluation;
        self.standing.note(&mut progress);
        self.task.note(&mut progress);
        for warning in write_checkpoint(&self.layout, &weights, optimizer, progress)? {
            self.recorder.warn(warning)?;
        }
        self.checkpointed = Instant::now();
        let step = self.boundary.step;
        self.saved(CheckpointKind::Training, step, &format!("checkpoints/step-{step}"))?;
        self.recorder.phase(Phase::Training)?;
        self.pace.resumed(Instant::now());
        Ok(())
    }

    /// Writes `last/` from the weights as they are.
    ///
    /// # Errors
    /// If the device fails or a file cannot be written.
    pub fn save_last(&mut self, engine: &mut T::Engine) -> Result<(), TrainError> {
        self.recorder.phase(Phase::Saving)?;
        self.task.save_last(&engine.weights()?, self.place)?;
        self.saved(CheckpointKind::Last, self.place.step, "last")
    }

    /// Records how the run ended. A fault of the device does not end it.
    ///
    /// # Errors
    /// If it ended by an error, or the end cannot be recorded.
    pub fn finish(mut self, ending: Result<Ending, TrainError>) -> Result<TrainOutcome, TrainError> {
        let elapsed_secs = self.pace.elapsed_secs(Instant::now());
        let ending = ending.inspect_err(|error| record_failure(&mut self.recorder, error, elapsed_secs))?;
        let outcome = match ending {
            Ending::Completed => Outcome::Completed,
            Ending::Stopped => Outcome::Stopped,
        };
        let (steps, ended_early) = (self.boundary.step, self.ended_early);
        let reason = ended_early.clone();
        self.recorder.record(Event::Finished { outcome, step: steps, elapsed_secs, reason })?;
        let best = self.standing.best().cloned();
        Ok(TrainOutcome { ending, layout: self.layout, steps, best, elapsed_secs, ended_early })
    }

    /// What was saved of the run, for a message about its end.
    pub(super) fn kept(&self) -> String {
        match checkpoint_steps(&self.layout).first() {
            Some(&step) => self.layout.checkpoint(step).display().to_string(),
            None if self.standing.best().is_some() => self.layout.best().display().to_string(),
            None => "those that training began with".to_owned(),
        }
    }

    pub(super) fn saved(&mut self, kind: CheckpointKind, step: usize, path: &str) -> Result<(), TrainError> {
        Ok(self.recorder.record(Event::Checkpoint { kind, step, path: path.to_owned() })?)
    }
}

/// Records why a run ends, or that its device failed and another process goes on.
pub(crate) fn record_failure(recorder: &mut Recorder<'_>, error: &TrainError, elapsed_secs: f64) {
    match error.device_fault() {
        Some((_, fault)) => recorder.fault(fault.is_out_of_memory(), &fault.message),
        None => recorder.fail(&error.in_one_line(), elapsed_secs),
    }
}
