//! CPU kernels: one pass over memory each, on all cores, in forms the compiler vectorises.
//!
//! Work is cut at fixed places, never by the number of threads, and nothing here calls the system's mathematics. So the bits are the
//! same everywhere but for those of products, which [`portable`](crate::portable()) settles too.

mod adam;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod amx;
mod attention;
mod bf16;
mod bf16_attention;
mod blocked;
mod cross_entropy;
mod dropout;
mod elementwise;
mod embedding;
mod full_precision;
mod gate;
mod gelu;
mod half;
mod int8;
mod lanes;
mod layer_norm;
mod linear;
mod low_precision;
mod math;
mod matrix;
mod panels;
mod self_attention;
mod simd;
mod tensors;
#[cfg(test)]
mod tests;
mod unwritten;

use burn::tensor::{
    DType, FloatDType, Shape, TensorData, TensorMetadata,
    ops::{FloatTensor, FloatTensorOps, IntTensor},
};
use burn_flex::{Flex, FlexTensor};

use super::{
    Activation, AdamStep, AdamTensors, AttentionOutput, BertKernels, CrossEntropyOutput, Dropout,
    PlacesLayout, SelfAttention, activation::Formula, kernels::LayerNormOutput,
};
use crate::Precision;
use elementwise::apply_to_pairs;
use full_precision::{f32_layer_norm, f32_layer_norm_backward, f32_self_attention};
use low_precision::{
    bf16_instructions, bf16_linear, bf16_linear_backward, bf16_self_attention, bf16_self_attention_backward,
    quantized_linear,
};
use tensors::{bits, dense, dense_int, half_tensor, mapped, product, tensor};

/// Whether this processor has instructions for products of a low precision.
pub(crate) fn has_instructions_for(precision: Precision) -> bool {
    match precision {
        Precision::Int8 => int8::Instructions::best() != int8::Instructions::Portable,
        Precision::Bf16 => bf16::Instructions::best().is_some(),
        Precision::F32 | Precision::F16 => false,
    }
}

/// Elements per task of an elementwise kernel.
const CHUNK: usize = 16 * 1024;

impl BertKernels for Flex {
    fn activation_forward(x: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self> {
        let x = dense(x);
        match activation.formula() {
            Formula::Gelu => mapped(x, gelu::value),
            Formula::Gated(gate) => mapped(
                x,
                #[inline(always)]
                |x| gate::value(x, gate),
            ),
            Formula::Relu => mapped(x, gate::relu),
        }
    }

    fn activation_backward(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        let (x, mut grad) = (dense(x), dense(grad));
        let (values, gradients) = (x.storage::<f32>(), grad.storage_mut::<f32>());
        match activation.formula() {
            Formula::Gelu => apply_to_pairs(values, gradients, gelu::gradient),
            Formula::Gated(gate) => apply_to_pairs(
                values,
                gradients,
                #[inline(always)]
                |x, grad| gate::gradient(x, grad, gate),
            ),
            Formula::Relu => apply_to_pairs(values, gradients, gate::relu_gradient),
        }
        grad
    }

    fn linear_forward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        if weight.dtype() == DType::I8 {
            return quantized_linear(x, &weight, bias);
        }
        if let DType::U32 | DType::BF16 = weight.dtype()
            && let Some(instructions) = bf16::Instructions::best()
        {
            return bf16_linear(x, weight, bias, instructions);
        }
        let [rows, input] = x.shape().dims();
        let [output] = bias.shape().dims();
        // Of no weight in panels is this the width; of a narrow one both layouts are the same.
        let in_panels = weight.shape()[1] != output;
        let precision = half::precision(x.dtype());
        let (x, weight, bias) = (dense(x), dense(weight), dense(bias));
        let (x, weight, bias) = (x.storage::<f32>(), weight.storage::<f32>(), bias.storage::<f32>());
        let product = |bias: &[f32]| {
            if in_panels {
                panels::forward(x, weight, bias, rows, input)
            } else {
                linear::forward(x, weight, bias, rows, input)
            }
        };
        if precision == Precision::F32 {
            return tensor(product(bias), [rows, output]);
        }
        // The product is rounded before the bias is added in f32.
        let mut result = product(&vec![0.0; output]);
        half::round(&mut result, precision);
        for row in result.chunks_exact_mut(output) {
            row.iter_mut().zip(bias).for_each(|(value, bias)| *value += bias);
        }
        tensor(result, [rows, output])
    }

    fn prepare_linear_weight(weight: FloatTensor<Self>) -> FloatTensor<Self> {
        let [input, output] = weight.shape().dims();
        if weight.dtype() == DType::BF16 && bf16::Instructions::best().is_some() {
            let pairs = bf16::Panels::pack(bits(&weight.to_contiguous()), output).into_pairs();
            return FlexTensor::from_data(TensorData::new(pairs, bf16::Panels::shape(input, output)));
        }
        if !panels::help(output) {
            return weight;
        }
        tensor(panels::pack(dense(weight).storage::<f32>(), output), panels::shape(input, output))
    }

    fn to_half(x: FloatTensor<Self>, half: FloatDType) -> FloatTensor<Self> {
        if half != FloatDType::BF16 {
            return Self::float_cast(x, half);
        }
        let x = dense(x);
        half_tensor(bf16::narrow(x.storage::<f32>()), x.shape())
    }

    fn quantize_linear_weight(weight: FloatTensor<Self>) -> FloatTensor<Self> {
        let [input, output] = weight.shape().dims();
        if input > int8::MOST_INPUTS {
            return weight;
        }
        let packed = int8::pack_weights(dense(weight).storage::<f32>(), input, output);
        FlexTensor::from_data(TensorData::new(packed, int8::packed_shape(input, output)))
    }

    fn quantize_linear_input(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let [rows, input] = x.shape().dims();
        if input > int8::MOST_INPUTS {
            return x;
        }
        let bytes = int8::quantize_rows(dense(x).storage::<f32>(), input);
        FlexTensor::from_data(TensorData::new(bytes, [rows, int8::row_bytes(input)]))
    }

    fn linear_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        grad: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3] {
        let [rows, input] = x.shape().dims();
        let [_, output] = grad.shape().dims();
        if x.dtype() == DType::BF16
            && let Some(instructions) = bf16::Instructions::best()
        {
            return bf16_linear_backward(&x.to_contiguous(), &weight.to_contiguous(), grad, instructions);
        }
        let precision = half::precision(x.dtype());
        let (x, weight, mut grad) = (dense(x), dense(weight), dense(grad));
        let (x, weight) = (x.storage::<f32>(), weight.storage::<f32>());
        let bias_gradient = linear::bias_gradient(grad.storage::<f32>(), output);
        if precision != Precision::F32 {
            half::round(grad.storage_mut::<f32>(), precision);
        }
        let grad = grad.storage::<f32>();
        let mut input_gradient = linear::input_gradient(grad, weight, rows, input, output);
        let mut weight_gradient = linear::weight_gradient(grad, x, rows, input, output);
        half::round(&mut input_gradient, precision);
        half::round(&mut weight_gradient, precision);
        [
            tensor(input_gradient, [rows, input]),
            tensor(weight_gradient, [input, output]),
            tensor(bias_gradient, [output]),
        ]
    }

    fn matmul(left: FloatTensor<Self>, right: FloatTensor<Self>) -> FloatTensor<Self> {
        product(left, right)
    }

    fn row_sums(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let [rows, columns] = x.shape().dims();
        tensor(linear::row_sums(dense(x).storage::<f32>(), columns), [rows])
    }

    fn cross_entropy_forward(
        logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
        weights: FloatTensor<Self>,
    ) -> CrossEntropyOutput<FloatTensor<Self>> {
        let [_, classes] = logits.shape().dims();
        let (mut logits, targets, weights) = (dense(logits), dense_int(targets), dense(weights));
        let (targets, weights) = (targets.storage::<i32>(), weights.storage::<f32>());
        let loss = cross_entropy::forward(logits.storage_mut::<f32>(), classes, targets, weights);
        CrossEntropyOutput { loss: tensor(vec![loss], [1]), kept: logits }
    }

    fn cross_entropy_backward(
        kept: FloatTensor<Self>,
        targets: IntTensor<Self>,
        weights: FloatTensor<Self>,
        grad: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let [_, classes] = kept.shape().dims();
        let (mut kept, targets, weights) = (dense(kept), dense_int(targets), dense(weights));
        let factor = dense(grad).storage::<f32>().first().copied().unwrap_or_default();
        let (targets, weights) = (targets.storage::<i32>(), weights.storage::<f32>());
        cross_entropy::backward(kept.storage_mut::<f32>(), classes, targets, weights, factor);
        kept
    }

    fn self_attention(
        inputs: [FloatTensor<Self>; 3],
        mask: FloatTensor<Self>,
        spec: &SelfAttention,
    ) -> FloatTensor<Self> {
        if let Some(instructions) = bf16_instructions(spec) {
            return bf16_self_attention(&inputs, mask, spec, instructions, false).0;
        }
        f32_self_attention(inputs, mask, spec, None)
    }

    fn self_attention_keeping(
        inputs: [FloatTensor<Self>; 3],
        mask: FloatTensor<Self>,
        spec: &SelfAttention,
    ) -> AttentionOutput<FloatTensor<Self>> {
        let shape = [spec.batch * spec.heads, spec.length, spec.length];
        if let Some(instructions) = bf16_instructions(spec) {
            let (context, bits) = bf16_self_attention(&inputs, mask, spec, instructions, true);
            let probabilities = half_tensor(bits.unwrap_or_default(), Shape::new(shape));
            return AttentionOutput { context, query_key_value: inputs, probabilities };
        }
        let mut probabilities = vec![0.0; shape.iter().product()];
        let context = f32_self_attention(inputs.clone(), mask, spec, Some(&mut probabilities));
        let probabilities = tensor(probabilities, shape);
        AttentionOutput { context, query_key_value: inputs, probabilities }
    }

    fn self_attention_backward(
        [query, key, value]: [FloatTensor<Self>; 3],
        probabilities: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        spec: &SelfAttention,
    ) -> [FloatTensor<Self>; 3] {
        if let Some(instructions) = bf16_instructions(spec) {
            return bf16_self_attention_backward(
                [query, key, value],
                &probabilities,
                grad,
                spec,
                instructions,
            );
        }
        let (query, key, value) = (dense(query), dense(key), dense(value));
        let (probabilities, mut grad) = (dense(probabilities), dense(grad));
        if spec.precision != Precision::F32 {
            half::round(grad.storage_mut::<f32>(), spec.precision);
        }
        self_attention::backward(
            [query.storage::<f32>(), key.storage::<f32>(), value.storage::<f32>()],
            probabilities.storage::<f32>(),
            grad.storage::<f32>(),
            spec,
        )
        .map(|part| tensor(part, [spec.batch * spec.length, spec.hidden()]))
    }

    fn layer_norm_forward(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        eps: f32,
    ) -> LayerNormOutput<FloatTensor<Self>> {
        f32_layer_norm(x, None, [gamma, beta], eps)
    }

    fn residual_layer_norm_forward(
        [x, residual]: [FloatTensor<Self>; 2],
        affine: [FloatTensor<Self>; 2],
        eps: f32,
        dropout: Option<Dropout>,
    ) -> LayerNormOutput<FloatTensor<Self>> {
        let residual = dense(residual);
        let before = layer_norm::Before { dropout, residual: residual.storage::<f32>() };
        f32_layer_norm(x, Some(before), affine, eps)
    }

    fn layer_norm_backward(
        normalized: FloatTensor<Self>,
        inverse_deviation: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        grad: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3] {
        let ([d_x, d_gamma, d_beta], _) =
            f32_layer_norm_backward([normalized, inverse_deviation, gamma], grad, None);
        [d_x, d_gamma, d_beta]
    }

    fn residual_layer_norm_backward(
        normalized: FloatTensor<Self>,
        inverse_deviation: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        dropout: Option<Dropout>,
    ) -> [FloatTensor<Self>; 4] {
        let ([d_sum, d_gamma, d_beta], d_x) =
            f32_layer_norm_backward([normalized, inverse_deviation, gamma], grad, dropout);
        [d_x.unwrap_or_else(|| d_sum.clone()), d_sum, d_gamma, d_beta]
    }

    fn dropout(x: FloatTensor<Self>, dropout: Dropout) -> FloatTensor<Self> {
        let mut x = dense(x);
        dropout::apply(x.storage_mut::<f32>(), dropout);
        x
    }

    fn embedding_gradient(
        grad: FloatTensor<Self>,
        index: IntTensor<Self>,
        layout: PlacesLayout,
    ) -> FloatTensor<Self> {
        let [_, hidden] = grad.shape().dims();
        let (grad, index) = (dense(grad), dense_int(index));
        let table = embedding::gradient(grad.storage::<f32>(), index.storage::<i32>(), layout, hidden);
        tensor(table, [layout.vocabulary, hidden])
    }

    fn adam_update(
        tensors: AdamTensors<FloatTensor<Self>>,
        grad: FloatTensor<Self>,
        factors: FloatTensor<Self>,
        slot: usize,
        step: AdamStep,
    ) -> AdamTensors<FloatTensor<Self>> {
        let (mut weight, grad) = (dense(tensors.weight), dense(grad));
        let (mut first, mut second) = (dense(tensors.first), dense(tensors.second));
        let factor = dense(factors).storage::<f32>().get(slot).copied().unwrap_or(1.0);
        adam::update(
            weight.storage_mut::<f32>(),
            first.storage_mut::<f32>(),
            second.storage_mut::<f32>(),
            grad.storage::<f32>(),
            factor,
            step,
        );
        AdamTensors { weight, first, second }
    }

    fn square_sum(x: FloatTensor<Self>) -> FloatTensor<Self> {
        tensor(vec![adam::square_sum(dense(x).storage::<f32>())], [1, 1])
    }

    fn lanes() -> usize {
        lanes::count()
    }

    fn inside<R: Send>(work: impl FnOnce() -> R + Send) -> R {
        lanes::inside(work)
    }

    fn side_by_side<T: Send, R: Send>(jobs: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
        lanes::side_by_side(jobs, work)
    }
}
