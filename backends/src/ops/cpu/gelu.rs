//! GELU and its derivative in place.

use rayon::prelude::*;

use super::{CHUNK, math::normal_cdf_and_exp, simd::widest};

/// `1 / sqrt(2 pi)`.
const FRAC_1_SQRT_2PI: f32 = 0.398_942_3;

/// `x * Phi(x)`, in place.
pub fn forward(x: &mut [f32]) {
    x.par_chunks_mut(CHUNK).for_each(|chunk| {
        widest(
            #[inline(always)]
            || {
                for x in chunk {
                    *x *= normal_cdf_and_exp(*x).0;
                }
            },
        );
    });
}

/// `grad * (Phi(x) + x * phi(x))`, in place in `grad`.
pub fn backward(x: &[f32], grad: &mut [f32]) {
    grad.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).for_each(|(grad, x)| {
        widest(
            #[inline(always)]
            || {
                for (grad, &x) in grad.iter_mut().zip(x) {
                    let (cdf, exponential) = normal_cdf_and_exp(x);
                    *grad *= cdf + x * FRAC_1_SQRT_2PI * exponential;
                }
            },
        );
    });
}
