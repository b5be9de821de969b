//! The span loss of the reference, and its targets softened.

use burn::tensor::{Int, Tensor, TensorData};
use spanbert_backends::{BertBackend, ops};

use super::SpanLogits;
use crate::batch::Batch;

/// Weighted sum over the rows of the start and end cross-entropies, over all positions, padding included; 0 without targets.
///
/// Targets of the length and beyond are ignored, negative ones count as 0 (the reference's clamp and
/// `ignore_index`). With weights `0.5 / rows` this is the mean of start and end loss. With `smoothing` a target in the
/// context keeps a share of `1 - smoothing`, and each of its two neighbours gets half of the rest; where there is no neighbour in
/// the context, and for "no answer", the target keeps it. Returns shape `[1]`.
#[must_use]
pub fn span_loss<B: BertBackend>(
    logits: SpanLogits<B>,
    batch: &Batch,
    start_weight: f32,
    end_weight: f32,
) -> Tensor<B, 1> {
    let Some(targets) = &batch.targets else { return Tensor::zeros([1], &logits.start.device()) };
    let nll = |logits: Tensor<B, 2>, targets: &[i32], smoothing: f32, weight| {
        if smoothing > 0.0 {
            weighted_nll(logits, &softened(batch, targets, smoothing), weight)
        } else {
            weighted_nll(logits, &hard(batch, targets), weight)
        }
    };
    nll(logits.start, &targets.start, targets.smoothing, start_weight)
        + nll(logits.end, &targets.end, targets.smoothing, end_weight)
}

/// Positions that a row's loss counts, and how much each does.
type Shares<const N: usize> = Vec<[(i32, f32); N]>;

fn hard(batch: &Batch, targets: &[i32]) -> Shares<1> {
    let share = |&target: &i32| {
        if i64::from(target) < batch.length as i64 { [(target.max(0), 1.0)] } else { [(0, 0.0)] }
    };
    targets.iter().map(share).collect()
}

fn softened(batch: &Batch, targets: &[i32], smoothing: f32) -> Shares<3> {
    let rows = targets.iter().zip(hard(batch, targets)).enumerate();
    rows.map(|(row, (_, [(target, counts)]))| {
        let is_context = |position: i32| is_context(batch, row, position);
        let inside = counts > 0.0 && is_context(target);
        let half = smoothing / 2.0;
        let neighbour = |position| if inside && is_context(position) { (position, half) } else { (0, 0.0) };
        let (before, after) = (neighbour(target - 1), neighbour(target + 1));
        [(target, counts - (before.1 + after.1)), before, after]
    })
    .collect()
}

/// Whether a position of a row is a piece of the context: of the second segment, and not the `[SEP]` that ends it.
fn is_context(batch: &Batch, row: usize, position: i32) -> bool {
    let place = |position: i32| {
        let position = usize::try_from(position).ok().filter(|&position| position < batch.length)?;
        Some(row * batch.length + position)
    };
    let is_second = |position| {
        place(position).is_some_and(|place| {
            batch.segment_ids.get(place) == Some(&1) && batch.attention_mask.get(place) == Some(&1)
        })
    };
    is_second(position) && is_second(position + 1)
}

fn weighted_nll<B: BertBackend, const N: usize>(
    logits: Tensor<B, 2>,
    shares: &Shares<N>,
    weight: f32,
) -> Tensor<B, 1> {
    let rows = shares.len();
    let indices: Vec<i32> = shares.iter().flatten().map(|(position, _)| *position).collect();
    let weights: Vec<f32> = shares.iter().flatten().map(|(_, share)| weight * share).collect();
    let device = logits.device();
    let indices = Tensor::<B, 2, Int>::from_data(TensorData::new(indices, [rows, N]), &device);
    let weights = Tensor::<B, 2>::from_data(TensorData::new(weights, [rows, N]), &device);
    ops::cross_entropy(logits, indices, weights)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Targets;

    /// `[CLS] q [SEP] c c c [SEP] [PAD]` twice.
    fn batch() -> Batch {
        let row = |values: [i32; 8]| [values, values].concat();
        Batch {
            rows: 2,
            length: 8,
            input_ids: row([1, 2, 3, 4, 5, 6, 3, 0]),
            segment_ids: row([0, 0, 0, 1, 1, 1, 1, 0]),
            attention_mask: row([1, 1, 1, 1, 1, 1, 1, 0]),
            targets: Some(Targets { start: vec![4, 0], end: vec![5, 8], smoothing: 0.0 }),
        }
    }

    #[test]
    fn a_target_shares_with_its_neighbours_in_the_context() {
        let shares = softened(&batch(), &[4, 0], 0.2);
        assert_eq!(shares[0], [(4, 0.8), (3, 0.1), (5, 0.1)]);
        // "No answer".
        assert_eq!(shares[1], [(0, 1.0), (0, 0.0), (0, 0.0)]);
        // The last piece of the context keeps what [SEP] would get; a target beyond the window counts for nothing.
        let shares = softened(&batch(), &[5, 8], 0.2);
        assert_eq!(shares[0], [(5, 0.9), (4, 0.1), (0, 0.0)]);
        assert_eq!(shares[1], [(0, 0.0), (0, 0.0), (0, 0.0)]);
        assert_eq!(softened(&batch(), &[3, 4], 0.2)[0], [(3, 0.9), (0, 0.0), (4, 0.1)]);
    }
}
