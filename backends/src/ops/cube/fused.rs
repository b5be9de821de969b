//! The kernels as operations of the fused graph: each a node that Fusion runs between the blocks it fuses.
//!
//! Activations stay what Burn's operations make of them: those are fused with their neighbours. Seeds and step sizes are not
//! part of a node's description, so that graphs which differ only in them share their plans.

use std::{fmt, marker::PhantomData};

use burn::tensor::{
    DType, Shape, TensorMetadata,
    ops::{FloatTensor, IntTensor},
};
use burn_fusion::{
    Fusion, FusionBackend,
    stream::{Operation, OperationStreams},
};
use burn_ir::{CustomOpIr, HandleContainer, OperationIr, OperationOutput, TensorIr};

use crate::ops::{
    AdamStep, AdamTensors, BertKernels, Clip, ClipFactors, Dropout, PlacesLayout, SelfAttention,
    SoftmaxOutput, kernels::LayerNormOutput,
};

/// A node: its tensors, and what runs when the graph does.
struct Custom<B, F> {
    floats: Vec<TensorIr>,
    ints: Vec<TensorIr>,
    outputs: Vec<TensorIr>,
    run: F,
    backend: PhantomData<B>,
}

impl<B, F> fmt::Debug for Custom<B, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Custom").field("floats", &self.floats).field("outputs", &self.outputs).finish()
    }
}

impl<B, F> Operation<B::FusionRuntime> for Custom<B, F>
where
    B: FusionBackend,
    F: Fn(Vec<FloatTensor<B>>, Vec<IntTensor<B>>) -> Vec<FloatTensor<B>> + Send + Sync,
{
    fn execute(&self, handles: &mut HandleContainer<B::Handle>) {
        let floats = self.floats.iter().map(|tensor| handles.get_float_tensor::<B>(tensor)).collect();
        let ints = self.ints.iter().map(|tensor| handles.get_int_tensor::<B>(tensor)).collect();
        for (ir, output) in self.outputs.iter().zip((self.run)(floats, ints)) {
            handles.register_float_tensor::<B>(&ir.id, output);
        }
    }
}

/// Adds a node to the graph. `run` gets the tensors in order and returns one for each shape.
fn node<B, F, const N: usize>(
    name: &'static str,
    floats: Vec<FloatTensor<Fusion<B>>>,
    ints: Vec<IntTensor<Fusion<B>>>,
    shapes: [Shape; N],
    run: F,
) -> [FloatTensor<Fusion<B>>; N]
where
    B: FusionBackend,
    F: Fn(Vec<FloatTensor<B>>, Vec<IntTensor<B>>) -> Vec<FloatTensor<B>> + Send + Sync + 'static,
{
    let streams = OperationStreams::with_inputs(floats.iter().chain(&ints));
    #[allow(clippy::expect_used, reason = "there is no operation without a tensor")]
    let client = floats.first().expect("an operation has an input").client.clone();
    let outputs: Vec<TensorIr> = shapes
        .into_iter()
        .map(|shape| TensorIr::uninit(client.create_empty_handle(), shape, DType::F32))
        .collect();
    let floats: Vec<TensorIr> = floats.into_iter().map(|tensor| tensor.into_ir()).collect();
    let ints: Vec<TensorIr> = ints.into_iter().map(|tensor| tensor.into_ir()).collect();
    let inputs: Vec<TensorIr> = floats.iter().chain(&ints).cloned().collect();
    let description = CustomOpIr::new(name, &inputs, &outputs);
    let operation = Custom::<B, F> { floats, ints, outputs, run, backend: PhantomData };
    client.register(streams, OperationIr::Custom(description), operation).outputs()
}

/// The tensors of a node by name: as many as it was given.
fn take<T, const N: usize>(tensors: Vec<T>) -> [T; N] {
    tensors.try_into().unwrap_or_else(|tensors: Vec<T>| panic!("{} tensors instead of {N}", tensors.len()))
}

impl<B: FusionBackend + BertKernels> BertKernels for Fusion<B> {
    fn bias_gradient(grad: FloatTensor<Self>) -> FloatTensor<Self> {
        let [_, columns] = grad.shape().dims();
        let [sums] =
            node::<B, _, 1>("spanbert-bias-gradient", vec![grad], vec![], [[columns].into()], |floats, _| {
                floats.into_iter().map(B::bias_gradient).collect()
            });
        sums
    }

    fn softmax_forward(
        scores: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        spec: &SelfAttention,
        keep: bool,
    ) -> SoftmaxOutput<FloatTensor<Self>> {
        let (shape, spec) = (scores.shape(), *spec);
        // Kept apart only where dropout makes two of them.
        if !(keep && spec.dropout.is_some()) {
            let run = move |floats, _| {
                let [scores, mask] = take(floats);
                vec![B::softmax_forward(scores, mask, &spec, false).weights]
            };
            let [weights] = node::<B, _, 1>("spanbert-softmax", vec![scores, mask], vec![], [shape], run);
            let probabilities = keep.then(|| weights.clone());
            return SoftmaxOutput { weights, probabilities };
        }
        let run = move |floats, _| {
            let [scores, mask] = take(floats);
            let output = B::softmax_forward(scores, mask, &spec, true);
            std::iter::once(output.weights).chain(output.probabilities).collect()
        };
        let shapes = [shape.clone(), shape];
        let [weights, probabilities] =
            node::<B, _, 2>("spanbert-softmax-dropout", vec![scores, mask], vec![], shapes, run);
        SoftmaxOutput { weights, probabilities: Some(probabilities) }
    }

    fn softmax_backward(
        probabilities: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        spec: &SelfAttention,
    ) -> FloatTensor<Self> {
        let (shape, spec) = (grad.shape(), *spec);
        let run = move |floats, _| {
            let [probabilities, grad] = take(floats);
            vec![B::softmax_backward(probabilities, grad, &spec)]
        };
        let [scores] =
            node::<B, _, 1>("spanbert-softmax-backward", vec![probabilities, grad], vec![], [shape], run);
        scores
    }

    fn layer_norm_forward(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        eps: f32,
    ) -> LayerNormOutput<FloatTensor<Self>> {
        let run = move |floats, _| {
            let [x, gamma, beta] = take(floats);
            parts(B::layer_norm_forward(x, gamma, beta, eps))
        };
        let shapes = layer_norm_shapes::<B>(&x);
        output(node::<B, _, 3>("spanbert-layer-norm", vec![x, gamma, beta], vec![], shapes, run))
    }

    fn layer_norm_backward(
        normalized: FloatTensor<Self>,
        inverse_deviation: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        grad: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3] {
        let shapes = [grad.shape(), gamma.shape(), gamma.shape()];
        let inputs = vec![normalized, inverse_deviation, gamma, grad];
        node::<B, _, 3>("spanbert-layer-norm-backward", inputs, vec![], shapes, |floats, _| {
            let [normalized, inverse_deviation, gamma, grad] = take(floats);
            B::layer_norm_backward(normalized, inverse_deviation, gamma, grad).into()
        })
    }

    fn residual_layer_norm_forward(
        [x, residual]: [FloatTensor<Self>; 2],
        [gamma, beta]: [FloatTensor<Self>; 2],
        eps: f32,
        dropout: Option<Dropout>,
    ) -> LayerNormOutput<FloatTensor<Self>> {
        let run = move |floats, _| {
            let [x, residual, gamma, beta] = take(floats);
            parts(B::residual_layer_norm_forward([x, residual], [gamma, beta], eps, dropout))
        };
        let shapes = layer_norm_shapes::<B>(&x);
        let inputs = vec![x, residual, gamma, beta];
        output(node::<B, _, 3>("spanbert-residual-layer-norm", inputs, vec![], shapes, run))
    }

    fn residual_layer_norm_backward(
        normalized: FloatTensor<Self>,
        inverse_deviation: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        dropout: Option<Dropout>,
    ) -> [FloatTensor<Self>; 4] {
        let Some(dropout) = dropout else {
            let [d_sum, d_gamma, d_beta] =
                Self::layer_norm_backward(normalized, inverse_deviation, gamma, grad);
            return [d_sum.clone(), d_sum, d_gamma, d_beta];
        };
        let shapes = [grad.shape(), grad.shape(), gamma.shape(), gamma.shape()];
        let inputs = vec![normalized, inverse_deviation, gamma, grad];
        let run = move |floats, _| {
            let [normalized, inverse_deviation, gamma, grad] = take(floats);
            B::residual_layer_norm_backward(normalized, inverse_deviation, gamma, grad, Some(dropout)).into()
        };
        node::<B, _, 4>("spanbert-residual-layer-norm-backward", inputs, vec![], shapes, run)
    }

    fn dropout(x: FloatTensor<Self>, dropout: Dropout) -> FloatTensor<Self> {
        let shape = x.shape();
        let run = move |floats: Vec<_>, _| floats.into_iter().map(|x| B::dropout(x, dropout)).collect();
        let [output] = node::<B, _, 1>("spanbert-dropout", vec![x], vec![], [shape], run);
        output
    }

    fn embedding_gradient(
        grad: FloatTensor<Self>,
        index: IntTensor<Self>,
        layout: PlacesLayout,
    ) -> FloatTensor<Self> {
        let [_, hidden] = grad.shape().dims();
        let shape = [layout.vocabulary, hidden].into();
        let run = move |floats, ints| {
            let ([grad], [index]) = (take(floats), take(ints));
            vec![B::embedding_gradient(grad, index, layout)]
        };
        let [table] = node::<B, _, 1>("spanbert-embedding-gradient", vec![grad], vec![index], [shape], run);
        table
    }

    fn clip_factors(grads: Vec<FloatTensor<Self>>, clip: Clip) -> Option<ClipFactors<FloatTensor<Self>>> {
        if grads.is_empty() {
            return None;
        }
        let shapes = [[1, grads.len()].into(), [1, 1].into()];
        let run = move |floats, _| {
            let factors = B::clip_factors(floats, clip);
            factors.into_iter().flat_map(|clip| [clip.factors, clip.norm]).collect()
        };
        let [factors, norm] = node::<B, _, 2>("spanbert-clip", grads, vec![], shapes, run);
        Some(ClipFactors { factors, norm })
    }

    fn adam_update(
        AdamTensors { weight, first, second }: AdamTensors<FloatTensor<Self>>,
        grad: FloatTensor<Self>,
        factors: FloatTensor<Self>,
        slot: usize,
        step: AdamStep,
    ) -> AdamTensors<FloatTensor<Self>> {
        let shapes = [weight.shape(), first.shape(), second.shape()];
        let run = move |floats, _| {
            let [weight, first, second, grad, factors] = take(floats);
            let tensors = AdamTensors { weight, first, second };
            let AdamTensors { weight, first, second } = B::adam_update(tensors, grad, factors, slot, step);
            vec![weight, first, second]
        };
        let inputs = vec![weight, first, second, grad, factors];
        let [weight, first, second] = node::<B, _, 3>("spanbert-adam", inputs, vec![], shapes, run);
        AdamTensors { weight, first, second }
    }
}

fn layer_norm_shapes<B: FusionBackend>(x: &FloatTensor<Fusion<B>>) -> [Shape; 3] {
    let [rows, _] = x.shape().dims();
    [x.shape(), x.shape(), [rows, 1].into()]
}

fn parts<T>(output: LayerNormOutput<T>) -> Vec<T> {
    vec![output.output, output.normalized, output.inverse_deviation]
}

fn output<T>([output, normalized, inverse_deviation]: [T; 3]) -> LayerNormOutput<T> {
    LayerNormOutput { output, normalized, inverse_deviation }
}
