//! The operations on Burn's tensor type, as the model calls them.

use burn::tensor::{Tensor, TensorPrimitive};

use super::{AttentionScale, BertBackend};

/// GELU by the error function, any shape; exact in value and derivative.
#[must_use]
pub fn gelu<B: BertBackend, const D: usize>(x: Tensor<B, D>) -> Tensor<B, D> {
    wrap(B::bert_gelu(x.into_primitive().tensor()))
}

/// Attention probabilities `[batch * heads, query, key]` from raw scores of the same shape and an additive
/// mask `[batch, key]`.
#[must_use]
pub fn attention_probabilities<B: BertBackend>(
    scores: Tensor<B, 3>,
    mask: Tensor<B, 2>,
    scale: AttentionScale,
) -> Tensor<B, 3> {
    let (scores, mask) = (scores.into_primitive().tensor(), mask.into_primitive().tensor());
    wrap(B::bert_attention_probabilities(scores, mask, scale))
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

/// Dropout with probability `p`; the identity for `p <= 0`.
#[must_use]
pub fn dropout<B: BertBackend, const D: usize>(x: Tensor<B, D>, p: f32, seed: u64) -> Tensor<B, D> {
    if p <= 0.0 {
        return x;
    }
    wrap(B::bert_dropout(x.into_primitive().tensor(), p, seed))
}

fn wrap<B: BertBackend, const D: usize>(primitive: burn::tensor::ops::FloatTensor<B>) -> Tensor<B, D> {
    Tensor::from_primitive(TensorPrimitive::Float(primitive))
}
