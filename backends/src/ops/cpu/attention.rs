//! Scale, clamp, mask and softmax of attention scores in one pass, in place.

use rayon::prelude::*;

use super::{
    CHUNK,
    math::{exp, max, sum_pairs},
};
use crate::ops::{AttentionScale, kernels::SCORE_LIMIT};

/// Probabilities in place of `scores` `[batch * heads, query, key]`; `mask` is `[batch, key]`.
pub fn forward(scores: &mut [f32], mask: &[f32], scale: AttentionScale, query: usize, key: usize) {
    if key == 0 {
        return;
    }
    let rows_per_task = (CHUNK / key).max(1);
    let rows_per_sequence = scale.heads * query;
    scores.par_chunks_mut(rows_per_task * key).enumerate().for_each(|(task, chunk)| {
        for (index, row) in chunk.chunks_exact_mut(key).enumerate() {
            let sequence = (task * rows_per_task + index) / rows_per_sequence;
            softmax(row, &mask[sequence * key..(sequence + 1) * key], scale.scale);
        }
    });
}

/// One row of probabilities in place of its scores.
pub fn softmax(row: &mut [f32], mask: &[f32], scale: f32) {
    for (score, &mask) in row.iter_mut().zip(mask) {
        *score = (*score * scale).clamp(-SCORE_LIMIT, SCORE_LIMIT) + mask;
    }
    let largest = max(row);
    for score in row.iter_mut() {
        *score = exp(*score - largest);
    }
    let total = super::math::sum(row, |v| v);
    for score in row.iter_mut() {
        *score /= total;
    }
}

/// Gradient of the scores in place of `grad`: `scale * y * (grad - sum(grad * y))`.
pub fn backward(y: &[f32], grad: &mut [f32], scale: f32, key: usize) {
    if key == 0 {
        return;
    }
    let chunk = (CHUNK / key).max(1) * key;
    grad.par_chunks_mut(chunk).zip(y.par_chunks(chunk)).for_each(|(grad, y)| {
        for (grad, y) in grad.chunks_exact_mut(key).zip(y.chunks_exact(key)) {
            softmax_backward(y, grad, scale);
        }
    });
}

/// One row of the backward.
pub fn softmax_backward(y: &[f32], grad: &mut [f32], scale: f32) {
    let sum = sum_pairs(grad, y, |grad, y| grad * y);
    for (grad, &y) in grad.iter_mut().zip(y) {
        *grad = scale * y * (*grad - sum);
    }
}
