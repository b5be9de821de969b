//! Dropout, residual addition and LayerNorm in one kernel, and their backward in one more besides the column sums of
//! `super::columns`. A team of units has a row.

use burn::tensor::TensorMetadata;
use burn_cubecl::{CubeRuntime, tensor::CubeTensor};
use cubecl::prelude::*;

use super::{
    columns::sums_of_product,
    dropout::{DropoutWords, dropped, words},
    launch::{UNITS, empty, size, vector_size},
    team::{TEAM, cubes_for_rows, in_step, lane, sum_of, team_row, team_sum},
};
use crate::ops::{Dropout, kernels::LayerNormOutput};

/// Shapes: `x`, `residual`, `output`, `normalized` `[rows, width]`, `gamma`, `beta` `[width]`, `inverse_deviation`
/// `[rows]`.
#[cube(launch)]
#[allow(clippy::too_many_arguments, reason = "a kernel's bindings")]
fn layer_norm_kernel<N: Size>(
    x: &Tensor<Vector<f32, N>>,
    residual: &Tensor<Vector<f32, N>>,
    gamma: &Tensor<Vector<f32, N>>,
    beta: &Tensor<Vector<f32, N>>,
    output: &mut Tensor<Vector<f32, N>>,
    normalized: &mut Tensor<Vector<f32, N>>,
    inverse_deviation: &mut Tensor<f32>,
    rows: u32,
    width: u32,
    eps: f32,
    dropout: &DropoutWords,
    #[comptime] add: bool,
    #[comptime] drop: bool,
    #[comptime] in_step: bool,
) {
    let mut scratch = SharedMemory::<f32>::new(UNITS as usize);
    let row = team_row();
    let active = row < rows;
    // A team without a row works on the last one, because all must meet at the barriers, and writes nothing.
    let row = select(active, row, rows - 1);
    let start = row as usize * width as usize;
    let factor = 1.0f32 / f32::cast_from(width * N::value() as u32);

    let mut sum = Vector::<f32, N>::new(0.0f32);
    let mut at = lane();
    while at < width {
        sum += summand::<N>(x, residual, start + at as usize, dropout, add, drop);
        at += TEAM;
    }
    let mean = Vector::<f32, N>::new(team_sum(sum_of::<N>(sum), &mut scratch, in_step) * factor);

    let mut squares = Vector::<f32, N>::new(0.0f32);
    let mut at = lane();
    while at < width {
        let centred = summand::<N>(x, residual, start + at as usize, dropout, add, drop) - mean;
        squares += centred * centred;
        at += TEAM;
    }
    let variance = team_sum(sum_of::<N>(squares), &mut scratch, in_step) * factor;
    let inverse = 1.0f32 / (variance + eps).sqrt();

    if active {
        let scale = Vector::<f32, N>::new(inverse);
        let mut at = lane();
        while at < width {
            let place = start + at as usize;
            let value = (summand::<N>(x, residual, place, dropout, add, drop) - mean) * scale;
            normalized[place] = value;
            output[place] = value * gamma[at as usize] + beta[at as usize];
            at += TEAM;
        }
        if lane() == 0 {
            inverse_deviation[row as usize] = inverse;
        }
    }
}

/// What is normalised.
#[cube]
fn summand<N: Size>(
    x: &Tensor<Vector<f32, N>>,
    residual: &Tensor<Vector<f32, N>>,
    place: usize,
    dropout: &DropoutWords,
    #[comptime] add: bool,
    #[comptime] drop: bool,
) -> Vector<f32, N> {
    let mut value = x[place];
    if drop {
        value = dropped::<N>(value, place, dropout);
    }
    if add {
        value += residual[place];
    }
    value
}

/// Gradient of what was normalised, `d_sum`, and of the branch before its dropout, `d_x`, if `drop`.
#[cube(launch)]
#[allow(clippy::too_many_arguments, reason = "a kernel's bindings")]
fn layer_norm_backward_kernel<N: Size>(
    grad: &Tensor<Vector<f32, N>>,
    normalized: &Tensor<Vector<f32, N>>,
    gamma: &Tensor<Vector<f32, N>>,
    inverse_deviation: &Tensor<f32>,
    d_sum: &mut Tensor<Vector<f32, N>>,
    d_x: &mut Tensor<Vector<f32, N>>,
    rows: u32,
    width: u32,
    dropout: &DropoutWords,
    #[comptime] drop: bool,
    #[comptime] in_step: bool,
) {
    let mut scratch = SharedMemory::<f32>::new(UNITS as usize);
    let row = team_row();
    let active = row < rows;
    let row = select(active, row, rows - 1);
    let start = row as usize * width as usize;
    let factor = 1.0f32 / f32::cast_from(width * N::value() as u32);

    let mut sum = Vector::<f32, N>::new(0.0f32);
    let mut products = Vector::<f32, N>::new(0.0f32);
    let mut at = lane();
    while at < width {
        let scaled = grad[start + at as usize] * gamma[at as usize];
        sum += scaled;
        products += scaled * normalized[start + at as usize];
        at += TEAM;
    }
    let mean = Vector::<f32, N>::new(team_sum(sum_of::<N>(sum), &mut scratch, in_step) * factor);
    let projection = team_sum(sum_of::<N>(products), &mut scratch, in_step) * factor;

    if active {
        let projection = Vector::<f32, N>::new(projection);
        let inverse = Vector::<f32, N>::new(inverse_deviation[row as usize]);
        let mut at = lane();
        while at < width {
            let place = start + at as usize;
            let scaled = grad[place] * gamma[at as usize];
            let value = (scaled - mean - normalized[place] * projection) * inverse;
            d_sum[place] = value;
            if drop {
                d_x[place] = dropped::<N>(value, place, dropout);
            }
            at += TEAM;
        }
    }
}

/// LayerNorm of `dropout(x) + residual`; see [`BertKernels::residual_layer_norm_forward`]
/// (crate::BertKernels::residual_layer_norm_forward).
pub fn forward<R: CubeRuntime>(
    x: CubeTensor<R>,
    residual: Option<CubeTensor<R>>,
    [gamma, beta]: [CubeTensor<R>; 2],
    eps: f32,
    dropout: Option<Dropout>,
) -> LayerNormOutput<CubeTensor<R>> {
    let [rows, hidden] = x.shape().dims();
    let client = x.client.clone();
    let vector = vector_size(&x, hidden);
    let (count, dim) = cubes_for_rows(&x, rows);
    let in_step = in_step(&x);
    let (output, normalized) = (empty(&x, [rows, hidden]), empty(&x, [rows, hidden]));
    let inverse_deviation = empty(&x, [rows, 1]);
    let add = residual.is_some();
    let residual = residual.unwrap_or_else(|| x.clone());
    layer_norm_kernel::launch(
        &client,
        count,
        dim,
        vector,
        x.into_tensor_arg(),
        residual.into_tensor_arg(),
        gamma.into_tensor_arg(),
        beta.into_tensor_arg(),
        output.clone().into_tensor_arg(),
        normalized.clone().into_tensor_arg(),
        inverse_deviation.clone().into_tensor_arg(),
        size(rows),
        size(hidden / vector),
        eps,
        words(dropout),
        add,
        dropout.is_some(),
        in_step,
    );
    LayerNormOutput { output, normalized, inverse_deviation }
}

/// Gradients of `x`, of the residual, of gamma and of beta.
pub fn backward<R: CubeRuntime>(
    normalized: CubeTensor<R>,
    inverse_deviation: CubeTensor<R>,
    gamma: CubeTensor<R>,
    grad: CubeTensor<R>,
    dropout: Option<Dropout>,
) -> [CubeTensor<R>; 4] {
    let [rows, hidden] = grad.shape().dims();
    let client = grad.client.clone();
    let vector = vector_size(&grad, hidden);
    let (count, dim) = cubes_for_rows(&grad, rows);
    let in_step = in_step(&grad);
    // Not over the gradient itself, of which the column sums below have a use as well.
    let d_sum = empty(&grad, [rows, hidden]);
    let d_x = empty(&grad, if dropout.is_some() { [rows, hidden] } else { [1, vector] });
    layer_norm_backward_kernel::launch(
        &client,
        count,
        dim,
        vector,
        grad.clone().into_tensor_arg(),
        normalized.clone().into_tensor_arg(),
        gamma.into_tensor_arg(),
        inverse_deviation.into_tensor_arg(),
        d_sum.clone().into_tensor_arg(),
        d_x.clone().into_tensor_arg(),
        size(rows),
        size(hidden / vector),
        words(dropout),
        dropout.is_some(),
        in_step,
    );
    let [d_gamma, d_beta] = sums_of_product(normalized, grad, rows, hidden);
    let d_x = if dropout.is_some() { d_x } else { d_sum.clone() };
    [d_x, d_sum, d_gamma, d_beta]
}
