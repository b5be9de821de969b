//! The encoder with the question-answering head.

use burn::{
    module::Module,
    tensor::{Int, Tensor, TensorData, backend::Backend},
};
use spanbert_backends::{
    BertBackend, Precision,
    ops::{self, TokenPlaces},
};

use super::{
    dropout::DropoutSeeds,
    embeddings::Embeddings,
    layer::Layer,
    linear::Linear,
    weights::{WeightSource, WeightsError},
};
use crate::{
    batch::Batch,
    config::{BertConfig, names},
    host::Weights,
};

/// Added to the attention scores of padded keys.
const PADDING_SCORE: f32 = -10_000.0;

/// The transformer layers.
#[derive(Module, Debug)]
pub struct Encoder<B: Backend> {
    layer: Vec<Layer<B>>,
}

/// Embeddings and encoder.
#[derive(Module, Debug)]
pub struct Bert<B: Backend> {
    embeddings: Embeddings<B>,
    encoder: Encoder<B>,
}

/// The encoder with a linear layer to start and end logits (`BertForQuestionAnswering` of the reference). Names of fields
/// make the parameters' canonical names, in every family.
#[derive(Module, Debug)]
pub struct SpanBert<B: Backend> {
    bert: Bert<B>,
    qa_outputs: Linear<B>,
    /// Probability of the dropout before the head; BERT has none.
    head_dropout: f32,
}

/// A batch on the device.
#[derive(Clone, Debug)]
pub struct ModelInput<B: Backend> {
    /// `[batch, length]`.
    pub input_ids: Tensor<B, 2, Int>,
    /// `[batch, length]`.
    pub segment_ids: Tensor<B, 2, Int>,
    /// Added to attention scores, `[batch, length]`: 0 for real positions, -10000 for padding.
    pub additive_mask: Tensor<B, 2>,
    /// Where each token stands; for the gradient of the word embeddings.
    pub places: Option<TokenPlaces<B>>,
    /// Added to the words' embeddings, `[batch * length, width]`.
    pub perturbation: Option<Tensor<B, 2>>,
}

impl<B: Backend> ModelInput<B> {
    /// Copies a batch to the device.
    #[must_use]
    pub fn from_batch(batch: &Batch, device: &B::Device) -> Self {
        let shape = [batch.rows, batch.length];
        let mask: Vec<f32> =
            batch.attention_mask.iter().map(|&m| if m == 0 { PADDING_SCORE } else { 0.0 }).collect();
        Self {
            input_ids: Tensor::from_data(TensorData::new(batch.input_ids.clone(), shape), device),
            segment_ids: Tensor::from_data(TensorData::new(batch.segment_ids.clone(), shape), device),
            additive_mask: Tensor::from_data(TensorData::new(mask, shape), device),
            places: None,
            perturbation: None,
        }
    }

    /// Copies a batch that gradients are to be computed of; its ids are below `vocabulary`.
    #[must_use]
    pub fn for_training(batch: &Batch, vocabulary: usize, device: &B::Device) -> Self {
        let places = TokenPlaces::new(&batch.input_ids, vocabulary, device);
        Self { places: Some(places), ..Self::from_batch(batch, device) }
    }
}

/// Logits of the answer's first and last piece, each `[batch, length]`.
#[derive(Clone, Debug)]
pub struct SpanLogits<B: Backend> {
    /// Start logits.
    pub start: Tensor<B, 2>,
    /// End logits.
    pub end: Tensor<B, 2>,
}

impl<B: Backend> Bert<B> {
    pub(super) fn load(source: &mut WeightSource<'_, B>, config: &BertConfig) -> Result<Self, WeightsError> {
        let layers = (0..config.num_hidden_layers)
            .map(|index| Layer::load(source, &format!("{}.{index}", names::LAYERS), config))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            embeddings: Embeddings::load(source, names::EMBEDDINGS, config)?,
            encoder: Encoder { layer: layers },
        })
    }
}

impl<B: BertBackend> Bert<B> {
    /// The last layer's output, `[batch * length, hidden]`. With `dropout`, the pass is a training pass.
    pub(super) fn forward(
        &self,
        input: ModelInput<B>,
        mut dropout: Option<&mut DropoutSeeds>,
    ) -> Tensor<B, 2> {
        let ModelInput { input_ids, segment_ids, additive_mask, places, perturbation } = input;
        let seeds = dropout.as_deref_mut();
        let mut x = self.embeddings.forward(input_ids, segment_ids, places.as_ref(), perturbation, seeds);
        for layer in &self.encoder.layer {
            x = layer.forward(x, additive_mask.clone(), dropout.as_deref_mut());
        }
        x
    }

    /// Embeddings and layers, the parts that a layer-by-layer pass runs one by one.
    pub(crate) fn parts(&self) -> (&Embeddings<B>, &[Layer<B>]) {
        (&self.embeddings, &self.encoder.layer)
    }

    /// The table that pre-training's heads share, `[vocabulary, hidden]`.
    pub(super) fn word_embeddings(&self) -> Tensor<B, 2> {
        self.embeddings.words()
    }
}

impl<B: Backend> SpanBert<B> {
    /// Builds the model on a device from canonical weights; tensors it does not use are left in `weights`.
    ///
    /// Parameters are f32 whatever the precision. In a half precision the operands of the layers' matrix products are
    /// rounded to it and summed in f32; embeddings, LayerNorm, softmax, activation, residuals and the head stay f32.
    ///
    /// # Errors
    /// If a tensor is missing or its shape does not follow from `config`.
    pub fn from_weights(
        config: &BertConfig,
        weights: &mut Weights,
        device: &B::Device,
        precision: Precision,
    ) -> Result<Self, WeightsError> {
        let mut source = WeightSource::new(weights, device, precision);
        let source = &mut source;
        Ok(Self {
            bert: Bert::load(source, config)?,
            qa_outputs: Linear::load(source, names::QA_OUTPUTS, config.hidden_size, 2)?,
            head_dropout: config.head_dropout_prob as f32,
        })
    }
}

impl<B: BertBackend> SpanBert<B> {
    /// Start and end logits of every position. With `dropout`, the pass is a training pass.
    pub fn forward(&self, input: ModelInput<B>, mut dropout: Option<DropoutSeeds>) -> SpanLogits<B> {
        let shape = input.input_ids.dims();
        let x = self.bert.forward(input, dropout.as_mut());
        self.head(x, shape, dropout.as_mut())
    }

    /// Logits from the last layer's output `[batch * length, hidden]`; `shape` is batch and length.
    pub(crate) fn head(
        &self,
        x: Tensor<B, 2>,
        shape: [usize; 2],
        dropout: Option<&mut DropoutSeeds>,
    ) -> SpanLogits<B> {
        let [_, hidden] = x.dims();
        let x = match dropout {
            Some(seeds) => ops::dropout(x, seeds.next_dropout(self.head_dropout, hidden)),
            None => x,
        };
        let logits = ops::narrow_linear(x, self.qa_outputs.weight.val(), self.qa_outputs.bias.val());
        let rows = shape.iter().product();
        SpanLogits {
            start: logits.clone().slice([0..1, 0..rows]).reshape(shape),
            end: logits.slice([1..2, 0..rows]).reshape(shape),
        }
    }

    /// Embeddings and layers.
    pub(crate) fn encoder(&self) -> &Bert<B> {
        &self.bert
    }
}
