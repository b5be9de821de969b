//! Seeds of the dropouts of one forward pass.

/// Hands every dropout of a forward pass a seed of its own, derived from the micro-batch's.
///
/// Everything random in a step thus follows from (run seed, epoch, step, micro-batch) and the place in the
/// model, whatever ran before: a resumed run draws what the uninterrupted one would have drawn.
#[derive(Clone, Debug)]
pub struct DropoutSeeds {
    seed: u64,
    site: u64,
}

impl DropoutSeeds {
    /// Starts at the first dropout of the model.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, site: 0 }
    }

    /// Seed of the next dropout.
    pub fn next_seed(&mut self) -> u64 {
        self.site += 1;
        splitmix64(self.seed ^ self.site.wrapping_mul(0xd1b5_4a32_d192_ed03))
    }
}

/// Output function of the splitmix64 generator.
fn splitmix64(state: u64) -> u64 {
    let z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_differ_and_repeat() {
        let draw = |seed| {
            let mut seeds = DropoutSeeds::new(seed);
            [seeds.next_seed(), seeds.next_seed(), seeds.next_seed()]
        };
        assert_eq!(draw(1), draw(1));
        let [a, b, c] = draw(1);
        assert!(a != b && b != c && a != c);
        assert_ne!(draw(1), draw(2));
    }
}
