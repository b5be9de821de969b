//! The training loop.

use std::{
    collections::VecDeque,
    ops::ControlFlow,
    time::{Duration, Instant},
};

use super::{
    Evaluator, Place, Recipe, Schedule, StopFlag, TrainError,
    keeper::Keeper,
    pace::Pace,
    prefetch::{Prepared, TrainingData, prefetch},
    recorder::Recorder,
};
use crate::{
    engine::{InferenceEngine, MicroBatch, StepMetrics, TrainingEngine},
    run::{BestScore, CheckpointKind, Event, Layout, Phase, Request, StepEvent, take_request},
    score::Scores,
};

/// Ids named when numbers go wrong; a batch of them would fill the screen.
const IDS_NAMED: usize = 8;

/// Work that a crash may cost at most, evaluations aside, unless the recipe says how often to write checkpoints.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(300);

/// Time between looks for the end of a pause.
const PAUSE_POLL: Duration = Duration::from_millis(200);

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

/// How a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All steps done.
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
    /// When the last training checkpoint was written, at first when training began.
    pub checkpointed: Instant,
    /// Updates whose metrics are still on the device.
    pub pending: VecDeque<Update>,
}

/// An update on its way.
#[derive(Clone, Debug)]
pub struct Update {
    place: Place,
    learning_rate: f64,
    batches: Vec<usize>,
}

impl Trainer<'_, '_> {
    /// Trains `engine` from the first step to the last, evaluating and saving on the way.
    ///
    /// # Errors
    /// If the device fails, the loss is not finite, or a file cannot be written; nothing is saved after that.
    pub fn train(
        &mut self,
        engine: &mut dyn TrainingEngine,
        training: Training,
    ) -> Result<Ending, TrainError> {
        let steps_before = training.index * self.schedule.steps();
        self.place = Place { training: training.index, step: steps_before, ..Place::default() };
        self.recorder.phase(Phase::Training)?;
        std::thread::scope(|scope| {
            let mut batches_of_update = Vec::new();
            let (mut checkpoint_due, mut stop) = (false, false);
            for prepared in prefetch(scope, self.data, self.recipe, self.schedule, training.index) {
                self.place.epoch = prepared.epoch;
                self.place.batches = prepared.position + 1;
                self.accumulate(engine, &prepared)?;
                batches_of_update.push(prepared.batch);
                let updates = self.schedule.updates_after(prepared.position);
                if updates {
                    self.update(engine, training, std::mem::take(&mut batches_of_update))?;
                    checkpoint_due |= self.checkpoint_interval_ends();
                }
                let request = self.request(engine, training)?;
                stop |= request == Some(Request::Stop);
                if self.schedule.evaluates_after(prepared.position) || request == Some(Request::Evaluate) {
                    self.evaluate(engine, training)?;
                    checkpoint_due |= self.checkpoint_is_old();
                }
                stop |= self.stop.is_requested();
                // Gradients that wait for their update are not saved: a checkpoint, and a stop, wait for it too.
                if updates && (checkpoint_due || stop) {
                    self.save_checkpoint(engine, training)?;
                    checkpoint_due = false;
                }
                if updates && stop {
                    return Ok(Ending::Stopped);
                }
                if self.recipe.max_steps.is_some() && self.place.training_step >= self.schedule.steps() {
                    break;
                }
            }
            self.drain(engine, training)?;
            Ok(Ending::Completed)
        })
    }

    fn accumulate(&mut self, engine: &mut dyn TrainingEngine, prepared: &Prepared) -> Result<(), TrainError> {
        let (start_weight, end_weight) = (prepared.weights.start, prepared.weights.end);
        let mut first_row = 0;
        for batch in &prepared.parts {
            let seed = prepared.seed;
            engine.accumulate(&MicroBatch { batch, first_row, start_weight, end_weight, seed })?;
            first_row += batch.rows;
        }
        self.pace.batch(prepared.windows, prepared.tokens);
        Ok(())
    }

    fn update(
        &mut self,
        engine: &mut dyn TrainingEngine,
        training: Training,
        batches: Vec<usize>,
    ) -> Result<(), TrainError> {
        let learning_rate = self.schedule.learning_rate(training.learning_rate, self.place.training_step);
        engine.update(learning_rate)?;
        self.place.training_step += 1;
        self.place.step += 1;
        self.pending.push_back(Update { place: self.place, learning_rate, batches });
        if self.pace.update() { self.drain(engine, training) } else { Ok(()) }
    }

    /// Waits for the device, then records every update since the last time.
    fn drain(&mut self, engine: &mut dyn TrainingEngine, training: Training) -> Result<(), TrainError> {
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

    fn check_finite(&self, update: &Update, metrics: StepMetrics) -> Result<(), TrainError> {
        let values = [("the loss", metrics.loss), ("the gradient's norm", metrics.grad_norm)];
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
        Err(TrainError::NotFinite { what, value, step: update.place.step, questions })
    }

    /// Evaluates the weights as they are and keeps them if they are the best. A stop breaks it off without a score.
    fn evaluate(&mut self, engine: &mut dyn TrainingEngine, training: Training) -> Result<(), TrainError> {
        // Numbers that went wrong must be found before their weights are scored or saved.
        self.drain(engine, training)?;
        let Some(evaluator) = &mut self.evaluator else { return Ok(()) };
        let began = Instant::now();
        self.recorder.phase(Phase::Evaluating)?;
        let (recorder, stop) = (&mut self.recorder, &self.stop);
        let mut progress = |done, total| {
            recorder.progress(Phase::Evaluating, done, total);
            if stop.is_requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let folder = self.layout.evaluation(self.place.step);
        let inference: &mut dyn InferenceEngine = engine;
        let scores = evaluator.evaluate(inference, &folder, &mut progress).map_err(TrainError::Evaluation)?;
        let Some(scores) = scores else { return Ok(()) };
        let secs = began.elapsed().as_secs_f64();
        self.pace.evaluated(began, Instant::now());
        self.keep(engine, training, scores, secs)?;
        self.recorder.phase(Phase::Training)?;
        self.pace.resumed(Instant::now());
        Ok(())
    }

    fn keep(
        &mut self,
        engine: &mut dyn TrainingEngine,
        training: Training,
        scores: Scores,
        secs: f64,
    ) -> Result<(), TrainError> {
        let place = self.place;
        let best = self.keeper.evaluated(place, &scores);
        self.recorder.record(Event::Evaluation {
            step: place.step,
            training: training.index,
            epoch: place.epoch,
            scores: scores.clone(),
            best,
            secs,
        })?;
        if best {
            self.recorder.phase(Phase::Saving)?;
            let weights = engine.weights()?;
            self.keeper.save_best(&weights, place, training.learning_rate, &scores)?;
            if let Some(best) = self.keeper.best() {
                self.recorder.set_best(BestScore::clone(best));
            }
            self.saved(CheckpointKind::Best, "best")?;
        }
        Ok(())
    }

    /// Whether an evaluation is to be followed by a checkpoint. A large model's takes seconds to write.
    fn checkpoint_is_old(&self) -> bool {
        self.recipe.checkpoint_steps.is_none() && self.checkpointed.elapsed() >= CHECKPOINT_INTERVAL
    }

    fn checkpoint_interval_ends(&self) -> bool {
        self.recipe.checkpoint_steps.is_some_and(|steps| self.place.training_step.is_multiple_of(steps))
    }

    fn save_checkpoint(
        &mut self,
        engine: &mut dyn TrainingEngine,
        training: Training,
    ) -> Result<(), TrainError> {
        self.drain(engine, training)?;
        self.recorder.phase(Phase::Saving)?;
        let (weights, optimizer) = (engine.weights()?, engine.optimizer_state()?);
        self.keeper.save_checkpoint(&weights, optimizer, self.place, training.learning_rate)?;
        self.checkpointed = Instant::now();
        self.saved(CheckpointKind::Training, &format!("checkpoints/step-{}", self.place.step))?;
        self.recorder.phase(Phase::Training)?;
        self.pace.resumed(Instant::now());
        Ok(())
    }

    /// Writes `last/` from the weights as they are.
    ///
    /// # Errors
    /// If the device fails or a file cannot be written.
    pub fn save_last(&mut self, engine: &mut dyn TrainingEngine) -> Result<(), TrainError> {
        self.recorder.phase(Phase::Saving)?;
        let weights = engine.weights()?;
        self.keeper.save_last(&weights, self.place)?;
        self.saved(CheckpointKind::Last, "last")
    }

    fn saved(&mut self, kind: CheckpointKind, path: &str) -> Result<(), TrainError> {
        let step = self.place.step;
        Ok(self.recorder.record(Event::Checkpoint { kind, step, path: path.to_owned() })?)
    }

    /// Takes a request from the run folder; on a pause, waits here until it is over.
    fn request(
        &mut self,
        engine: &mut dyn TrainingEngine,
        training: Training,
    ) -> Result<Option<Request>, TrainError> {
        let request = take_request(&self.layout)?;
        if request != Some(Request::Pause) {
            return Ok(request);
        }
        self.drain(engine, training)?;
        self.recorder.phase(Phase::Paused)?;
        let next = loop {
            if self.stop.is_requested() {
                break Some(Request::Stop);
            }
            match take_request(&self.layout)? {
                Some(Request::Pause) | None => std::thread::sleep(PAUSE_POLL),
                other => break other,
            }
        };
        self.recorder.phase(Phase::Training)?;
        self.pace.resumed(Instant::now());
        Ok(next)
    }
}
