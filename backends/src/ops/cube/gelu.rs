//! GELU by the error function and its derivative, in one pass each.

use std::f32::consts::FRAC_1_SQRT_2;

use burn::tensor::TensorMetadata;
use burn_cubecl::{CubeRuntime, tensor::CubeTensor};
use cubecl::prelude::*;

use super::launch::{count, cubes_for_units, empty, vector_size, writable};
use crate::ops::kernels::FRAC_1_SQRT_2PI;

#[cube]
fn normal_cdf<N: Size>(x: Vector<f32, N>) -> Vector<f32, N> {
    let erf = (x * Vector::new(FRAC_1_SQRT_2)).erf();
    (erf + Vector::new(1.0f32)) * Vector::new(0.5f32)
}

#[cube(launch)]
fn gelu_kernel<N: Size>(x: &Tensor<Vector<f32, N>>, output: &mut Tensor<Vector<f32, N>>) {
    if ABSOLUTE_POS >= output.len() {
        terminate!();
    }
    let value = x[ABSOLUTE_POS];
    output[ABSOLUTE_POS] = value * normal_cdf::<N>(value);
}

#[cube(launch)]
fn gelu_backward_kernel<N: Size>(
    grad: &Tensor<Vector<f32, N>>,
    x: &Tensor<Vector<f32, N>>,
    output: &mut Tensor<Vector<f32, N>>,
) {
    if ABSOLUTE_POS >= output.len() {
        terminate!();
    }
    let value = x[ABSOLUTE_POS];
    let pdf = (value * value * Vector::new(-0.5f32)).exp() * Vector::new(FRAC_1_SQRT_2PI);
    output[ABSOLUTE_POS] = grad[ABSOLUTE_POS] * (normal_cdf::<N>(value) + value * pdf);
}

/// `x * Phi(x)`.
pub fn forward<R: CubeRuntime>(x: CubeTensor<R>) -> CubeTensor<R> {
    let client = x.client.clone();
    let elements = count(&x);
    let vector = vector_size(&x, elements);
    let (count, dim) = cubes_for_units(&x, elements / vector);
    let in_place = writable(&x);
    let output = if in_place { x.clone() } else { empty(&x, x.shape()) };
    let target = if in_place { output.as_tensor_alias(0) } else { output.clone().into_tensor_arg() };
    gelu_kernel::launch(&client, count, dim, vector, x.into_tensor_arg(), target);
    output
}

/// `grad * (Phi(x) + x * phi(x))`.
pub fn backward<R: CubeRuntime>(x: CubeTensor<R>, grad: CubeTensor<R>) -> CubeTensor<R> {
    let client = x.client.clone();
    let elements = count(&x);
    let vector = vector_size(&x, elements);
    let (count, dim) = cubes_for_units(&x, elements / vector);
    let in_place = writable(&grad);
    let output = if in_place { grad.clone() } else { empty(&grad, grad.shape()) };
    let target = if in_place { output.as_tensor_alias(0) } else { output.clone().into_tensor_arg() };
    let (grad, x) = (grad.into_tensor_arg(), x.into_tensor_arg());
    gelu_backward_kernel::launch(&client, count, dim, vector, grad, x, target);
    output
}
