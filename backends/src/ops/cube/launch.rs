//! What every kernel's launch needs: dense f32 inputs, outputs, vector sizes, and cubes for so many units or rows.

use burn::tensor::{
    DType, FloatDType, IntDType, Shape, TensorMetadata,
    ops::{FloatTensorOps, IntTensorOps},
};
use burn_cubecl::{
    BoolElement, CubeBackend, CubeRuntime, FloatElement, IntElement, kernel::into_contiguous,
    ops::numeric::empty_device_contiguous_dtype, tensor::CubeTensor,
};
use cubecl::{calculate_cube_count_elemwise, ir::VectorSize, prelude::*};

/// Units of a cube; a multiple of [`TEAM`](super::team::TEAM).
pub const UNITS: u32 = 256;

/// The tensor as f32, row-major without gaps, which the kernels' own indexing relies on.
pub fn dense<R, F, I, BT>(x: CubeTensor<R>) -> CubeTensor<R>
where
    R: CubeRuntime,
    R::Server: cubecl::server::ComputeServer,
    R::Device: burn::tensor::backend::DeviceOps,
    F: FloatElement,
    I: IntElement,
    BT: BoolElement,
{
    let x = if x.dtype == DType::F32 {
        x
    } else {
        <CubeBackend<R, F, I, BT> as FloatTensorOps<_>>::float_cast(x, FloatDType::F32)
    };
    into_contiguous(x)
}

/// The same for whole numbers, as i32.
pub fn dense_int<R, F, I, BT>(x: CubeTensor<R>) -> CubeTensor<R>
where
    R: CubeRuntime,
    R::Server: cubecl::server::ComputeServer,
    R::Device: burn::tensor::backend::DeviceOps,
    F: FloatElement,
    I: IntElement,
    BT: BoolElement,
{
    let x = if x.dtype == DType::I32 {
        x
    } else {
        <CubeBackend<R, F, I, BT> as IntTensorOps<_>>::int_cast(x, IntDType::I32)
    };
    into_contiguous(x)
}

/// An f32 tensor with undefined values on the device of another.
pub fn empty<R: CubeRuntime>(like: &CubeTensor<R>, shape: impl Into<Shape>) -> CubeTensor<R> {
    empty_device_contiguous_dtype(like.client.clone(), like.device.clone(), shape.into(), DType::F32)
}

/// Whether a kernel may write its result over `x`.
pub fn writable<R: CubeRuntime>(x: &CubeTensor<R>) -> bool {
    x.can_mut() && x.is_nonoverlapping()
}

/// Values that a unit reads at once, of rows of this width.
pub fn vector_size<R: CubeRuntime>(x: &CubeTensor<R>, width: usize) -> VectorSize {
    let fits = |size: &VectorSize| *size <= 4 && width.is_multiple_of(*size);
    x.client.io_optimized_vector_sizes(size_of::<f32>()).filter(fits).max().unwrap_or(1)
}

/// Number of elements.
pub fn count<R: CubeRuntime>(x: &CubeTensor<R>) -> usize {
    x.shape().num_elements()
}

/// Cubes of [`UNITS`] with at least so many units. A device limits the cubes of each axis, so they are spread over
/// three, and some may have nothing to do.
pub fn cubes_for_units<R: CubeRuntime>(x: &CubeTensor<R>, units: usize) -> (CubeCount, CubeDim) {
    let dim = CubeDim::new_1d(UNITS);
    (calculate_cube_count_elemwise(&x.client, units, dim), dim)
}

/// At least so many cubes of [`UNITS`].
pub fn cubes<R: CubeRuntime>(x: &CubeTensor<R>, count: usize) -> (CubeCount, CubeDim) {
    cubes_for_units(x, count * UNITS as usize)
}

/// A size as the kernels take it.
#[allow(clippy::cast_possible_truncation, reason = "indices of a tensor are 32 bits wide")]
pub fn size(value: usize) -> u32 {
    value as u32
}
