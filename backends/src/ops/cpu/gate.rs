//! Activations by a sigmoid or a comparison, and their derivatives.

use super::math::exp;
use crate::ops::activation::Gate;

/// The sigmoid and the slope of its argument.
#[inline(always)]
fn parts(x: f32, Gate { linear, cubic }: Gate) -> (f32, f32) {
    let square = x * x;
    let sigmoid = 1.0 / (1.0 + exp(-x * (linear + cubic * square)));
    (sigmoid, linear + 3.0 * cubic * square)
}

/// `x * sigmoid(x * (linear + cubic * x^2))`.
#[inline(always)]
pub fn value(x: f32, gate: Gate) -> f32 {
    x * parts(x, gate).0
}

/// `grad * (s + x s (1 - s) (linear + 3 cubic x^2))`.
#[inline(always)]
pub fn gradient(x: f32, grad: f32, gate: Gate) -> f32 {
    let (sigmoid, slope) = parts(x, gate);
    grad * (sigmoid * (1.0 + x * slope * (1.0 - sigmoid)))
}

/// `max(x, 0)`; a NaN stays one.
#[inline(always)]
pub fn relu(x: f32) -> f32 {
    if x <= 0.0 { 0.0 } else { x }
}

/// `grad` where `x` is positive, else 0.
#[inline(always)]
pub fn relu_gradient(x: f32, grad: f32) -> f32 {
    if x <= 0.0 { 0.0 } else { grad }
}
