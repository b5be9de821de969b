//! Kernels of the GPU backends, written once for every CubeCL runtime, and the same as operations of the fused graph.
//!
//! All take f32 without gaps between rows, whatever the number of rows and columns, and add in an order that does not
//! change between runs: no atomic operation.

mod adam;
mod columns;
mod dropout;
mod embedding;
mod fused;
mod gate;
mod gelu;
mod launch;
mod layer_norm;
mod softmax;
mod team;

use burn::tensor::{
    TensorMetadata,
    ops::{ActivationOps, FloatTensor, IntTensor},
};
use burn_cubecl::{BoolElement, CubeBackend, CubeRuntime, FloatElement, IntElement};
use launch::{dense, dense_int};

use super::{
    Activation, AdamStep, AdamTensors, BertKernels, Clip, ClipFactors, Dropout, PlacesLayout, SelfAttention,
    SoftmaxOutput, activation::Formula, kernels::LayerNormOutput,
};

impl<R, F, I, BT> BertKernels for CubeBackend<R, F, I, BT>
where
    R: CubeRuntime,
    R::Server: cubecl::server::ComputeServer,
    R::Device: burn::tensor::backend::DeviceOps,
    F: FloatElement,
    I: IntElement,
    BT: BoolElement,
{
    fn activation_forward(x: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self> {
        let x = dense::<R, F, I, BT>(x);
        match activation.formula() {
            Formula::Gelu => gelu::forward(x),
            Formula::Gated(gate) => gate::forward(x, gate),
            Formula::Relu => Self::relu(x),
        }
    }

    fn activation_backward(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        let [x, grad] = [x, grad].map(dense::<R, F, I, BT>);
        match activation.formula() {
            Formula::Gelu => gelu::backward(x, grad),
            Formula::Gated(gate) => gate::backward(x, grad, gate),
            Formula::Relu => Self::relu_backward(x, grad),
        }
    }

    fn bias_gradient(grad: FloatTensor<Self>) -> FloatTensor<Self> {
        let [rows, columns] = grad.shape().dims();
        columns::sums(dense::<R, F, I, BT>(grad), rows, columns)
    }

    fn softmax_forward(
        scores: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        spec: &SelfAttention,
        keep: bool,
    ) -> SoftmaxOutput<FloatTensor<Self>> {
        softmax::forward(dense::<R, F, I, BT>(scores), dense::<R, F, I, BT>(mask), spec, keep)
    }

    fn softmax_backward(
        probabilities: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        spec: &SelfAttention,
    ) -> FloatTensor<Self> {
        softmax::backward(dense::<R, F, I, BT>(probabilities), dense::<R, F, I, BT>(grad), spec)
    }

    fn layer_norm_forward(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        eps: f32,
    ) -> LayerNormOutput<FloatTensor<Self>> {
        let x = dense::<R, F, I, BT>(x);
        layer_norm::forward(x, None, [gamma, beta].map(dense::<R, F, I, BT>), eps, None)
    }

    fn layer_norm_backward(
        normalized: FloatTensor<Self>,
        inverse_deviation: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        grad: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3] {
        let [_, d_sum, d_gamma, d_beta] =
            Self::residual_layer_norm_backward(normalized, inverse_deviation, gamma, grad, None);
        [d_sum, d_gamma, d_beta]
    }

    fn residual_layer_norm_forward(
        [x, residual]: [FloatTensor<Self>; 2],
        [gamma, beta]: [FloatTensor<Self>; 2],
        eps: f32,
        dropout: Option<Dropout>,
    ) -> LayerNormOutput<FloatTensor<Self>> {
        let [x, residual, gamma, beta] = [x, residual, gamma, beta].map(dense::<R, F, I, BT>);
        layer_norm::forward(x, Some(residual), [gamma, beta], eps, dropout)
    }

    fn residual_layer_norm_backward(
        normalized: FloatTensor<Self>,
        inverse_deviation: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        dropout: Option<Dropout>,
    ) -> [FloatTensor<Self>; 4] {
        let [normalized, inverse_deviation, gamma, grad] =
            [normalized, inverse_deviation, gamma, grad].map(dense::<R, F, I, BT>);
        layer_norm::backward(normalized, inverse_deviation, gamma, grad, dropout)
    }

    fn dropout(x: FloatTensor<Self>, dropout: Dropout) -> FloatTensor<Self> {
        dropout::dropout(dense::<R, F, I, BT>(x), dropout)
    }

    fn embedding_gradient(
        grad: FloatTensor<Self>,
        index: IntTensor<Self>,
        layout: PlacesLayout,
    ) -> FloatTensor<Self> {
        let [_, hidden] = grad.shape().dims();
        embedding::gradient(dense::<R, F, I, BT>(grad), dense_int::<R, F, I, BT>(index), layout, hidden)
    }

    fn clip_factors(grads: Vec<FloatTensor<Self>>, clip: Clip) -> Option<ClipFactors<FloatTensor<Self>>> {
        adam::clip_factors(grads.into_iter().map(dense::<R, F, I, BT>).collect(), clip)
    }

    fn adam_update(
        AdamTensors { weight, first, second }: AdamTensors<FloatTensor<Self>>,
        grad: FloatTensor<Self>,
        factors: FloatTensor<Self>,
        slot: usize,
        step: AdamStep,
    ) -> AdamTensors<FloatTensor<Self>> {
        let [weight, first, second, grad, factors] =
            [weight, first, second, grad, factors].map(dense::<R, F, I, BT>);
        adam::update(AdamTensors { weight, first, second }, grad, factors, slot, step)
    }
}
