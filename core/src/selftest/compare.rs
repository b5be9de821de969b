//! How far a device is from the processor, and how far it may be.

use spanbert_backends::{BackendKind, Precision};

use super::{
    Differences,
    observe::{Observation, Observations},
};
use crate::{
    checkpoint::{HostTensor, Weights},
    engine::Logits,
};

/// The largest differences that are rounding.
pub(super) struct Tolerance {
    largest: Differences,
}

impl Tolerance {
    /// CUDA multiplies single-precision matrices in TF32: ten bits of significand instead of 23. In a half precision the
    /// processor rounds the same operands, so that what is left is where sums fall between two halves.
    pub(super) fn of(kind: BackendKind, precision: Precision) -> Self {
        Self {
            largest: match (kind, precision) {
                (_, Precision::Bf16) => Differences { logits: 5e-2, gradients: 2e-1, updates: 1e-1 },
                (_, Precision::F16) => Differences { logits: 1e-2, gradients: 5e-2, updates: 5e-2 },
                (BackendKind::Cuda, Precision::F32) => {
                    Differences { logits: 5e-3, gradients: 3e-2, updates: 5e-2 }
                }
                (BackendKind::Wgpu | BackendKind::Cpu, Precision::F32) => {
                    Differences { logits: 1e-4, gradients: 1e-3, updates: 5e-3 }
                }
            },
        }
    }

    /// What is too large, in words; none if all is rounding. Written so that NaN is too large.
    pub(super) fn exceeded_by(&self, seen: Differences) -> Option<String> {
        let largest = self.largest;
        let pairs = [
            ("logits", seen.logits, largest.logits),
            ("gradients", seen.gradients, largest.gradients),
            ("logits after updates", seen.updates, largest.updates),
        ];
        pairs.into_iter().find(|(_, seen, largest)| seen.is_nan() || seen > largest).map(|(what, seen, largest)| {
            format!(
                "its {what} differ from the processor's by {seen:.1e} of their size, more than {largest:.0e}"
            )
        })
    }
}

/// The largest differences of all batches.
pub(super) fn compare(expected: &Observations, actual: &Observations) -> Differences {
    let pairs = || expected.batches.iter().zip(&actual.batches);
    let same_count = expected.batches.len() == actual.batches.len();
    let largest = |difference: fn(&Observation, &Observation) -> f64| {
        let all = pairs().map(|(expected, actual)| difference(expected, actual));
        all.fold(if same_count { 0.0 } else { f64::NAN }, larger)
    };
    Differences {
        logits: largest(|expected, actual| {
            let loss = relative(f64::from(expected.metrics.loss), f64::from(actual.metrics.loss));
            larger(logits(&expected.logits, &actual.logits), loss)
        }),
        gradients: largest(|expected, actual| {
            let norm = relative(f64::from(expected.metrics.grad_norm), f64::from(actual.metrics.grad_norm));
            larger(gradients(&expected.gradients, &actual.gradients), norm)
        }),
        updates: logits(&expected.after_updates, &actual.after_updates),
    }
}

/// The larger of two, and NaN if either is; `f64::max` would drop it.
fn larger(first: f64, second: f64) -> f64 {
    if first.is_nan() || second.is_nan() { f64::NAN } else { first.max(second) }
}

fn relative(expected: f64, actual: f64) -> f64 {
    (expected - actual).abs() / expected.abs().max(f64::MIN_POSITIVE)
}

/// Largest difference by the largest expected logit.
fn logits(expected: &Logits, actual: &Logits) -> f64 {
    let pairs = [(&expected.start, &actual.start), (&expected.end, &actual.end)];
    if pairs.iter().any(|(expected, actual)| expected.len() != actual.len()) {
        return f64::NAN;
    }
    let values = || pairs.iter().flat_map(|(expected, actual)| expected.iter().zip(*actual));
    let largest = values().map(|(expected, _)| f64::from(expected.abs())).fold(f64::MIN_POSITIVE, f64::max);
    values().map(|(expected, actual)| f64::from((expected - actual).abs())).fold(0.0, larger) / largest
}

/// Largest norm of a parameter's difference by the norm of its gradient.
///
/// A gradient that is zero but for rounding (a key bias shifts all scores alike) is measured against a
/// thousandth of the whole gradient instead.
fn gradients(expected: &Weights, actual: &Weights) -> f64 {
    let whole = norm(expected.values().flat_map(|tensor| &tensor.values).copied());
    let difference = |(name, expected): (&String, &HostTensor)| {
        let Some(actual) = actual.get(name).filter(|actual| actual.shape == expected.shape) else {
            return f64::NAN;
        };
        let size = norm(expected.values.iter().copied()).max(1e-3 * whole).max(f64::MIN_POSITIVE);
        norm(expected.values.iter().zip(&actual.values).map(|(expected, actual)| expected - actual)) / size
    };
    expected.iter().map(difference).fold(if expected.is_empty() { f64::NAN } else { 0.0 }, larger)
}

fn norm(values: impl Iterator<Item = f32>) -> f64 {
    values.map(|value| f64::from(value) * f64::from(value)).sum::<f64>().sqrt()
}
