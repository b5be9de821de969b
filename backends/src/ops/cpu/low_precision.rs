//! Linear layers in bfloat16 and int8 and attention in bfloat16, where they have products of their own.

use burn::tensor::{DType, TensorMetadata};
use burn_flex::{Flex, FlexTensor};

use super::{
    BertKernels, SelfAttention, bf16, bf16_attention, int8, linear,
    tensors::{bits, dense, tensor},
    unwritten::Unwritten,
};
use crate::Precision;

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
    assert_eq!(grad.storage::<f32>().len(), rows * output, "sizes of a gradient");
    let half_grad = Unwritten::new(rows * output);
    let bias_gradient = linear::bias_gradient_beside(
        grad.storage::<f32>(),
        output,
        #[inline(always)]
        |first, row| {
            // SAFETY: the place of this row, which one task alone comes to.
            #[allow(unsafe_code)]
            let to = unsafe { half_grad.part(first, row.len()) };
            for (to, value) in to.iter_mut().zip(row) {
                to.write(bf16::nearest(*value));
            }
        },
    );
    // SAFETY: all rows have been gone through.
    #[allow(unsafe_code)]
    let half_grad = unsafe { half_grad.written(rows * output) };
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

/// What an attention's products are made with, if they are of bfloat16.
pub(super) fn bf16_instructions(spec: &SelfAttention) -> Option<bf16::Instructions> {
    (spec.precision == Precision::Bf16).then(bf16::Instructions::best).flatten()
}

/// Context, and the bits of the probabilities if they are to be kept.
pub(super) fn bf16_self_attention(
    inputs: &[FlexTensor; 3],
    mask: FlexTensor,
    spec: &SelfAttention,
    instructions: bf16::Instructions,
    keep: bool,
) -> (FlexTensor, Option<Vec<u16>>) {
    let (inputs, mask) = (inputs.each_ref().map(FlexTensor::to_contiguous), dense(mask));
    let (context, probabilities) =
        bf16_attention::forward(inputs.each_ref().map(bits), mask.storage::<f32>(), spec, instructions, keep);
    (tensor(context, [spec.batch * spec.length, spec.hidden()]), probabilities)
}

/// Gradients of query, key and value.
pub(super) fn bf16_self_attention_backward(
    inputs: [FlexTensor; 3],
    probabilities: &FlexTensor,
    grad: FlexTensor,
    spec: &SelfAttention,
    instructions: bf16::Instructions,
) -> [FlexTensor; 3] {
    let (inputs, probabilities, grad) =
        (inputs.each_ref().map(FlexTensor::to_contiguous), probabilities.to_contiguous(), dense(grad));
    let parts = bf16_attention::backward(
        inputs.each_ref().map(bits),
        bits(&probabilities),
        grad.storage::<f32>(),
        spec,
        instructions,
    );
    parts.map(|part| tensor(part, [spec.batch * spec.length, spec.hidden()]))
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
