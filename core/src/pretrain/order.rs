//! The order of texts in an epoch.

use crate::{random::SplitMix, train::dropout_seed};

/// So many batches are sorted by length together: little padding, and still a random order.
const POOL: usize = 32;
/// Tells the draws of the order from those of dropout.
const ORDER: usize = usize::MAX;

/// The texts of each batch, determined by seed and epoch. Texts of one batch are of similar length, and batches of (almost)
/// equal size: a small remainder would count as much as a whole batch.
pub(super) fn epoch_batches(lengths: &[usize], batch: usize, seed: u64, epoch: usize) -> Vec<Vec<usize>> {
    let mut random = SplitMix::new(dropout_seed(seed, epoch, ORDER));
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    random.shuffle(&mut order);
    for pool in order.chunks_mut(batch.saturating_mul(POOL).max(1)) {
        pool.sort_by_key(|&text| lengths[text]);
    }
    let (texts, count) = (order.len(), order.len().div_ceil(batch.max(1)));
    let bounds = (0..count).map(|index| index * texts / count..(index + 1) * texts / count);
    let mut batches: Vec<Vec<usize>> = bounds.map(|bounds| order[bounds].to_vec()).collect();
    random.shuffle(&mut batches);
    batches
}

#[cfg(test)]
mod tests {
    use super::epoch_batches;

    #[test]
    fn every_text_comes_once_and_epochs_differ() {
        let lengths: Vec<usize> = (0..103).map(|text| text * 7 % 50).collect();
        let first = epoch_batches(&lengths, 8, 1, 0);
        assert_eq!(first.len(), 13);
        assert!(first.iter().all(|batch| (7..=8).contains(&batch.len())));
        assert_eq!(epoch_batches(&lengths[..1], 8, 1, 0), [[0]]);
        let mut all: Vec<usize> = first.iter().flatten().copied().collect();
        all.sort_unstable();
        assert_eq!(all, (0..103).collect::<Vec<_>>());
        assert_eq!(first, epoch_batches(&lengths, 8, 1, 0));
        assert_ne!(first, epoch_batches(&lengths, 8, 1, 1));
        assert_ne!(first, epoch_batches(&lengths, 8, 2, 0));
        let spread = |batch: &Vec<usize>| {
            let lengths = batch.iter().map(|&text| lengths[text]);
            lengths.clone().max().unwrap() - lengths.min().unwrap()
        };
        let mean = first.iter().map(spread).sum::<usize>() as f64 / first.len() as f64;
        assert!(mean < 8.0, "lengths in a batch differ by {mean}");
    }
}
