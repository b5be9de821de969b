//! Self-attention in one operation: every (sequence, head) is a task of its own, from scores to context, on data
//! that stays in the core's cache.

use rayon::prelude::*;

use super::{
    attention::{softmax, softmax_backward},
    dropout,
    half::{round, round_row},
    matrix::{Threads, View, multiply},
    simd::widest,
    unwritten::Unwritten,
};
use crate::ops::SelfAttention;

/// Where a head's `[length, head_size]` lies in `[batch * length, hidden]`.
fn head_view(spec: &SelfAttention, task: usize) -> View {
    let (sequence, head) = (task / spec.heads, task % spec.heads);
    View {
        offset: sequence * spec.length * spec.hidden() + head * spec.head_size,
        rows: spec.length,
        columns: spec.head_size,
        row_stride: spec.hidden(),
        column_stride: 1,
    }
}

/// Copies a row of probabilities with dropout applied, if there is any; `row` counts over all tasks.
#[inline(always)]
fn drop_row(probabilities: &[f32], dropped: &mut [f32], row: usize, spec: &SelfAttention) {
    if let Some(dropout) = spec.dropout {
        dropped.copy_from_slice(probabilities);
        dropout::apply_row(dropped, dropout.part(row * spec.length));
        round_row(dropped, spec.precision);
    }
}

/// `[batch * heads, length, head_size]` into `[batch * length, hidden]`.
fn merge(heads: &[f32], spec: &SelfAttention) -> Vec<f32> {
    let (length, size, hidden) = (spec.length, spec.head_size, spec.hidden());
    assert!(heads.len().is_multiple_of(hidden * length), "whole sequences");
    let merged = Unwritten::new(heads.len());
    heads.par_chunks(hidden * length).enumerate().for_each(|(sequence, heads)| {
        // SAFETY: the rows of this sequence.
        #[allow(unsafe_code)]
        let rows = unsafe { merged.part(sequence * hidden * length, heads.len()) };
        for (position, row) in rows.chunks_exact_mut(hidden).enumerate() {
            for (head, part) in row.chunks_exact_mut(size).enumerate() {
                let from = &heads[(head * length + position) * size..][..size];
                part.iter_mut().zip(from).for_each(|(to, from)| {
                    to.write(*from);
                });
            }
        }
    });
    // SAFETY: every part of every row is written.
    #[allow(unsafe_code)]
    unsafe {
        merged.written(heads.len())
    }
}

/// Context `[batch * length, hidden]`; the probabilities before dropout are written to `probabilities`
/// `[batch * heads, length, length]` if they are to be kept.
pub fn forward(
    [query, key, value]: [&[f32]; 3],
    mask: &[f32],
    spec: &SelfAttention,
    probabilities: Option<&mut [f32]>,
) -> Vec<f32> {
    let (length, size) = (spec.length, spec.head_size);
    let tasks = spec.batch * spec.heads;
    let square = View::dense(length, length);
    let mut heads = vec![0.0; tasks * length * size];
    let attend = |task: usize, probabilities: &mut [f32], dropped: &mut [f32], context: &mut [f32]| {
        let view = head_view(spec, task);
        multiply((probabilities, square), (query, view), (key, view.t()), 1.0, false, Threads::One);
        let sequence = task / spec.heads;
        let mask = &mask[sequence * length..(sequence + 1) * length];
        let first_row = task * length;
        // All that is done to a row, while it is in the nearest cache.
        widest(
            #[inline(always)]
            || {
                let rows = probabilities.chunks_exact_mut(length).zip(dropped.chunks_exact_mut(length));
                for (row, (probabilities, dropped)) in (first_row..).zip(rows) {
                    round_row(probabilities, spec.precision);
                    softmax(probabilities, mask, spec.scale);
                    round_row(probabilities, spec.precision);
                    drop_row(probabilities, dropped, row, spec);
                }
            },
        );
        let weights = if spec.dropout.is_some() { dropped } else { probabilities };
        let out = View::dense(length, size);
        multiply((&mut *context, out), (weights, square), (value, view), 1.0, false, Threads::One);
        round(context, spec.precision);
    };
    let scratch = || vec![0.0; length * length];
    let contexts = heads.par_chunks_mut(length * size).enumerate();
    match probabilities {
        Some(all) => {
            contexts
                .zip(all.par_chunks_mut(length * length))
                .for_each_init(scratch, |dropped, ((task, context), probabilities)| {
                    attend(task, probabilities, dropped, context)
                });
        }
        None => contexts.for_each_init(
            || (scratch(), scratch()),
            |(probabilities, dropped), (task, context)| attend(task, probabilities, dropped, context),
        ),
    }
    merge(&heads, spec)
}

/// Gradients of query, key and value, each `[batch * length, hidden]`.
pub fn backward(
    [query, key, value]: [&[f32]; 3],
    probabilities: &[f32],
    grad: &[f32],
    spec: &SelfAttention,
) -> [Vec<f32>; 3] {
    let (length, size) = (spec.length, spec.head_size);
    let part = length * size;
    let square = View::dense(length, length);
    let out = View::dense(length, size);
    let zeros = || vec![0.0; spec.batch * spec.heads * part];
    let (mut d_query, mut d_key, mut d_value) = (zeros(), zeros(), zeros());
    d_query
        .par_chunks_mut(part)
        .zip(d_key.par_chunks_mut(part))
        .zip(d_value.par_chunks_mut(part))
        .zip(probabilities.par_chunks(length * length))
        .enumerate()
        .for_each_init(
            || (vec![0.0; length * length], vec![0.0; length * length]),
            |(dropped, d_scores), (task, (((d_query, d_key), d_value), probabilities))| {
                let view = head_view(spec, task);
                let first_row = task * length;
                widest(
                    #[inline(always)]
                    || {
                        let rows = probabilities.chunks_exact(length).zip(dropped.chunks_exact_mut(length));
                        for (row, (probabilities, dropped)) in (first_row..).zip(rows) {
                            drop_row(probabilities, dropped, row, spec);
                        }
                    },
                );
                let weights = if spec.dropout.is_some() { &dropped[..] } else { probabilities };
                multiply((&mut *d_value, out), (weights, square.t()), (grad, view), 1.0, false, Threads::One);
                multiply((d_scores, square), (grad, view), (value, view.t()), 1.0, false, Threads::One);
                widest(
                    #[inline(always)]
                    || {
                        let rows = d_scores.chunks_exact_mut(length).zip(probabilities.chunks_exact(length));
                        for (row, (d_scores, probabilities)) in (first_row..).zip(rows) {
                            round_row(d_scores, spec.precision);
                            if let Some(dropout) = spec.dropout {
                                dropout::apply_row(d_scores, dropout.part(row * length));
                            }
                            softmax_backward(probabilities, d_scores, spec.scale);
                            round_row(d_scores, spec.precision);
                        }
                    },
                );
                multiply((&mut *d_query, out), (d_scores, square), (key, view), 1.0, false, Threads::One);
                multiply((&mut *d_key, out), (d_scores, square.t()), (query, view), 1.0, false, Threads::One);
                for part in [d_query, d_key, d_value] {
                    round(part, spec.precision);
                }
            },
        );
    [merge(&d_query, spec), merge(&d_key, spec), merge(&d_value, spec)]
}
