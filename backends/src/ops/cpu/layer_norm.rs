//! LayerNorm forward and backward, rows in parallel, with the dropout and the addition that come before it in a layer.

use rayon::prelude::*;

use super::{
    dropout::{apply_row, apply_row_to},
    math::{sum, sum_pairs},
    simd::widest,
    unwritten::Unwritten,
};
use crate::ops::Dropout;

/// Rows per task; fixed, so that the column sums of the backward always add in the same order.
const ROWS: usize = 32;

/// What is done to the input first: dropout, if there is one, and the addition of `residual`.
#[derive(Clone, Copy)]
pub struct Before<'a> {
    pub dropout: Option<Dropout>,
    pub residual: &'a [f32],
}

/// Replaces `x` by its normalised form; returns the output and the inverse deviations (one value a row).
pub fn forward(
    x: &mut [f32],
    before: Option<Before<'_>>,
    [gamma, beta]: [&[f32]; 2],
    eps: f32,
) -> (Vec<f32>, Vec<f32>) {
    let (hidden, count) = (gamma.len(), x.len());
    if hidden == 0 {
        return (Vec::new(), Vec::new());
    }
    assert!(count.is_multiple_of(hidden), "whole rows");
    assert!(before.is_none_or(|before| before.residual.len() == count), "size of a residual");
    #[allow(clippy::cast_precision_loss, reason = "a width is exact up to 2^24")]
    let factor = 1.0 / hidden as f32;
    let output = Unwritten::new(count);
    let mut inverse_deviation = vec![0.0; count / hidden];
    let tasks = x.par_chunks_mut(ROWS * hidden).zip(inverse_deviation.par_chunks_mut(ROWS));
    tasks.enumerate().for_each(|(task, (x, deviations))| {
        let first = task * ROWS * hidden;
        // SAFETY: the rows of this task.
        #[allow(unsafe_code)]
        let output = unsafe { output.part(first, x.len()) };
        let places = (first..).step_by(hidden).zip(deviations);
        let rows = x.chunks_exact_mut(hidden).zip(output.chunks_exact_mut(hidden)).zip(places);
        widest(
            #[inline(always)]
            || {
                for ((x, output), (first, deviation)) in rows {
                    if let Some(Before { dropout, residual }) = before {
                        if let Some(dropout) = dropout {
                            apply_row(x, dropout.part(first));
                        }
                        for (x, residual) in x.iter_mut().zip(&residual[first..first + hidden]) {
                            *x += residual;
                        }
                    }
                    let mean = sum(x, |v| v) * factor;
                    let variance = sum(x, |v| (v - mean) * (v - mean)) * factor;
                    let inverse = 1.0 / (variance + eps).sqrt();
                    *deviation = inverse;
                    for (((x, output), &gamma), &beta) in x.iter_mut().zip(output).zip(gamma).zip(beta) {
                        *x = (*x - mean) * inverse;
                        output.write(*x * gamma + beta);
                    }
                }
            },
        );
    });
    // SAFETY: the tasks have written all rows.
    #[allow(unsafe_code)]
    let output = unsafe { output.written(count) };
    (output, inverse_deviation)
}

/// Gradients beside the input's.
pub struct Gradients {
    pub gamma: Vec<f32>,
    pub beta: Vec<f32>,
    /// What a dropout leaves of the input's, if there is one.
    pub dropped: Option<Vec<f32>>,
}

/// Replaces `grad` by the input's gradient.
pub fn backward(
    normalized: &[f32],
    inverse_deviation: &[f32],
    gamma: &[f32],
    grad: &mut [f32],
    dropout: Option<Dropout>,
) -> Gradients {
    let (hidden, count) = (gamma.len(), grad.len());
    let mut totals = Gradients { gamma: vec![0.0; hidden], beta: vec![0.0; hidden], dropped: None };
    if hidden == 0 {
        return totals;
    }
    assert!(count.is_multiple_of(hidden) && normalized.len() == count, "whole rows");
    assert_eq!(inverse_deviation.len(), count / hidden, "a deviation for each row");
    #[allow(clippy::cast_precision_loss, reason = "a width is exact up to 2^24")]
    let factor = 1.0 / hidden as f32;
    let dropped = dropout.map(|dropout| (dropout, Unwritten::new(count)));
    let partials: Vec<(Vec<f32>, Vec<f32>)> = grad
        .par_chunks_mut(ROWS * hidden)
        .zip(normalized.par_chunks(ROWS * hidden))
        .zip(inverse_deviation.par_chunks(ROWS))
        .enumerate()
        .map(|(task, ((grad, normalized), deviations))| {
            let mut partial = (vec![0.0; hidden], vec![0.0; hidden]);
            let places = (task * ROWS * hidden..).step_by(hidden).zip(deviations);
            let rows = grad.chunks_exact_mut(hidden).zip(normalized.chunks_exact(hidden)).zip(places);
            widest(
                #[inline(always)]
                || {
                    for ((grad, normalized), (first, &inverse)) in rows {
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
                        if let Some((dropout, to)) = &dropped {
                            // SAFETY: a row of this task.
                            #[allow(unsafe_code)]
                            let to = unsafe { to.part(first, hidden) };
                            apply_row_to(to, grad, dropout.part(first));
                        }
                    }
                },
            );
            partial
        })
        .collect();
    for (d_gamma, d_beta) in partials {
        totals.gamma.iter_mut().zip(d_gamma).for_each(|(total, part)| *total += part);
        totals.beta.iter_mut().zip(d_beta).for_each(|(total, part)| *total += part);
    }
    // SAFETY: the tasks have written all rows.
    #[allow(unsafe_code)]
    let written = |values: Unwritten<f32>| unsafe { values.written(count) };
    totals.dropped = dropped.map(|(_, values)| written(values));
    totals
}
