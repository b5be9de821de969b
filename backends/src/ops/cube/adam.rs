//! The optimizer's kernels: sums of squares of all gradients with their clip factors, and the update of a parameter.
//!
//! All gradients add into one list of partial sums, so that what follows takes two launches, not two a parameter.

use burn::tensor::{DType, Shape};
use burn_cubecl::{CubeRuntime, kernel::into_contiguous, tensor::CubeTensor};
use cubecl::prelude::*;

use super::{
    launch::{UNITS, count, cubes, cubes_for_units, empty, size, vector_size, writable},
    team::{cube_sum, sum_of},
};
use crate::ops::{AdamStep, AdamTensors, Clip, ClipFactors};

/// Vectors that a cube squares.
const BLOCK: usize = 16 * UNITS as usize;

/// Sum of squares of each block of `x`, into `partial` from `offset` on.
#[cube(launch)]
fn square_sums_kernel<N: Size>(
    x: &Tensor<Vector<f32, N>>,
    partial: &mut Tensor<f32>,
    offset: u32,
    vectors: u32,
    block: u32,
) {
    let mut scratch = SharedMemory::<f32>::new(UNITS as usize);
    let first = CUBE_POS as u32 * block;
    let end = min(first + block, vectors);
    let mut sum = Vector::<f32, N>::new(0.0f32);
    let mut at = first + UNIT_POS;
    while at < end {
        let value = x[at as usize];
        sum += value * value;
        at += UNITS;
    }
    let total = cube_sum(sum_of::<N>(sum), &mut scratch);
    if UNIT_POS == 0 && first < vectors {
        partial[(offset + CUBE_POS as u32) as usize] = total;
    }
}

/// Sum of each gradient's partial sums, `starts[slot]..starts[slot + 1]`.
#[cube(launch)]
fn square_totals_kernel(partial: &Tensor<f32>, starts: &Tensor<i32>, squares: &mut Tensor<f32>, slots: u32) {
    let mut scratch = SharedMemory::<f32>::new(UNITS as usize);
    let cube = CUBE_POS as u32;
    let slot = min(cube, slots - 1);
    let mut at = starts[slot as usize] as u32 + UNIT_POS;
    let end = starts[(slot + 1) as usize] as u32;
    let mut sum = 0.0f32;
    while at < end {
        sum += partial[at as usize];
        at += UNITS;
    }
    let total = cube_sum(sum, &mut scratch);
    if UNIT_POS == 0 && cube < slots {
        squares[slot as usize] = total;
    }
}

/// Clip factors and the global norm from the sums of squares; one cube.
#[cube(launch)]
fn clip_factors_kernel(
    squares: &Tensor<f32>,
    factors: &mut Tensor<f32>,
    norm: &mut Tensor<f32>,
    slots: u32,
    max_norm: f32,
    #[comptime] global: bool,
) {
    let mut scratch = SharedMemory::<f32>::new(UNITS as usize);
    let mut sum = 0.0f32;
    let mut slot = UNIT_POS;
    while slot < slots {
        sum += squares[slot as usize];
        slot += UNITS;
    }
    let total = cube_sum(sum, &mut scratch).sqrt();
    let mut slot = UNIT_POS;
    while slot < slots {
        let mut own = total;
        if !global {
            own = squares[slot as usize].sqrt();
        }
        factors[slot as usize] = min(max_norm / (own + 1e-6f32), 1.0f32);
        slot += UNITS;
    }
    if UNIT_POS == 0 {
        norm[0] = total;
    }
}

/// Scalars of an update, for a kernel.
#[derive(CubeType, CubeLaunch, Clone, Copy)]
struct Scalars {
    beta1: f32,
    new1: f32,
    beta2: f32,
    new2: f32,
    eps: f32,
    weight_decay: f32,
    learning_rate: f32,
}

#[cube(launch)]
#[allow(clippy::too_many_arguments, reason = "a kernel's bindings")]
fn adam_kernel<N: Size>(
    weight: &mut Tensor<Vector<f32, N>>,
    first: &mut Tensor<Vector<f32, N>>,
    second: &mut Tensor<Vector<f32, N>>,
    grad: &Tensor<Vector<f32, N>>,
    factors: &Tensor<f32>,
    slot: u32,
    vectors: u32,
    step: &Scalars,
) {
    if ABSOLUTE_POS >= vectors as usize {
        terminate!();
    }
    let g = grad[ABSOLUTE_POS] * Vector::new(factors[slot as usize]);
    let w = weight[ABSOLUTE_POS];
    let m = first[ABSOLUTE_POS] * Vector::new(step.beta1) + g * Vector::new(step.new1);
    let v = second[ABSOLUTE_POS] * Vector::new(step.beta2) + g * g * Vector::new(step.new2);
    let update = m / (v.sqrt() + Vector::new(step.eps)) + w * Vector::new(step.weight_decay);
    first[ABSOLUTE_POS] = m;
    second[ABSOLUTE_POS] = v;
    weight[ABSOLUTE_POS] = w - update * Vector::new(step.learning_rate);
}

/// See [`BertKernels::clip_factors`](crate::BertKernels::clip_factors); `grads` must not be empty.
pub fn clip_factors<R: CubeRuntime>(
    grads: Vec<CubeTensor<R>>,
    clip: Clip,
) -> Option<ClipFactors<CubeTensor<R>>> {
    let like = grads.first()?.clone();
    let client = like.client.clone();
    let vectors: Vec<_> = grads.iter().map(|grad| vector_size(grad, count(grad))).collect();
    let blocks = grads.iter().zip(&vectors).map(|(grad, vector)| (count(grad) / vector).div_ceil(BLOCK));
    let mut starts = vec![0usize];
    for blocks in blocks {
        starts.push(starts.last().copied().unwrap_or_default() + blocks);
    }
    let partial = empty(&like, [starts.last().copied().unwrap_or_default().max(1)]);
    let slots = grads.len();
    for ((grad, vector), window) in grads.into_iter().zip(vectors).zip(starts.windows(2)) {
        let vectors = count(&grad) / vector;
        let (count, dim) = cubes(&grad, window[1] - window[0]);
        square_sums_kernel::launch(
            &client,
            count,
            dim,
            vector,
            grad.into_tensor_arg(),
            partial.clone().into_tensor_arg(),
            size(window[0]),
            size(vectors),
            size(BLOCK),
        );
    }

    let starts: Vec<u8> = starts.iter().flat_map(|&start| size(start).to_ne_bytes()).collect();
    let starts = CubeTensor::new_contiguous(
        client.clone(),
        like.device.clone(),
        Shape::new([slots + 1]),
        client.create_from_slice(&starts),
        DType::I32,
    );
    let squares = empty(&like, [slots]);
    let (count, dim) = cubes(&like, slots);
    square_totals_kernel::launch(
        &client,
        count,
        dim,
        partial.into_tensor_arg(),
        starts.into_tensor_arg(),
        squares.clone().into_tensor_arg(),
        size(slots),
    );
    let (factors, norm) = (empty(&like, [1, slots]), empty(&like, [1, 1]));
    let (count, dim) = cubes(&like, 1);
    clip_factors_kernel::launch(
        &client,
        count,
        dim,
        squares.into_tensor_arg(),
        factors.clone().into_tensor_arg(),
        norm.clone().into_tensor_arg(),
        size(slots),
        clip.max_norm,
        clip.global,
    );
    Some(ClipFactors { factors, norm })
}

/// See [`adam_update`](crate::ops::adam_update).
pub fn update<R: CubeRuntime>(
    tensors: AdamTensors<CubeTensor<R>>,
    grad: CubeTensor<R>,
    factors: CubeTensor<R>,
    slot: usize,
    step: AdamStep,
) -> AdamTensors<CubeTensor<R>> {
    // Over the old values, which nobody else holds in a training; where somebody does, over a copy.
    let own = |x: CubeTensor<R>| if writable(&x) { x } else { into_contiguous(x.copy()) };
    let AdamTensors { weight, first, second } = tensors;
    let (weight, first, second) = (own(weight), own(first), own(second));
    let client = weight.client.clone();
    let vector = vector_size(&weight, count(&weight));
    let vectors = count(&weight) / vector;
    let (count, dim) = cubes_for_units(&weight, vectors);
    #[allow(
        clippy::cast_possible_truncation,
        reason = "after `1 - beta` in f64, which would lose digits in f32"
    )]
    let [beta1, new1, beta2, new2] =
        [step.beta1, 1.0 - step.beta1, step.beta2, 1.0 - step.beta2].map(|value| value as f32);
    let scalars =
        ScalarsLaunch::new(beta1, new1, beta2, new2, step.eps, step.weight_decay, step.learning_rate);
    adam_kernel::launch(
        &client,
        count,
        dim,
        vector,
        weight.clone().into_tensor_arg(),
        first.clone().into_tensor_arg(),
        second.clone().into_tensor_arg(),
        grad.into_tensor_arg(),
        factors.into_tensor_arg(),
        size(slot),
        size(vectors),
        scalars,
    );
    AdamTensors { weight, first, second }
}
