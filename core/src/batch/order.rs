//! The order in which training windows are seen: the reference's three train modes.

use serde::{Deserialize, Serialize};

use super::PythonRandom;

/// How training windows are ordered (`train_mode` of the reference).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum TrainMode {
    /// Windows sorted by length and cut into batches once; the batches are shuffled every epoch.
    #[default]
    RandomSorted,
    /// Windows shuffled and cut into batches once; the batches are shuffled every epoch.
    Random,
    /// Windows sorted by length; the same order every epoch.
    Sorted,
}

/// The batches of a training and their order in every epoch, a function of (seed, epoch) alone.
#[derive(Clone, Debug)]
pub struct Order {
    windows: Vec<usize>,
    batch_size: usize,
    mode: TrainMode,
    random: PythonRandom,
}

impl Order {
    /// Cuts windows, given by their real lengths, into batches of `batch_size` (0 counts as 1); the last one may
    /// be smaller. Equal lengths keep their order.
    #[must_use]
    pub fn new(lengths: &[usize], batch_size: usize, mode: TrainMode, seed: u64) -> Self {
        let mut windows: Vec<usize> = (0..lengths.len()).collect();
        let mut random = PythonRandom::new(seed);
        match mode {
            TrainMode::RandomSorted | TrainMode::Sorted => windows.sort_by_key(|&window| lengths[window]),
            TrainMode::Random => random.shuffle(&mut windows),
        }
        Self { windows, batch_size: batch_size.max(1), mode, random }
    }

    /// Number of batches in an epoch.
    #[must_use]
    pub fn batch_count(&self) -> usize {
        self.windows.len().div_ceil(self.batch_size)
    }

    /// The windows of a batch, in row order; none for a batch that does not exist.
    #[must_use]
    pub fn batch(&self, batch: usize) -> &[usize] {
        self.windows.chunks(self.batch_size).nth(batch).unwrap_or(&[])
    }

    /// The batches of an epoch, counted from 0 over all trainings of a learning-rate sweep (the reference shuffles
    /// one list in place, so every epoch starts from the last one's order).
    #[must_use]
    pub fn epoch(&self, epoch: usize) -> Vec<usize> {
        let mut batches: Vec<usize> = (0..self.batch_count()).collect();
        if self.mode != TrainMode::Sorted {
            let mut random = self.random.clone();
            (0..=epoch).for_each(|_| random.shuffle(&mut batches));
        }
        batches
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_lengths_keep_their_order_and_the_last_batch_may_be_small() {
        let order = Order::new(&[5, 3, 5, 3, 9], 2, TrainMode::Sorted, 42);
        assert_eq!(order.batch_count(), 3);
        assert_eq!([order.batch(0), order.batch(1), order.batch(2)], [&[1, 3][..], &[0, 2], &[4]]);
        assert_eq!(order.batch(3), &[] as &[usize]);
        assert_eq!((order.epoch(0), order.epoch(3)), (vec![0, 1, 2], vec![0, 1, 2]));
    }

    #[test]
    fn epochs_are_those_of_python() {
        // random.seed(42), then three times random.shuffle of the same list of seven.
        let order = Order::new(&[1; 14], 2, TrainMode::RandomSorted, 42);
        assert_eq!(order.epoch(0), [1, 3, 4, 2, 6, 0, 5]);
        assert_eq!(order.epoch(2), [6, 4, 1, 5, 0, 3, 2]);
        assert_eq!(order.epoch(1), [2, 5, 4, 6, 1, 0, 3]);
    }

    #[test]
    fn random_shuffles_windows_first_and_then_batches() {
        // random.seed(7); w = list(range(7)); shuffle(w); b = list(range(4)); shuffle(b); shuffle(b)
        let order = Order::new(&[9, 8, 7, 6, 5, 4, 3], 2, TrainMode::Random, 7);
        let windows: Vec<usize> = (0..4).flat_map(|batch| order.batch(batch).to_vec()).collect();
        assert_eq!(windows, [5, 6, 4, 0, 3, 1, 2]);
        assert_eq!(order.epoch(0), [1, 0, 3, 2]);
        assert_eq!(order.epoch(1), [2, 3, 1, 0]);
    }
}
