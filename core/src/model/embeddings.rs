//! Word, position and segment embeddings.

use burn::{
    module::{Module, Param},
    tensor::{Int, Tensor, backend::Backend},
};
use spanbert_backends::{BertBackend, ops, ops::TokenPlaces};

use super::{
    dropout::DropoutSeeds,
    layer_norm::LayerNorm,
    weights::{WeightSource, WeightsError},
};
use crate::config::BertConfig;

/// A lookup table.
#[derive(Module, Debug)]
pub struct Embedding<B: Backend> {
    /// `[entries, hidden]`.
    pub(super) weight: Param<Tensor<B, 2>>,
}

/// Sum of the three embeddings, LayerNorm, dropout.
#[derive(Module, Debug)]
pub struct Embeddings<B: Backend> {
    word_embeddings: Embedding<B>,
    position_embeddings: Embedding<B>,
    token_type_embeddings: Embedding<B>,
    layer_norm: LayerNorm<B>,
    dropout: f32,
}

impl<B: Backend> Embeddings<B> {
    pub(super) fn load(
        source: &mut WeightSource<'_, B>,
        prefix: &str,
        config: &BertConfig,
    ) -> Result<Self, WeightsError> {
        let hidden = config.hidden_size;
        let mut table = |name: &str, entries| {
            let weight = source.matrix(&format!("{prefix}.{name}.weight"), entries, hidden)?;
            Ok::<_, WeightsError>(Embedding { weight })
        };
        Ok(Self {
            word_embeddings: table("word_embeddings", config.vocab_size)?,
            position_embeddings: table("position_embeddings", config.max_position_embeddings)?,
            token_type_embeddings: table("token_type_embeddings", config.type_vocab_size)?,
            layer_norm: LayerNorm::load(
                source,
                &format!("{prefix}.LayerNorm"),
                hidden,
                config.layer_norm_eps as f32,
            )?,
            dropout: config.hidden_dropout_prob as f32,
        })
    }
}

impl<B: BertBackend> Embeddings<B> {
    /// The words' table, `[vocabulary, hidden]`.
    pub(super) fn words(&self) -> Tensor<B, 2> {
        self.word_embeddings.weight.val()
    }

    /// Shapes: `input_ids` and `segment_ids` `[batch, length]` to `[batch * length, hidden]`. `places` are those of
    /// the ids, for the gradient.
    pub fn forward(
        &self,
        input_ids: Tensor<B, 2, Int>,
        segment_ids: Tensor<B, 2, Int>,
        places: Option<&TokenPlaces<B>>,
        dropout: Option<&mut DropoutSeeds>,
    ) -> Tensor<B, 2> {
        let [batch, length] = input_ids.dims();
        let words = ops::embedding(self.word_embeddings.weight.val(), input_ids, places);
        let [_, hidden] = words.dims();
        // Positions are 0..length in every row, so a slice does; its gradient is a plain sum over the batch
        // where a lookup's would be a scatter.
        let positions = self.position_embeddings.weight.val().slice([0..length, 0..hidden]);
        // For the same reason segments are a product with a one-hot of their few ids.
        let types = self.token_type_embeddings.weight.val();
        let [segments, _] = types.dims();
        // A model of one segment type knows no other: question and passage share it.
        let segment_ids = if segments == 1 { segment_ids.zeros_like() } else { segment_ids };
        let one_hot: Tensor<B, 2> = segment_ids
            .reshape([batch * length, 1])
            .equal(Tensor::arange(0..segments as i64, &types.device()).reshape([1, segments]))
            .float();
        let words = words.reshape([batch, length, hidden]);
        let sum =
            (words + positions.unsqueeze::<3>()).reshape([batch * length, hidden]) + one_hot.matmul(types);
        let normalized = self.layer_norm.forward(sum);
        match dropout {
            Some(seeds) => ops::dropout(normalized, seeds.next_dropout(self.dropout, hidden)),
            None => normalized,
        }
    }
}
