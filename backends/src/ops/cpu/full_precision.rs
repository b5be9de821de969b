//! Attention and LayerNorm of tensors, in f32.

use burn::tensor::TensorMetadata;
use burn_flex::FlexTensor;

use super::{
    Dropout, LayerNormOutput, SelfAttention, layer_norm, self_attention,
    tensors::{dense, tensor},
};

/// Context; the probabilities before dropout are written to `probabilities` if they are to be kept.
pub(super) fn f32_self_attention(
    inputs: [FlexTensor; 3],
    mask: FlexTensor,
    spec: &SelfAttention,
    probabilities: Option<&mut [f32]>,
) -> FlexTensor {
    let ([query, key, value], mask) = (inputs.map(dense), dense(mask));
    let inputs = [query.storage::<f32>(), key.storage::<f32>(), value.storage::<f32>()];
    let context = self_attention::forward(inputs, mask.storage::<f32>(), spec, probabilities);
    tensor(context, [spec.batch * spec.length, spec.hidden()])
}

/// LayerNorm of `x`, which something may be done to before.
pub(super) fn f32_layer_norm(
    x: FlexTensor,
    before: Option<layer_norm::Before<'_>>,
    [gamma, beta]: [FlexTensor; 2],
    eps: f32,
) -> LayerNormOutput<FlexTensor> {
    let [rows, hidden] = x.shape().dims();
    let (mut x, gamma, beta) = (dense(x), dense(gamma), dense(beta));
    let affine = [gamma.storage::<f32>(), beta.storage::<f32>()];
    let (output, inverse_deviation) = layer_norm::forward(x.storage_mut::<f32>(), before, affine, eps);
    LayerNormOutput {
        output: tensor(output, [rows, hidden]),
        normalized: x,
        inverse_deviation: tensor(inverse_deviation, [rows, 1]),
    }
}

/// Gradients of the LayerNorm's input, gamma and beta, and what is left of the first by a dropout.
pub(super) fn f32_layer_norm_backward(
    kept: [FlexTensor; 3],
    grad: FlexTensor,
    dropout: Option<Dropout>,
) -> ([FlexTensor; 3], Option<FlexTensor>) {
    let [rows, hidden] = grad.shape().dims();
    let ([normalized, inverse_deviation, gamma], mut grad) = (kept.map(dense), dense(grad));
    let layer_norm::Gradients { gamma: d_gamma, beta: d_beta, dropped } = layer_norm::backward(
        normalized.storage::<f32>(),
        inverse_deviation.storage::<f32>(),
        gamma.storage::<f32>(),
        grad.storage_mut::<f32>(),
        dropout,
    );
    let dropped = dropped.map(|values| tensor(values, [rows, hidden]));
    ([grad, tensor(d_gamma, [hidden]), tensor(d_beta, [hidden])], dropped)
}
