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

/// Applies a gradient, multiplied by `factor` `[1, 1]` (the clip), to a parameter and its moments:
/// `m = b1 m + (1 - b1) g`, `v = b2 v + (1 - b2) g^2`, `w = w - lr (m / (sqrt(v) + eps) + decay w)`.
///
/// Shapes: all `[rows, columns]`.
#[must_use]
pub fn adam_update<B: BertKernels>(
    tensors: AdamTensors<Tensor<B, 2>>,
    grad: Tensor<B, 2>,
    factor: Tensor<B, 2>,
    step: AdamStep,
) -> AdamTensors<Tensor<B, 2>> {
    let primitive = |tensor: Tensor<B, 2>| tensor.into_primitive().tensor();
    let tensors = AdamTensors {
        weight: primitive(tensors.weight),
        first: primitive(tensors.first),
        second: primitive(tensors.second),
    };
    let updated = B::adam_update(tensors, primitive(grad), primitive(factor), step);
    let wrap = |primitive: FloatTensor<B>| Tensor::from_primitive(TensorPrimitive::Float(primitive));
    AdamTensors { weight: wrap(updated.weight), first: wrap(updated.first), second: wrap(updated.second) }
}

/// Sum of squares of a `[rows, columns]` tensor as `[1, 1]`, in an order that does not change between runs.
#[must_use]
pub fn square_sum<B: BertKernels>(x: Tensor<B, 2>) -> Tensor<B, 2> {
    Tensor::from_primitive(TensorPrimitive::Float(B::square_sum(x.into_primitive().tensor())))
}
