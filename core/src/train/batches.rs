//! The batches of a fine-tuning, as plain vectors.

use super::{Place, Recipe, Schedule, seed::dropout_seed};
use crate::{
    batch::{Batch, LossWeights, Order, collate, loss_weights, micro_batches},
    engine::MicroBatch,
    features::Window,
};

/// Makes batches one after the other, here or on a thread of their own.
pub type Batches<'a, B> = Box<dyn Iterator<Item = B> + Send + 'a>;

/// What a training is fed with.
#[derive(Clone, Copy, Debug)]
pub struct TrainingData<'a> {
    /// All training windows, in data order.
    pub windows: &'a [Window],
    /// The ids of the questions, by a window's `example_index`.
    pub question_ids: &'a [String],
    /// Their cut into batches.
    pub order: &'a Order,
    /// Multiple that batch lengths are padded to.
    pub length_multiple: usize,
    /// Most windows computed at once.
    pub micro_batch: usize,
}

/// A batch ready for the device.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Epoch of this training, from 0.
    pub epoch: usize,
    /// Place in the epoch, from 0.
    pub position: usize,
    /// Number of the batch in the [`Order`].
    pub batch: usize,
    /// Its parts.
    pub parts: Vec<Batch>,
    /// Seed of the batch's dropout.
    pub seed: u64,
    /// Factors that make the parts' sums the batch's loss.
    pub weights: LossWeights,
    /// Windows in it.
    pub windows: usize,
    /// Word pieces in it, padding left out.
    pub tokens: usize,
}

impl Prepared {
    /// The parts as an engine takes them.
    #[must_use]
    pub fn micro_batches(&self) -> Vec<MicroBatch<'_>> {
        let mut next_row = 0;
        let mut micro_batches = Vec::with_capacity(self.parts.len());
        for batch in &self.parts {
            let first_row = next_row;
            next_row += batch.rows;
            micro_batches.push(MicroBatch {
                batch,
                first_row,
                start_weight: self.weights.start,
                end_weight: self.weights.end,
                seed: self.seed,
            });
        }
        micro_batches
    }
}

/// The batches of a training in order, from a place on. `training` counts the trainings of a learning-rate sweep, whose
/// shuffles go on where the last one's ended.
#[must_use]
pub fn batches<'a>(
    data: TrainingData<'a>,
    recipe: &'a Recipe,
    schedule: &Schedule,
    training: usize,
    from: Place,
) -> Batches<'a, Prepared> {
    let epochs = schedule.epochs;
    let run_epoch = move |epoch| training * epochs + epoch;
    let order = move |epoch| data.order.epoch(run_epoch(epoch));
    in_order(epochs, from, order, move |epoch, position, batch| {
        let seed = dropout_seed(recipe.seed, run_epoch(epoch), position);
        Prepared { epoch, position, seed, ..prepare(data, recipe, batch) }
    })
}

/// One batch after the other, from a place on: `order` gives those of an epoch, `make` makes the one at a position of its
/// epoch.
pub(crate) fn in_order<'a, B: Send + 'a, P: 'a>(
    epochs: usize,
    from: Place,
    order: impl Fn(usize) -> Vec<B> + Send + 'a,
    make: impl Fn(usize, usize, B) -> P + Send + Clone + 'a,
) -> Batches<'a, P> {
    Box::new((from.epoch..epochs).flat_map(move |epoch| {
        let done = if epoch == from.epoch { from.batches } else { 0 };
        let make = make.clone();
        let batches = order(epoch).into_iter().enumerate().skip(done);
        batches.map(move |(position, batch)| make(epoch, position, batch))
    }))
}

/// Makes one batch, without a place in the training.
#[must_use]
pub fn prepare(data: TrainingData<'_>, recipe: &Recipe, batch: usize) -> Prepared {
    let (whole, tokens) = gather(data, recipe, batch);
    let (weights, windows) = (loss_weights(&whole, recipe.gradient_accumulation_steps), whole.rows);
    let rows = data.micro_batch;
    let parts = if whole.rows <= rows { vec![whole] } else { micro_batches(&whole, rows) };
    Prepared { epoch: 0, position: 0, batch, parts, seed: 0, weights, windows, tokens }
}

/// A batch and the number of its word pieces.
fn gather(data: TrainingData<'_>, recipe: &Recipe, batch: usize) -> (Batch, usize) {
    let windows: Vec<&Window> =
        data.order.batch(batch).iter().filter_map(|&index| data.windows.get(index)).collect();
    let lengths = windows.iter().map(|window| window.input_ids.len());
    let longest = lengths.clone().max().unwrap_or(0);
    (collate(&windows, recipe.padded_length(longest, data.length_multiple), true), lengths.sum())
}

/// The whole batch that needs most memory: the longest, and of these the one with most windows.
pub(super) fn longest_batch(data: TrainingData<'_>, recipe: &Recipe) -> Batch {
    let longest = |batch: &usize| {
        let lengths = data.order.batch(*batch).iter().filter_map(|&index| data.windows.get(index));
        let longest = lengths.map(|window| window.input_ids.len()).max().unwrap_or(0);
        (recipe.padded_length(longest, data.length_multiple), data.order.batch(*batch).len())
    };
    let batch = (0..data.order.batch_count()).max_by_key(longest).unwrap_or(0);
    gather(data, recipe, batch).0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{batch::TrainMode, train::fake::windows};

    #[test]
    fn every_window_comes_once_an_epoch_in_the_order_s_order() {
        let windows = windows(11);
        let lengths: Vec<usize> = windows.iter().map(|window| window.input_ids.len()).collect();
        let order = Order::new(&lengths, 4, TrainMode::RandomSorted, 42);
        let recipe = Recipe { train_batch_size: 4, num_train_epochs: 2.0, ..Recipe::default() };
        let schedule = Schedule::new(&recipe, order.batch_count());
        let data = TrainingData {
            windows: &windows,
            question_ids: &[],
            order: &order,
            length_multiple: 8,
            micro_batch: 3,
        };
        let from = |place| -> Vec<Prepared> { batches(data, &recipe, &schedule, 1, place).collect() };
        let all = from(Place::default());
        let order_of: Vec<usize> = all.iter().map(|prepared| prepared.batch).collect();
        assert_eq!(order_of, [order.epoch(2), order.epoch(3)].concat());
        for prepared in &all {
            let rows: Vec<usize> = prepared.parts.iter().map(|part| part.rows).collect();
            assert_eq!(rows, if prepared.windows == 4 { vec![3, 1] } else { vec![3] });
            assert_eq!(prepared.weights.start, 0.5 / prepared.windows as f32);
            assert!(prepared.parts.iter().all(|part| part.length == 8));
        }
        assert_ne!(all[0].seed, all[3].seed);
        let later = from(Place { epoch: 1, batches: 1, ..Place::default() });
        let places = |all: &[Prepared]| all.iter().map(|p| (p.epoch, p.position, p.seed)).collect::<Vec<_>>();
        assert_eq!(places(&later), places(&all)[order.batch_count() + 1..]);
    }
}
