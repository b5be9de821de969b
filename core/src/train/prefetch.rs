//! Batches made on another thread, as plain vectors, while the device works on the one before.

use std::{
    sync::mpsc::{Receiver, sync_channel},
    thread::Scope,
};

use super::{Recipe, Schedule, seed::dropout_seed};
use crate::{
    batch::{Batch, LossWeights, Order, collate, loss_weights, micro_batches},
    features::Window,
};

/// Batches waiting for the device; more only cost memory.
const AHEAD: usize = 2;

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

/// Starts a thread that prepares all batches of a training in order; it ends when the receiver is dropped.
/// `training` counts the trainings of a learning-rate sweep, whose shuffles go on where the last one's ended.
pub fn prefetch<'scope, 'env: 'scope>(
    scope: &'scope Scope<'scope, 'env>,
    data: TrainingData<'env>,
    recipe: &'env Recipe,
    schedule: &'env Schedule,
    training: usize,
) -> Receiver<Prepared> {
    let (sender, receiver) = sync_channel(AHEAD);
    scope.spawn(move || {
        for epoch in 0..schedule.epochs {
            let run_epoch = training * schedule.epochs + epoch;
            for (position, batch) in data.order.epoch(run_epoch).into_iter().enumerate() {
                let seed = dropout_seed(recipe.seed, run_epoch, position);
                let prepared = Prepared { epoch, position, seed, ..prepare(data, recipe, batch) };
                // The receiver is gone: the training has ended early.
                if sender.send(prepared).is_err() {
                    return;
                }
            }
        }
    });
    receiver
}

fn prepare(data: TrainingData<'_>, recipe: &Recipe, batch: usize) -> Prepared {
    let windows: Vec<&Window> =
        data.order.batch(batch).iter().filter_map(|&index| data.windows.get(index)).collect();
    let lengths = windows.iter().map(|window| window.input_ids.len());
    let longest = lengths.clone().max().unwrap_or(0);
    let whole = collate(&windows, recipe.padded_length(longest, data.length_multiple), true);
    let weights = loss_weights(&whole, recipe.gradient_accumulation_steps);
    let rows = recipe.micro_batch.unwrap_or(whole.rows);
    let parts = if whole.rows <= rows { vec![whole] } else { micro_batches(&whole, rows) };
    Prepared {
        epoch: 0,
        position: 0,
        batch,
        parts,
        seed: 0,
        weights,
        windows: windows.len(),
        tokens: lengths.sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::TrainMode;

    pub(crate) fn windows(count: usize) -> Vec<Window> {
        (0..count)
            .map(|index| Window {
                unique_id: 1_000_000_000 + index as u64,
                example_index: index,
                doc_span_index: 0,
                input_ids: vec![1; 4 + index % 5],
                first_segment_length: 2,
                first_doc_token: 2,
                token_to_orig: Vec::new(),
                token_is_max_context: Vec::new(),
                start_position: Some(2),
                end_position: Some(3),
            })
            .collect()
    }

    #[test]
    fn every_window_comes_once_an_epoch_in_the_order_s_order() {
        let windows = windows(11);
        let lengths: Vec<usize> = windows.iter().map(|window| window.input_ids.len()).collect();
        let order = Order::new(&lengths, 4, TrainMode::RandomSorted, 42);
        let recipe =
            Recipe { train_batch_size: 4, micro_batch: Some(3), num_train_epochs: 2.0, ..Recipe::default() };
        let schedule = Schedule::new(&recipe, order.batch_count());
        let data = TrainingData { windows: &windows, question_ids: &[], order: &order, length_multiple: 8 };
        let all: Vec<Prepared> =
            std::thread::scope(|scope| prefetch(scope, data, &recipe, &schedule, 1).into_iter().collect());
        let batches: Vec<usize> = all.iter().map(|prepared| prepared.batch).collect();
        assert_eq!(batches, [order.epoch(2), order.epoch(3)].concat());
        for prepared in &all {
            let rows: Vec<usize> = prepared.parts.iter().map(|part| part.rows).collect();
            assert_eq!(rows, if prepared.windows == 4 { vec![3, 1] } else { vec![3] });
            assert_eq!(prepared.weights.start, 0.5 / prepared.windows as f32);
            assert!(prepared.parts.iter().all(|part| part.length == 8));
        }
        assert_ne!(all[0].seed, all[3].seed);
    }

    #[test]
    fn a_dropped_receiver_ends_the_thread() {
        let windows = windows(100);
        let order = Order::new(&[4; 100], 1, TrainMode::Sorted, 42);
        let recipe = Recipe::default();
        let schedule = Schedule::new(&recipe, 100);
        let data = TrainingData { windows: &windows, question_ids: &[], order: &order, length_multiple: 8 };
        // The scope only ends when the thread does.
        std::thread::scope(|scope| drop(prefetch(scope, data, &recipe, &schedule, 0)));
    }
}
