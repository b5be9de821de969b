//! Seeds of the dropouts of one forward pass.

use spanbert_backends::ops::Dropout;

use crate::random::first;

/// Hands every dropout of a forward pass a seed of its own, derived from the batch's, and its place in the batch.
///
/// Everything random in a step thus follows from (run seed, epoch, step), the place in the model and the row of the
/// batch, whatever ran before and however the batch is divided: a resumed run draws what the uninterrupted one would
/// have drawn, and so does one with smaller micro-batches.
#[derive(Clone, Debug)]
pub struct DropoutSeeds {
    seed: u64,
    first_position: u64,
    site: u64,
}

impl DropoutSeeds {
    /// Starts at the first dropout of the model, for rows that begin at position `first_position` of the batch (rows
    /// before them times length).
    #[must_use]
    pub fn new(seed: u64, first_position: usize) -> Self {
        Self { seed, first_position: first_position as u64, site: 0 }
    }

    /// The next dropout, on a tensor with `width` elements a position.
    pub fn next_dropout(&mut self, probability: f32, width: usize) -> Dropout {
        self.site += 1;
        Dropout {
            probability,
            seed: first(self.seed ^ self.site.wrapping_mul(0xd1b5_4a32_d192_ed03)),
            first: self.first_position.wrapping_mul(width as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_differ_and_repeat() {
        let draw = |seed| {
            let mut seeds = DropoutSeeds::new(seed, 0);
            [(); 3].map(|()| seeds.next_dropout(0.1, 8).seed)
        };
        assert_eq!(draw(1), draw(1));
        let [a, b, c] = draw(1);
        assert!(a != b && b != c && a != c);
        assert_ne!(draw(1), draw(2));
    }

    /// The constants come from tests/scripts/splitmix_golden.py: a run of today must be resumed with the same dropout.
    #[test]
    fn seeds_stay_what_they_are() {
        let mut seeds = DropoutSeeds::new(1, 0);
        let found = [(); 2].map(|()| seeds.next_dropout(0.1, 8).seed);
        assert_eq!(found, [0x4841_6938_ef0d_cf6f, 0x09a2_3c3a_0ffe_dfe9]);
    }

    #[test]
    fn later_rows_go_on_where_earlier_ones_end() {
        let mut seeds = DropoutSeeds::new(1, 3 * 20);
        assert_eq!(seeds.next_dropout(0.1, 8).first, 3 * 20 * 8);
        assert_eq!(seeds.next_dropout(0.1, 4 * 20).first, 3 * 20 * 4 * 20);
    }
}
