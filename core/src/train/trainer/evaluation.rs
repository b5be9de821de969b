//! Evaluations of a training, and the weights that they make the best.

use std::{ops::ControlFlow, time::Instant};

use super::{Trainer, Training};
use crate::engine::Learner;
use crate::{
    run::{BestScore, CheckpointKind, Phase},
    train::{Activity, EvaluatedAt, Task, TrainError},
};

/// Who wants an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// The recipe; it counts for early stopping.
    BySchedule,
    /// Somebody, from another process.
    ByRequest,
}

impl<T: Task> Trainer<'_, T> {
    /// Evaluates the weights as they are and keeps them if they are the best. False if a stop broke it off, without a
    /// score.
    pub(super) fn evaluate(
        &mut self,
        engine: &mut T::Engine,
        training: Training,
        asked: Asked,
    ) -> Result<bool, TrainError> {
        // Numbers that went wrong must be found before their weights are scored or saved.
        self.drain(engine, training)?;
        self.inject_if_due(Activity::Evaluating, self.place.step);
        if self.task.evaluation_rows().is_none() {
            return Ok(true);
        }
        let began = Instant::now();
        self.recorder.phase(Phase::Evaluating)?;
        let (recorder, stop) = (&mut self.recorder, &self.stop);
        let mut progress = |done, total| {
            recorder.progress(Phase::Evaluating, done, total);
            if stop.is_requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let folder = self.layout.evaluation(self.place.step);
        let scores = self.task.evaluate(engine, &folder, &mut progress).map_err(TrainError::Evaluation)?;
        let Some(scores) = scores else { return Ok(false) };
        let secs = began.elapsed().as_secs_f64();
        self.pace.evaluated(began, Instant::now());
        self.keep(engine, training, &scores, secs)?;
        if asked == Asked::BySchedule {
            self.standing.evaluated_on_schedule(self.task.value(&scores));
        }
        self.recorder.phase(Phase::Training)?;
        self.pace.resumed(Instant::now());
        Ok(true)
    }

    fn keep(
        &mut self,
        engine: &mut T::Engine,
        training: Training,
        scores: &T::Scores,
        secs: f64,
    ) -> Result<(), TrainError> {
        let place = self.place;
        let best = self.standing.evaluated(place.step, self.task.value(scores));
        self.recorder.record(self.task.evaluated(&EvaluatedAt { place, best, secs }, scores))?;
        if best {
            self.recorder.phase(Phase::Saving)?;
            self.task.save_best(&engine.weights()?, place, training.learning_rate, scores)?;
            if let Some(best) = self.standing.best() {
                self.recorder.set_best(BestScore::clone(best));
            }
            self.saved(CheckpointKind::Best, place.step, "best")?;
        }
        Ok(())
    }

    /// Whether the training ends here because its score has not improved for as long as the recipe waits; says so if it
    /// does.
    pub(super) fn ends_early(&mut self) -> Result<bool, TrainError> {
        let Some(reason) = self.standing.out_of_patience() else { return Ok(false) };
        self.recorder.detailed_phase(Phase::Training, format!("ending early: {reason}"))?;
        self.ended_early = Some(reason);
        Ok(true)
    }
}
