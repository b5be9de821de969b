//! Seeds that depend only on where a training is, so that a resumed run draws the same dropout.

use crate::random::first;

/// Seed of a batch's dropout, from the recipe's seed and its place: epoch (over all trainings of a sweep) and batch of
/// the epoch. Its micro-batches share it: what is dropped depends on the row of the batch, not on how it is split.
#[must_use]
pub fn dropout_seed(seed: u64, epoch: usize, position: usize) -> u64 {
    [epoch, position].into_iter().fold(first(seed), |state, word| first(state ^ first(word as u64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The constant comes from tests/scripts/splitmix_golden.py: a run of today must be resumed with the same dropout.
    #[test]
    fn seeds_stay_what_they_are() {
        assert_eq!(dropout_seed(42, 3, 2), 0xadd8_159c_8f61_4d3c);
    }

    #[test]
    fn places_have_seeds_of_their_own() {
        let places = [(0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (0, 2)];
        let mut seeds: Vec<u64> = places.iter().map(|&(e, p)| dropout_seed(42, e, p)).collect();
        seeds.push(dropout_seed(43, 0, 0));
        seeds.sort_unstable();
        seeds.dedup();
        assert_eq!(seeds.len(), 7);
        assert_eq!(dropout_seed(42, 3, 2), dropout_seed(42, 3, 2));
    }
}
