//! Scale, clamp, mask and softmax of a row of attention scores, in place.

use super::math::{exp, max, sum, sum_pairs};
use crate::ops::attention::SCORE_LIMIT;

/// One row of probabilities in place of its scores.
#[inline(always)]
pub fn softmax(row: &mut [f32], mask: &[f32], scale: f32) {
    for (score, &mask) in row.iter_mut().zip(mask) {
        *score = (*score * scale).clamp(-SCORE_LIMIT, SCORE_LIMIT) + mask;
    }
    let largest = max(row);
    for score in row.iter_mut() {
        *score = exp(*score - largest);
    }
    let total = sum(row, |v| v);
    for score in row.iter_mut() {
        *score /= total;
    }
}

/// Gradient of a row of scores in place of `grad`: `scale * y * (grad - sum(grad * y))`.
#[inline(always)]
pub fn softmax_backward(y: &[f32], grad: &mut [f32], scale: f32) {
    let projection = sum_pairs(grad, y, |grad, y| grad * y);
    for (grad, &y) in grad.iter_mut().zip(y) {
        *grad = scale * y * (*grad - projection);
    }
}
