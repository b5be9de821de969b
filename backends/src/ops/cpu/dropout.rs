//! Dropout whose mask is a function of (seed, element index): nothing to store, the same on every machine.

use rayon::prelude::*;

use super::CHUNK;

/// Zeroes each element with probability `p` and scales the rest by `1 / (1 - p)`, in place. The backward is
/// the same call on the gradient.
pub fn apply(x: &mut [f32], p: f32, seed: u64) {
    x.par_chunks_mut(CHUNK).enumerate().for_each(|(task, chunk)| apply_part(chunk, task * CHUNK, p, seed));
}

/// [`apply`] to the part of a tensor that starts at element `first`, on this thread.
pub fn apply_part(part: &mut [f32], first: usize, p: f32, seed: u64) {
    let scale = 1.0 / (1.0 - p);
    // p is a probability, so the product fits.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let threshold = (f64::from(p) * 4_294_967_296.0) as u32;
    #[allow(clippy::cast_possible_truncation)]
    let (low, high, first) = (seed as u32, (seed >> 32) as u32, first as u32);
    for (offset, x) in (0u32..).zip(part) {
        let bits = mix(mix(first.wrapping_add(offset) ^ low).wrapping_add(high));
        *x = if bits < threshold { 0.0 } else { *x * scale };
    }
}

/// A 32-bit finaliser with low bias (multiply and xor-shift, constants of the `lowbias32` search).
#[inline(always)]
fn mix(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x7feb_352d);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_right_share_and_scales_it() {
        let mut x = vec![1.0f32; 1_000_000];
        apply(&mut x, 0.1, 42);
        let dropped = x.iter().filter(|&&v| v == 0.0).count();
        // Five standard deviations of a binomial around 100,000.
        assert!((98_500..101_500).contains(&dropped), "{dropped} of a million dropped");
        assert!(x.iter().all(|&v| v == 0.0 || (v - 1.0 / 0.9).abs() < 1e-6));
    }

    #[test]
    fn depends_on_the_seed_alone() {
        let draw = |seed| {
            let mut x = vec![1.0f32; 50_000];
            apply(&mut x, 0.5, seed);
            x
        };
        assert_eq!(draw(7), draw(7));
        let differing = draw(7).iter().zip(draw(8)).filter(|(a, b)| **a != *b).count();
        assert!((24_000..26_000).contains(&differing), "{differing} of 50,000 differ");
    }
}
