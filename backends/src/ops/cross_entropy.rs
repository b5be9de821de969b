//! Cross-entropy of given classes from Burn's primitives, for backends without a kernel of their own.

use burn::tensor::{
    Shape, TensorMetadata,
    backend::Backend,
    ops::{FloatTensor, IntTensor},
};

/// Result of a cross-entropy forward with what its backward needs.
#[derive(Clone, Debug)]
pub struct CrossEntropyOutput<T> {
    /// The weighted sum, `[1]`.
    pub loss: T,
    /// `[rows, classes]`: logarithms of the probabilities here, the probabilities themselves on the CPU.
    pub kept: T,
}

/// See [`BertBackend::bert_cross_entropy`](super::BertBackend::bert_cross_entropy).
pub(super) fn forward<B: Backend>(
    logits: FloatTensor<B>,
    targets: IntTensor<B>,
    weights: FloatTensor<B>,
) -> CrossEntropyOutput<FloatTensor<B>> {
    let kept = B::log_softmax(logits, 1);
    let terms = B::float_mul(B::float_gather(1, kept.clone(), targets), weights);
    // Not `sum`, which may add atomically on GPUs and then differ from run to run.
    let sum = B::float_sum_dim(row_sums::<B>(terms), 0);
    CrossEntropyOutput { loss: B::float_neg(B::float_reshape(sum, Shape::new([1]))), kept }
}

/// `g (softmax(logits) sum_j w_rj - sum_j w_rj [class = t_rj])`, `g` being the gradient of the loss.
pub(super) fn backward<B: Backend>(
    kept: FloatTensor<B>,
    targets: IntTensor<B>,
    weights: FloatTensor<B>,
    grad: FloatTensor<B>,
) -> FloatTensor<B> {
    let weights = B::float_mul(weights, B::float_reshape(grad, Shape::new([1, 1])));
    let zeros = B::float_zeros(kept.shape(), &B::float_device(&kept), kept.dtype().into());
    let wanted = B::float_scatter_add(1, zeros, targets, weights.clone());
    B::float_sub(B::float_mul(B::float_exp(kept), row_sums::<B>(weights)), wanted)
}

/// `[rows, targets]` to `[rows, 1]`.
fn row_sums<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let [_, targets] = x.shape().dims();
    if targets == 1 { x } else { B::float_sum_dim(x, 1) }
}
