//! How the evaluations of a run stand: the best so far, and how long there has been no better one.

use super::{Patience, Progress};
use crate::run::BestScore;

/// The score that decides which weights are the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Whether a lower value is better, as of a loss.
    pub lower_is_better: bool,
}

/// The best evaluation of a run and the patience of its present training.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    metric: Metric,
    best: Option<BestScore>,
    evaluations: usize,
    patience: Patience,
    limit: Option<usize>,
}

impl Standing {
    /// Of a run that has just begun; `limit` is the number of evaluations without improvement that end a training.
    #[must_use]
    pub fn new(metric: Metric, limit: Option<usize>) -> Self {
        Self { metric, best: None, evaluations: 0, patience: Patience::default(), limit }
    }

    /// Goes on where a checkpoint was written.
    pub fn resume(&mut self, progress: &Progress) {
        self.best.clone_from(&progress.best);
        self.evaluations = progress.evaluations;
        self.patience = progress.patience;
    }

    /// Adds it to a checkpoint's progress.
    pub fn note(&self, progress: &mut Progress) {
        progress.best.clone_from(&self.best);
        progress.evaluations = self.evaluations;
        progress.patience = self.patience;
    }

    /// Begins another training of a learning-rate sweep: the best is shared, patience is not.
    pub fn begin_training(&mut self) {
        self.patience = Patience::default();
    }

    /// Notes an evaluation after `step` updates; true if it beats all before, strictly, as in the reference.
    pub fn evaluated(&mut self, step: usize, value: Option<f64>) -> bool {
        self.evaluations += 1;
        let Some(value) = value else { return false };
        let beats = |best: &BestScore| {
            if self.metric.lower_is_better { value < best.value } else { value > best.value }
        };
        if !self.best.as_ref().is_none_or(beats) {
            return false;
        }
        self.best = Some(BestScore { metric: self.metric.name.to_owned(), value, step });
        true
    }

    /// Notes an evaluation that the schedule asked for, for early stopping.
    pub fn evaluated_on_schedule(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.patience.evaluated(value, self.metric.lower_is_better);
        }
    }

    /// Why the present training has to end early, if its patience is used up.
    #[must_use]
    pub fn out_of_patience(&self) -> Option<String> {
        let waited = self.patience.without_improvement;
        let best = self.patience.best.filter(|_| self.limit.is_some_and(|limit| waited >= limit))?;
        let evaluations = if waited == 1 { "evaluation" } else { "evaluations" };
        Some(format!("{} has not improved on {best:.2} for {waited} {evaluations}", self.metric.name))
    }

    /// The best evaluation so far.
    #[must_use]
    pub fn best(&self) -> Option<&BestScore> {
        self.best.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_loss_the_lowest_is_the_best() {
        let mut standing = Standing::new(Metric { name: "loss", lower_is_better: true }, Some(2));
        let mut evaluate = |step, value| {
            standing.evaluated_on_schedule(Some(value));
            (standing.evaluated(step, Some(value)), standing.out_of_patience())
        };
        assert_eq!(evaluate(1, 3.0), (true, None));
        assert_eq!(evaluate(2, 2.0), (true, None));
        assert_eq!(evaluate(3, 2.0), (false, None));
        let (best, reason) = evaluate(4, 2.5);
        assert_eq!(
            (best, reason.as_deref()),
            (false, Some("loss has not improved on 2.00 for 2 evaluations"))
        );
        assert_eq!(standing.best().map(|best| (best.step, best.value)), Some((2, 2.0)));
    }
}
