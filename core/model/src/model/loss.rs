//! The span loss of the reference.

use burn::tensor::{Int, Tensor, TensorData, activation::log_softmax, backend::Backend};

use super::SpanLogits;
use crate::batch::Targets;

/// Weighted sum over the rows of the start and end cross-entropies, over all positions, padding included.
///
/// Targets of the length and beyond are ignored, negative ones count as 0 (the reference's clamp and
/// `ignore_index`). With weights `0.5 / rows` this is the mean of start and end loss. Returns shape `[1]`.
#[must_use]
pub fn span_loss<B: Backend>(
    logits: SpanLogits<B>,
    targets: &Targets,
    start_weight: f32,
    end_weight: f32,
) -> Tensor<B, 1> {
    weighted_nll(logits.start, &targets.start, start_weight)
        + weighted_nll(logits.end, &targets.end, end_weight)
}

fn weighted_nll<B: Backend>(logits: Tensor<B, 2>, targets: &[i32], weight: f32) -> Tensor<B, 1> {
    let [rows, length] = logits.dims();
    let counts = |target: i32| i64::from(target) < length as i64;
    let indices: Vec<i32> = targets.iter().map(|&t| if counts(t) { t.max(0) } else { 0 }).collect();
    let weights: Vec<f32> = targets.iter().map(|&t| if counts(t) { -weight } else { 0.0 }).collect();
    let device = logits.device();
    let indices = Tensor::<B, 2, Int>::from_data(TensorData::new(indices, [rows, 1]), &device);
    let weights = Tensor::<B, 2>::from_data(TensorData::new(weights, [rows, 1]), &device);
    // Not `sum()`, which may add atomically on GPUs and then differ from run to run.
    (log_softmax(logits, 1).gather(1, indices) * weights).sum_dim(0).reshape([1])
}
