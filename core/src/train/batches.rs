//! The batches of a fine-tuning, as plain vectors.

use std::ops::Range;

use spanbert_backends::collective::tree;

use super::{Place, Recipe, Schedule, seed::dropout_seed};
use crate::{
    batch::{Batch, LossWeights, Order, collate, loss_weights, slice},
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
    /// Which part of every batch is computed here; all of it, undivided, without one.
    pub share: Option<Share>,
}

/// Some of the parts that batches are divided into for [`PartedSum`](crate::engine::PartedSum).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// All parts.
    pub count: usize,
    /// The first that is computed here.
    pub first: usize,
    /// The one after the last.
    pub end: usize,
}

impl Share {
    /// Those of one of several workers.
    #[must_use]
    pub fn of(rank: usize, workers: usize, count: usize) -> Self {
        let own = tree::parts_of(rank, workers, count);
        Self { count, first: own.start, end: own.end }
    }
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
    /// What is computed here of it, in micro-batches.
    pub parts: Vec<Batch>,
    /// The row of the whole batch that each of them begins with.
    pub first_rows: Vec<usize>,
    /// The part of the whole batch that each of them belongs to.
    pub places: Vec<usize>,
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
        let parts = self.parts.iter().zip(&self.first_rows);
        let micro_batch = |(batch, &first_row)| MicroBatch {
            batch,
            first_row,
            start_weight: self.weights.start,
            end_weight: self.weights.end,
            seed: self.seed,
        };
        parts.map(micro_batch).collect()
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
    let micros = micro_ranges(windows, data.micro_batch, data.share);
    let parts = match micros.as_slice() {
        [(rows, _)] if *rows == (0..windows) && data.share.is_none() => vec![whole],
        _ => micros.iter().map(|(rows, _)| slice(&whole, rows.start, rows.end)).collect(),
    };
    let (first_rows, places) = micros.into_iter().map(|(rows, part)| (rows.start, part)).unzip();
    Prepared { epoch: 0, position: 0, batch, parts, first_rows, places, seed: 0, weights, windows, tokens }
}

/// The rows of a part of a batch: as many as other parts have, or one more; none if the batch is short.
fn rows_of(part: usize, rows: usize, share: Share) -> Range<usize> {
    tree::parts_of(part, share.count, rows)
}

/// The micro-batches that are computed here of a batch of so many rows, each at most `most` of them, and of which part each is.
pub(crate) fn micro_ranges(rows: usize, most: usize, share: Option<Share>) -> Vec<(Range<usize>, usize)> {
    let most = most.max(1);
    let cut = |rows: Range<usize>, part: usize| {
        let end = rows.end;
        rows.step_by(most).map(move |first| (first..(first + most).min(end), part))
    };
    match share {
        None => cut(0..rows, 0).collect(),
        Some(share) => {
            (share.first..share.end).flat_map(|part| cut(rows_of(part, rows, share), part)).collect()
        }
    }
}

/// A batch and the number of its word pieces.
fn gather(data: TrainingData<'_>, recipe: &Recipe, batch: usize) -> (Batch, usize) {
    let windows: Vec<&Window> =
        data.order.batch(batch).iter().filter_map(|&index| data.windows.get(index)).collect();
    let lengths = windows.iter().map(|window| window.input_ids.len());
    let longest = lengths.clone().max().unwrap_or(0);
    let mut batch = collate(&windows, recipe.padded_length(longest, data.length_multiple), true);
    if let Some(targets) = &mut batch.targets {
        targets.smoothing = recipe.label_smoothing as f32;
    }
    (batch, lengths.sum())
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
            share: None,
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

    #[test]
    fn workers_have_every_row_once_and_cut_it_alike() {
        let windows = windows(13);
        let lengths: Vec<usize> = windows.iter().map(|window| window.input_ids.len()).collect();
        let recipe = Recipe { train_batch_size: 5, ..Recipe::default() };
        let order = Order::new(&lengths, 5, TrainMode::Sorted, 42);
        let micros = |rank, workers, count, batch| {
            let share = Some(Share::of(rank, workers, count));
            let (length_multiple, micro_batch) = (8, 2);
            let data = TrainingData {
                windows: &windows,
                question_ids: &[],
                order: &order,
                length_multiple,
                micro_batch,
                share,
            };
            let Prepared { parts, first_rows, places, windows, .. } = prepare(data, &recipe, batch);
            let micros = parts.into_iter().zip(first_rows).zip(places);
            (windows, micros.map(|((part, first), place)| (place, first, part.rows)).collect::<Vec<_>>())
        };
        for count in 1..=5 {
            // The last batch has three rows.
            for batch in 0..3 {
                let (windows, all) = micros(0, 1, count, batch);
                let rows: Vec<usize> = all.iter().flat_map(|(_, first, rows)| *first..first + rows).collect();
                assert_eq!(rows, (0..windows).collect::<Vec<_>>());
                for workers in 2..=count {
                    let shared: Vec<_> =
                        (0..workers).flat_map(|rank| micros(rank, workers, count, batch).1).collect();
                    assert_eq!(shared, all, "{workers} workers, {count} parts, batch {batch}");
                }
            }
        }
    }
}
