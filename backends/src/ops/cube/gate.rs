//! Activations by a sigmoid and their derivatives, in one pass each.

use burn::tensor::TensorMetadata;
use burn_cubecl::{CubeRuntime, tensor::CubeTensor};
use cubecl::prelude::*;

use super::launch::{count, cubes_for_units, empty, vector_size, writable};
use crate::ops::activation::{Gate, LOWEST_EXPONENT};

#[cube]
fn sigmoid<N: Size>(x: Vector<f32, N>, linear: f32, cubic: f32) -> Vector<f32, N> {
    let exponent = x * (Vector::new(linear) + Vector::new(cubic) * x * x);
    let exponential = (exponent.max(Vector::new(LOWEST_EXPONENT)) * Vector::new(-1.0f32)).exp();
    Vector::new(1.0f32) / (exponential + Vector::new(1.0f32))
}

#[cube(launch)]
fn gate_kernel<N: Size>(
    x: &Tensor<Vector<f32, N>>,
    output: &mut Tensor<Vector<f32, N>>,
    linear: f32,
    cubic: f32,
) {
    if ABSOLUTE_POS >= output.len() {
        terminate!();
    }
    let value = x[ABSOLUTE_POS];
    output[ABSOLUTE_POS] = value * sigmoid::<N>(value, linear, cubic);
}

#[cube(launch)]
fn gate_backward_kernel<N: Size>(
    grad: &Tensor<Vector<f32, N>>,
    x: &Tensor<Vector<f32, N>>,
    output: &mut Tensor<Vector<f32, N>>,
    linear: f32,
    cubic: f32,
) {
    if ABSOLUTE_POS >= output.len() {
        terminate!();
    }
    let value = x[ABSOLUTE_POS];
    let gate = sigmoid::<N>(value, linear, cubic);
    let slope = Vector::new(linear) + Vector::new(3.0f32 * cubic) * value * value;
    let inner = Vector::new(1.0f32) + value * slope * (Vector::new(1.0f32) - gate);
    output[ABSOLUTE_POS] = grad[ABSOLUTE_POS] * (gate * inner);
}

/// `x * sigmoid(x * (linear + cubic * x^2))`.
pub fn forward<R: CubeRuntime>(x: CubeTensor<R>, gate: Gate) -> CubeTensor<R> {
    let client = x.client.clone();
    let elements = count(&x);
    let vector = vector_size(&x, elements);
    let (count, dim) = cubes_for_units(&x, elements / vector);
    let in_place = writable(&x);
    let output = if in_place { x.clone() } else { empty(&x, x.shape()) };
    let target = if in_place { output.as_tensor_alias(0) } else { output.clone().into_tensor_arg() };
    gate_kernel::launch(&client, count, dim, vector, x.into_tensor_arg(), target, gate.linear, gate.cubic);
    output
}

/// `grad * (s + x s (1 - s) (linear + 3 cubic x^2))` with the sigmoid `s`.
pub fn backward<R: CubeRuntime>(x: CubeTensor<R>, grad: CubeTensor<R>, gate: Gate) -> CubeTensor<R> {
    let client = x.client.clone();
    let elements = count(&x);
    let vector = vector_size(&x, elements);
    let (count, dim) = cubes_for_units(&x, elements / vector);
    let in_place = writable(&grad);
    let output = if in_place { grad.clone() } else { empty(&grad, grad.shape()) };
    let target = if in_place { output.as_tensor_alias(0) } else { output.clone().into_tensor_arg() };
    let (grad, x) = (grad.into_tensor_arg(), x.into_tensor_arg());
    gate_backward_kernel::launch(&client, count, dim, vector, grad, x, target, gate.linear, gate.cubic);
    output
}
