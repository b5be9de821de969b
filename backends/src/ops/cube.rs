//! Dropout on the GPU backends: one kernel that draws each element's bits from its number, in the fused graph as an
//! operation of its own.
//!
//! Burn's integer operations could draw the same bits, but Fusion fuses none of the bitwise ones: a dozen passes over a
//! tensor the size of the attention probabilities instead of one.

use burn::tensor::{TensorMetadata, ops::FloatTensor};
use burn_cubecl::{
    BoolElement, CubeBackend, CubeRuntime, FloatElement, IntElement, ops::numeric::empty_device_dtype,
    tensor::CubeTensor,
};
use burn_fusion::{
    Fusion, FusionBackend,
    stream::{Operation, OperationStreams},
};
use burn_ir::{CustomOpIr, HandleContainer, OperationIr, OperationOutput, TensorIr};
use cubecl::{calculate_cube_count_elemwise, prelude::*, std::tensor::layout::linear::LinearView};

use super::{BertKernels, Dropout};

/// `cpu::dropout` and `dropout::bits`, to the bit.
#[cube(launch)]
fn dropout_kernel<F: Float>(
    x: &LinearView<F>,
    output: &mut LinearView<F, ReadWrite>,
    threshold: u32,
    low: u32,
    high: u32,
    first: u32,
    scale: f32,
    #[define(F)] _dtype: StorageType,
) {
    if !output.is_in_bounds(ABSOLUTE_POS) {
        terminate!();
    }
    let number = first + ABSOLUTE_POS as u32;
    let bits = mix(mix(number ^ low) + high);
    output[ABSOLUTE_POS] = select(bits < threshold, F::new(0.0), x[ABSOLUTE_POS] * F::cast_from(scale));
}

#[cube]
fn mix(x: u32) -> u32 {
    let a = (x ^ (x >> 16u32)) * 0x7feb_352du32;
    let b = (a ^ (a >> 15u32)) * 0x846c_a68bu32;
    b ^ (b >> 16u32)
}

impl<R, F, I, BT> BertKernels for CubeBackend<R, F, I, BT>
where
    R: CubeRuntime,
    R::Server: cubecl::server::ComputeServer,
    R::Device: burn::tensor::backend::DeviceOps,
    F: FloatElement,
    I: IntElement,
    BT: BoolElement,
{
    fn dropout(x: FloatTensor<Self>, dropout: Dropout) -> FloatTensor<Self> {
        launch(x, dropout)
    }
}

fn launch<R: CubeRuntime>(x: CubeTensor<R>, dropout: Dropout) -> CubeTensor<R> {
    let client = x.client.clone();
    let count = x.shape().num_elements();
    let cube_dim = CubeDim::new(&client, count);
    let cube_count = calculate_cube_count_elemwise(&client, count, cube_dim);
    let in_place = x.can_mut() && x.is_nonoverlapping();
    let output = if in_place {
        x.clone()
    } else {
        empty_device_dtype(client.clone(), x.device.clone(), x.shape(), x.dtype)
    };
    let target = if in_place { output.as_linear_view_alias(0) } else { output.clone().into_linear_view() };
    let [low, high, first] = dropout.words();
    let dtype = x.dtype.into();
    dropout_kernel::launch(
        &client,
        cube_count,
        cube_dim,
        x.into_linear_view(),
        target,
        dropout.threshold(),
        low,
        high,
        first,
        dropout.scale(),
        dtype,
    );
    output
}

/// The dropout as an operation of the fused graph.
#[derive(Debug)]
struct FusedDropout<B> {
    x: TensorIr,
    output: TensorIr,
    dropout: Dropout,
    backend: std::marker::PhantomData<B>,
}

impl<B: FusionBackend + BertKernels> Operation<B::FusionRuntime> for FusedDropout<B> {
    fn execute(&self, handles: &mut HandleContainer<B::Handle>) {
        let x = handles.get_float_tensor::<B>(&self.x);
        handles.register_float_tensor::<B>(&self.output.id, B::dropout(x, self.dropout));
    }
}

impl<B: FusionBackend + BertKernels> BertKernels for Fusion<B> {
    fn dropout(x: FloatTensor<Self>, dropout: Dropout) -> FloatTensor<Self> {
        let streams = OperationStreams::with_inputs([&x]);
        let client = x.client.clone();
        let output = TensorIr::uninit(client.create_empty_handle(), x.shape(), x.dtype());
        let x = x.into_ir();
        // Seed and place are not part of the description: graphs that differ only in them share their plans.
        let description =
            CustomOpIr::new("spanbert-dropout", std::slice::from_ref(&x), std::slice::from_ref(&output));
        let operation = FusedDropout::<B> { x, output, dropout, backend: std::marker::PhantomData };
        client.register(streams, OperationIr::Custom(description), operation).output()
    }
}
