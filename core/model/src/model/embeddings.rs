//! Word, position and, in most families, segment embeddings.

use burn::{
    module::{Module, Param},
    tensor::{Int, Tensor, backend::Backend},
};
use spanbert_backends::{BertBackend, ops, ops::TokenPlaces};

use super::{
    dropout::DropoutSeeds,
    layer_norm::LayerNorm,
    linear::Linear,
    weights::{WeightSource, WeightsError},
};
use crate::config::BertConfig;

/// A lookup table.
#[derive(Module, Debug)]
pub struct Embedding<B: Backend> {
    /// `[entries, width]`.
    pub(super) weight: Param<Tensor<B, 2>>,
}

/// Sum of the embeddings, LayerNorm, dropout, and a linear layer where embeddings have a width of their own.
#[derive(Module, Debug)]
pub struct Embeddings<B: Backend> {
    word_embeddings: Embedding<B>,
    position_embeddings: Embedding<B>,
    token_type_embeddings: Option<Embedding<B>>,
    layer_norm: LayerNorm<B>,
    projection: Option<Linear<B>>,
    dropout: f32,
}

impl<B: Backend> Embeddings<B> {
    pub(super) fn load(
        source: &mut WeightSource<'_, B>,
        prefix: &str,
        config: &BertConfig,
    ) -> Result<Self, WeightsError> {
        let (width, hidden) = (config.embedding_width(), config.hidden_size);
        let mut table = |name: &str, entries| {
            let weight = source.matrix(&format!("{prefix}.{name}.weight"), entries, width)?;
            Ok::<_, WeightsError>(Embedding { weight })
        };
        let word_embeddings = table("word_embeddings", config.vocab_size)?;
        let position_embeddings = table("position_embeddings", config.max_position_embeddings)?;
        let segments = Some(config.type_vocab_size).filter(|&segments| segments > 0);
        let token_type_embeddings =
            segments.map(|segments| table("token_type_embeddings", segments)).transpose()?;
        let eps = config.layer_norm_eps as f32;
        let layer_norm = LayerNorm::load(source, &format!("{prefix}.LayerNorm"), width, eps)?;
        let mut projection = || Linear::load(source, &format!("{prefix}.projection"), width, hidden);
        Ok(Self {
            word_embeddings,
            position_embeddings,
            token_type_embeddings,
            layer_norm,
            projection: (width != hidden).then(&mut projection).transpose()?,
            dropout: config.hidden_dropout_prob as f32,
        })
    }
}

impl<B: BertBackend> Embeddings<B> {
    /// The words' table, `[vocabulary, width]`.
    pub(super) fn words(&self) -> Tensor<B, 2> {
        self.word_embeddings.weight.val()
    }

    /// Width of the words' embeddings.
    pub(crate) fn width(&self) -> usize {
        self.words().dims()[1]
    }

    /// Shapes: `input_ids` and `segment_ids` `[batch, length]` to `[batch * length, hidden]`. `places` are those of
    /// the ids, for the gradient. `perturbation`, `[batch * length, width]`, is added to the words. Without embeddings of segments,
    /// `segment_ids` count for nothing.
    pub fn forward(
        &self,
        input_ids: Tensor<B, 2, Int>,
        segment_ids: Tensor<B, 2, Int>,
        places: Option<&TokenPlaces<B>>,
        perturbation: Option<Tensor<B, 2>>,
        dropout: Option<&mut DropoutSeeds>,
    ) -> Tensor<B, 2> {
        let [batch, length] = input_ids.dims();
        let mut words = ops::embedding(self.word_embeddings.weight.val(), input_ids, places);
        let [_, width] = words.dims();
        if let Some(perturbation) = perturbation {
            words = words + perturbation;
        }
        // Positions are 0..length in every row, so a slice does; its gradient is a plain sum over the batch
        // where a lookup's would be a scatter.
        let positions = self.position_embeddings.weight.val().slice([0..length, 0..width]);
        let words = words.reshape([batch, length, width]);
        let mut sum = (words + positions.unsqueeze::<3>()).reshape([batch * length, width]);
        if let Some(types) = &self.token_type_embeddings {
            sum = sum + types.of_segments(segment_ids);
        }
        let mut x = self.layer_norm.forward(sum);
        if let Some(seeds) = dropout {
            x = ops::dropout(x, seeds.next_dropout(self.dropout, width));
        }
        match &self.projection {
            Some(projection) => projection.forward(x),
            None => x,
        }
    }
}

impl<B: BertBackend> Embedding<B> {
    /// Rows of a table of few entries, for `[batch, length]` of their numbers: `[batch * length, width]`. A product with
    /// one-hot rows, whose gradient is one as well where a lookup's would be a scatter.
    fn of_segments(&self, segment_ids: Tensor<B, 2, Int>) -> Tensor<B, 2> {
        let types = self.weight.val();
        let ([batch, length], [segments, _]) = (segment_ids.dims(), types.dims());
        // A model of one segment type knows no other: question and passage share it.
        let segment_ids = if segments == 1 { segment_ids.zeros_like() } else { segment_ids };
        let one_hot: Tensor<B, 2> = segment_ids
            .reshape([batch * length, 1])
            .equal(Tensor::arange(0..segments as i64, &types.device()).reshape([1, segments]))
            .float();
        ops::matmul(one_hot, types)
    }
}
