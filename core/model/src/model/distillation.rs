//! The span loss of a student that learns from a teacher's logits too.

use burn::tensor::{Tensor, TensorData, activation::log_softmax, backend::Backend};

use super::{SpanLogits, span_loss};
use crate::batch::Batch;

/// A teacher's logits for the rows of a batch, and how much they count.
#[derive(Clone, Copy, Debug)]
pub struct SoftTargets<'a> {
    /// Start logits, row-major `[rows, length]`.
    pub start: &'a [f32],
    /// As `start`, of the end.
    pub end: &'a [f32],
    /// Share of the teacher in the loss, from 0 to 1; the gold answers have the rest.
    pub weight: f32,
    /// What the logits of both are divided by before the softmax.
    pub temperature: f32,
}

/// The loss of knowledge distillation (Hinton, Vinyals and Dean, 2015): `(1 - w)` times [`span_loss`] plus `w` times the weighted
/// sum over the rows of `T^2 KL(teacher || student)`, both softened by the temperature `T`. Without a difference between teacher and
/// student the second part is 0.
///
/// The divergence is over all positions, padding included, as the cross-entropy is. Rows whose target is ignored there count for
/// nothing here either, so that `start_weight` and `end_weight` are those of [`span_loss`]. Returns shape `[1]`.
#[must_use]
pub fn distilled_loss<B: Backend>(
    logits: SpanLogits<B>,
    batch: &Batch,
    soft: &SoftTargets<'_>,
    start_weight: f32,
    end_weight: f32,
) -> Tensor<B, 1> {
    let Some(targets) = &batch.targets else { return span_loss(logits, batch, start_weight, end_weight) };
    let gold = 1.0 - soft.weight;
    let loss = span_loss(logits.clone(), batch, gold * start_weight, gold * end_weight);
    let divergence = |student, teacher: &[f32], targets: &[i32], weight: f32| {
        let weight = soft.weight * soft.temperature * soft.temperature * weight;
        let counts = |&target: &i32| if i64::from(target) < batch.length as i64 { weight } else { 0.0 };
        divergences(student, teacher, targets.iter().map(counts).collect(), soft.temperature)
    };
    loss + divergence(logits.start, soft.start, &targets.start, start_weight)
        + divergence(logits.end, soft.end, &targets.end, end_weight)
}

/// Sum over the rows of `KL(teacher || student)` times the row's weight.
fn divergences<B: Backend>(
    student: Tensor<B, 2>,
    teacher: &[f32],
    weights: Vec<f32>,
    temperature: f32,
) -> Tensor<B, 1> {
    let (shape, device) = (student.dims(), student.device());
    let rows = weights.len();
    let teacher = Tensor::<B, 2>::from_data(TensorData::new(teacher.to_vec(), shape), &device);
    let weights = Tensor::<B, 2>::from_data(TensorData::new(weights, [rows, 1]), &device);
    let softened = |logits: Tensor<B, 2>| log_softmax(logits.div_scalar(temperature), 1);
    let (teacher, student) = (softened(teacher), softened(student));
    let by_row = (teacher.clone().exp() * (teacher - student)).sum_dim(1);
    // As in the cross-entropy, not `sum()`.
    (by_row * weights).sum_dim(0).reshape([1])
}
