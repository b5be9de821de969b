//! Cross-entropy of given classes, rows in parallel.
//!
//! The logarithm is the pinned crate `libm`'s and the exponential our own, so that the bits are the same on every platform: the C
//! libraries of systems differ in the last ones.

use rayon::prelude::*;

use super::{
    CHUNK,
    math::{exp, max, sum},
    simd::widest,
};

/// The loss: `-sum_rj w_rj log_softmax(logits_r)[t_rj]`. Logits `[rows, classes]` become probabilities; targets and weights are
/// `[rows, targets]`.
///
/// A target that is no class counts for nothing.
pub fn forward(logits: &mut [f32], classes: usize, targets: &[i32], weights: &[f32]) -> f32 {
    let Some((per_row, rows_of_task)) = layout(logits, classes, targets) else { return 0.0 };
    let losses: Vec<f64> = logits
        .par_chunks_mut(rows_of_task * classes)
        .zip(targets.par_chunks(rows_of_task * per_row))
        .zip(weights.par_chunks(rows_of_task * per_row))
        .map(|((logits, targets), weights)| {
            let wanted = targets.chunks_exact(per_row).zip(weights.chunks_exact(per_row));
            let mut loss = 0.0;
            for (row, (targets, weights)) in logits.chunks_exact_mut(classes).zip(wanted) {
                loss += f64::from(row_loss(row, targets, weights));
            }
            loss
        })
        .collect();
    #[allow(clippy::cast_possible_truncation, reason = "losses are single precision")]
    let total = losses.into_iter().sum::<f64>() as f32;
    total
}

/// The gradient of the logits in place of their probabilities, for a loss whose gradient is `factor`.
pub fn backward(probabilities: &mut [f32], classes: usize, targets: &[i32], weights: &[f32], factor: f32) {
    let Some((per_row, rows_of_task)) = layout(probabilities, classes, targets) else { return };
    probabilities
        .par_chunks_mut(rows_of_task * classes)
        .zip(targets.par_chunks(rows_of_task * per_row))
        .zip(weights.par_chunks(rows_of_task * per_row))
        .for_each(|((probabilities, targets), weights)| {
            let wanted = targets.chunks_exact(per_row).zip(weights.chunks_exact(per_row));
            for (row, (targets, weights)) in probabilities.chunks_exact_mut(classes).zip(wanted) {
                let weight = factor * weights.iter().sum::<f32>();
                widest(
                    #[inline(always)]
                    || row.iter_mut().for_each(|value| *value *= weight),
                );
                for (&target, &weight) in targets.iter().zip(weights) {
                    if let Some(value) = class(row, target) {
                        *value -= factor * weight;
                    }
                }
            }
        });
}

/// Targets a row, and rows a task; none if there is nothing to do.
fn layout(logits: &[f32], classes: usize, targets: &[i32]) -> Option<(usize, usize)> {
    let rows = logits.len().checked_div(classes)?;
    let per_row = targets.len().checked_div(rows).filter(|&per_row| per_row > 0)?;
    Some((per_row, (CHUNK / classes).max(1)))
}

/// One row's loss; its logits become probabilities.
fn row_loss(row: &mut [f32], targets: &[i32], weights: &[f32]) -> f32 {
    let (largest, total) = widest(
        #[inline(always)]
        || {
            let largest = max(row);
            (largest, sum(row, |value| exp(value - largest)))
        },
    );
    let log_total = libm::logf(total);
    let mut loss = 0.0;
    for (&target, &weight) in targets.iter().zip(weights) {
        if let Some(logit) = class(row, target) {
            loss -= ((*logit - largest) - log_total) * weight;
        }
    }
    widest(
        #[inline(always)]
        || row.iter_mut().for_each(|value| *value = exp(*value - largest) / total),
    );
    loss
}

fn class(row: &mut [f32], target: i32) -> Option<&mut f32> {
    row.get_mut(usize::try_from(target).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_and_gradient_are_those_of_the_formula() {
        // Several tasks, of which the last is short; one target twice.
        let (rows, classes) = (7, 5000);
        let logits: Vec<f32> = (0..rows * classes).map(|i| (i * 37 % 1009) as f32 / 100.0 - 5.0).collect();
        let targets: Vec<i32> =
            (0..rows as i32).flat_map(|row| [row * 700, if row == 3 { 2100 } else { 1 }]).collect();
        let weights: Vec<f32> = (0..2 * rows).map(|i| 0.3 + i as f32 / 20.0).collect();
        let (mut expected, mut gradient) = (0.0, vec![0.0; rows * classes]);
        for row in 0..rows {
            let logits: Vec<f64> = logits[row * classes..][..classes].iter().map(|&v| f64::from(v)).collect();
            let total: f64 = logits.iter().map(|value| value.exp()).sum();
            for at in 2 * row..2 * row + 2 {
                let (target, weight) = (targets[at] as usize, f64::from(weights[at]));
                expected -= weight * (logits[target] - total.ln());
                for class in 0..classes {
                    gradient[row * classes + class] += 3.0 * weight * logits[class].exp() / total;
                }
                gradient[row * classes + target] -= 3.0 * weight;
            }
        }
        let mut values = logits;
        let loss = forward(&mut values, classes, &targets, &weights);
        assert!((f64::from(loss) - expected).abs() < 1e-5 * expected, "{loss} instead of {expected}");
        backward(&mut values, classes, &targets, &weights, 3.0);
        for (ours, expected) in values.iter().zip(&gradient) {
            assert!((f64::from(*ours) - expected).abs() < 1e-6, "{ours} instead of {expected}");
        }
    }

    #[test]
    fn no_class_is_no_loss() {
        let mut logits = [1.0, 2.0];
        assert_eq!(forward(&mut logits, 2, &[-1, 2], &[1.0, 1.0]), 0.0);
        assert_eq!(forward(&mut [], 0, &[], &[]), 0.0);
        assert_eq!(forward(&mut [], 4, &[], &[]), 0.0);
    }
}
