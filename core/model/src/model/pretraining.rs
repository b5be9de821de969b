//! The encoder with the two heads of SpanBERT's pre-training.

use burn::{
    module::{Module, Param},
    tensor::{Int, Tensor, TensorData, backend::Backend},
};
use spanbert_backends::{
    BertBackend, Precision,
    ops::{self, Activation, TokenPlaces},
};

use super::{
    ModelInput,
    dropout::DropoutSeeds,
    embeddings::Embedding,
    layer_norm::LayerNorm,
    linear::Linear,
    span_bert::Bert,
    weights::{WeightSource, WeightsError},
};
use crate::{
    batch::{MlmTargets, PretrainBatch, SboTargets},
    config::{BertConfig, POSITION_WIDTH, SPAN_POSITIONS, head_shapes, names, parameter_shapes},
    host::{Weights, fresh_tensor},
};

/// Linear, the encoder's activation, LayerNorm. What the words' table is multiplied by is as wide as that.
#[derive(Module, Debug)]
pub struct Transform<B: Backend> {
    dense: Linear<B>,
    layer_norm: LayerNorm<B>,
    #[module(skip)]
    activation: Activation,
}

/// Head of masked language modelling (`BertLMPredictionHead`); its output matrix is the word embeddings'.
#[derive(Module, Debug)]
pub struct Predictions<B: Backend> {
    transform: Transform<B>,
    bias: Param<Tensor<B, 1>>,
}

/// Where Hugging Face puts the head.
#[derive(Module, Debug)]
pub struct MlmHead<B: Backend> {
    predictions: Predictions<B>,
}

/// Head of the span-boundary objective (the paper, equation 3): two layers over both neighbours of a span and the
/// embedding of a place in it; its output matrix is the word embeddings'.
#[derive(Module, Debug)]
pub struct SboHead<B: Backend> {
    position_embeddings: Embedding<B>,
    first: Transform<B>,
    second: Transform<B>,
    bias: Param<Tensor<B, 1>>,
}

/// The encoder with both heads.
#[derive(Module, Debug)]
pub struct PretrainingBert<B: Backend> {
    bert: Bert<B>,
    cls: MlmHead<B>,
    sbo: SboHead<B>,
}

/// Sums of the two losses, each of shape `[1]`; absent where there is nothing to tell.
#[derive(Clone, Debug)]
pub struct PretrainingLoss<B: Backend> {
    /// Of masked language modelling.
    pub mlm: Option<Tensor<B, 1>>,
    /// Of the span-boundary objective.
    pub sbo: Option<Tensor<B, 1>>,
}

/// Random weights of the encoder and both heads, determined by the seed.
#[must_use]
pub fn fresh_pretraining(config: &BertConfig, seed: u64) -> Weights {
    let encoder = parameter_shapes(config, false).into_iter().filter(|(name, _)| names::is_encoder(name));
    encoder
        .chain(head_shapes(config))
        .map(|(name, shape)| {
            let tensor = fresh_tensor(&name, shape, config.initializer_range, seed);
            (name, tensor)
        })
        .collect()
}

impl<B: Backend> Transform<B> {
    fn load(
        source: &mut WeightSource<'_, B>,
        prefix: &str,
        [input, output]: [usize; 2],
        config: &BertConfig,
    ) -> Result<Self, WeightsError> {
        let eps = config.layer_norm_eps as f32;
        Ok(Self {
            dense: Linear::load(source, &format!("{prefix}.dense"), input, output)?,
            layer_norm: LayerNorm::load(source, &format!("{prefix}.LayerNorm"), output, eps)?,
            activation: config.activation(),
        })
    }
}

impl<B: BertBackend> Transform<B> {
    /// Shapes: `[rows, input]` to `[rows, output]`.
    fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        self.layer_norm.forward(ops::activate(self.dense.forward(x), self.activation))
    }
}

impl<B: Backend> PretrainingBert<B> {
    /// Builds the model on a device from canonical weights; tensors it does not use are left in `weights`. In a half
    /// precision it is the layers' products that are made in it, as in [`SpanBert`](super::SpanBert); the heads stay f32.
    ///
    /// # Errors
    /// If a tensor is missing or its shape does not follow from `config`.
    pub fn from_weights(
        config: &BertConfig,
        weights: &mut Weights,
        device: &B::Device,
        precision: Precision,
    ) -> Result<Self, WeightsError> {
        let bert = Bert::load(&mut WeightSource::new(weights, device, precision), config)?;
        let mut source = WeightSource::new(weights, device, Precision::F32);
        let source = &mut source;
        let (hidden, width) = (config.hidden_size, config.embedding_width());
        let boundaries = 2 * hidden + POSITION_WIDTH;
        let positions = source.matrix("sbo.position_embeddings.weight", SPAN_POSITIONS, POSITION_WIDTH)?;
        Ok(Self {
            bert,
            cls: MlmHead {
                predictions: Predictions {
                    transform: Transform::load(source, "cls.predictions.transform", [hidden, width], config)?,
                    bias: source.vector("cls.predictions.bias", config.vocab_size)?,
                },
            },
            sbo: SboHead {
                position_embeddings: Embedding { weight: positions },
                first: Transform::load(source, "sbo.first", [boundaries, hidden], config)?,
                second: Transform::load(source, "sbo.second", [hidden, width], config)?,
                bias: source.vector("sbo.bias", config.vocab_size)?,
            },
        })
    }
}

impl<B: BertBackend> PretrainingBert<B> {
    /// Sums of the losses over all targets of a batch.
    pub fn forward(
        &self,
        input: ModelInput<B>,
        batch: &PretrainBatch,
        mut dropout: Option<DropoutSeeds>,
    ) -> PretrainingLoss<B> {
        self.losses(&self.bert.forward(input, dropout.as_mut()), batch)
    }

    /// Of both objectives the sum of the losses over all targets of a batch and how many are predicted right, without
    /// dropout. Shape `[4]`: loss and number of masked language modelling, then of the span-boundary objective.
    pub fn predict_masked(&self, input: ModelInput<B>, batch: &PretrainBatch) -> Tensor<B, 1> {
        let hidden = self.bert.forward(input, None);
        let words = self.bert.word_embeddings();
        let nothing = || vec![Tensor::zeros([2], &hidden.device())];
        let sums = |logits: Tensor<B, 2>, pieces| vec![nll(logits.clone(), pieces), correct(logits, pieces)];
        let (mlm, sbo) = (&batch.mlm, &batch.sbo);
        let mut all = if mlm.pieces.is_empty() {
            nothing()
        } else {
            sums(self.mlm_logits(&hidden, &words, mlm), &mlm.pieces)
        };
        all.extend(if sbo.pieces.is_empty() {
            nothing()
        } else {
            sums(self.sbo_logits(&hidden, &words, sbo), &sbo.pieces)
        });
        Tensor::cat(all, 0)
    }

    /// [`forward`](Self::forward) from the last layer's output, `[batch * length, hidden]`.
    pub(crate) fn losses(&self, hidden: &Tensor<B, 2>, batch: &PretrainBatch) -> PretrainingLoss<B> {
        let words = self.bert.word_embeddings();
        PretrainingLoss {
            mlm: (!batch.mlm.pieces.is_empty())
                .then(|| nll(self.mlm_logits(hidden, &words, &batch.mlm), &batch.mlm.pieces)),
            sbo: (!batch.sbo.pieces.is_empty())
                .then(|| nll(self.sbo_logits(hidden, &words, &batch.sbo), &batch.sbo.pieces)),
        }
    }

    /// Embeddings and layers.
    pub(crate) fn encoder(&self) -> &Bert<B> {
        &self.bert
    }

    fn mlm_logits(&self, hidden: &Tensor<B, 2>, words: &Tensor<B, 2>, targets: &MlmTargets) -> Tensor<B, 2> {
        let head = &self.cls.predictions;
        let x = head.transform.forward(rows(hidden, &targets.places));
        logits(x, words, &head.bias.val())
    }

    fn sbo_logits(&self, hidden: &Tensor<B, 2>, words: &Tensor<B, 2>, targets: &SboTargets) -> Tensor<B, 2> {
        let head = &self.sbo;
        let x = Tensor::cat(
            vec![
                rows(hidden, &targets.left),
                rows(hidden, &targets.right),
                rows(&head.position_embeddings.weight.val(), &targets.offset),
            ],
            1,
        );
        logits(head.second.forward(head.first.forward(x)), words, &head.bias.val())
    }
}

/// Rows of a table, with a gradient that is summed in a fixed order although rows repeat.
fn rows<B: BertBackend>(table: &Tensor<B, 2>, places: &[i32]) -> Tensor<B, 2> {
    let device = table.device();
    let [height, _] = table.dims();
    let sorted = TokenPlaces::new(places, height, &device);
    let ids = TensorData::new(places.to_vec(), [1, places.len()]);
    ops::embedding(table.clone(), Tensor::from_data(ids, &device), Some(&sorted))
}

/// `x words' + bias`, `[targets, vocabulary]`.
fn logits<B: BertBackend>(x: Tensor<B, 2>, words: &Tensor<B, 2>, bias: &Tensor<B, 1>) -> Tensor<B, 2> {
    ops::matmul(x, words.clone().transpose()) + bias.clone().unsqueeze()
}

/// Sum of the cross-entropies of `pieces`. Shape `[1]`.
fn nll<B: BertBackend>(logits: Tensor<B, 2>, pieces: &[i32]) -> Tensor<B, 1> {
    let weights = Tensor::ones([pieces.len(), 1], &logits.device());
    let indices = indices(pieces, &logits);
    ops::cross_entropy(logits, indices, weights)
}

/// How many of `pieces` have the highest logit. Shape `[1]`.
fn correct<B: BertBackend>(logits: Tensor<B, 2>, pieces: &[i32]) -> Tensor<B, 1> {
    let indices = indices(pieces, &logits);
    let right = logits.clone().gather(1, indices).greater_equal(logits.max_dim(1));
    right.float().sum_dim(0).reshape([1])
}

fn indices<B: BertBackend>(pieces: &[i32], logits: &Tensor<B, 2>) -> Tensor<B, 2, Int> {
    Tensor::from_data(TensorData::new(pieces.to_vec(), [pieces.len(), 1]), &logits.device())
}
