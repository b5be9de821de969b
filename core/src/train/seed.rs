//! Seeds that depend only on where a training is, so that a resumed run draws the same dropout.

/// Seed of a batch's dropout, from the recipe's seed and its place: epoch (over all trainings of a sweep) and batch of
/// the epoch. Its micro-batches share it: what is dropped depends on the row of the batch, not on how it is split.
#[must_use]
pub fn dropout_seed(seed: u64, epoch: usize, position: usize) -> u64 {
    [epoch, position].into_iter().fold(mix(seed), |state, word| mix(state ^ mix(word as u64)))
}

/// The finaliser of splitmix64 (Steele, Lea and Flood 2014): every input bit changes half of the output's.
fn mix(word: u64) -> u64 {
    let mut z = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixing_is_splitmix64() {
        // First output of the published generator seeded with 0.
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
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
