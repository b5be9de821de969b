//! The operations on Burn's tensor type, as the model calls them.

use burn::tensor::{Int, Tensor, TensorPrimitive, backend::AutodiffBackend};

use super::{Activation, BackwardFrom, BertBackend, Dropout, SelfAttention, TokenPlaces};
use crate::Precision;

/// GELU by the error function, any shape; exact in value and derivative.
#[must_use]
pub fn gelu<B: BertBackend, const D: usize>(x: Tensor<B, D>) -> Tensor<B, D> {
    activate(x, Activation::Gelu)
}

/// An activation, any shape; exact in value and derivative.
#[must_use]
pub fn activate<B: BertBackend, const D: usize>(x: Tensor<B, D>, activation: Activation) -> Tensor<B, D> {
    wrap(B::bert_activation(x.into_primitive().tensor(), activation))
}

/// Linear layer: `x` `[rows, input]`, `weight` `[input, output]`, `bias` `[output]` to `[rows, output]`; the operands
/// of the product are rounded to `precision`.
#[must_use]
pub fn linear<B: BertBackend>(
    x: Tensor<B, 2>,
    weight: Tensor<B, 2>,
    bias: Tensor<B, 1>,
    precision: Precision,
) -> Tensor<B, 2> {
    let (weight, bias) = (weight.into_primitive().tensor(), bias.into_primitive().tensor());
    wrap(B::bert_linear(x.into_primitive().tensor(), weight, bias, precision))
}

/// The input of linear layers `[rows, input]` in the format of their products, for layers that share it; itself in f32. Its gradient
/// is f32 all the same.
#[must_use]
pub fn rounded<B: BertBackend>(x: Tensor<B, 2>, precision: Precision) -> Tensor<B, 2> {
    wrap(B::bert_rounded(x.into_primitive().tensor(), precision))
}

/// See [`BertBackend::bert_prepare_linear`]; the result goes into [`linear`] and nowhere else.
#[must_use]
pub fn prepare_linear<B: BertBackend>(weight: Tensor<B, 2>, precision: Precision) -> Tensor<B, 2> {
    wrap(B::bert_prepare_linear(weight.into_primitive().tensor(), precision))
}

/// Matrix product of `[rows, inner]` and `[inner, columns]`, both f32.
#[must_use]
pub fn matmul<B: BertBackend>(left: Tensor<B, 2>, right: Tensor<B, 2>) -> Tensor<B, 2> {
    wrap(B::bert_matmul(left.into_primitive().tensor(), right.into_primitive().tensor()))
}

/// Linear layer of few outputs, in f32: `x` `[rows, input]`, `weight` `[input, output]`, `bias` `[output]` to
/// `[output, rows]`, the long axis contiguous.
#[must_use]
pub fn narrow_linear<B: BertBackend>(
    x: Tensor<B, 2>,
    weight: Tensor<B, 2>,
    bias: Tensor<B, 1>,
) -> Tensor<B, 2> {
    let (weight, bias) = (weight.into_primitive().tensor(), bias.into_primitive().tensor());
    wrap(B::bert_narrow_linear(x.into_primitive().tensor(), weight, bias))
}

/// Weighted sum of the cross-entropies of `targets` `[rows, targets]`, each in `0..classes`, under `logits` `[rows, classes]`; `weights`,
/// of the targets' shape, get no gradient. Shape `[1]`.
#[must_use]
pub fn cross_entropy<B: BertBackend>(
    logits: Tensor<B, 2>,
    targets: Tensor<B, 2, Int>,
    weights: Tensor<B, 2>,
) -> Tensor<B, 1> {
    let (logits, weights) = (logits.into_primitive().tensor(), weights.into_primitive().tensor());
    wrap(B::bert_cross_entropy(logits, targets.into_primitive(), weights))
}

/// Self-attention of query, key and value, each `[batch * length, hidden]`, with an additive mask
/// `[batch, length]`, to `[batch * length, hidden]`.
#[must_use]
pub fn self_attention<B: BertBackend>(
    query_key_value: [Tensor<B, 2>; 3],
    mask: Tensor<B, 2>,
    spec: &SelfAttention,
) -> Tensor<B, 2> {
    let primitives = query_key_value.map(|tensor| tensor.into_primitive().tensor());
    wrap(B::bert_self_attention(primitives, mask.into_primitive().tensor(), spec))
}

/// LayerNorm of `x` `[rows, hidden]` with `gamma` and `beta` `[hidden]`.
#[must_use]
pub fn layer_norm<B: BertBackend>(
    x: Tensor<B, 2>,
    gamma: Tensor<B, 1>,
    beta: Tensor<B, 1>,
    eps: f32,
) -> Tensor<B, 2> {
    let (gamma, beta) = (gamma.into_primitive().tensor(), beta.into_primitive().tensor());
    wrap(B::bert_layer_norm(x.into_primitive().tensor(), gamma, beta, eps))
}

/// LayerNorm of `dropout(x) + residual`, `x` and `residual` `[rows, hidden]`, with `gamma` and `beta` `[hidden]`. A
/// dropout with probability 0 is none.
#[must_use]
pub fn residual_layer_norm<B: BertBackend>(
    [x, residual]: [Tensor<B, 2>; 2],
    [gamma, beta]: [Tensor<B, 1>; 2],
    eps: f32,
    dropout: Option<Dropout>,
) -> Tensor<B, 2> {
    let inputs = [x, residual].map(|tensor| tensor.into_primitive().tensor());
    let affine = [gamma, beta].map(|tensor| tensor.into_primitive().tensor());
    let dropout = dropout.filter(|dropout| dropout.probability > 0.0);
    wrap(B::bert_residual_layer_norm(inputs, affine, eps, dropout))
}

/// Rows of `table` `[vocabulary, hidden]` by `ids` `[batch, length]`, `[batch * length, hidden]`. With the `places` of
/// these ids the table's gradient is computed in parallel, without them by Burn's serial scatter.
#[must_use]
pub fn embedding<B: BertBackend>(
    table: Tensor<B, 2>,
    ids: Tensor<B, 2, Int>,
    places: Option<&TokenPlaces<B>>,
) -> Tensor<B, 2> {
    let places = places.map(|places| (places.index.clone().into_primitive(), places.layout));
    wrap(B::bert_embedding(table.into_primitive().tensor(), ids.into_primitive(), places))
}

/// Zeroes what is dropped and scales the rest; the identity for a probability of 0.
#[must_use]
pub fn dropout<B: BertBackend, const D: usize>(x: Tensor<B, D>, dropout: Dropout) -> Tensor<B, D> {
    if dropout.probability <= 0.0 {
        return x;
    }
    wrap(B::bert_dropout(x.into_primitive().tensor(), dropout))
}

/// See [`BackwardFrom::backward_from`].
#[must_use]
pub fn backward_from<B: BackwardFrom, const D: usize>(
    y: Tensor<B, D>,
    grad: Tensor<B::InnerBackend, D>,
) -> <B as AutodiffBackend>::Gradients {
    B::backward_from(y.into_primitive().tensor(), grad.into_primitive().tensor())
}

fn wrap<B: BertBackend, const D: usize>(primitive: burn::tensor::ops::FloatTensor<B>) -> Tensor<B, D> {
    Tensor::from_primitive(TensorPrimitive::Float(primitive))
}
