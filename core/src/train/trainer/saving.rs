//! What is saved of a training: checkpoints to go on from, and the weights at its end.

use super::{Ending, Trained, Trainer, Training};
use crate::{
    advice::Advice,
    engine::Learner,
    run::{CheckpointKind, Event, Outcome, Phase},
    train::{Host, Limits, Progress, Task, TrainError, TrainingCheckpoint},
};

/// Minutes of work that a crash may cost at most, unless the recipe says how often to write checkpoints.
const CHECKPOINT_MINUTES: f64 = 5.0;

impl<T: Task> Trainer<'_, T> {
    /// Whether the recipe wants a checkpoint after this update.
    pub(super) fn checkpoint_is_due(&self) -> bool {
        let Limits { checkpoint_steps, checkpoint_minutes, .. } = self.task.limits();
        let minutes = checkpoint_minutes.or(checkpoint_steps.is_none().then_some(CHECKPOINT_MINUTES));
        let age = self.host.clock().saturating_sub(self.checkpointed);
        let is_old = |minutes: f64| age.as_secs_f64() >= minutes * 60.0;
        let counted = |steps| self.place.training_step.is_multiple_of(steps);
        minutes.is_some_and(is_old) || checkpoint_steps.is_some_and(counted)
    }

    /// Writes a training checkpoint of the last update.
    pub(super) async fn save_checkpoint(
        &mut self,
        engine: &mut T::Engine,
        training: Training,
    ) -> Result<(), TrainError> {
        self.drain(engine, training).await?;
        self.host.phase(Phase::Saving)?;
        let (weights, optimizer) = (engine.weights_async().await?, engine.optimizer_state_async().await?);
        let elapsed_secs = self.pace.elapsed_secs(self.host.clock());
        let mut progress = Progress::at(self.boundary, training.learning_rate, elapsed_secs);
        progress.owed_evaluation = self.owed_evaluation;
        self.standing.note(&mut progress);
        self.task.note(&mut progress);
        progress.loss_scale = optimizer.loss_scale;
        self.host.save_checkpoint(TrainingCheckpoint { progress, weights, optimizer })?;
        self.checkpointed = self.host.clock();
        let step = self.boundary.step;
        self.saved(CheckpointKind::Training, step, &format!("checkpoints/step-{step}"))?;
        self.host.phase(Phase::Training)?;
        self.pace.resumed(self.host.clock());
        Ok(())
    }

    /// Keeps the weights as they are as the last.
    ///
    /// # Errors
    /// If the device fails or a file cannot be written.
    pub async fn save_last(&mut self, engine: &mut T::Engine) -> Result<(), TrainError> {
        self.host.phase(Phase::Saving)?;
        let weights = engine.predicting_weights_async().await?;
        self.host.save_last(self.task.last_model(weights, self.place))?;
        self.saved(CheckpointKind::Last, self.place.step, "last")
    }

    /// Records how the run ended. A fault of the device does not end it.
    ///
    /// # Errors
    /// If it ended by an error, or the end cannot be recorded.
    pub fn finish(self, ending: Result<Ending, TrainError>) -> Result<Trained, TrainError> {
        if let Err(error) = &ending {
            self.host.give_up(error);
        }
        let elapsed_secs = self.pace.elapsed_secs(self.host.clock());
        let ending = ending.inspect_err(|error| record_failure(self.host, error, elapsed_secs))?;
        let outcome = match ending {
            Ending::Completed => Outcome::Completed,
            Ending::Stopped => Outcome::Stopped,
        };
        let (steps, ended_early) = (self.boundary.step, self.ended_early);
        let reason = ended_early.clone();
        self.host.record(Event::Finished { outcome, step: steps, elapsed_secs, reason })?;
        let best = self.standing.best().cloned();
        Ok(Trained { ending, steps, best, elapsed_secs, ended_early })
    }

    /// What was saved of the run, for a message about its end.
    pub(super) fn kept(&self) -> String {
        self.host.newest_saved().unwrap_or_else(|| "those that training began with".to_owned())
    }

    pub(super) fn saved(&mut self, kind: CheckpointKind, step: usize, path: &str) -> Result<(), TrainError> {
        Ok(self.host.record(Event::Checkpoint { kind, step, path: path.to_owned() })?)
    }
}

/// Records why a run ends, or that its device failed and another process goes on. Nothing can be done about a record that
/// cannot be written now: the error itself is what the user has to see.
pub(crate) fn record_failure(host: &mut dyn Host, error: &TrainError, elapsed_secs: f64) {
    let step = host.step();
    if let Some((_, fault)) = error.device_fault() {
        let out_of_memory = fault.is_out_of_memory();
        let _ = host.record(Event::Fault { step, out_of_memory, message: fault.message });
        return;
    }
    let _ = host.record(Event::Error { message: error.in_one_line() });
    let (outcome, reason) = (Outcome::Failed, None);
    let _ = host.record(Event::Finished { outcome, step, elapsed_secs, reason });
}
