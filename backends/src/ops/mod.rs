//! The operations SpanBERT adds to Burn, each with an exact backward that keeps as little as it can.
//!
//! [`BertKernels`] holds the forward and backward arithmetic of a plain backend; its default bodies are written
//! from Burn's primitives, so they stay inside a fused graph, and the CPU overrides them. [`BertBackend`] is what
//! the model calls: on a plain backend it is the forward kernel, on [`Autodiff`](burn::backend::Autodiff) it
//! also records the backward.

mod adam;
mod autodiff;
#[cfg(feature = "cpu")]
mod cpu;
mod kernels;
mod tensor;
#[cfg(all(test, feature = "cpu"))]
mod tests;

use burn::tensor::{
    backend::{AutodiffBackend, Backend},
    ops::FloatTensor,
};

pub use adam::{AdamStep, AdamTensors, adam_update, square_sum};
pub use kernels::BertKernels;
pub use tensor::{attention_probabilities, dropout, gelu, layer_norm, linear, self_attention};

/// How attention scores become probabilities.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttentionScale {
    /// Attention heads per sequence: the first dimension of the scores is `batch * heads`.
    pub heads: usize,
    /// Factor on the scores, `1 / sqrt(head_size)`.
    pub scale: f32,
}

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
    /// Probability and seed of the dropout on the attention probabilities, in training.
    pub dropout: Option<(f32, u64)>,
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
    /// GELU by the error function: `x * Phi(x)`. Any shape.
    fn bert_gelu(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Linear layer: `x` `[rows, input]`, `weight` `[input, output]`, `bias` `[output]` to `[rows, output]`.
    fn bert_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// Self-attention in one operation where the backend has one, else `None`.
    ///
    /// Shapes: query, key and value `[batch * length, hidden]`, `mask` `[batch, length]` (0 or -10000, no
    /// gradient) to `[batch * length, hidden]`.
    fn bert_self_attention(
        query_key_value: [FloatTensor<Self>; 3],
        mask: FloatTensor<Self>,
        spec: &SelfAttention,
    ) -> Option<FloatTensor<Self>>;

    /// Attention probabilities: `softmax(clamp(scores * scale, -1e4, 1e4) + mask)` over the last dimension.
    ///
    /// Shapes: `scores` `[batch * heads, query, key]`, `mask` `[batch, key]` (0 or -10000, no gradient).
    fn bert_attention_probabilities(
        scores: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        scale: AttentionScale,
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

    /// Dropout that zeroes with probability `p` and scales the rest by `1 / (1 - p)`. Any shape.
    ///
    /// `seed` decides the mask where the backend draws it from a counter (CPU); other backends draw from their
    /// device generator, seeded once per micro-batch.
    fn bert_dropout(x: FloatTensor<Self>, p: f32, seed: u64) -> FloatTensor<Self>;
}

/// A backend that can train: gradients outside, kernels inside.
pub trait TrainingBackend: BertBackend + AutodiffBackend<InnerBackend: BertBackend + BertKernels> {}

impl<B> TrainingBackend for B where B: BertBackend + AutodiffBackend<InnerBackend: BertBackend + BertKernels> {}

/// Makes [`BertBackend`] of a backend without gradients: each operation is its forward kernel.
#[cfg(any(feature = "cpu", feature = "wgpu", feature = "cuda"))]
macro_rules! inference_backend {
    ($backend:ty) => {
        impl $crate::ops::BertBackend for $backend {
            fn bert_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
                <Self as $crate::ops::BertKernels>::gelu_forward(x)
            }

            fn bert_linear(
                x: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
            ) -> FloatTensor<Self> {
                <Self as $crate::ops::BertKernels>::linear_forward(x, weight, bias)
            }

            fn bert_self_attention(
                query_key_value: [FloatTensor<Self>; 3],
                mask: FloatTensor<Self>,
                spec: &$crate::ops::SelfAttention,
            ) -> Option<FloatTensor<Self>> {
                let output = <Self as $crate::ops::BertKernels>::self_attention_forward(
                    query_key_value,
                    mask,
                    spec,
                    false,
                )?;
                Some(output.context)
            }

            fn bert_attention_probabilities(
                scores: FloatTensor<Self>,
                mask: FloatTensor<Self>,
                scale: $crate::ops::AttentionScale,
            ) -> FloatTensor<Self> {
                <Self as $crate::ops::BertKernels>::attention_forward(scores, mask, scale)
            }

            fn bert_layer_norm(
                x: FloatTensor<Self>,
                gamma: FloatTensor<Self>,
                beta: FloatTensor<Self>,
                eps: f32,
            ) -> FloatTensor<Self> {
                <Self as $crate::ops::BertKernels>::layer_norm_forward(x, gamma, beta, eps).output
            }

            fn bert_dropout(x: FloatTensor<Self>, p: f32, seed: u64) -> FloatTensor<Self> {
                <Self as $crate::ops::BertKernels>::dropout_forward(x, p, seed).0
            }
        }
    };
}

#[cfg(feature = "cpu")]
inference_backend!(burn_flex::Flex);

#[cfg(feature = "wgpu")]
mod wgpu_backends {
    use super::{BertKernels, FloatTensor};
    use crate::{WgpuFused, WgpuUnfused};

    impl BertKernels for WgpuFused {}
    impl BertKernels for WgpuUnfused {}
    inference_backend!(WgpuFused);
    inference_backend!(WgpuUnfused);
}

#[cfg(all(feature = "cuda", target_arch = "x86_64", any(target_os = "linux", target_os = "windows")))]
mod cuda_backends {
    use super::{BertKernels, FloatTensor};
    use crate::{CudaFused, CudaUnfused};

    impl BertKernels for CudaFused {}
    impl BertKernels for CudaUnfused {}
    inference_backend!(CudaFused);
    inference_backend!(CudaUnfused);
}
