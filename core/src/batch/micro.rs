//! A batch cut into parts that fit on the device, and the weights that make their sum the whole.

use super::{Batch, Targets};

/// Factors of the summed start and end cross-entropies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossWeights {
    /// Factor of the summed start loss.
    pub start: f32,
    /// Factor of the summed end loss.
    pub end: f32,
}

/// The weights with which sums over a batch, or over all its parts, give the reference's loss: half the mean start
/// plus half the mean end cross-entropy over the rows that count, divided by the accumulation steps.
///
/// Rows whose target equals the length are ignored. If none counts the weight is 0 (no gradient), where the
/// reference's mean over nothing is NaN.
#[must_use]
pub fn loss_weights(batch: &Batch, accumulation_steps: usize) -> LossWeights {
    let weight = |targets: &[i32]| {
        let counted = targets.iter().filter(|&&target| target != batch.length as i32).count();
        if counted == 0 { 0.0 } else { 0.5 / counted as f32 / accumulation_steps.max(1) as f32 }
    };
    match &batch.targets {
        Some(targets) => LossWeights { start: weight(&targets.start), end: weight(&targets.end) },
        None => LossWeights { start: 0.0, end: 0.0 },
    }
}

/// Cuts a batch into parts of at most `rows` rows, in order, all of the batch's padded length (padding takes part
/// in the loss, so a shorter part would change it). `rows` of 0 counts as 1.
#[must_use]
pub fn micro_batches(batch: &Batch, rows: usize) -> Vec<Batch> {
    let step = rows.max(1);
    (0..batch.rows).step_by(step).map(|first| slice(batch, first, (first + step).min(batch.rows))).collect()
}

/// The rows `first..end` of a batch, which must have them.
pub(crate) fn slice(batch: &Batch, first: usize, end: usize) -> Batch {
    let positions = first * batch.length..end * batch.length;
    Batch {
        rows: end - first,
        length: batch.length,
        input_ids: batch.input_ids[positions.clone()].to_vec(),
        segment_ids: batch.segment_ids[positions.clone()].to_vec(),
        attention_mask: batch.attention_mask[positions].to_vec(),
        targets: batch.targets.as_ref().map(|targets| Targets {
            start: targets.start[first..end].to_vec(),
            end: targets.end[first..end].to_vec(),
            smoothing: targets.smoothing,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{collate, collate::tests::window};

    #[test]
    fn parts_put_together_are_the_batch() {
        let windows: Vec<_> = (1..=5).map(|index| window(index + 2, index, index)).collect();
        let batch = collate(&windows.iter().collect::<Vec<_>>(), 8, true);
        let parts = micro_batches(&batch, 2);
        assert_eq!(parts.iter().map(|part| part.rows).collect::<Vec<_>>(), [2, 2, 1]);
        let joined: Vec<i32> = parts.iter().flat_map(|part| part.input_ids.clone()).collect();
        assert_eq!(joined, batch.input_ids);
        let starts: Vec<i32> = parts.iter().flat_map(|part| part.targets.clone().unwrap().start).collect();
        assert_eq!(starts, batch.targets.unwrap().start);
        assert!(parts.iter().all(|part| part.length == 8 && part.input_ids.len() == part.rows * 8));
    }

    #[test]
    fn weights_count_only_rows_with_a_target_inside() {
        let windows = [window(4, 1, 1), window(4, 9, 2), window(4, 0, 0), window(4, 3, 3)];
        let batch = collate(&windows.iter().collect::<Vec<_>>(), 4, true);
        let weights = loss_weights(&batch, 2);
        assert_eq!(weights, LossWeights { start: 0.5 / 3.0 / 2.0, end: 0.5 / 4.0 / 2.0 });
    }

    #[test]
    fn nothing_counted_weighs_nothing() {
        let ignored = window(4, 9, 9);
        let weights = loss_weights(&collate(&[&ignored], 4, true), 1);
        assert_eq!(weights, LossWeights { start: 0.0, end: 0.0 });
        assert_eq!(loss_weights(&collate(&[&ignored], 4, false), 1), weights);
    }
}
