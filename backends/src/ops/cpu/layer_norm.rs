//! LayerNorm forward and backward, rows in parallel.

use rayon::prelude::*;

use super::{
    math::{sum, sum_pairs},
    simd::widest,
};

/// Rows per task; fixed, so that the column sums of the backward always add in the same order.
const ROWS: usize = 32;

/// Replaces `x` by its normalised form and writes `output` and `inverse_deviation` (one value a row).
pub fn forward(
    x: &mut [f32],
    output: &mut [f32],
    inverse_deviation: &mut [f32],
    gamma: &[f32],
    beta: &[f32],
    eps: f32,
) {
    let hidden = gamma.len();
    if hidden == 0 {
        return;
    }
    #[allow(clippy::cast_precision_loss, reason = "a width is exact up to 2^24")]
    let factor = 1.0 / hidden as f32;
    x.par_chunks_mut(ROWS * hidden)
        .zip(output.par_chunks_mut(ROWS * hidden))
        .zip(inverse_deviation.par_chunks_mut(ROWS))
        .for_each(|((x, output), deviations)| {
            let rows = x.chunks_exact_mut(hidden).zip(output.chunks_exact_mut(hidden)).zip(deviations);
            widest(
                #[inline(always)]
                || {
                    for ((x, output), deviation) in rows {
                        let mean = sum(x, |v| v) * factor;
                        let variance = sum(x, |v| (v - mean) * (v - mean)) * factor;
                        let inverse = 1.0 / (variance + eps).sqrt();
                        *deviation = inverse;
                        for (((x, output), &gamma), &beta) in x.iter_mut().zip(output).zip(gamma).zip(beta) {
                            *x = (*x - mean) * inverse;
                            *output = *x * gamma + beta;
                        }
                    }
                },
            );
        });
}

/// Replaces `grad` by the input's gradient and returns those of gamma and beta.
pub fn backward(
    normalized: &[f32],
    inverse_deviation: &[f32],
    gamma: &[f32],
    grad: &mut [f32],
) -> (Vec<f32>, Vec<f32>) {
    let hidden = gamma.len();
    let mut totals = (vec![0.0; hidden], vec![0.0; hidden]);
    if hidden == 0 {
        return totals;
    }
    #[allow(clippy::cast_precision_loss, reason = "a width is exact up to 2^24")]
    let factor = 1.0 / hidden as f32;
    let partials: Vec<(Vec<f32>, Vec<f32>)> = grad
        .par_chunks_mut(ROWS * hidden)
        .zip(normalized.par_chunks(ROWS * hidden))
        .zip(inverse_deviation.par_chunks(ROWS))
        .map(|((grad, normalized), deviations)| {
            let mut partial = (vec![0.0; hidden], vec![0.0; hidden]);
            let rows = grad.chunks_exact_mut(hidden).zip(normalized.chunks_exact(hidden)).zip(deviations);
            widest(
                #[inline(always)]
                || {
                    for ((grad, normalized), &inverse) in rows {
                        for column in 0..hidden {
                            partial.0[column] += grad[column] * normalized[column];
                            partial.1[column] += grad[column];
                            grad[column] *= gamma[column];
                        }
                        let mean = sum(grad, |v| v) * factor;
                        let projection = sum_pairs(grad, normalized, |grad, n| grad * n) * factor;
                        for (grad, &n) in grad.iter_mut().zip(normalized) {
                            *grad = (*grad - mean - n * projection) * inverse;
                        }
                    }
                },
            );
            partial
        })
        .collect();
    for (d_gamma, d_beta) in partials {
        totals.0.iter_mut().zip(d_gamma).for_each(|(total, part)| *total += part);
        totals.1.iter_mut().zip(d_beta).for_each(|(total, part)| *total += part);
    }
    totals
}
