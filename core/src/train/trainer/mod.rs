//! The training loop, of fine-tuning and of pre-training.

mod evaluation;
mod requests;
mod saving;
#[cfg(test)]
#[cfg(feature = "native")]
mod tests;

use std::{collections::VecDeque, time::Duration};

use serde::{Deserialize, Serialize};

use self::evaluation::Asked;
pub(crate) use self::saving::record_failure;
use super::{
    Activity, Host, InjectedFault, Limits, Pace, Place, Progress, Serving, Standing, Task, TrainError,
};
use crate::{
    engine::{Engine, Learner, StepMetrics},
    run::{BestScore, Event, Phase, Request, StepEvent},
};

/// One training of a learning-rate sweep, or the only one.
#[derive(Clone, Copy, Debug)]
pub struct Training {
    /// Which, from 0.
    pub index: usize,
    /// Of how many.
    pub count: usize,
    /// How many this run has still to do after it: fewer than all the later ones in a part of a sweep.
    pub left: usize,
    /// Its highest learning rate.
    pub learning_rate: f64,
}

impl Training {
    /// `training 3 of 8, learning rate 3e-6`.
    fn describe(&self) -> String {
        format!("training {} of {}, learning rate {:e}", self.index + 1, self.count, self.learning_rate)
    }
}

/// How a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// All steps done, or no improvement for as long as the recipe waits for one.
    Completed,
    /// On request.
    Stopped,
}

/// What came of a training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trained {
    /// How it ended.
    pub ending: Ending,
    /// Updates made.
    pub steps: usize,
    /// The best evaluation, whose weights were kept as the best.
    pub best: Option<BestScore>,
    /// Seconds from the first step to the last record.
    pub elapsed_secs: f64,
    /// Why it is complete although updates were left (early stopping).
    pub ended_early: Option<String>,
}

/// Trains one engine after another through the task's schedule. Its functions are asynchronous because a browser's device
/// can only be awaited; elsewhere they never wait for anything but the host, so that blocking on them costs nothing.
pub struct Trainer<'h, T: Task> {
    /// Batches, evaluation, and how weights are saved.
    pub task: T,
    /// Clock, records, requests, and where weights go.
    host: &'h mut dyn Host,
    /// Speed and time left.
    pace: Pace,
    /// Where the run is.
    place: Place,
    /// Where the last update was made: what a checkpoint holds, as gradients that wait for their update are not saved.
    boundary: Place,
    /// The best evaluation so far.
    standing: Standing,
    /// Whether an evaluation that was due at `boundary` was broken off.
    owed_evaluation: bool,
    /// When the last training checkpoint was written, at first when training began, by the host's clock.
    checkpointed: Duration,
    /// Updates whose metrics are still on the device.
    pending: VecDeque<Update>,
    /// Why the present training ended before its last step, if it did.
    ended_early: Option<String>,
    /// When a test wants the device to fail.
    inject_fault: Option<InjectedFault>,
}

/// An update on its way.
#[derive(Clone, Debug)]
struct Update {
    place: Place,
    learning_rate: f64,
    /// Epoch and position of each of its batches.
    batches: Vec<(usize, usize)>,
}

impl<'h, T: Task> Trainer<'h, T> {
    /// A trainer for a run that has just begun, or one that goes on where a checkpoint was written.
    pub fn new(task: T, host: &'h mut dyn Host, progress: Option<&Progress>) -> Self {
        let now = host.clock();
        let mut standing = Standing::new(task.metric(), task.limits().patience);
        if let Some(progress) = progress {
            standing.resume(progress);
        }
        Self {
            task,
            host,
            pace: Pace::new(now).after(progress.map_or(0.0, |progress| progress.elapsed_secs)),
            place: Place::default(),
            boundary: Place::default(),
            standing,
            owed_evaluation: progress.is_some_and(|progress| progress.owed_evaluation),
            checkpointed: now,
            pending: VecDeque::new(),
            ended_early: None,
            inject_fault: None,
        }
    }

    /// For tests: when the device is made to fail.
    #[must_use]
    pub fn failing(self, inject_fault: Option<InjectedFault>) -> Self {
        Self { inject_fault, ..self }
    }

    /// Trains `engine` from the first step, or from where a checkpoint was written, to the last, evaluating and saving
    /// on the way. `feed` decides where batches are made: it may leave them as they are, or have a thread make them ahead.
    ///
    /// # Errors
    /// If the device fails, the loss is not finite, or a file cannot be written; nothing is saved after that.
    pub async fn train<I: Iterator<Item = T::Batch>>(
        &mut self,
        engine: &mut T::Engine,
        training: Training,
        from: Option<Place>,
        feed: impl FnOnce(T::Batches) -> I,
    ) -> Result<Ending, TrainError> {
        let step = training.index * self.task.schedule().steps();
        self.place = from.unwrap_or(Place { training: training.index, step, ..Place::default() });
        self.boundary = self.place;
        if from.is_none() {
            self.standing.begin_training();
        }
        self.ended_early = None;
        if training.count > 1 {
            self.host.detailed_phase(Phase::Training, training.describe())?;
        } else {
            self.host.phase(Phase::Training)?;
        }
        self.pace.resumed(self.host.clock());
        if self.owed_evaluation && !self.evaluate(engine, training, Asked::BySchedule).await? {
            self.save_checkpoint(engine, training).await?;
            return Ok(Ending::Stopped);
        }
        self.owed_evaluation = false;
        // The run may have been interrupted between the evaluation that used up its patience and its end, or between its
        // last update and its end.
        if self.ends_early()? || self.is_at_last_update() {
            return Ok(Ending::Completed);
        }
        let batches = feed(self.task.batches(training.index, self.place));
        self.learn(engine, training, batches).await
    }

    async fn learn(
        &mut self,
        engine: &mut T::Engine,
        training: Training,
        batches: impl Iterator<Item = T::Batch>,
    ) -> Result<Ending, TrainError> {
        let mut batches_of_update = Vec::new();
        let (mut checkpoint_due, mut stop) = (false, false);
        for batch in batches {
            let Serving { epoch, position, rows, tokens } = T::serving(&batch);
            self.place.epoch = epoch;
            self.place.batches = position + 1;
            self.task.accumulate(engine, &batch)?;
            self.pace.batch(rows, tokens);
            batches_of_update.push((epoch, position));
            let updates = self.task.schedule().updates_after(position);
            if updates {
                self.update(engine, training, std::mem::take(&mut batches_of_update)).await?;
                checkpoint_due |= self.checkpoint_is_due();
            }
            let request = self.request(engine, training).await?;
            stop |= request == Some(Request::Stop) || self.host.is_stop_requested();
            let due = self.task.schedule().evaluates_after(position, self.place.training_step);
            if due && (stop || !self.evaluate(engine, training, Asked::BySchedule).await?) {
                // Made when the run is resumed: here if the checkpoint is of here, else on the way to here.
                self.owed_evaluation = self.boundary == self.place;
                self.save_checkpoint(engine, training).await?;
                return Ok(Ending::Stopped);
            }
            if !due && !stop && request == Some(Request::Evaluate) {
                stop |= !self.evaluate(engine, training, Asked::ByRequest).await?;
            }
            if due && self.ends_early()? {
                // With more patience the run can be resumed here, if no gradients are pending.
                if self.boundary == self.place {
                    self.save_checkpoint(engine, training).await?;
                }
                break;
            }
            stop |= self.host.is_stop_requested();
            let last = self.is_at_last_update();
            // With more steps the run can be resumed from the last one.
            if updates && (checkpoint_due || stop) || last {
                self.save_checkpoint(engine, training).await?;
                checkpoint_due = false;
            }
            if last {
                break;
            }
            if updates && stop {
                return Ok(Ending::Stopped);
            }
            self.host.yield_now().await;
        }
        self.drain(engine, training).await?;
        Ok(Ending::Completed)
    }

    /// Whether the training ends here although there are batches left.
    fn is_at_last_update(&self) -> bool {
        let Limits { ends_at_last_update, .. } = self.task.limits();
        ends_at_last_update && self.place.training_step >= self.task.schedule().steps()
    }

    async fn update(
        &mut self,
        engine: &mut T::Engine,
        training: Training,
        batches: Vec<(usize, usize)>,
    ) -> Result<(), TrainError> {
        self.inject_if_due(Activity::Training, self.place.step + 1);
        let learning_rate =
            self.task.schedule().learning_rate(training.learning_rate, self.place.training_step);
        engine.update(learning_rate)?;
        self.place.training_step += 1;
        self.place.step += 1;
        self.boundary = self.place;
        self.pending.push_back(Update { place: self.place, learning_rate, batches });
        if self.pace.update() { self.drain(engine, training).await } else { Ok(()) }
    }

    /// Waits for the device, then records every update since the last time.
    async fn drain(&mut self, engine: &mut T::Engine, training: Training) -> Result<(), TrainError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let metrics = engine.drain_metrics_async().await?;
        let now = self.host.clock();
        let speed = self.pace.report(now);
        let eta_secs = self.eta_secs(training);
        let total_steps = training.count * self.task.schedule().steps();
        let memory_bytes = engine.memory().map(|memory| memory.reserved);
        for metrics in metrics {
            let Some(update) = self.pending.pop_front() else { break };
            self.check_finite(training, &update, metrics)?;
            self.note_overflow(&update, metrics)?;
            let grad_norm = Some(f64::from(metrics.grad_norm)).filter(|norm| norm.is_finite());
            self.host.record(Event::Step(StepEvent {
                step: update.place.step,
                total_steps,
                training: training.index,
                epoch: update.place.epoch,
                loss: f64::from(metrics.loss),
                mlm_loss: metrics.pretraining.map(|losses| f64::from(losses.mlm)),
                sbo_loss: metrics.pretraining.map(|losses| f64::from(losses.sbo)),
                learning_rate: update.learning_rate,
                grad_norm,
                windows_per_sec: speed.windows_per_sec,
                tokens_per_sec: speed.tokens_per_sec,
                elapsed_secs: self.pace.elapsed_secs(now),
                eta_secs,
                memory_bytes,
                workers: None,
            }))?;
        }
        Ok(())
    }

    /// Seconds to the end of all trainings, as far as can be told.
    fn eta_secs(&self, training: Training) -> Option<f64> {
        let (schedule, step) = (self.task.schedule(), self.place.training_step);
        let (steps, left) = (schedule.steps(), training.left);
        let rows = self.task.evaluation_rows();
        let evaluations = schedule.evaluations_after(step) + left * schedule.evaluations_after(0);
        let evaluations = rows.map_or(0, |_| evaluations);
        self.pace.eta_secs(steps.saturating_sub(step) + left * steps, evaluations, rows.unwrap_or(0))
    }

    fn note_overflow(&mut self, update: &Update, metrics: StepMetrics) -> Result<(), TrainError> {
        let Some(scale) = metrics.overflowed_at else { return Ok(()) };
        let next = if self.task.limits().fixed_loss_scale {
            String::new()
        } else {
            format!(", the next scale is {}", scale / 2.0)
        };
        Ok(self.host.warn(format!(
            "step {}: a gradient is beyond fp16 at loss scale {scale}; this update is left out{next}",
            update.place.step
        ))?)
    }

    fn check_finite(
        &self,
        training: Training,
        update: &Update,
        metrics: StepMetrics,
    ) -> Result<(), TrainError> {
        let norm = metrics.overflowed_at.map_or(metrics.grad_norm, |_| 0.0);
        let values = [("the loss", metrics.loss), ("the gradient's norm", norm)];
        let Some((what, value)) = values.into_iter().find(|(_, value)| !value.is_finite()) else {
            return Ok(());
        };
        let examples = self.task.describe(training.index, &update.batches);
        Err(TrainError::NotFinite { what, value, step: update.place.step, examples, kept: self.kept() })
    }
}
