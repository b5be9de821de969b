//! Dropout in place; see [`Dropout`].

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::{CHUNK, simd::widest};
use crate::ops::{Dropout, dropout::bits};

/// Zeroes the elements that are dropped and scales the rest, in place. The backward is the same call on the gradient.
pub fn apply(x: &mut [f32], dropout: Dropout) {
    x.par_chunks_mut(CHUNK).enumerate().for_each(|(task, chunk)| {
        widest(
            #[inline(always)]
            || apply_row(chunk, dropout.part(task * CHUNK)),
        );
    });
}

/// [`apply`] for a caller that is itself compiled for the widest vectors.
#[inline(always)]
pub fn apply_row(x: &mut [f32], dropout: Dropout) {
    let left = left_by(dropout);
    for (offset, x) in (0u32..).zip(x) {
        *x = left(offset, *x);
    }
}

/// [`apply_row`] with a place of its own for the result.
#[inline(always)]
pub fn apply_row_to(to: &mut [MaybeUninit<f32>], x: &[f32], dropout: Dropout) {
    let left = left_by(dropout);
    for (offset, (to, x)) in (0u32..).zip(to.iter_mut().zip(x)) {
        to.write(left(offset, *x));
    }
}

/// What is left of an element, by its place from the first one.
#[inline(always)]
fn left_by(dropout: Dropout) -> impl Fn(u32, f32) -> f32 {
    let (scale, threshold) = (dropout.scale(), dropout.threshold());
    let [low, high, first] = dropout.words();
    #[inline(always)]
    move |offset, x| if bits(first.wrapping_add(offset), low, high) < threshold { 0.0 } else { x * scale }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_right_share_and_scales_it() {
        let mut x = vec![1.0f32; 1_000_000];
        apply(&mut x, Dropout { probability: 0.1, seed: 42, first: 0 });
        let dropped = x.iter().filter(|&&v| v == 0.0).count();
        // Five standard deviations of a binomial around 100,000.
        assert!((98_500..101_500).contains(&dropped), "{dropped} of a million dropped");
        assert!(x.iter().all(|&v| v == 0.0 || (v - 1.0 / 0.9).abs() < 1e-6));
    }

    #[test]
    fn depends_on_seed_and_place_alone() {
        let draw = |seed| {
            let mut x = vec![1.0f32; 50_000];
            apply(&mut x, Dropout { probability: 0.5, seed, first: 0 });
            x
        };
        assert_eq!(draw(7), draw(7));
        let differing = draw(7).iter().zip(draw(8)).filter(|(a, b)| **a != *b).count();
        assert!((24_000..26_000).contains(&differing), "{differing} of 50,000 differ");

        let mut part = vec![1.0f32; 30_000];
        apply(&mut part, Dropout { probability: 0.5, seed: 7, first: 20_000 });
        assert_eq!(part, draw(7)[20_000..]);
    }
}
