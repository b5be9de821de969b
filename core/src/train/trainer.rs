//! The training loop.

use std::{collections::VecDeque, thread::Scope, time::Instant};

use super::{
    Activity, Evaluator, InjectedFault, Place, Recipe, Schedule, StopFlag, TrainError,
    keeper::Keeper,
    pace::Pace,
    prefetch::{Prepared, TrainingData, prefetch},
    recorder::Recorder,
    trainer_keeping::Asked,
};
use crate::{
    engine::{StepMetrics, TrainingEngine},
    run::{Event, Layout, Phase, Request, StepEvent},
};

/// Ids named when numbers go wrong; a batch of them would fill the screen.
const IDS_NAMED: usize = 8;

/// One training of a learning-rate sweep, or the only one.
#[derive(Clone, Copy, Debug)]
pub struct Training {
    /// Which, from 0.
    pub index: usize,
    /// Of how many.
    pub count: usize,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All steps done, or no improvement for as long as the recipe waits for one.
    Completed,
    /// On request.
    Stopped,
}

/// Trains one engine after another through the recipe's schedule.
pub struct Trainer<'a, 'o> {
    /// Every hyper-parameter.
    pub recipe: &'a Recipe,
    /// Counts and learning rates.
    pub schedule: &'a Schedule,
    /// Windows and their order.
    pub data: TrainingData<'a>,
    /// Paths of the run.
    pub layout: Layout,
    /// Writes weights.
    pub keeper: Keeper<'a>,
    /// Writes everything else.
    pub recorder: Recorder<'o>,
    /// The development set, if there is one.
    pub evaluator: Option<Box<dyn Evaluator + 'a>>,
    /// Raised to end early.
    pub stop: StopFlag,
    /// Speed and time left.
    pub pace: Pace,
    /// Where the run is.
    pub place: Place,
    /// Where the last update was made: what a checkpoint holds, as gradients that wait for their update are not saved.
    pub boundary: Place,
    /// Whether an evaluation that was due at `boundary` was broken off.
    pub owed_evaluation: bool,
    /// When the last training checkpoint was written, at first when training began.
    pub checkpointed: Instant,
    /// Updates whose metrics are still on the device.
    pub pending: VecDeque<Update>,
    /// Why the present training ended before its last step, if it did.
    pub ended_early: Option<String>,
    /// When a test wants the device to fail.
    pub inject_fault: Option<InjectedFault>,
}

/// An update on its way.
#[derive(Clone, Debug)]
pub struct Update {
    place: Place,
    learning_rate: f64,
    batches: Vec<usize>,
}

impl<'a> Trainer<'a, '_> {
    /// Trains `engine` from the first step, or from where a checkpoint was written, to the last, evaluating and saving
    /// on the way.
    ///
    /// # Errors
    /// If the device fails, the loss is not finite, or a file cannot be written; nothing is saved after that.
    pub fn train(
        &mut self,
        engine: &mut dyn TrainingEngine,
        training: Training,
        from: Option<Place>,
    ) -> Result<Ending, TrainError> {
        let step = training.index * self.schedule.steps();
        self.place = from.unwrap_or(Place { training: training.index, step, ..Place::default() });
        self.boundary = self.place;
        if from.is_none() {
            self.keeper.begin_training();
        }
        self.ended_early = None;
        if training.count > 1 {
            self.recorder.detailed_phase(Phase::Training, training.describe())?;
        } else {
            self.recorder.phase(Phase::Training)?;
        }
        if self.owed_evaluation && !self.evaluate(engine, training, Asked::BySchedule)? {
            self.save_checkpoint(engine, training)?;
            return Ok(Ending::Stopped);
        }
        self.owed_evaluation = false;
        // The run may have been interrupted between the evaluation that used up its patience and its end.
        if self.ends_early()? {
            return Ok(Ending::Completed);
        }
        std::thread::scope(|scope| self.batches(scope, engine, training))
    }

    fn batches<'scope, 'env: 'scope>(
        &mut self,
        scope: &'scope Scope<'scope, 'env>,
        engine: &mut dyn TrainingEngine,
        training: Training,
    ) -> Result<Ending, TrainError>
    where
        'a: 'env,
    {
        let mut batches_of_update = Vec::new();
        let (mut checkpoint_due, mut stop) = (false, false);
        for prepared in prefetch(scope, self.data, self.recipe, self.schedule, (training.index, self.place)) {
            self.place.epoch = prepared.epoch;
            self.place.batches = prepared.position + 1;
            self.accumulate(engine, &prepared)?;
            batches_of_update.push(prepared.batch);
            let updates = self.schedule.updates_after(prepared.position);
            if updates {
                self.update(engine, training, std::mem::take(&mut batches_of_update))?;
                checkpoint_due |= self.checkpoint_is_due();
            }
            let request = self.request(engine, training)?;
            stop |= request == Some(Request::Stop) || self.stop.is_requested();
            let due = self.schedule.evaluates_after(prepared.position);
            if due && (stop || !self.evaluate(engine, training, Asked::BySchedule)?) {
                // Made when the run is resumed: here if the checkpoint is of here, else on the way to here.
                self.owed_evaluation = self.boundary == self.place;
                self.save_checkpoint(engine, training)?;
                return Ok(Ending::Stopped);
            }
            if !due && !stop && request == Some(Request::Evaluate) {
                stop |= !self.evaluate(engine, training, Asked::ByRequest)?;
            }
            if due && self.ends_early()? {
                // With more patience the run can be resumed here, if no gradients are pending.
                if self.boundary == self.place {
                    self.save_checkpoint(engine, training)?;
                }
                break;
            }
            stop |= self.stop.is_requested();
            if updates && (checkpoint_due || stop) {
                self.save_checkpoint(engine, training)?;
                checkpoint_due = false;
            }
            if updates && stop {
                return Ok(Ending::Stopped);
            }
            if self.recipe.max_steps.is_some() && self.place.training_step >= self.schedule.steps() {
                // With more steps the run can be resumed here.
                self.save_checkpoint(engine, training)?;
                break;
            }
        }
        self.drain(engine, training)?;
        Ok(Ending::Completed)
    }

    fn accumulate(&mut self, engine: &mut dyn TrainingEngine, prepared: &Prepared) -> Result<(), TrainError> {
        engine.accumulate_all(&prepared.micro_batches())?;
        self.pace.batch(prepared.windows, prepared.tokens);
        Ok(())
    }

    fn update(
        &mut self,
        engine: &mut dyn TrainingEngine,
        training: Training,
        batches: Vec<usize>,
    ) -> Result<(), TrainError> {
        self.inject_if_due(Activity::Training, self.place.step + 1);
        let learning_rate = self.schedule.learning_rate(training.learning_rate, self.place.training_step);
        engine.update(learning_rate)?;
        self.place.training_step += 1;
        self.place.step += 1;
        self.boundary = self.place;
        self.pending.push_back(Update { place: self.place, learning_rate, batches });
        if self.pace.update() { self.drain(engine, training) } else { Ok(()) }
    }

    /// Waits for the device, then records every update since the last time.
    pub(super) fn drain(
        &mut self,
        engine: &mut dyn TrainingEngine,
        training: Training,
    ) -> Result<(), TrainError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let metrics = engine.drain_metrics()?;
        let now = Instant::now();
        let speed = self.pace.report(now);
        let trainings_left = training.count - training.index - 1;
        let (steps, step) = (self.schedule.steps(), self.place.training_step);
        let evaluations =
            self.schedule.evaluations_after(step) + trainings_left * self.schedule.evaluations_after(0);
        let windows = self.evaluator.as_ref().map_or(0, |evaluator| evaluator.windows());
        let evaluations = if self.evaluator.is_some() { evaluations } else { 0 };
        let updates = steps.saturating_sub(step) + trainings_left * steps;
        let eta_secs = self.pace.eta_secs(updates, evaluations, windows);
        let memory_bytes = engine.memory().map(|memory| memory.reserved);
        for metrics in metrics {
            let Some(update) = self.pending.pop_front() else { break };
            self.check_finite(&update, metrics)?;
            self.note_overflow(&update, metrics)?;
            let grad_norm = Some(f64::from(metrics.grad_norm)).filter(|norm| norm.is_finite());
            self.recorder.record(Event::Step(StepEvent {
                step: update.place.step,
                total_steps: training.count * steps,
                training: training.index,
                epoch: update.place.epoch,
                loss: f64::from(metrics.loss),
                learning_rate: update.learning_rate,
                grad_norm,
                windows_per_sec: speed.windows_per_sec,
                tokens_per_sec: speed.tokens_per_sec,
                elapsed_secs: self.pace.elapsed_secs(now),
                eta_secs,
                memory_bytes,
            }))?;
        }
        Ok(())
    }

    fn note_overflow(&mut self, update: &Update, metrics: StepMetrics) -> Result<(), TrainError> {
        let Some(scale) = metrics.overflowed_at else { return Ok(()) };
        let next = if self.recipe.loss_scale > 0.0 {
            String::new()
        } else {
            format!(", the next scale is {}", scale / 2.0)
        };
        Ok(self.recorder.warn(format!(
            "step {}: a gradient is beyond fp16 at loss scale {scale}; this update is left out{next}",
            update.place.step
        ))?)
    }

    fn check_finite(&self, update: &Update, metrics: StepMetrics) -> Result<(), TrainError> {
        let norm = metrics.overflowed_at.map_or(metrics.grad_norm, |_| 0.0);
        let values = [("the loss", metrics.loss), ("the gradient's norm", norm)];
        let Some((what, value)) = values.into_iter().find(|(_, value)| !value.is_finite()) else {
            return Ok(());
        };
        let mut ids: Vec<&str> = update
            .batches
            .iter()
            .flat_map(|&batch| self.data.order.batch(batch))
            .filter_map(|&window| self.data.windows.get(window))
            .filter_map(|window| self.data.question_ids.get(window.example_index).map(String::as_str))
            .collect();
        ids.dedup();
        let more = ids.len().saturating_sub(IDS_NAMED);
        ids.truncate(IDS_NAMED);
        let mut questions = ids.join(", ");
        if more > 0 {
            questions.push_str(&format!(" and {more} more"));
        }
        Err(TrainError::NotFinite { what, value, step: update.place.step, questions, kept: self.kept() })
    }
}
