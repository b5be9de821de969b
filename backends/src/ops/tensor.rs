//! The operations on Burn's tensor type, as the model calls them.

use burn::tensor::{Tensor, TensorPrimitive};

use super::{AttentionScale, BertBackend, SelfAttention};

/// GELU by the error function, any shape; exact in value and derivative.
#[must_use]
pub fn gelu<B: BertBackend, const D: usize>(x: Tensor<B, D>) -> Tensor<B, D> {
    wrap(B::bert_gelu(x.into_primitive().tensor()))
}

/// Linear layer: `x` `[rows, input]`, `weight` `[input, output]`, `bias` `[output]` to `[rows, output]`.
#[must_use]
pub fn linear<B: BertBackend>(x: Tensor<B, 2>, weight: Tensor<B, 2>, bias: Tensor<B, 1>) -> Tensor<B, 2> {
    let (weight, bias) = (weight.into_primitive().tensor(), bias.into_primitive().tensor());
    wrap(B::bert_linear(x.into_primitive().tensor(), weight, bias))
}

/// Self-attention of query, key and value, each `[batch * length, hidden]`, with an additive mask
/// `[batch, length]`, to `[batch * length, hidden]`.
#[must_use]
pub fn self_attention<B: BertBackend>(
    query_key_value: [Tensor<B, 2>; 3],
    mask: Tensor<B, 2>,
    spec: &SelfAttention,
) -> Tensor<B, 2> {
    let primitives = query_key_value.clone().map(|tensor| tensor.into_primitive().tensor());
    if let Some(context) = B::bert_self_attention(primitives, mask.clone().into_primitive().tensor(), spec) {
        return wrap(context);
    }
    let SelfAttention { batch, length, heads, head_size, scale, dropout: p_and_seed } = *spec;
    // One contiguous [batch * heads, length, head] copy each: matrix products, forward and backward, would
    // otherwise copy the permuted view every time.
    let [query, key, value] = query_key_value.map(|x| {
        x.reshape([batch, length, heads, head_size]).swap_dims(1, 2).reshape([
            batch * heads,
            length,
            head_size,
        ])
    });
    let scores = query.matmul(key.swap_dims(1, 2));
    let mut probabilities = attention_probabilities(scores, mask, AttentionScale { heads, scale });
    if let Some((p, seed)) = p_and_seed {
        probabilities = dropout(probabilities, p, seed);
    }
    probabilities
        .matmul(value)
        .reshape([batch, heads, length, head_size])
        .swap_dims(1, 2)
        .reshape([batch * length, heads * head_size])
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
