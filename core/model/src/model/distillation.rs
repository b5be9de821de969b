//! The span loss of a student that learns from a teacher's logits too.

use burn::tensor::{Int, Tensor, TensorData};
use spanbert_backends::{BertBackend, ops};

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
/// student the second part is 0 but for rounding.
///
/// The divergence is over all positions, padding included, as the cross-entropy is. Rows whose target is ignored there count for
/// nothing here either, so that `start_weight` and `end_weight` are those of [`span_loss`]. Returns shape `[1]`.
#[must_use]
pub fn distilled_loss<B: BertBackend>(
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
        let weights: Vec<f32> = targets.iter().map(counts).collect();
        divergences(student, teacher, &weights, soft.temperature)
    };
    loss + divergence(logits.start, soft.start, &targets.start, start_weight)
        + divergence(logits.end, soft.end, &targets.end, end_weight)
}

/// Sum over the rows of `KL(teacher || student)` times the row's weight: the cross-entropy with every position as a target, less the
/// teacher's entropy, which the host computes.
fn divergences<B: BertBackend>(
    student: Tensor<B, 2>,
    teacher: &[f32],
    weights: &[f32],
    temperature: f32,
) -> Tensor<B, 1> {
    let ([rows, length], device) = (student.dims(), student.device());
    let (mut shares, mut entropy) = (Vec::with_capacity(teacher.len()), 0.0);
    for (logits, &weight) in teacher.chunks_exact(length.max(1)).zip(weights) {
        let logs = log_probabilities(logits, f64::from(temperature));
        for log in logs {
            let share = f64::from(weight) * libm::exp(log);
            shares.push(share as f32);
            entropy -= share * log;
        }
    }
    let places: Vec<i32> = (0..rows).flat_map(|_| 0..length as i32).collect();
    let places = Tensor::<B, 2, Int>::from_data(TensorData::new(places, [rows, length]), &device);
    let shares = Tensor::<B, 2>::from_data(TensorData::new(shares, [rows, length]), &device);
    ops::cross_entropy(student.div_scalar(temperature), places, shares).sub_scalar(entropy)
}

/// Logarithms of a row's probabilities, its logits divided by the temperature before.
fn log_probabilities(logits: &[f32], temperature: f64) -> Vec<f64> {
    let scaled = || logits.iter().map(|logit| f64::from(*logit) / temperature);
    let largest = scaled().fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = scaled().map(|logit| libm::exp(logit - largest)).sum();
    let log_total = libm::log(total);
    scaled().map(|logit| logit - largest - log_total).collect()
}
