//! The part of the trainer that is not the loop: evaluations, what is saved, and requests from outside.

use std::{
    ops::ControlFlow,
    time::{Duration, Instant},
};

use super::{
    Activity, InjectedFault, TrainError,
    keeper::{Moment, checkpoint_steps},
    trainer::{Trainer, Training},
};
use crate::{
    engine::{InferenceEngine, TrainingEngine},
    run::{BestScore, CheckpointKind, Event, Phase, Request, take_request},
    score::Scores,
};

/// Minutes of work that a crash may cost at most, unless the recipe says how often to write checkpoints.
const CHECKPOINT_MINUTES: f64 = 5.0;

/// Time between looks for the end of a pause.
const PAUSE_POLL: Duration = Duration::from_millis(200);

/// Who wants an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// The recipe; it counts for early stopping.
    BySchedule,
    /// Somebody, from another process.
    ByRequest,
}

impl Trainer<'_, '_> {
    /// Evaluates the weights as they are and keeps them if they are the best. False if a stop broke it off, without a
    /// score.
    pub(super) fn evaluate(
        &mut self,
        engine: &mut dyn TrainingEngine,
        training: Training,
        asked: Asked,
    ) -> Result<bool, TrainError> {
        // Numbers that went wrong must be found before their weights are scored or saved.
        self.drain(engine, training)?;
        self.inject_if_due(Activity::Evaluating, self.place.step);
        let Some(evaluator) = &mut self.evaluator else { return Ok(true) };
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
        let Some(scores) = scores else { return Ok(false) };
        let secs = began.elapsed().as_secs_f64();
        self.pace.evaluated(began, Instant::now());
        self.keep(engine, training, &scores, secs)?;
        if asked == Asked::BySchedule {
            self.keeper.evaluated_on_schedule(&scores);
        }
        self.recorder.phase(Phase::Training)?;
        self.pace.resumed(Instant::now());
        Ok(true)
    }

    fn keep(
        &mut self,
        engine: &mut dyn TrainingEngine,
        training: Training,
        scores: &Scores,
        secs: f64,
    ) -> Result<(), TrainError> {
        let place = self.place;
        let best = self.keeper.evaluated(place, scores);
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
            self.keeper.save_best(&weights, place, training.learning_rate, scores)?;
            if let Some(best) = self.keeper.best() {
                self.recorder.set_best(BestScore::clone(best));
            }
            self.saved(CheckpointKind::Best, place.step, "best")?;
        }
        Ok(())
    }

    /// Whether the training ends here because its score has not improved for as long as the recipe waits; says so if it
    /// does.
    pub(super) fn ends_early(&mut self) -> Result<bool, TrainError> {
        let Some(reason) = self.keeper.out_of_patience() else { return Ok(false) };
        self.recorder.detailed_phase(Phase::Training, format!("ending early: {reason}"))?;
        self.ended_early = Some(reason);
        Ok(true)
    }

    /// Whether the recipe wants a checkpoint after this update.
    pub(super) fn checkpoint_is_due(&self) -> bool {
        let minutes = self.recipe.checkpoint_minutes;
        let minutes = minutes.or(self.recipe.checkpoint_steps.is_none().then_some(CHECKPOINT_MINUTES));
        let is_old = |minutes: f64| self.checkpointed.elapsed().as_secs_f64() >= minutes * 60.0;
        let counted = |steps| self.place.training_step.is_multiple_of(steps);
        minutes.is_some_and(is_old) || self.recipe.checkpoint_steps.is_some_and(counted)
    }

    /// Writes a training checkpoint of the last update.
    pub(super) fn save_checkpoint(
        &mut self,
        engine: &mut dyn TrainingEngine,
        training: Training,
    ) -> Result<(), TrainError> {
        self.drain(engine, training)?;
        self.recorder.phase(Phase::Saving)?;
        let (weights, optimizer) = (engine.weights()?, engine.optimizer_state()?);
        let moment = Moment {
            place: self.boundary,
            learning_rate: training.learning_rate,
            owed_evaluation: self.owed_evaluation,
            elapsed_secs: self.pace.elapsed_secs(Instant::now()),
        };
        for warning in self.keeper.save_checkpoint(&weights, optimizer, moment)? {
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
    pub fn save_last(&mut self, engine: &mut dyn TrainingEngine) -> Result<(), TrainError> {
        self.recorder.phase(Phase::Saving)?;
        let weights = engine.weights()?;
        self.keeper.save_last(&weights, self.place)?;
        self.saved(CheckpointKind::Last, self.place.step, "last")
    }

    /// What was saved of the run, for a message about its end.
    pub(super) fn kept(&self) -> String {
        match checkpoint_steps(&self.layout).first() {
            Some(&step) => self.layout.checkpoint(step).display().to_string(),
            None if self.keeper.best().is_some() => self.layout.best().display().to_string(),
            None => "those that training began with".to_owned(),
        }
    }

    fn saved(&mut self, kind: CheckpointKind, step: usize, path: &str) -> Result<(), TrainError> {
        Ok(self.recorder.record(Event::Checkpoint { kind, step, path: path.to_owned() })?)
    }

    /// For tests: has the device fail if this is the moment.
    pub(super) fn inject_if_due(&self, activity: Activity, step: usize) {
        if self.inject_fault == Some(InjectedFault { activity, step }) {
            spanbert_backends::fault::inject("a fault was asked for");
        }
    }

    /// Takes a request from the run folder; on a pause, waits here until it is over. Evaluations that are asked for
    /// during a pause are made in it.
    pub(super) fn request(
        &mut self,
        engine: &mut dyn TrainingEngine,
        training: Training,
    ) -> Result<Option<Request>, TrainError> {
        let request = take_request(&self.layout)?;
        if request != Some(Request::Pause) {
            return Ok(request.filter(|request| *request != Request::Resume));
        }
        self.drain(engine, training)?;
        self.recorder.phase(Phase::Paused)?;
        let next = loop {
            if self.stop.is_requested() {
                break Some(Request::Stop);
            }
            match take_request(&self.layout)? {
                Some(Request::Pause) | None => std::thread::sleep(PAUSE_POLL),
                Some(Request::Resume) => break None,
                Some(Request::Evaluate) => {
                    self.evaluate(engine, training, Asked::ByRequest)?;
                    self.recorder.phase(Phase::Paused)?;
                }
                Some(Request::Stop) => break Some(Request::Stop),
            }
        };
        self.recorder.phase(Phase::Training)?;
        self.pace.resumed(Instant::now());
        Ok(next)
    }
}
