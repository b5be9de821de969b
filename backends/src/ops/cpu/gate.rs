//! Activations by a sigmoid or a comparison, and their derivatives, in place.

use rayon::prelude::*;

use super::{CHUNK, math::exp, simd::widest};
use crate::ops::activation::Gate;

/// The sigmoid and the slope of its argument.
#[inline(always)]
fn parts(x: f32, Gate { linear, cubic }: Gate) -> (f32, f32) {
    let square = x * x;
    let sigmoid = 1.0 / (1.0 + exp(-x * (linear + cubic * square)));
    (sigmoid, linear + 3.0 * cubic * square)
}

/// `x * sigmoid(x * (linear + cubic * x^2))`, in place.
pub fn forward(x: &mut [f32], gate: Gate) {
    each(x, |x| x * parts(x, gate).0);
}

/// `grad * (s + x s (1 - s) (linear + 3 cubic x^2))`, in place in `grad`.
pub fn backward(x: &[f32], grad: &mut [f32], gate: Gate) {
    each_pair(x, grad, |x, grad| {
        let (sigmoid, slope) = parts(x, gate);
        grad * (sigmoid * (1.0 + x * slope * (1.0 - sigmoid)))
    });
}

/// `max(x, 0)`, in place; a NaN stays one.
pub fn relu_forward(x: &mut [f32]) {
    each(x, |x| if x <= 0.0 { 0.0 } else { x });
}

/// `grad` where `x` is positive, else 0, in place in `grad`.
pub fn relu_backward(x: &[f32], grad: &mut [f32]) {
    each_pair(x, grad, |x, grad| if x <= 0.0 { 0.0 } else { grad });
}

#[inline(always)]
fn each(x: &mut [f32], f: impl Fn(f32) -> f32 + Sync) {
    x.par_chunks_mut(CHUNK).for_each(|chunk| {
        widest(
            #[inline(always)]
            || chunk.iter_mut().for_each(|x| *x = f(*x)),
        );
    });
}

#[inline(always)]
fn each_pair(x: &[f32], grad: &mut [f32], f: impl Fn(f32, f32) -> f32 + Sync) {
    grad.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).for_each(|(grad, x)| {
        widest(
            #[inline(always)]
            || grad.iter_mut().zip(x).for_each(|(grad, &x)| *grad = f(x, *grad)),
        );
    });
}
