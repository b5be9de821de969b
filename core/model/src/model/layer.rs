//! One transformer layer: attention, then the feed-forward network, each with residual and LayerNorm after it.

use burn::{
    module::Module,
    tensor::{Tensor, backend::Backend},
};
use spanbert_backends::{
    BertBackend,
    ops::{self, Activation},
};

use super::{
    attention::{Attention, ResidualOutput},
    dropout::DropoutSeeds,
    linear::Linear,
    weights::{WeightSource, WeightsError},
};
use crate::config::BertConfig;

/// The widening half of the feed-forward network.
#[derive(Module, Debug)]
pub struct Intermediate<B: Backend> {
    dense: Linear<B>,
    #[module(skip)]
    activation: Activation,
}

/// A post-norm transformer layer.
#[derive(Module, Debug)]
pub struct Layer<B: Backend> {
    attention: Attention<B>,
    intermediate: Intermediate<B>,
    output: ResidualOutput<B>,
}

impl<B: Backend> Layer<B> {
    pub(super) fn load(
        source: &mut WeightSource<'_, B>,
        prefix: &str,
        config: &BertConfig,
    ) -> Result<Self, WeightsError> {
        let (hidden, wide) = (config.hidden_size, config.intermediate_size);
        let dense = format!("{prefix}.intermediate.dense");
        let dropout = config.hidden_dropout_prob;
        Ok(Self {
            attention: Attention::load(source, &format!("{prefix}.attention"), config)?,
            intermediate: Intermediate {
                dense: Linear::load(source, &dense, hidden, wide)?,
                activation: config.activation(),
            },
            output: ResidualOutput::load(source, &format!("{prefix}.output"), wide, dropout, config)?,
        })
    }
}

impl<B: BertBackend> Layer<B> {
    /// Shapes: `x` `[batch * length, hidden]`, `mask` `[batch, length]` to `[batch * length, hidden]`.
    pub fn forward(
        &self,
        x: Tensor<B, 2>,
        mask: Tensor<B, 2>,
        mut dropout: Option<&mut DropoutSeeds>,
    ) -> Tensor<B, 2> {
        let x = self.attention.forward(x, mask, dropout.as_deref_mut());
        let Intermediate { dense, activation } = &self.intermediate;
        let wide = ops::activate(dense.forward(x.clone()), *activation);
        self.output.forward(wide, x, dropout)
    }
}
