//! The arithmetic of one Adam update without bias correction (BertAdam, FusedAdam).

use burn::tensor::{Tensor, TensorPrimitive, ops::FloatTensor};

use super::BertKernels;

/// Scalars of an update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamStep {
    /// Decay of the first moment. In f64, because `1 - beta` loses digits in f32: for 0.999 it would be off by
    /// 1e-5 of its value.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the square root of the second moment.
    pub eps: f32,
    /// Decoupled weight decay; 0 for biases and LayerNorm.
    pub weight_decay: f32,
    /// Learning rate in force; it scales the decay too.
    pub learning_rate: f32,
}

/// A parameter and its moments, all `[rows, columns]`.
#[derive(Clone, Debug)]
pub struct AdamTensors<T> {
    /// The parameter.
    pub weight: T,
    /// Running mean of the gradient.
    pub first: T,
    /// Running mean of its square.
    pub second: T,
}

/// What the gradient's norm is limited to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clip {
    /// Largest norm.
    pub max_norm: f32,
    /// Whether it is the norm of all gradients together, not each one's own.
    pub global: bool,
}

/// What the gradients of `n` parameters are multiplied with.
#[derive(Clone, Debug)]
pub struct ClipFactors<T> {
    /// `min(max_norm / (norm + 1e-6), 1)` of each gradient, `[1, n]`.
    pub factors: T,
    /// Norm of all gradients together before clipping, `[1, 1]`.
    pub norm: T,
}

/// Clip factors of gradients `[rows, columns]`, in order; none for no gradients. Sums add in an order that does not
/// change between runs.
#[must_use]
pub fn clip_factors<B: BertKernels>(
    grads: Vec<Tensor<B, 2>>,
    clip: Clip,
) -> Option<ClipFactors<Tensor<B, 2>>> {
    let grads = grads.into_iter().map(primitive).collect();
    let ClipFactors { factors, norm } = B::clip_factors(grads, clip)?;
    Some(ClipFactors { factors: wrap(factors), norm: wrap(norm) })
}

/// [`clip_factors`] from Burn's primitives.
pub(super) fn clip_factors_of<B: BertKernels>(
    grads: Vec<FloatTensor<B>>,
    clip: Clip,
) -> Option<ClipFactors<FloatTensor<B>>> {
    let squares: Vec<_> = grads.into_iter().map(B::square_sum).collect();
    let total = squares.iter().cloned().reduce(B::float_add)?;
    let norm = B::float_sqrt(total);
    let factor = |norm| {
        let inverse = B::float_recip(B::float_add_scalar(norm, 1e-6f32.into()));
        B::float_clamp_max(B::float_mul_scalar(inverse, clip.max_norm.into()), 1f32.into())
    };
    let own = |square| if clip.global { norm.clone() } else { B::float_sqrt(square) };
    let factors = squares.into_iter().map(|square| factor(own(square))).collect();
    Some(ClipFactors { factors: B::float_cat(factors, 1), norm })
}

/// Applies a gradient, multiplied by the factor `slot` of `factors` `[1, n]` (the clip), to a parameter and its
/// moments: `m = b1 m + (1 - b1) g`, `v = b2 v + (1 - b2) g^2`, `w = w - lr (m / (sqrt(v) + eps) + decay w)`.
///
/// Shapes: all others `[rows, columns]`.
#[must_use]
pub fn adam_update<B: BertKernels>(
    tensors: AdamTensors<Tensor<B, 2>>,
    grad: Tensor<B, 2>,
    factors: Tensor<B, 2>,
    slot: usize,
    step: AdamStep,
) -> AdamTensors<Tensor<B, 2>> {
    let tensors = AdamTensors {
        weight: primitive(tensors.weight),
        first: primitive(tensors.first),
        second: primitive(tensors.second),
    };
    let updated = B::adam_update(tensors, primitive(grad), primitive(factors), slot, step);
    AdamTensors { weight: wrap(updated.weight), first: wrap(updated.first), second: wrap(updated.second) }
}

fn primitive<B: BertKernels>(tensor: Tensor<B, 2>) -> FloatTensor<B> {
    tensor.into_primitive().tensor()
}

fn wrap<B: BertKernels>(primitive: FloatTensor<B>) -> Tensor<B, 2> {
    Tensor::from_primitive(TensorPrimitive::Float(primitive))
}
