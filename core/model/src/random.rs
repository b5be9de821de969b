//! Our own random numbers: the same on every platform and with every version of every crate.
//!
//! Runs are resumed, and demonstration data and fresh weights are made again, bit for bit; no number here may ever change.

/// What the state of [`SplitMix`] advances by: 2^64 over the golden ratio, odd.
pub const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Splitmix64, a 64-bit generator with one word of state (Steele, Lea and Flood 2014).
#[derive(Clone, Debug)]
pub struct SplitMix {
    state: u64,
}

impl SplitMix {
    /// A generator that is fully determined by `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mix(self.state)
    }

    /// A number in `0..bound`; 0 if `bound` is 0. The bias of the modulo is below 2^-50 for the bounds used here.
    pub fn below(&mut self, bound: usize) -> usize {
        if bound == 0 { 0 } else { (self.next_u64() % bound as u64) as usize }
    }

    /// One of the items.
    ///
    /// # Panics
    /// If there are none; callers pass constant lists.
    pub fn choose<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// Fisher-Yates shuffle.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// Uniform in [-1, 1), in steps of 2^-52.
    #[allow(clippy::cast_precision_loss, reason = "53 bits fit")]
    pub fn symmetric(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

/// The finaliser of splitmix64: every bit of the input changes half of the output's.
#[must_use]
pub fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// The first number of the generator seeded with `seed`: a hash of one word.
#[must_use]
pub fn first(seed: u64) -> u64 {
    mix(seed.wrapping_add(GOLDEN))
}

/// Number `index`, from 0, of the generator seeded with `seed`, without the ones before.
#[must_use]
pub fn nth(seed: u64, index: u64) -> u64 {
    mix(seed.wrapping_add((index + 1).wrapping_mul(GOLDEN)))
}

/// 64-bit FNV-1a (Fowler, Noll and Vo): the seed that a name gives, on every platform and with every release of Rust.
#[must_use]
pub fn fnv1a(name: &str) -> u64 {
    name.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_published_sequence() {
        // First outputs for seeds 1234567 and 0, as published with the algorithm.
        let mut random = SplitMix::new(1_234_567);
        assert_eq!(random.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(random.next_u64(), 3_203_168_211_198_807_973);
        assert_eq!(first(0), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn any_number_can_be_drawn_alone() {
        let mut random = SplitMix::new(42);
        for index in 0..5 {
            assert_eq!(nth(42, index), random.next_u64());
        }
        assert_eq!(nth(42, 0), first(42));
    }

    #[test]
    fn shuffle_keeps_every_item() {
        let mut items: Vec<u32> = (0..50).collect();
        SplitMix::new(3).shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }

    /// The constants come from tests/scripts/splitmix_golden.py, which computes them in another language.
    #[test]
    fn derived_numbers_stay_what_they_are() {
        let mut random = SplitMix::new(7);
        assert_eq!([(); 6].map(|()| random.below(10)), [7, 4, 6, 3, 4, 5]);
        let mut items: [u8; 8] = std::array::from_fn(|index| index as u8);
        SplitMix::new(3).shuffle(&mut items);
        assert_eq!(items, [7, 0, 1, 4, 2, 6, 3, 5]);
        assert_eq!(SplitMix::new(9).symmetric(), 0.364_725_469_957_991_6);
    }

    #[test]
    fn fnv1a_gives_the_published_values() {
        assert_eq!(fnv1a(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a("foobar"), 0x8594_4171_f739_67e8);
    }
}
