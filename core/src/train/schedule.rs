//! When updates and evaluations happen, and the learning rate of each update.

use super::Recipe;

/// Factor of the learning rate at `progress` (share of all updates, from 0): rises linearly to 1 at `warmup`, then
/// falls linearly to 0 at 1 and stays there (`warmup_linear` of `optimization.py`).
#[must_use]
pub fn warmup_linear(progress: f64, warmup: f64) -> f64 {
    if progress < warmup { progress / warmup } else { ((progress - 1.0) / (warmup - 1.0)).max(0.0) }
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
    /// Batches between evaluations, counted from each epoch's start.
    pub evaluate_every: usize,
    /// Share of `schedule_steps` with a rising rate.
    pub warmup: f64,
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
            evaluate_every: (batches_per_epoch / recipe.eval_per_epoch.max(1)).max(1),
            warmup: recipe.warmup_proportion,
            max_steps: recipe.max_steps,
        }
    }

    /// Updates made by the whole training.
    #[must_use]
    pub fn steps(&self) -> usize {
        let all = self.batches_per_epoch / self.accumulation * self.epochs;
        self.max_steps.map_or(all, |most| most.min(all))
    }

    /// Learning rate of the update after `step` earlier ones, 0 for the first.
    #[must_use]
    pub fn learning_rate(&self, base: f64, step: usize) -> f64 {
        base * warmup_linear(step as f64 / self.schedule_steps, self.warmup)
    }

    /// Whether an update follows the batch at `position` of its epoch, from 0. The gradients of a remainder at the
    /// epoch's end join the next epoch's first update.
    #[must_use]
    pub fn updates_after(&self, position: usize) -> bool {
        (position + 1).is_multiple_of(self.accumulation)
    }

    /// Whether the development set is evaluated after the batch at `position` of its epoch, from 0.
    #[must_use]
    pub fn evaluates_after(&self, position: usize) -> bool {
        (position + 1).is_multiple_of(self.evaluate_every)
    }

    /// Evaluations that follow once `step` updates have been made, as far as the schedule tells.
    #[must_use]
    pub fn evaluations_after(&self, step: usize) -> usize {
        let per_epoch = self.batches_per_epoch / self.evaluate_every;
        let steps_per_epoch = (self.batches_per_epoch / self.accumulation).max(1);
        let in_epoch = |steps: usize| (steps * self.accumulation / self.evaluate_every).min(per_epoch);
        let until = |step: usize| step / steps_per_epoch * per_epoch + in_epoch(step % steps_per_epoch);
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

    #[test]
    fn counts_are_the_reference_s() {
        let recipe = Recipe { num_train_epochs: 4.0, gradient_accumulation_steps: 2, ..Recipe::default() };
        let course = schedule(7, recipe);
        assert_eq!((course.schedule_steps, course.steps(), course.evaluate_every), (12.0, 12, 1));
        let updates: Vec<usize> = (0..7).filter(|&position| course.updates_after(position)).collect();
        assert_eq!(updates, [1, 3, 5]);
        let course = schedule(4072, Recipe { num_train_epochs: 2.5, ..Recipe::default() });
        assert_eq!((course.schedule_steps, course.steps(), course.evaluate_every), (10_180.0, 8144, 407));
        assert_eq!((0..4072).filter(|&position| course.evaluates_after(position)).count(), 10);
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
}
