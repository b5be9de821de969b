//! What a dropout drops: a function of seed and place, so that no mask need be kept, and every backend and every
//! division of a batch drops the same elements.

/// A dropout with the place of its tensor in the whole batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    /// Probability with which an element is zeroed; the others are scaled by `1 / (1 - probability)`.
    pub probability: f32,
    /// Decides, with an element's number, whether it is dropped.
    pub seed: u64,
    /// Number of the tensor's first element in the same tensor of the whole batch: for a micro-batch, the rows before
    /// it times the elements of a row. Numbers count modulo 2^32.
    pub first: u64,
}

impl Dropout {
    /// Elements whose [`bits`] are below this are dropped.
    pub(super) fn threshold(&self) -> u32 {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a probability times 2^32 fits but for 1, which saturates"
        )]
        let threshold = (f64::from(self.probability) * 4_294_967_296.0) as u32;
        threshold
    }

    /// Factor of the elements that stay.
    pub(super) fn scale(&self) -> f32 {
        1.0 / (1.0 - self.probability)
    }

    /// The seed's low and high word, and the number of the first element.
    pub(super) fn words(&self) -> [u32; 3] {
        #[allow(clippy::cast_possible_truncation, reason = "the words are 32 bits of each")]
        let words = [self.seed as u32, (self.seed >> 32) as u32, self.first as u32];
        words
    }

    /// The same dropout on the part of the tensor that starts at its element `offset`.
    #[cfg(feature = "cpu")]
    pub(super) fn part(self, offset: usize) -> Self {
        Self { first: self.first.wrapping_add(offset as u64), ..self }
    }
}

/// Random bits of an element, from its number and the words of the seed. The kernel of the GPU backends
/// (`cube::dropout`) computes the same.
#[cfg(feature = "cpu")]
#[inline(always)]
pub(super) fn bits(number: u32, low: u32, high: u32) -> u32 {
    mix(mix(number ^ low).wrapping_add(high))
}

/// A 32-bit finaliser with low bias (multiply and xor-shift, constants of the `lowbias32` search).
#[cfg(feature = "cpu")]
#[inline(always)]
fn mix(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x7feb_352d);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}
