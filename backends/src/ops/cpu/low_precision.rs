//! Linear layers in bfloat16 and int8, where they have products of their own.

use burn::tensor::{DType, TensorMetadata};
use burn_flex::{Flex, FlexTensor};

use super::{
    BertKernels, bf16, int8, linear,
    tensors::{bits, dense, tensor},
};

/// A linear layer in bfloat16, whose weight [`BertKernels::prepare_linear_weight`] may have packed.
pub(super) fn bf16_linear(
    x: FlexTensor,
    weight: FlexTensor,
    bias: FlexTensor,
    instructions: bf16::Instructions,
) -> FlexTensor {
    let (x, weight, bias) = (x.to_contiguous(), weight.to_contiguous(), dense(bias));
    let [rows, input] = x.shape().dims();
    let [output] = bias.shape().dims();
    let panels = if weight.dtype() == DType::U32 {
        bf16::Panels::of_pairs(weight.storage::<u32>(), input, output)
    } else {
        bf16::Panels::pack(bits(&weight), output)
    };
    let left = bf16::Left::rows(bits(&x), input);
    tensor(bf16::multiply(&left, &panels, Some(bias.storage::<f32>()), instructions), [rows, output])
}

/// Gradients of input, weight and bias of a linear layer in bfloat16.
pub(super) fn bf16_linear_backward(
    x: &FlexTensor,
    weight: &FlexTensor,
    grad: FlexTensor,
    instructions: bf16::Instructions,
) -> [FlexTensor; 3] {
    let ([rows, input], [_, output], grad) = (x.shape().dims(), grad.shape().dims(), dense(grad));
    let bias_gradient = linear::bias_gradient(grad.storage::<f32>(), output);
    let half_grad = bf16::narrow(grad.storage::<f32>());
    let weight = bf16::Panels::pack_transposed(bits(weight), output);
    let input_gradient = bf16::multiply(&bf16::Left::rows(&half_grad, output), &weight, None, instructions);
    let panels = bf16::Panels::pack(&half_grad, output);
    let x = bf16::Left::transposed(bits(x), input, instructions);
    let weight_gradient = bf16::multiply(&x, &panels, None, instructions);
    [
        tensor(input_gradient, [rows, input]),
        tensor(weight_gradient, [input, output]),
        tensor(bias_gradient, [output]),
    ]
}

/// A linear layer whose weight [`BertKernels::quantize_linear_weight`] has packed; its input may be quantised already.
pub(super) fn quantized_linear(x: FlexTensor, weight: &FlexTensor, bias: FlexTensor) -> FlexTensor {
    let x = if x.dtype() == DType::U8 { x } else { Flex::quantize_linear_input(x) };
    let bias = dense(bias);
    let [rows, stride] = x.shape().dims();
    let [output] = bias.shape().dims();
    let (bytes, packed, bias) = (x.storage::<u8>(), weight.storage::<i8>(), bias.storage::<f32>());
    tensor(int8::linear(bytes, stride, packed, bias, int8::Instructions::best()), [rows, output])
}
