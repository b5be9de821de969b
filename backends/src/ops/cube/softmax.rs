//! Scale, clamp, mask, softmax and dropout of attention scores, forward and backward in one kernel each.
//!
//! A team of units has a row, and reads it three times: the second and third time it comes from the cache.

use burn::tensor::TensorMetadata;
use burn_cubecl::{CubeRuntime, tensor::CubeTensor};
use cubecl::prelude::*;

use super::{
    dropout::{DropoutWords, dropped, words},
    launch::{UNITS, empty, size, vector_size, writable},
    team::{TEAM, cubes_for_rows, in_step, lane, max_of, sum_of, team_max, team_row, team_sum},
};
use crate::ops::{SelfAttention, SoftmaxOutput, attention::SCORE_LIMIT};

/// The score of a vector of keys, scaled, clamped and masked.
#[cube]
fn masked<N: Size>(score: Vector<f32, N>, mask: Vector<f32, N>, scale: f32) -> Vector<f32, N> {
    let scaled = score * Vector::new(scale);
    clamp(scaled, Vector::new(-SCORE_LIMIT), Vector::new(SCORE_LIMIT)) + mask
}

/// Shapes: `scores`, `weights` `[rows, width]`, `mask` `[rows / rows_of_mask, width]`. `probabilities` is written if
/// `keep`.
#[cube(launch)]
#[allow(clippy::too_many_arguments, reason = "a kernel's bindings")]
fn softmax_kernel<N: Size>(
    scores: &Tensor<Vector<f32, N>>,
    mask: &Tensor<Vector<f32, N>>,
    weights: &mut Tensor<Vector<f32, N>>,
    probabilities: &mut Tensor<Vector<f32, N>>,
    rows: u32,
    width: u32,
    rows_of_mask: u32,
    scale: f32,
    dropout: &DropoutWords,
    #[comptime] keep: bool,
    #[comptime] in_step: bool,
) {
    let mut scratch = SharedMemory::<f32>::new(UNITS as usize);
    let row = team_row();
    let active = row < rows;
    // A team without a row works on the last one, because all must meet at the barriers, and writes nothing.
    let row = select(active, row, rows - 1);
    let start = row as usize * width as usize;
    let mask_start = (row / rows_of_mask) as usize * width as usize;

    let mut largest = Vector::<f32, N>::new(f32::MIN);
    let mut at = lane();
    while at < width {
        let place = at as usize;
        largest = max(largest, masked::<N>(scores[start + place], mask[mask_start + place], scale));
        at += TEAM;
    }
    let peak = Vector::<f32, N>::new(team_max(max_of::<N>(largest), &mut scratch, in_step));

    let mut sum = Vector::<f32, N>::new(0.0f32);
    let mut at = lane();
    while at < width {
        let place = at as usize;
        sum += (masked::<N>(scores[start + place], mask[mask_start + place], scale) - peak).exp();
        at += TEAM;
    }
    let total = Vector::<f32, N>::new(team_sum(sum_of::<N>(sum), &mut scratch, in_step));

    if active {
        let mut at = lane();
        while at < width {
            let place = at as usize;
            let score = masked::<N>(scores[start + place], mask[mask_start + place], scale);
            let probability = (score - peak).exp() / total;
            if keep {
                probabilities[start + place] = probability;
                weights[start + place] = dropped::<N>(probability, start + place, dropout);
            } else {
                weights[start + place] = probability;
            }
            at += TEAM;
        }
    }
}

/// Gradient of the scores: `scale * y * (g - sum(g * y))` with the gradient `g` after its dropout.
#[cube(launch)]
#[allow(clippy::too_many_arguments, reason = "a kernel's bindings")]
fn softmax_backward_kernel<N: Size>(
    grad: &Tensor<Vector<f32, N>>,
    probabilities: &Tensor<Vector<f32, N>>,
    output: &mut Tensor<Vector<f32, N>>,
    rows: u32,
    width: u32,
    scale: f32,
    dropout: &DropoutWords,
    #[comptime] drop: bool,
    #[comptime] in_step: bool,
) {
    let mut scratch = SharedMemory::<f32>::new(UNITS as usize);
    let row = team_row();
    let active = row < rows;
    let row = select(active, row, rows - 1);
    let start = row as usize * width as usize;

    let mut sum = Vector::<f32, N>::new(0.0f32);
    let mut at = lane();
    while at < width {
        let place = start + at as usize;
        let mut g = grad[place];
        if drop {
            g = dropped::<N>(g, place, dropout);
        }
        sum += g * probabilities[place];
        at += TEAM;
    }
    let projection = Vector::<f32, N>::new(team_sum(sum_of::<N>(sum), &mut scratch, in_step));

    if active {
        let factor = Vector::<f32, N>::new(scale);
        let mut at = lane();
        while at < width {
            let place = start + at as usize;
            let mut g = grad[place];
            if drop {
                g = dropped::<N>(g, place, dropout);
            }
            output[place] = factor * probabilities[place] * (g - projection);
            at += TEAM;
        }
    }
}

/// See [`BertKernels::softmax_forward`](crate::BertKernels::softmax_forward).
pub fn forward<R: CubeRuntime>(
    scores: CubeTensor<R>,
    mask: CubeTensor<R>,
    spec: &SelfAttention,
    keep: bool,
) -> SoftmaxOutput<CubeTensor<R>> {
    let shape = scores.shape();
    let client = scores.client.clone();
    let (rows, width) = (spec.batch * spec.heads * spec.length, spec.length);
    let vector = vector_size(&scores, width);
    let (count, dim) = cubes_for_rows(&scores, rows);
    let in_step = in_step(&scores);
    let in_place = writable(&scores);
    let weights = if in_place { scores.clone() } else { empty(&scores, shape.clone()) };
    let target = if in_place { weights.as_tensor_alias(0) } else { weights.clone().into_tensor_arg() };
    // Without a dropout the weights are the probabilities.
    let separate = keep && spec.dropout.is_some();
    let probabilities = empty(&scores, if separate { shape } else { [vector].into() });
    softmax_kernel::launch(
        &client,
        count,
        dim,
        vector,
        scores.into_tensor_arg(),
        mask.into_tensor_arg(),
        target,
        probabilities.clone().into_tensor_arg(),
        size(rows),
        size(width / vector),
        size(spec.heads * spec.length),
        spec.scale,
        words(spec.dropout),
        separate,
        in_step,
    );
    let weights = match spec.dropout {
        Some(dropout) if !keep => super::dropout::dropout(weights, dropout),
        _ => weights,
    };
    let kept = if separate { probabilities } else { weights.clone() };
    SoftmaxOutput { weights, probabilities: keep.then_some(kept) }
}

/// See [`BertKernels::softmax_backward`](crate::BertKernels::softmax_backward).
pub fn backward<R: CubeRuntime>(
    probabilities: CubeTensor<R>,
    grad: CubeTensor<R>,
    spec: &SelfAttention,
) -> CubeTensor<R> {
    let client = grad.client.clone();
    let (rows, width) = (spec.batch * spec.heads * spec.length, spec.length);
    let vector = vector_size(&grad, width);
    let (count, dim) = cubes_for_rows(&grad, rows);
    let in_step = in_step(&grad);
    let in_place = writable(&grad);
    let output = if in_place { grad.clone() } else { empty(&grad, grad.shape()) };
    let target = if in_place { output.as_tensor_alias(0) } else { output.clone().into_tensor_arg() };
    softmax_backward_kernel::launch(
        &client,
        count,
        dim,
        vector,
        grad.into_tensor_arg(),
        probabilities.into_tensor_arg(),
        target,
        size(rows),
        size(width / vector),
        spec.scale,
        words(spec.dropout),
        spec.dropout.is_some(),
        in_step,
    );
    output
}
