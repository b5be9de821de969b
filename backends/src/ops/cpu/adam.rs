//! The Adam update in one pass over weight, moments and gradient.

use rayon::prelude::*;

use super::{CHUNK, math, simd::widest};
use crate::ops::AdamStep;

/// Updates weight and moments in place; `grad` counts times `factor`.
pub fn update(
    weight: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
    grad: &[f32],
    factor: f32,
    step: AdamStep,
) {
    let AdamStep { beta1, beta2, eps, weight_decay, learning_rate } = step;
    let (new1, new2) = ((1.0 - beta1) as f32, (1.0 - beta2) as f32);
    let (beta1, beta2) = (beta1 as f32, beta2 as f32);
    weight
        .par_chunks_mut(CHUNK)
        .zip(first.par_chunks_mut(CHUNK))
        .zip(second.par_chunks_mut(CHUNK))
        .zip(grad.par_chunks(CHUNK))
        .for_each(|(((weight, first), second), grad)| {
            widest(
                #[inline(always)]
                || {
                    for (((w, m), v), &g) in weight.iter_mut().zip(first).zip(second).zip(grad) {
                        let g = g * factor;
                        *m = *m * beta1 + g * new1;
                        *v = *v * beta2 + g * g * new2;
                        let update = *m / (v.sqrt() + eps) + weight_decay * *w;
                        *w -= learning_rate * update;
                    }
                },
            );
        });
}

/// Sum of squares, from partial sums over fixed chunks added in order.
pub fn square_sum(x: &[f32]) -> f32 {
    let partial: Vec<f32> = x
        .par_chunks(CHUNK)
        .map(|chunk| {
            widest(
                #[inline(always)]
                || math::sum(chunk, |v| v * v),
            )
        })
        .collect();
    #[allow(
        clippy::cast_possible_truncation,
        reason = "summed in f64 because a large table has thousands of chunks"
    )]
    let total = partial.into_iter().map(f64::from).sum::<f64>() as f32;
    total
}
