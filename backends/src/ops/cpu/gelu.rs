//! GELU and its derivative.

use super::math::normal_cdf_and_exp;

/// `1 / sqrt(2 pi)`.
const FRAC_1_SQRT_2PI: f32 = 0.398_942_3;

/// `x * Phi(x)`.
#[inline(always)]
pub fn value(x: f32) -> f32 {
    x * normal_cdf_and_exp(x).0
}

/// `grad * (Phi(x) + x * phi(x))`.
#[inline(always)]
pub fn gradient(x: f32, grad: f32) -> f32 {
    let (cdf, exponential) = normal_cdf_and_exp(x);
    grad * (cdf + x * FRAC_1_SQRT_2PI * exponential)
}
