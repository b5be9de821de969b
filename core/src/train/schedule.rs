//! When updates and evaluations happen, and the learning rate of each update.

use serde::{Deserialize, Serialize};

use super::Recipe;

/// What the learning rate does after it has risen to its highest value, with the formulas of transformers' schedulers.
///
/// `p` is the share of the updates after the warm-up that have been made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum LrSchedule {
    /// Falls linearly to 0, as in the reference: 1 - p (`get_linear_schedule_with_warmup`).
    #[default]
    Linear,
    /// Stays (`get_constant_schedule_with_warmup`).
    #[value(alias = "constant_with_warmup")]
    Constant,
    /// Falls along half a cosine to 0: (1 + cos(pi p)) / 2 (`get_cosine_schedule_with_warmup`).
    Cosine,
}

impl LrSchedule {
    /// Factor of the learning rate at `progress` (share of all updates, from 0): rises linearly to 1 at `warmup`, a share
    /// below 1, then does what the schedule says; at and after 1 it stays at the schedule's last value.
    #[must_use]
    pub fn factor(self, progress: f64, warmup: f64) -> f64 {
        match self {
            Self::Linear => warmup_linear(progress, warmup),
            _ if progress < warmup => progress / warmup,
            Self::Constant => 1.0,
            Self::Cosine => 0.5 * (1.0 + cos_pi(((progress - warmup) / (1.0 - warmup)).clamp(0.0, 1.0))),
        }
    }
}

/// Cosine of pi times `x`, from 0 to 1. Made of sums and products, so that a training takes the same rates on every
/// platform: the C library's cosine differs from one to the next.
fn cos_pi(x: f64) -> f64 {
    // Up to pi / 4 a few terms of the series give all digits.
    let series = |first: f64, from: u32, angle: f64| {
        let square = angle * angle;
        let factorial = |n: u32| f64::from(n) * f64::from(n - 1);
        (0..10).rev().fold(1.0, |sum, k| 1.0 - square / factorial(2 * k + 2 + from) * sum) * first
    };
    let cosine = |x: f64| series(1.0, 0, x * std::f64::consts::PI);
    let sine = |x: f64| series(x * std::f64::consts::PI, 1, x * std::f64::consts::PI);
    match x {
        _ if x <= 0.25 => cosine(x),
        _ if x <= 0.75 => sine(0.5 - x),
        _ => -cosine(1.0 - x),
    }
}

/// Factor of the learning rate at `progress` (share of all updates, from 0): rises linearly to 1 at `warmup`, then
/// falls linearly to 0 at 1 and stays there (`warmup_linear` of `optimization.py`).
#[must_use]
pub fn warmup_linear(progress: f64, warmup: f64) -> f64 {
    if progress < warmup { progress / warmup } else { ((progress - 1.0) / (warmup - 1.0)).max(0.0) }
}

/// When weights are evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvaluateEvery {
    /// So many batches, counted from each epoch's start (`run_squad.py`).
    Batches(usize),
    /// So many updates, and after the last.
    Updates(usize),
}

/// The course of one training, known before it starts (`run_squad.py`'s counting).
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// Batches in an epoch.
    pub batches_per_epoch: usize,
    /// Batches per update.
    pub accumulation: usize,
    /// Epochs trained.
    pub epochs: usize,
    /// Updates the learning rate is spread over; fractional if the number of epochs is.
    pub schedule_steps: f64,
    /// When the weights are evaluated.
    pub evaluate_every: EvaluateEvery,
    /// Share of `schedule_steps` with a rising rate.
    pub warmup: f64,
    /// What the rate does after it has risen.
    pub shape: LrSchedule,
    /// Most updates made.
    pub max_steps: Option<usize>,
}

impl Schedule {
    /// The course of a recipe over that many batches an epoch.
    #[must_use]
    pub fn new(recipe: &Recipe, batches_per_epoch: usize) -> Self {
        let accumulation = recipe.gradient_accumulation_steps.max(1);
        Self {
            batches_per_epoch,
            accumulation,
            epochs: recipe.whole_epochs(),
            schedule_steps: (batches_per_epoch / accumulation) as f64 * recipe.num_train_epochs,
            evaluate_every: EvaluateEvery::Batches((batches_per_epoch / recipe.eval_per_epoch.max(1)).max(1)),
            warmup: recipe.warmup_proportion,
            shape: recipe.lr_schedule,
            max_steps: recipe.max_steps,
        }
    }

    /// Updates made by the whole training.
    #[must_use]
    pub fn steps(&self) -> usize {
        let all = self.batches_per_epoch / self.accumulation * self.epochs;
        self.max_steps.map_or(all, |most| most.min(all))
    }

    /// Learning rate of the update after `step` earlier ones; 0 for the first if there is a warm-up.
    #[must_use]
    pub fn learning_rate(&self, base: f64, step: usize) -> f64 {
        base * self.shape.factor(step as f64 / self.schedule_steps, self.warmup)
    }

    /// Whether an update follows the batch at `position` of its epoch, from 0. The gradients of a remainder at the
    /// epoch's end join the next epoch's first update.
    #[must_use]
    pub fn updates_after(&self, position: usize) -> bool {
        (position + 1).is_multiple_of(self.accumulation)
    }

    /// Whether the weights are evaluated after the batch at `position` of its epoch, from 0, once `step` updates have been
    /// made.
    #[must_use]
    pub fn evaluates_after(&self, position: usize, step: usize) -> bool {
        match self.evaluate_every {
            EvaluateEvery::Batches(every) => (position + 1).is_multiple_of(every),
            EvaluateEvery::Updates(every) => {
                self.updates_after(position) && (step.is_multiple_of(every) || step == self.steps())
            }
        }
    }

    /// Evaluations that follow once `step` updates have been made, as far as the schedule tells.
    #[must_use]
    pub fn evaluations_after(&self, step: usize) -> usize {
        let until = |step: usize| match self.evaluate_every {
            EvaluateEvery::Batches(every) => {
                let per_epoch = self.batches_per_epoch / every;
                let steps_per_epoch = (self.batches_per_epoch / self.accumulation).max(1);
                let in_epoch = (step % steps_per_epoch * self.accumulation / every).min(per_epoch);
                step / steps_per_epoch * per_epoch + in_epoch
            }
            EvaluateEvery::Updates(every) if step == self.steps() => step.div_ceil(every),
            EvaluateEvery::Updates(every) => step / every,
        };
        until(self.steps()).saturating_sub(until(step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(batches: usize, recipe: Recipe) -> Schedule {
        Schedule::new(&recipe, batches)
    }

    #[test]
    fn rate_rises_and_falls() {
        assert_eq!(warmup_linear(0.0, 0.1), 0.0);
        assert_eq!(warmup_linear(0.05, 0.1), 0.5);
        assert_eq!(warmup_linear(0.1, 0.1), 1.0);
        assert_eq!(warmup_linear(1.0, 0.1), 0.0);
        assert_eq!(warmup_linear(1.5, 0.1), 0.0);
        assert_eq!(warmup_linear(0.5, 0.0), 0.5);
    }

    /// transformers' own: `lr_lambda` of `get_*_schedule_with_warmup`, with whole numbers of updates.
    fn transformers(shape: LrSchedule, step: usize, warmup: usize, total: usize) -> f64 {
        let (step, warmup, total) = (step as f64, warmup as f64, total as f64);
        if step < warmup {
            return step / warmup.max(1.0);
        }
        let progress = (step - warmup) / (total - warmup).max(1.0);
        match shape {
            LrSchedule::Linear => ((total - step) / (total - warmup).max(1.0)).max(0.0),
            LrSchedule::Constant => 1.0,
            LrSchedule::Cosine => {
                (0.5 * (1.0 + (std::f64::consts::PI * 0.5 * 2.0 * progress).cos())).max(0.0)
            }
        }
    }

    #[test]
    fn schedules_are_those_of_transformers() {
        for shape in [LrSchedule::Linear, LrSchedule::Constant, LrSchedule::Cosine] {
            for (total, warmup) in [(1000, 100), (1000, 0), (7, 1), (16, 12)] {
                for step in 0..=total {
                    let ours = shape.factor(step as f64 / total as f64, warmup as f64 / total as f64);
                    let theirs = transformers(shape, step, warmup, total);
                    assert!((ours - theirs).abs() < 4e-16 * 8.0, "{shape:?} {step}/{total}: {ours} {theirs}");
                }
            }
        }
        let cosine = |progress| LrSchedule::Cosine.factor(progress, 0.25);
        assert_eq!([0.0, 0.125, 0.25, 0.625, 1.0, 1.5].map(cosine), [0.0, 0.5, 1.0, 0.5, 0.0, 0.0]);
        let constant = |progress| LrSchedule::Constant.factor(progress, 0.2);
        assert_eq!([0.0, 0.1, 0.2, 0.6, 1.0, 1.5].map(constant), [0.0, 0.5, 1.0, 1.0, 1.0, 1.0]);
    }

    #[test]
    fn linear_is_the_reference_s_bit_for_bit() {
        for step in 0..=1000 {
            for warmup in [0.0, 0.1, 0.37] {
                let progress = f64::from(step) / 997.0;
                let (ours, reference) =
                    (LrSchedule::Linear.factor(progress, warmup), warmup_linear(progress, warmup));
                assert_eq!(ours.to_bits(), reference.to_bits());
            }
        }
    }

    #[test]
    fn the_cosine_is_the_library_s_but_for_rounding() {
        for index in 0..=10_000 {
            let x = f64::from(index) / 10_000.0;
            let (ours, library) = (cos_pi(x), (std::f64::consts::PI * x).cos());
            assert!((ours - library).abs() < 1e-15, "{x}: {ours} {library}");
        }
        assert_eq!((cos_pi(0.0), cos_pi(0.5), cos_pi(1.0)), (1.0, 0.0, -1.0));
    }

    #[test]
    fn counts_are_the_reference_s() {
        let recipe = Recipe { num_train_epochs: 4.0, gradient_accumulation_steps: 2, ..Recipe::default() };
        let course = schedule(7, recipe);
        assert_eq!(
            (course.schedule_steps, course.steps(), course.evaluate_every),
            (12.0, 12, EvaluateEvery::Batches(1))
        );
        let updates: Vec<usize> = (0..7).filter(|&position| course.updates_after(position)).collect();
        assert_eq!(updates, [1, 3, 5]);
        let course = schedule(4072, Recipe { num_train_epochs: 2.5, ..Recipe::default() });
        assert_eq!((course.schedule_steps, course.steps()), (10_180.0, 8144));
        assert_eq!(course.evaluate_every, EvaluateEvery::Batches(407));
        assert_eq!((0..4072).filter(|&position| course.evaluates_after(position, 0)).count(), 10);
        assert_eq!((course.evaluations_after(0), course.evaluations_after(4073)), (20, 10));
        assert_eq!(course.evaluations_after(8144), 0);
    }

    #[test]
    fn the_first_update_has_rate_zero() {
        let course = schedule(10, Recipe::default());
        assert_eq!(course.learning_rate(2e-5, 0), 0.0);
        assert_eq!(course.learning_rate(2e-5, 3), 2e-5);
        assert_eq!(course.learning_rate(2e-5, 30), 0.0);
    }

    #[test]
    fn fewer_steps_keep_the_rates() {
        let whole = schedule(100, Recipe::default());
        let cut = schedule(100, Recipe { max_steps: Some(7), ..Recipe::default() });
        assert_eq!(cut.steps(), 7);
        assert_eq!(cut.learning_rate(1.0, 5), whole.learning_rate(1.0, 5));
    }

    #[test]
    fn evaluations_can_be_counted_in_updates() {
        let course = Schedule { evaluate_every: EvaluateEvery::Updates(4), ..schedule(5, Recipe::default()) };
        assert_eq!(course.steps(), 15);
        let after = |step: usize| course.evaluates_after((step - 1) % 5, step);
        let evaluated: Vec<usize> = (1..=15).filter(|&step| after(step)).collect();
        assert_eq!(evaluated, [4, 8, 12, 15]);
        assert_eq!([0, 3, 4, 12, 15].map(|step| course.evaluations_after(step)), [4, 4, 3, 1, 0]);
    }
}
