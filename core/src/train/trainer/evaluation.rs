//! Evaluations of a training, and the weights that they make the best.

use std::ops::ControlFlow;

use super::{Trainer, Training};
use crate::{
    engine::Learner,
    evaluate::{BoxFuture, Monitor},
    run::{CheckpointKind, Phase},
    train::{Activity, EvaluatedAt, Host, Scored, Task, TrainError},
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
    pub(super) async fn evaluate(
        &mut self,
        engine: &mut T::Engine,
        training: Training,
        asked: Asked,
    ) -> Result<bool, TrainError> {
        // Numbers that went wrong must be found before their weights are scored or saved.
        self.drain(engine, training).await?;
        self.inject_if_due(Activity::Evaluating, self.place.step);
        if self.task.evaluation_rows().is_none() {
            return Ok(true);
        }
        let began = self.host.clock();
        self.host.phase(Phase::Evaluating)?;
        let found = self.task.evaluate(engine, &mut Watched(self.host)).await;
        let Some(Scored { scores, files }) = found.map_err(TrainError::Evaluation)? else { return Ok(false) };
        self.host.save_evaluation(self.place.step, files)?;
        let now = self.host.clock();
        self.pace.evaluated(began, now);
        self.keep(engine, training, &scores, now.saturating_sub(began).as_secs_f64()).await?;
        if asked == Asked::BySchedule {
            self.standing.evaluated_on_schedule(self.task.value(&scores));
        }
        self.host.phase(Phase::Training)?;
        self.pace.resumed(self.host.clock());
        Ok(true)
    }

    async fn keep(
        &mut self,
        engine: &mut T::Engine,
        training: Training,
        scores: &T::Scores,
        secs: f64,
    ) -> Result<(), TrainError> {
        let place = self.place;
        let best = self.standing.evaluated(place.step, self.task.value(scores));
        self.host.record(self.task.evaluated(&EvaluatedAt { place, best, secs }, scores))?;
        if best {
            self.host.phase(Phase::Saving)?;
            let weights = engine.predicting_weights_async().await?;
            let results = self.task.results(place, training.learning_rate, scores);
            if let Some(best) = self.standing.best() {
                self.host.save_best(self.task.best_model(weights, place, scores), best, results)?;
            }
            self.saved(CheckpointKind::Best, place.step, "best")?;
        }
        Ok(())
    }

    /// Whether the training ends here because its score has not improved for as long as the recipe waits; says so if it
    /// does.
    pub(super) fn ends_early(&mut self) -> Result<bool, TrainError> {
        let Some(reason) = self.standing.out_of_patience() else { return Ok(false) };
        self.host.detailed_phase(Phase::Training, format!("ending early: {reason}"))?;
        self.ended_early = Some(reason);
        Ok(true)
    }
}

/// The host as an evaluation sees it.
struct Watched<'h>(&'h mut dyn Host);

impl Monitor for Watched<'_> {
    fn report(&mut self, done: usize, total: usize) -> ControlFlow<()> {
        self.0.progress(Phase::Evaluating, done, total);
        if self.0.is_stop_requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn yield_now(&mut self) -> BoxFuture<'_, ()> {
        self.0.yield_now()
    }
}
