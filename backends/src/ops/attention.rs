//! Self-attention from Burn's primitives, for backends without a kernel of their own.
//!
//! Only query, key, value and the probabilities are kept for the backward pass: the dropped probabilities, as large as
//! the probabilities themselves, are drawn again. The first three are kept by head, so that they are copied into that
//! layout once.

use burn::tensor::{Shape, TensorMetadata, backend::Backend, ops::FloatTensor};

use super::{AttentionOutput, BertKernels, SelfAttention, SoftmaxOutput, product, round, widen};

/// Attention scores are clamped to this before the mask is added, as the reference does.
pub(super) const SCORE_LIMIT: f32 = 1e4;

/// The context, and what the backward needs: query, key and value by head, and the probabilities before dropout if
/// `keep`, in the format of the precision; if not, whatever the values were multiplied with.
pub(super) fn forward<B: BertKernels>(
    query_key_value: [FloatTensor<B>; 3],
    mask: FloatTensor<B>,
    spec: &SelfAttention,
    keep: bool,
) -> AttentionOutput<FloatTensor<B>> {
    let [query, key, value] = query_key_value.map(|x| split_heads::<B>(x, spec));
    let scores = product::<B>(query.clone(), B::float_swap_dims(key.clone(), 1, 2));
    let SoftmaxOutput { weights, probabilities } = B::softmax_forward(scores, mask, spec, keep);
    let weights = round::<B>(weights, spec.precision);
    let context = merge_heads::<B>(product::<B>(weights.clone(), value.clone()), spec);
    let probabilities = probabilities.map_or(weights, |kept| round::<B>(kept, spec.precision));
    AttentionOutput { context, query_key_value: [query, key, value], probabilities }
}

/// See [`BertKernels::self_attention_backward`].
pub(super) fn backward<B: BertKernels>(
    [query, key, value]: [FloatTensor<B>; 3],
    probabilities: FloatTensor<B>,
    grad: FloatTensor<B>,
    spec: &SelfAttention,
) -> [FloatTensor<B>; 3] {
    let grad = round::<B>(split_heads::<B>(grad, spec), spec.precision);
    let weights = weights::<B>(probabilities.clone(), spec);
    let d_value = product::<B>(B::float_swap_dims(weights, 1, 2), grad.clone());
    let d_weights = product::<B>(grad, B::float_swap_dims(value, 1, 2));
    let d_scores = B::softmax_backward(widen::<B>(probabilities), d_weights, spec);
    let d_scores = round::<B>(d_scores, spec.precision);
    let d_query = product::<B>(d_scores.clone(), key);
    let d_key = product::<B>(B::float_swap_dims(d_scores, 1, 2), query);
    [d_query, d_key, d_value].map(|part| merge_heads::<B>(part, spec))
}

/// `[batch * length, hidden]` to a contiguous `[batch * heads, length, head_size]`: matrix products would copy the
/// permuted view every time.
fn split_heads<B: Backend>(x: FloatTensor<B>, spec: &SelfAttention) -> FloatTensor<B> {
    let SelfAttention { batch, length, heads, head_size, .. } = *spec;
    let x = B::float_swap_dims(B::float_reshape(x, Shape::new([batch, length, heads, head_size])), 1, 2);
    B::float_reshape(x, Shape::new([batch * heads, length, head_size]))
}

/// The inverse of [`split_heads`].
fn merge_heads<B: Backend>(x: FloatTensor<B>, spec: &SelfAttention) -> FloatTensor<B> {
    let SelfAttention { batch, length, heads, head_size, .. } = *spec;
    let x = B::float_swap_dims(B::float_reshape(x, Shape::new([batch, heads, length, head_size])), 1, 2);
    B::float_reshape(x, Shape::new([batch * length, heads * head_size]))
}

/// The probabilities after dropout, in the format of the product with the values.
fn weights<B: BertKernels>(probabilities: FloatTensor<B>, spec: &SelfAttention) -> FloatTensor<B> {
    let probabilities = match spec.dropout {
        // Scaled in f32.
        Some(_) => dropped::<B>(widen::<B>(probabilities), spec),
        None => probabilities,
    };
    round::<B>(probabilities, spec.precision)
}

/// Dropout, where there is one.
pub(super) fn dropped<B: BertKernels>(x: FloatTensor<B>, spec: &SelfAttention) -> FloatTensor<B> {
    match spec.dropout {
        Some(dropout) => B::dropout(x, dropout),
        None => x,
    }
}

/// `softmax(clamp(scores * scale, -1e4, 1e4) + mask)` over the last dimension.
///
/// Shapes: `scores` `[batch * heads, query, key]`, `mask` `[batch, key]`.
pub(super) fn softmax<B: Backend>(
    scores: FloatTensor<B>,
    mask: FloatTensor<B>,
    spec: &SelfAttention,
) -> FloatTensor<B> {
    let SelfAttention { batch, length, heads, scale, .. } = *spec;
    let shape = scores.shape();
    let scores = B::float_mul_scalar(scores, scale.into());
    let scores = B::float_clamp(scores, (-SCORE_LIMIT).into(), SCORE_LIMIT.into());
    let scores = B::float_reshape(scores, Shape::new([batch, heads, length, length]));
    let mask = B::float_reshape(mask, Shape::new([batch, 1, 1, length]));
    let scores = B::float_reshape(B::float_add(scores, mask), shape);
    let shifted = B::float_sub(scores.clone(), B::float_max_dim(scores, 2));
    let exponential = B::float_exp(shifted);
    let sum = B::float_sum_dim(exponential.clone(), 2);
    B::float_div(exponential, sum)
}

/// Gradient of the scores from the probabilities `y`: `scale * y * (grad - sum(grad * y))`.
///
/// The clamp of the forward is taken as the identity: where it acts, all but the largest score's probabilities are 0
/// and so is this gradient.
pub(super) fn softmax_backward<B: Backend>(
    y: FloatTensor<B>,
    grad: FloatTensor<B>,
    scale: f32,
) -> FloatTensor<B> {
    let product = B::float_mul(grad, y.clone());
    let sum = B::float_sum_dim(product.clone(), 2);
    let dx = B::float_sub(product, B::float_mul(y, sum));
    B::float_mul_scalar(dx, scale.into())
}
