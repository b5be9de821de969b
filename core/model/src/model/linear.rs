//! A linear layer.

use burn::{
    module::{Module, Param},
    tensor::{Tensor, backend::Backend},
};
use spanbert_backends::{BertBackend, Precision, ops};

use super::weights::{WeightSource, WeightsError};

/// `x W + b`.
#[derive(Module, Debug)]
pub struct Linear<B: Backend> {
    /// `[input, output]`, the transpose of PyTorch's.
    pub(super) weight: Param<Tensor<B, 2>>,
    /// `[output]`.
    pub(super) bias: Param<Tensor<B, 1>>,
    /// Format of the product's operands.
    #[module(skip)]
    pub(super) precision: Precision,
}

impl<B: Backend> Linear<B> {
    /// Takes `{prefix}.weight` (`[output, input]`) and `{prefix}.bias` from the source.
    ///
    /// # Errors
    /// If a tensor is missing or has another shape.
    pub(super) fn load(
        source: &mut WeightSource<'_, B>,
        prefix: &str,
        input: usize,
        output: usize,
    ) -> Result<Self, WeightsError> {
        Ok(Self {
            weight: source.matrix_transposed(&format!("{prefix}.weight"), input, output)?,
            bias: source.vector(&format!("{prefix}.bias"), output)?,
            precision: source.precision(),
        })
    }
}

impl<B: BertBackend> Linear<B> {
    /// Shapes: `[rows, input]` to `[rows, output]`.
    pub fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        ops::linear(x, self.weight.val(), self.bias.val(), self.precision)
    }
}
