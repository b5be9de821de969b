//! LayerNorm, epsilon inside the square root.

use burn::{
    module::{Module, Param},
    tensor::{Tensor, backend::Backend},
};
use spanbert_backends::{
    BertBackend,
    ops::{self, Dropout},
};

use super::weights::{WeightSource, WeightsError};

/// Normalises the last dimension and applies a learned scale and shift.
#[derive(Module, Debug)]
pub struct LayerNorm<B: Backend> {
    weight: Param<Tensor<B, 1>>,
    bias: Param<Tensor<B, 1>>,
    eps: f32,
}

impl<B: Backend> LayerNorm<B> {
    /// Takes `{prefix}.weight` and `{prefix}.bias`, each `[hidden]`, from the source.
    ///
    /// # Errors
    /// If a tensor is missing or has another shape.
    pub(super) fn load(
        source: &mut WeightSource<'_, B>,
        prefix: &str,
        hidden: usize,
        eps: f32,
    ) -> Result<Self, WeightsError> {
        Ok(Self {
            weight: source.vector(&format!("{prefix}.weight"), hidden)?,
            bias: source.vector(&format!("{prefix}.bias"), hidden)?,
            eps,
        })
    }
}

impl<B: BertBackend> LayerNorm<B> {
    /// Shapes: `[rows, hidden]` to the same.
    pub fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        ops::layer_norm(x, self.weight.val(), self.bias.val(), self.eps)
    }

    /// Normalises `dropout(x) + residual`. Shapes: each `[rows, hidden]`, to the same.
    pub fn forward_residual(
        &self,
        x: Tensor<B, 2>,
        residual: Tensor<B, 2>,
        dropout: Option<Dropout>,
    ) -> Tensor<B, 2> {
        let affine = [self.weight.val(), self.bias.val()];
        ops::residual_layer_norm([x, residual], affine, self.eps, dropout)
    }
}
