//! Forward and backward arithmetic from Burn's primitives, for backends without a kernel of their own.

use std::f32::consts::FRAC_1_SQRT_2;

use burn::tensor::{
    DType, FloatDType, Shape, TensorMetadata,
    backend::Backend,
    ops::{FloatTensor, IntTensor},
};

use super::{
    Activation, AdamStep, AdamTensors, Clip, ClipFactors, CrossEntropyOutput, Dropout, PlacesLayout,
    SelfAttention, activation::Formula, adam, attention, cross_entropy, product,
};

/// `1 / sqrt(2 pi)`.
pub(super) const FRAC_1_SQRT_2PI: f32 = 0.398_942_3;

/// Result of a LayerNorm forward with what its backward needs.
#[derive(Clone, Debug)]
pub struct LayerNormOutput<T> {
    /// `normalized * gamma + beta`, `[rows, hidden]`.
    pub output: T,
    /// `(x - mean) / sqrt(variance + eps)`, `[rows, hidden]`.
    pub normalized: T,
    /// `1 / sqrt(variance + eps)`, `[rows, 1]`.
    pub inverse_deviation: T,
}

/// Result of a self-attention forward with what its backward needs.
#[derive(Clone, Debug)]
pub struct AttentionOutput<T> {
    /// `[batch * length, hidden]`.
    pub context: T,
    /// Query, key and value in the layout of the backend's choice.
    pub query_key_value: [T; 3],
    /// Probabilities before dropout, `[batch * heads, length, length]`.
    pub probabilities: T,
}

/// Result of the softmax of a self-attention.
#[derive(Clone, Debug)]
pub struct SoftmaxOutput<T> {
    /// Probabilities after dropout, `[batch * heads, length, length]`.
    pub weights: T,
    /// Probabilities before dropout, if they were to be kept.
    pub probabilities: Option<T>,
}

/// Forward and backward kernels of a backend without gradients.
pub trait BertKernels: Backend {
    /// An activation's values. Any shape.
    fn activation_forward(x: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self> {
        match activation.formula() {
            Formula::Gelu => Self::gelu_forward(x),
            Formula::Gated(gate) => gate.forward::<Self>(x),
            Formula::Relu => Self::relu(x),
        }
    }

    /// The gradient of an activation's input, from the input.
    fn activation_backward(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        match activation.formula() {
            Formula::Gelu => Self::gelu_backward_exact(x, grad),
            Formula::Gated(gate) => gate.backward::<Self>(x, grad),
            // Burn asks for the output, which is positive where the input is.
            Formula::Relu => Self::relu_backward(x, grad),
        }
    }

    /// `x * Phi(x)`.
    fn gelu_forward(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let cdf = normal_cdf::<Self>(x.clone());
        Self::float_mul(x, cdf)
    }

    /// `grad * (Phi(x) + x * phi(x))`, the exact derivative (Burn's default uses the tanh form's).
    fn gelu_backward_exact(x: FloatTensor<Self>, grad: FloatTensor<Self>) -> FloatTensor<Self> {
        let cdf = normal_cdf::<Self>(x.clone());
        let square = Self::float_mul(x.clone(), x.clone());
        let exponential = Self::float_exp(Self::float_mul_scalar(square, (-0.5f32).into()));
        let pdf = Self::float_mul_scalar(exponential, FRAC_1_SQRT_2PI.into());
        Self::float_mul(grad, Self::float_add(cdf, Self::float_mul(x, pdf)))
    }

    /// An f32 tensor rounded to a half format. Any shape.
    fn to_half(x: FloatTensor<Self>, half: FloatDType) -> FloatTensor<Self> {
        Self::float_cast(x, half)
    }

    /// `x weight + bias`: `[rows, input]`, `[input, output]`, `[output]` to `[rows, output]`. `x` and `weight` may be of
    /// a half format, both of the same; bias and result are f32.
    fn linear_forward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        if x.dtype() == DType::F32 {
            return Self::linear(x, weight, Some(bias));
        }
        let [width] = bias.shape().dims();
        Self::float_add(product::<Self>(x, weight), Self::float_reshape(bias, Shape::new([1, width])))
    }

    /// The weight of a linear layer in the layout in which [`linear_forward`](Self::linear_forward) is fastest, which
    /// takes it in either; for models that are not trained.
    fn prepare_linear_weight(weight: FloatTensor<Self>) -> FloatTensor<Self> {
        weight
    }

    /// A linear layer's weight for [`linear_forward`](Self::linear_forward) on 8-bit integers; as it is where there are no such products.
    fn quantize_linear_weight(weight: FloatTensor<Self>) -> FloatTensor<Self> {
        weight
    }

    /// The input `[rows, input]` of such layers, for those that share one; as it is where there are no such products.
    fn quantize_linear_input(x: FloatTensor<Self>) -> FloatTensor<Self> {
        x
    }

    /// Gradients of `x`, `weight` and `bias`, all f32, from the operands that the forward multiplied. In a half format
    /// `grad` is rounded to it for both products.
    fn linear_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        grad: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3] {
        if x.dtype() != DType::F32 {
            let half = Self::float_cast(grad.clone(), x.dtype().into());
            return [
                product::<Self>(half.clone(), Self::float_swap_dims(weight, 0, 1)),
                product::<Self>(Self::float_swap_dims(x, 0, 1), half),
                Self::bias_gradient(grad),
            ];
        }
        [
            Self::linear_x_backward(weight, grad.clone()),
            Self::linear_weight_backward(x, grad.clone()),
            Self::bias_gradient(grad),
        ]
    }

    /// Column sums: `[rows, columns]` to `[columns]`.
    fn bias_gradient(grad: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::linear_bias_backward(grad)
    }

    /// Matrix product of `[rows, inner]` and `[inner, columns]`, both f32.
    fn matmul(left: FloatTensor<Self>, right: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_matmul(left, right)
    }

    /// Row sums: `[rows, columns]` to `[rows]`.
    fn row_sums(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let [rows, _] = x.shape().dims();
        Self::float_reshape(Self::float_sum_dim(x, 1), Shape::new([rows]))
    }

    /// Forward of [`BertBackend::bert_narrow_linear`](super::BertBackend::bert_narrow_linear): narrow `[rows, output]` products are slow
    /// and, on some fused GPU kernels, wrong (burn issue 5122).
    fn narrow_linear_forward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let [output] = bias.shape().dims();
        let product = Self::matmul(Self::float_swap_dims(weight, 0, 1), Self::float_swap_dims(x, 0, 1));
        Self::float_add(product, Self::float_reshape(bias, Shape::new([output, 1])))
    }

    /// Gradients of `x`, `weight` and `bias` from that of the result, `[output, rows]`.
    fn narrow_linear_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        grad: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3] {
        [
            Self::float_swap_dims(Self::matmul(weight, grad.clone()), 0, 1),
            Self::float_swap_dims(Self::matmul(grad.clone(), x), 0, 1),
            Self::row_sums(grad),
        ]
    }

    /// Forward of [`BertBackend::bert_cross_entropy`](super::BertBackend::bert_cross_entropy), with what its backward needs.
    fn cross_entropy_forward(
        logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
        weights: FloatTensor<Self>,
    ) -> CrossEntropyOutput<FloatTensor<Self>> {
        cross_entropy::forward::<Self>(logits, targets, weights)
    }

    /// Gradient of the logits from what the forward kept and the gradient of the loss, `[1]`.
    fn cross_entropy_backward(
        kept: FloatTensor<Self>,
        targets: IntTensor<Self>,
        weights: FloatTensor<Self>,
        grad: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        cross_entropy::backward::<Self>(kept, targets, weights, grad)
    }

    /// Forward of [`BertBackend::bert_self_attention`](super::BertBackend::bert_self_attention), from inputs that are
    /// of the format of its precision already.
    fn self_attention(
        query_key_value: [FloatTensor<Self>; 3],
        mask: FloatTensor<Self>,
        spec: &SelfAttention,
    ) -> FloatTensor<Self> {
        attention::forward::<Self>(query_key_value, mask, spec, false).context
    }

    /// The same with what the backward needs, in the format of the precision.
    fn self_attention_keeping(
        query_key_value: [FloatTensor<Self>; 3],
        mask: FloatTensor<Self>,
        spec: &SelfAttention,
    ) -> AttentionOutput<FloatTensor<Self>> {
        attention::forward::<Self>(query_key_value, mask, spec, true)
    }

    /// Gradients of query, key and value, each `[batch * length, hidden]`, from what the forward kept.
    fn self_attention_backward(
        query_key_value: [FloatTensor<Self>; 3],
        probabilities: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        spec: &SelfAttention,
    ) -> [FloatTensor<Self>; 3] {
        attention::backward::<Self>(query_key_value, probabilities, grad, spec)
    }

    /// `softmax(clamp(scores * scale, -1e4, 1e4) + mask)` over the last dimension, then dropout. Probabilities before
    /// dropout are returned if `keep`.
    ///
    /// Shapes: `scores` `[batch * heads, query, key]`, `mask` `[batch, key]`.
    fn softmax_forward(
        scores: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        spec: &SelfAttention,
        keep: bool,
    ) -> SoftmaxOutput<FloatTensor<Self>> {
        let probabilities = attention::softmax::<Self>(scores, mask, spec);
        let kept = keep.then(|| probabilities.clone());
        SoftmaxOutput { weights: attention::dropped::<Self>(probabilities, spec), probabilities: kept }
    }

    /// Gradient of the scores from the probabilities before dropout and the gradient of the weights after it.
    fn softmax_backward(
        probabilities: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        spec: &SelfAttention,
    ) -> FloatTensor<Self> {
        let grad = attention::dropped::<Self>(grad, spec);
        attention::softmax_backward::<Self>(probabilities, grad, spec.scale)
    }

    /// Forward of [`BertBackend::bert_layer_norm`](super::BertBackend::bert_layer_norm).
    fn layer_norm_forward(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        eps: f32,
    ) -> LayerNormOutput<FloatTensor<Self>> {
        let [_, hidden] = x.shape().dims();
        let mean = mean_last::<Self>(x.clone(), hidden);
        let centred = Self::float_sub(x, mean);
        let variance = mean_last::<Self>(Self::float_mul(centred.clone(), centred.clone()), hidden);
        let deviation = Self::float_sqrt(Self::float_add_scalar(variance, eps.into()));
        let inverse_deviation = Self::float_recip(deviation);
        let normalized = Self::float_mul(centred, inverse_deviation.clone());
        let scaled = Self::float_mul(normalized.clone(), Self::float_reshape(gamma, Shape::new([1, hidden])));
        let output = Self::float_add(scaled, Self::float_reshape(beta, Shape::new([1, hidden])));
        LayerNormOutput { output, normalized, inverse_deviation }
    }

    /// Gradients of `x`, `gamma` and `beta`.
    fn layer_norm_backward(
        normalized: FloatTensor<Self>,
        inverse_deviation: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        grad: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3] {
        let [_, hidden] = grad.shape().dims();
        let product = Self::float_mul(grad.clone(), normalized.clone());
        let d_gamma = Self::float_reshape(Self::float_sum_dim(product, 0), Shape::new([hidden]));
        let d_beta = Self::float_reshape(Self::float_sum_dim(grad.clone(), 0), Shape::new([hidden]));
        let grad = Self::float_mul(grad, Self::float_reshape(gamma, Shape::new([1, hidden])));
        let mean_grad = mean_last::<Self>(grad.clone(), hidden);
        let projection = mean_last::<Self>(Self::float_mul(grad.clone(), normalized.clone()), hidden);
        let inner =
            Self::float_sub(Self::float_sub(grad, mean_grad), Self::float_mul(normalized, projection));
        [Self::float_mul(inner, inverse_deviation), d_gamma, d_beta]
    }

    /// Forward of [`BertBackend::bert_residual_layer_norm`](super::BertBackend::bert_residual_layer_norm).
    fn residual_layer_norm_forward(
        [x, residual]: [FloatTensor<Self>; 2],
        [gamma, beta]: [FloatTensor<Self>; 2],
        eps: f32,
        dropout: Option<Dropout>,
    ) -> LayerNormOutput<FloatTensor<Self>> {
        let x = match dropout {
            Some(dropout) => Self::dropout(x, dropout),
            None => x,
        };
        Self::layer_norm_forward(Self::float_add(x, residual), gamma, beta, eps)
    }

    /// Gradients of `x`, the residual, `gamma` and `beta`.
    fn residual_layer_norm_backward(
        normalized: FloatTensor<Self>,
        inverse_deviation: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        dropout: Option<Dropout>,
    ) -> [FloatTensor<Self>; 4] {
        let [d_sum, d_gamma, d_beta] = Self::layer_norm_backward(normalized, inverse_deviation, gamma, grad);
        let d_x = match dropout {
            Some(dropout) => Self::dropout(d_sum.clone(), dropout),
            None => d_sum.clone(),
        };
        [d_x, d_sum, d_gamma, d_beta]
    }

    /// Zeroes what is dropped and scales the rest. The backward is the same call on the gradient.
    fn dropout(x: FloatTensor<Self>, dropout: Dropout) -> FloatTensor<Self>;

    /// Gradient of an embedding table, `[vocabulary, hidden]`, from that of the rows looked up, `[positions, hidden]`,
    /// and the index of a [`TokenPlaces`](super::TokenPlaces).
    fn embedding_gradient(
        grad: FloatTensor<Self>,
        index: IntTensor<Self>,
        layout: PlacesLayout,
    ) -> FloatTensor<Self>;

    /// See [`clip_factors`](super::clip_factors).
    fn clip_factors(grads: Vec<FloatTensor<Self>>, clip: Clip) -> Option<ClipFactors<FloatTensor<Self>>> {
        adam::clip_factors_of::<Self>(grads, clip)
    }

    /// See [`adam_update`](super::adam_update).
    fn adam_update(
        tensors: AdamTensors<FloatTensor<Self>>,
        grad: FloatTensor<Self>,
        factors: FloatTensor<Self>,
        slot: usize,
        step: AdamStep,
    ) -> AdamTensors<FloatTensor<Self>>;

    /// Sum of squares of a `[rows, columns]` tensor as `[1, 1]`, in an order that does not change between runs. Two
    /// `sum_dim`s, because a full `sum` may add atomically on GPUs.
    fn square_sum(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let square = Self::float_mul(x.clone(), x);
        Self::float_sum_dim(Self::float_sum_dim(square, 1), 0)
    }

    /// As [`BertBackend::bert_lanes`](super::BertBackend::bert_lanes).
    fn lanes() -> usize {
        1
    }

    /// As [`BertBackend::bert_inside`](super::BertBackend::bert_inside).
    fn inside<R: Send>(work: impl FnOnce() -> R + Send) -> R {
        work()
    }

    /// As [`BertBackend::bert_side_by_side`](super::BertBackend::bert_side_by_side).
    fn side_by_side<T: Send, R: Send>(jobs: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
        jobs.into_iter().map(work).collect()
    }
}

fn normal_cdf<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let erf = B::float_erf(B::float_mul_scalar(x, FRAC_1_SQRT_2.into()));
    B::float_mul_scalar(B::float_add_scalar(erf, 1f32.into()), 0.5f32.into())
}

fn mean_last<B: Backend>(x: FloatTensor<B>, hidden: usize) -> FloatTensor<B> {
    #[allow(clippy::cast_precision_loss, reason = "a width is exact up to 2^24")]
    let factor = 1.0 / hidden as f32;
    B::float_mul_scalar(B::float_sum_dim(x, 1), factor.into())
}
