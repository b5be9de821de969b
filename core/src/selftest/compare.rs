//! How far a device is from the processor, and how far it may be.

use spanbert_backends::{DeviceInfo, Precision};

use super::{
    Differences,
    observe::{Observation, Observations},
};
use crate::{
    checkpoint::{HostTensor, Weights},
    engine::Logits,
};

/// Half a unit in the last place of TF32: its significands have eleven bits, the leading one included.
const TF32_UNIT: f64 = 1.0 / 2048.0;
/// Layers of the toy model.
pub(super) const LAYERS: f64 = 2.0;
/// How many times what is to be expected of rounding is still taken for rounding.
const MARGIN: f64 = 4.0;

/// The largest differences that are rounding.
pub(super) struct Tolerance {
    largest: Differences,
}

impl Tolerance {
    /// In a half precision the processor rounds the same operands, so that what is left is where sums fall between two halves.
    pub(super) fn of(device: &DeviceInfo, precision: Precision) -> Self {
        Self {
            largest: match precision {
                Precision::Bf16 => Differences { logits: 5e-2, gradients: 2e-1, updates: 1e-1 },
                Precision::F16 => Differences { logits: 1e-2, gradients: 5e-2, updates: 5e-2 },
                Precision::F32 if device.rounds_to_tf32() => tf32(),
                // No GPU has int8 here.
                Precision::F32 | Precision::Int8 => {
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

/// What products do whose operands are rounded to TF32, while the processor's are not.
///
/// Rounding an operand is a relative error between -u and u, evenly spread: u / √3 in the mean square. With both operands
/// rounded, a term of a sum is off by √(2/3) u. The errors of a sum's terms add in squares, as the terms themselves do while
/// their signs are mixed; so a product of matrices is off by √(2/3) u of its norm however deep its sums are, and by less where
/// terms have one sign. Of products in series each adds its own error, again in squares: n of them are off by √(2n/3) u.
///
/// Logits are behind six products a layer (queries or keys, scores, mixed values, their output, two of the feed-forward) and one
/// more. A gradient goes the same way back, and one product makes it a weight's. `MARGIN` is for what this leaves out: sums that
/// cancel (a softmax's derivative takes out a mean), and that the largest of many errors is looked at.
///
/// Adam divides a gradient by its own size, so it hands on the sign of a small one. With gradients off by e, the signs of e / π
/// of the elements differ (two normal variables with that correlation), each by twice the update: 2 √(e / π) of an update in the
/// mean square. Updates without a correction of their bias are Σ (1 - β₁ᵏ) / √(1 - β₂ᵏ) = 12.4 learning rates after three; and
/// weights off by so much of their size enter the logits' products as operands do. That needs no margin: the elements whose signs
/// differ are those that matter least.
fn tf32() -> Differences {
    let series = |products: f64, operand: f64| (products * 2.0).sqrt() * operand;
    let (forward, operand) = (6.0 * LAYERS + 1.0, TF32_UNIT / 3f64.sqrt());
    let (logits, gradients) = (series(forward, operand), series(2.0 * forward + 1.0, operand));
    // Learning rate by the spread of the toy's weights, `observe::LEARNING_RATE` and `initializer_range`.
    let moved = 12.4 * 1e-3 / 0.1;
    let updates = series(forward, moved * 2.0 * (gradients / std::f64::consts::PI).sqrt() / 2f64.sqrt());
    Differences { logits: MARGIN * logits, gradients: MARGIN * gradients, updates: MARGIN * logits + updates }
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
pub(super) fn larger(first: f64, second: f64) -> f64 {
    if first.is_nan() || second.is_nan() { f64::NAN } else { first.max(second) }
}

fn relative(expected: f64, actual: f64) -> f64 {
    (expected - actual).abs() / expected.abs().max(f64::MIN_POSITIVE)
}

/// Largest difference by the largest expected logit; NaN if the numbers of logits differ.
pub(super) fn logits(expected: &Logits, actual: &Logits) -> f64 {
    let pairs = [(&expected.start, &actual.start), (&expected.end, &actual.end)];
    if pairs.iter().any(|(expected, actual)| expected.len() != actual.len()) {
        return f64::NAN;
    }
    let values = || pairs.iter().flat_map(|(expected, actual)| expected.iter().zip(*actual));
    let largest = values().map(|(expected, _)| f64::from(expected.abs())).fold(f64::MIN_POSITIVE, f64::max);
    values().map(|(expected, actual)| f64::from((expected - actual).abs())).fold(0.0, larger) / largest
}

/// Largest norm of a parameter's difference by the norm of its gradient, at least a thousandth of the whole gradient's.
///
/// A softmax does not change when all its inputs shift, so some gradients are zero in truth and hold nothing but the rounding
/// of what cancels: they are measured against the whole gradient.
fn gradients(expected: &Weights, actual: &Weights) -> f64 {
    let whole = norm(expected.values().flat_map(|tensor| &tensor.values).copied());
    let difference = |(name, expected): (&String, &HostTensor)| {
        let Some(actual) = actual.get(name).filter(|actual| actual.shape == expected.shape) else {
            return f64::NAN;
        };
        let size =
            if cancels(name) { whole } else { norm(expected.values.iter().copied()).max(1e-3 * whole) };
        let size = size.max(f64::MIN_POSITIVE);
        norm(expected.values.iter().zip(&actual.values).map(|(expected, actual)| expected - actual)) / size
    };
    expected.iter().map(difference).fold(if expected.is_empty() { f64::NAN } else { 0.0 }, larger)
}

/// Biases that shift all inputs of a softmax alike: of keys, and the last two before the loss.
fn cancels(name: &str) -> bool {
    let last = format!("layer.{}.output.LayerNorm.bias", LAYERS - 1.0);
    name.ends_with("key.bias") || name == "qa_outputs.bias" || name.ends_with(&last)
}

fn norm(values: impl Iterator<Item = f32>) -> f64 {
    values.map(|value| f64::from(value) * f64::from(value)).sum::<f64>().sqrt()
}
