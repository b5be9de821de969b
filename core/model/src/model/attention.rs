//! Multi-head self-attention.

use burn::{
    module::Module,
    tensor::{Tensor, backend::Backend},
};
use spanbert_backends::{BertBackend, Precision, ops};

use super::{
    dropout::DropoutSeeds,
    layer_norm::LayerNorm,
    linear::Linear,
    weights::{WeightSource, WeightsError},
};
use crate::config::BertConfig;

/// The query, key and value projections.
#[derive(Module, Debug)]
pub struct SelfAttention<B: Backend> {
    query: Linear<B>,
    key: Linear<B>,
    value: Linear<B>,
}

/// A projection back into the residual stream: linear, dropout, addition, LayerNorm.
#[derive(Module, Debug)]
pub struct ResidualOutput<B: Backend> {
    dense: Linear<B>,
    layer_norm: LayerNorm<B>,
    dropout: f32,
}

impl<B: Backend> ResidualOutput<B> {
    pub(super) fn load(
        source: &mut WeightSource<'_, B>,
        prefix: &str,
        input: usize,
        dropout: f64,
        config: &BertConfig,
    ) -> Result<Self, WeightsError> {
        let hidden = config.hidden_size;
        Ok(Self {
            dense: Linear::load(source, &format!("{prefix}.dense"), input, hidden)?,
            layer_norm: LayerNorm::load(
                source,
                &format!("{prefix}.LayerNorm"),
                hidden,
                config.layer_norm_eps as f32,
            )?,
            dropout: dropout as f32,
        })
    }
}

impl<B: BertBackend> ResidualOutput<B> {
    /// Shapes: `x` `[rows, input]`, `residual` `[rows, hidden]` to `[rows, hidden]`.
    pub fn forward(
        &self,
        x: Tensor<B, 2>,
        residual: Tensor<B, 2>,
        dropout: Option<&mut DropoutSeeds>,
    ) -> Tensor<B, 2> {
        let x = self.dense.forward(x);
        let [_, hidden] = x.dims();
        let dropout = dropout.map(|seeds| seeds.next_dropout(self.dropout, hidden));
        self.layer_norm.forward_residual(x, residual, dropout)
    }
}

/// Self-attention with its residual output.
#[derive(Module, Debug)]
pub struct Attention<B: Backend> {
    self_attention: SelfAttention<B>,
    output: ResidualOutput<B>,
    heads: usize,
    dropout: f32,
    /// Format of the operands of the products.
    #[module(skip)]
    precision: Precision,
}

impl<B: Backend> Attention<B> {
    pub(super) fn load(
        source: &mut WeightSource<'_, B>,
        prefix: &str,
        config: &BertConfig,
    ) -> Result<Self, WeightsError> {
        let hidden = config.hidden_size;
        let after = if config.family.dropout_after_attention { config.hidden_dropout_prob } else { 0.0 };
        let mut projection =
            |name: &str| Linear::load(source, &format!("{prefix}.self.{name}"), hidden, hidden);
        Ok(Self {
            self_attention: SelfAttention {
                query: projection("query")?,
                key: projection("key")?,
                value: projection("value")?,
            },
            output: ResidualOutput::load(source, &format!("{prefix}.output"), hidden, after, config)?,
            heads: config.num_attention_heads,
            dropout: config.attention_probs_dropout_prob as f32,
            precision: source.precision(),
        })
    }
}

impl<B: BertBackend> Attention<B> {
    /// Shapes: `x` `[batch * length, hidden]`, `mask` `[batch, length]` (0 or -10000, added to the scores) to
    /// `[batch * length, hidden]`.
    pub fn forward(
        &self,
        x: Tensor<B, 2>,
        mask: Tensor<B, 2>,
        mut dropout: Option<&mut DropoutSeeds>,
    ) -> Tensor<B, 2> {
        let [batch, length] = mask.dims();
        let [_, hidden] = x.dims();
        let head_size = hidden / self.heads;
        let SelfAttention { query, key, value } = &self.self_attention;
        // One rounded copy for all three, which the backward keeps.
        let rounded = ops::rounded(x.clone(), self.precision);
        let projections = [query, key, value].map(|projection| projection.forward(rounded.clone()));
        let drop = dropout.as_deref_mut().map(|seeds| seeds.next_dropout(self.dropout, self.heads * length));
        let spec = ops::SelfAttention {
            batch,
            length,
            heads: self.heads,
            head_size,
            scale: 1.0 / (head_size as f32).sqrt(),
            dropout: drop.filter(|drop| drop.probability > 0.0),
            precision: self.precision,
        };
        let context = ops::self_attention(projections, mask, &spec);
        self.output.forward(context, x, dropout)
    }
}
