//! The processor's tensors as slices, and slices as tensors.

use ::half::{slice::HalfFloatSliceExt, vec::HalfBitsVecExt};
use burn::tensor::{
    DType, FloatDType, IntDType, Shape, TensorData, TensorMetadata,
    ops::{FloatTensorOps, IntTensorOps},
};
use burn_flex::{Flex, FlexTensor};

use super::{
    bf16, elementwise,
    matrix::{Threads, View, multiply},
};

/// Bits of a bfloat16 tensor that covers its whole buffer.
pub(super) fn bits(x: &FlexTensor) -> &[u16] {
    x.storage::<::half::bf16>().reinterpret_cast()
}

/// A bfloat16 tensor of these bits.
pub(super) fn half_tensor(bits: Vec<u16>, shape: Shape) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(bits.reinterpret_into::<::half::bf16>(), shape))
}

/// The tensor as f32 covering its whole buffer in row-major order.
pub(super) fn dense(x: FlexTensor) -> FlexTensor {
    match x.dtype() {
        DType::F32 => x.to_contiguous(),
        DType::BF16 => {
            let x = x.to_contiguous();
            FlexTensor::from_data(TensorData::new(bf16::widen(bits(&x)), x.shape()))
        }
        _ => Flex::float_cast(x, FloatDType::F32).to_contiguous(),
    }
}

/// The same for whole numbers, as i32.
pub(super) fn dense_int(x: FlexTensor) -> FlexTensor {
    let x = if x.dtype() == DType::I32 { x } else { Flex::int_cast(x, IntDType::I32) };
    x.to_contiguous()
}

/// A tensor of these values, row-major.
pub(super) fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

/// `f` of each element of a tensor that [`dense`] has given, in its place if nothing else has it.
#[inline(always)]
pub(super) fn mapped(mut x: FlexTensor, f: impl Fn(f32) -> f32 + Copy + Sync) -> FlexTensor {
    if let Some(values) = x.try_storage_mut::<f32>() {
        elementwise::apply(values, f);
        return x;
    }
    FlexTensor::from_data(TensorData::new(elementwise::map(x.storage::<f32>(), f), x.shape()))
}

/// The product of two f32 matrices, transposed ones as they lie.
pub(super) fn product(left: FlexTensor, right: FlexTensor) -> FlexTensor {
    let [(left, left_view), (right, right_view)] = [left, right].map(viewed);
    let (rows, columns) = (left_view.rows, right_view.columns);
    let mut out = vec![0.0; rows * columns];
    multiply(
        (&mut out, View::dense(rows, columns)),
        (left.storage::<f32>(), left_view),
        (right.storage::<f32>(), right_view),
        1.0,
        false,
        Threads::All,
    );
    tensor(out, [rows, columns])
}

/// A matrix and where it lies in its storage; a flipped one, whose strides are negative, is copied.
fn viewed(x: FlexTensor) -> (FlexTensor, View) {
    let [rows, columns] = x.shape().dims();
    let layout = x.layout();
    let (offset, strides) = (layout.start_offset(), layout.strides());
    match strides.iter().map(|&stride| usize::try_from(stride)).collect::<Result<Vec<_>, _>>().as_deref() {
        Ok(&[row_stride, column_stride]) => (x, View { offset, rows, columns, row_stride, column_stride }),
        _ => (dense(x), View::dense(rows, columns)),
    }
}
