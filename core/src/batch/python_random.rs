//! Python's `random.seed(int)` and `random.shuffle`, so that batches come in the reference's order.
//!
//! Generator: MT19937 (Matsumoto and Nishimura 1998) seeded by its key-array procedure; `shuffle` is Fisher-Yates
//! from the end, each index drawn by rejection from the fewest sufficient bits (CPython's `Random._randbelow`).

const STATE: usize = 624;
const SHIFT: usize = 397;
const UPPER: u32 = 0x8000_0000;

/// The generator behind Python's module `random`.
#[derive(Clone, Debug)]
pub struct PythonRandom {
    state: [u32; STATE],
    next: usize,
}

impl PythonRandom {
    /// As `random.seed(seed)`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        // Python seeds with the integer's 32-bit words, lowest first, without leading zeros.
        let (low, high) = (seed as u32, (seed >> 32) as u32);
        if high == 0 { Self::from_key(&[low]) } else { Self::from_key(&[low, high]) }
    }

    fn from_key(key: &[u32]) -> Self {
        let mut state = [0u32; STATE];
        state[0] = 19_650_218;
        for i in 1..STATE {
            state[i] = mix(state[i - 1]).wrapping_mul(1_812_433_253).wrapping_add(i as u32);
        }
        let mut i = 1;
        for (j, word) in key.iter().enumerate().cycle().take(STATE.max(key.len())) {
            let mixed = state[i] ^ mix(state[i - 1]).wrapping_mul(1_664_525);
            state[i] = mixed.wrapping_add(*word).wrapping_add(j as u32);
            i = advance(&mut state, i);
        }
        for _ in 1..STATE {
            let mixed = state[i] ^ mix(state[i - 1]).wrapping_mul(1_566_083_941);
            state[i] = mixed.wrapping_sub(i as u32);
            i = advance(&mut state, i);
        }
        state[0] = UPPER;
        Self { state, next: STATE }
    }

    /// The next 32 random bits (`random.getrandbits(32)`).
    pub fn next_u32(&mut self) -> u32 {
        if self.next == STATE {
            self.regenerate();
        }
        let mut word = self.state[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    fn regenerate(&mut self) {
        for i in 0..STATE {
            let joined = (self.state[i] & UPPER) | (self.state[(i + 1) % STATE] & !UPPER);
            let twist = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + SHIFT) % STATE] ^ (joined >> 1) ^ twist;
        }
        self.next = 0;
    }

    /// A uniform integer below `bound`, which must fit 32 bits; 0 for a bound of 0.
    fn below(&mut self, bound: usize) -> usize {
        let bits = usize::BITS - bound.leading_zeros();
        if bits == 0 {
            return 0;
        }
        loop {
            let drawn = (self.next_u32() >> (32 - bits.min(32))) as usize;
            if drawn < bound {
                return drawn;
            }
        }
    }

    /// As `random.shuffle`: in place, for up to 2³² - 1 items.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = self.below(i + 1);
            items.swap(i, j);
        }
    }
}

fn mix(word: u32) -> u32 {
    word ^ (word >> 30)
}

fn advance(state: &mut [u32; STATE], i: usize) -> usize {
    if i + 1 < STATE {
        return i + 1;
    }
    state[0] = state[STATE - 1];
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    // Values printed by CPython 3.11: `random.seed(s)`, then `getrandbits(32)` or `shuffle(list(range(n)))`.

    #[test]
    fn bits_are_python_s() {
        let mut random = PythonRandom::new(42);
        assert_eq!([random.next_u32(), random.next_u32()], [2_746_317_213, 478_163_327]);
        let mut random = PythonRandom::new(0);
        assert_eq!(random.next_u32(), 3_626_764_237);
    }

    #[test]
    fn seeds_beyond_32_bits_are_python_s() {
        let mut random = PythonRandom::new(0x0123_4567_89ab_cdef);
        assert_eq!(
            [random.next_u32(), random.next_u32(), random.next_u32()],
            [3_851_240_871, 1_496_727_489, 1_688_815_724]
        );
    }

    #[test]
    fn shuffles_are_python_s_and_go_on() {
        let mut random = PythonRandom::new(42);
        let mut items: Vec<usize> = (0..10).collect();
        random.shuffle(&mut items);
        assert_eq!(items, [7, 3, 2, 8, 5, 6, 9, 4, 0, 1]);
        random.shuffle(&mut items);
        assert_eq!(items, [8, 6, 2, 5, 3, 0, 4, 7, 9, 1]);
    }

    #[test]
    fn short_lists_draw_nothing() {
        let mut random = PythonRandom::new(42);
        random.shuffle(&mut [0; 1]);
        random.shuffle::<u8>(&mut []);
        assert_eq!(random.next_u32(), 2_746_317_213);
    }
}
