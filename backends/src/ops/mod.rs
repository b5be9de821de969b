//! The operations SpanBERT adds to Burn, each with an exact backward that keeps as little as it can.
//!
//! [`BertKernels`] holds the forward and backward arithmetic of a plain backend; its default bodies are written
//! from Burn's primitives, so they stay inside a fused graph, and the CPU overrides them. [`BertBackend`] is what
//! the model calls: on a plain backend it is the forward kernel, on [`Autodiff`](burn::backend::Autodiff) it
//! also records the backward.

mod activation;
mod adam;
mod attention;
mod autodiff;
#[cfg(feature = "cpu")]
mod cpu;
mod cross_entropy;
#[cfg(any(feature = "wgpu", with_cuda))]
mod cube;
mod dropout;
mod embedding;
mod kernels;
mod tensor;
#[cfg(all(test, feature = "cpu"))]
mod tests;

use burn::tensor::{
    DType, FloatDType, TensorMetadata,
    backend::{AutodiffBackend, Backend},
    ops::{FloatTensor, IntTensor},
};

use crate::Precision;

pub use activation::{Activation, Gate};
pub use adam::{AdamStep, AdamTensors, Clip, ClipFactors, adam_update, clip_factors};
pub use autodiff::BackwardFrom;
#[cfg(feature = "cpu")]
pub(crate) use cpu::has_instructions_for;
pub use cross_entropy::CrossEntropyOutput;
pub use dropout::Dropout;
pub use embedding::{PlacesLayout, TokenPlaces};
pub use kernels::{AttentionOutput, BertKernels, LayerNormOutput, SoftmaxOutput};
pub use tensor::{
    activate, backward_from, cross_entropy, dropout, embedding, gelu, layer_norm, linear, matmul,
    narrow_linear, prepare_linear, residual_layer_norm, rounded, self_attention,
};

/// Shapes and constants of a self-attention.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SelfAttention {
    /// Sequences.
    pub batch: usize,
    /// Padded length of each.
    pub length: usize,
    /// Attention heads.
    pub heads: usize,
    /// Width of a head.
    pub head_size: usize,
    /// Factor on the scores, `1 / sqrt(head_size)`.
    pub scale: f32,
    /// Dropout on the attention probabilities `[batch * heads, length, length]`, in training.
    pub dropout: Option<Dropout>,
    /// Format of the operands of both products; their sums, the softmax and the result are f32.
    pub precision: Precision,
}

impl SelfAttention {
    /// Width of all heads together.
    #[must_use]
    pub fn hidden(&self) -> usize {
        self.heads * self.head_size
    }
}

/// A backend with the operations SpanBERT adds.
pub trait BertBackend: Backend {
    /// An activation, exact in value and derivative. Any shape.
    fn bert_activation(x: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self>;

    /// Linear layer: `x` `[rows, input]`, `weight` `[input, output]`, `bias` `[output]` to `[rows, output]`.
    ///
    /// `x` and `weight` are rounded to `precision` where they are not of that format already; bias and result are f32.
    fn bert_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        precision: Precision,
    ) -> FloatTensor<Self>;

    /// The input of linear layers in the format of their products, for layers that share it. Nothing else may be done with the result
    /// in [`Precision::Int8`].
    fn bert_rounded(x: FloatTensor<Self>, precision: Precision) -> FloatTensor<Self>;

    /// A linear layer's weight `[input, output]` laid out for [`bert_linear`](Self::bert_linear), where another layout
    /// is faster than that of a weight in training. Nothing else may be done with the result.
    fn bert_prepare_linear(weight: FloatTensor<Self>, _precision: Precision) -> FloatTensor<Self> {
        weight
    }

    /// Matrix product of `[rows, inner]` and `[inner, columns]`, both f32.
    fn bert_matmul(left: FloatTensor<Self>, right: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Linear layer of few outputs, in f32: `x` `[rows, input]`, `weight` `[input, output]`, `bias` `[output]` to
    /// `[output, rows]`, the long axis contiguous.
    fn bert_narrow_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// Weighted sum of cross-entropies: `-sum_rj w_rj log_softmax(logits_r)[t_rj]`.
    ///
    /// Shapes: `logits` `[rows, classes]`, `targets` (in `0..classes`) and `weights` (no gradient) `[rows, targets]`, to `[1]`.
    fn bert_cross_entropy(
        logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
        weights: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// Self-attention: scores, `softmax(clamp(scores * scale, -1e4, 1e4) + mask)`, dropout, weighted values.
    ///
    /// Shapes: query, key and value `[batch * length, hidden]`, `mask` `[batch, length]` (0 or -10000, no
    /// gradient) to `[batch * length, hidden]`.
    fn bert_self_attention(
        query_key_value: [FloatTensor<Self>; 3],
        mask: FloatTensor<Self>,
        spec: &SelfAttention,
    ) -> FloatTensor<Self>;

    /// LayerNorm over the last dimension, `eps` inside the square root.
    ///
    /// Shapes: `x` `[rows, hidden]`, `gamma` and `beta` `[hidden]`.
    fn bert_layer_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        eps: f32,
    ) -> FloatTensor<Self>;

    /// LayerNorm of `dropout(x) + residual`.
    ///
    /// Shapes: `x` and `residual` `[rows, hidden]`, `gamma` and `beta` `[hidden]`.
    fn bert_residual_layer_norm(
        x_residual: [FloatTensor<Self>; 2],
        gamma_beta: [FloatTensor<Self>; 2],
        eps: f32,
        dropout: Option<Dropout>,
    ) -> FloatTensor<Self>;

    /// Rows of `table` `[vocabulary, hidden]` by `ids` `[batch, length]`, `[batch * length, hidden]`. `places` is the
    /// index of a [`TokenPlaces`] of these ids and its layout, for the gradient.
    fn bert_embedding(
        table: FloatTensor<Self>,
        ids: IntTensor<Self>,
        places: Option<(IntTensor<Self>, PlacesLayout)>,
    ) -> FloatTensor<Self>;

    /// Zeroes what is dropped and scales the rest. Any shape.
    fn bert_dropout(x: FloatTensor<Self>, dropout: Dropout) -> FloatTensor<Self>;

    /// How many jobs [`bert_side_by_side`](Self::bert_side_by_side) does at once.
    fn bert_lanes() -> usize;

    /// Does a job of many operations, such as a pass through a model, where they start soonest: on the processor inside a
    /// pool of its threads, which each operation from outside would have to wake.
    fn bert_inside<R: Send>(work: impl FnOnce() -> R + Send) -> R;

    /// [`bert_inside`](Self::bert_inside) for independent jobs, with their results in order. The processor does several at
    /// once; other devices do one after another.
    ///
    /// Jobs that record gradients share no parameter ([`Module::fork`](burn::module::Module::fork)): autodiff keeps what
    /// hangs together under one lock.
    fn bert_side_by_side<T: Send, R: Send>(jobs: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R>;
}

/// The tensor in a half format; itself if it is not of f32, or if the format is none, which rounds nothing.
fn round<B: BertKernels>(x: FloatTensor<B>, precision: Precision) -> FloatTensor<B> {
    match precision.half() {
        Some(half) if x.dtype() == DType::F32 => B::to_half(x, half),
        _ => x,
    }
}

/// The tensor as f32.
fn widen<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    if x.dtype() == DType::F32 { x } else { B::float_cast(x, FloatDType::F32) }
}

/// A matrix product of operands of one format, as f32. In a half format it is summed in f32 and rounded once.
fn product<B: Backend>(left: FloatTensor<B>, right: FloatTensor<B>) -> FloatTensor<B> {
    // Mixed formats are no error to some backends, they read one as the other.
    assert_eq!(left.dtype(), right.dtype(), "the formats of a product's operands");
    widen::<B>(B::float_matmul(left, right))
}

/// A backend that can train: gradients outside, kernels inside.
pub trait TrainingBackend:
    BertBackend + BackwardFrom + AutodiffBackend<InnerBackend: BertBackend + BertKernels>
{
}

impl<B> TrainingBackend for B where
    B: BertBackend + BackwardFrom + AutodiffBackend<InnerBackend: BertBackend + BertKernels>
{
}

/// A backend without gradients: each operation is its forward kernel. One implementation for all of them, so that kernels are
/// compiled where a backend is used, and not here once more for each.
impl<B: BertKernels> BertBackend for B {
    fn bert_activation(x: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self> {
        Self::activation_forward(x, activation)
    }

    fn bert_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        precision: Precision,
    ) -> FloatTensor<Self> {
        let [x, weight] = [x, weight].map(|part| round::<Self>(part, precision));
        Self::linear_forward(x, weight, bias)
    }

    fn bert_prepare_linear(weight: FloatTensor<Self>, precision: Precision) -> FloatTensor<Self> {
        if precision == Precision::Int8 {
            return Self::quantize_linear_weight(weight);
        }
        let weight = round::<Self>(weight, precision);
        Self::prepare_linear_weight(weight)
    }

    fn bert_rounded(x: FloatTensor<Self>, precision: Precision) -> FloatTensor<Self> {
        if precision == Precision::Int8 {
            return Self::quantize_linear_input(x);
        }
        round::<Self>(x, precision)
    }

    fn bert_matmul(left: FloatTensor<Self>, right: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::matmul(left, right)
    }

    fn bert_narrow_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        Self::narrow_linear_forward(x, weight, bias)
    }

    fn bert_cross_entropy(
        logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
        weights: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        Self::cross_entropy_forward(logits, targets, weights).loss
    }

    fn bert_self_attention(
        query_key_value: [FloatTensor<Self>; 3],
        mask: FloatTensor<Self>,
        spec: &SelfAttention,
    ) -> FloatTensor<Self> {
        let inputs = query_key_value.map(|part| round::<Self>(part, spec.precision));
        Self::self_attention(inputs, mask, spec)
    }

    fn bert_layer_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        eps: f32,
    ) -> FloatTensor<Self> {
        Self::layer_norm_forward(x, gamma, beta, eps).output
    }

    fn bert_residual_layer_norm(
        x_residual: [FloatTensor<Self>; 2],
        gamma_beta: [FloatTensor<Self>; 2],
        eps: f32,
        dropout: Option<Dropout>,
    ) -> FloatTensor<Self> {
        Self::residual_layer_norm_forward(x_residual, gamma_beta, eps, dropout).output
    }

    fn bert_embedding(
        table: FloatTensor<Self>,
        ids: IntTensor<Self>,
        _places: Option<(IntTensor<Self>, PlacesLayout)>,
    ) -> FloatTensor<Self> {
        embedding::lookup::<Self>(table, ids)
    }

    fn bert_dropout(x: FloatTensor<Self>, dropout: Dropout) -> FloatTensor<Self> {
        Self::dropout(x, dropout)
    }

    fn bert_lanes() -> usize {
        Self::lanes()
    }

    fn bert_inside<R: Send>(work: impl FnOnce() -> R + Send) -> R {
        Self::inside(work)
    }

    fn bert_side_by_side<T: Send, R: Send>(jobs: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
        Self::side_by_side(jobs, work)
    }
}
