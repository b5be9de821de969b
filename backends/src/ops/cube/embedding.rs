//! Gradient of an embedding table in two kernels: the sums of chunks of positions that hold the same token, then each
//! row of the table from its chunks. No two units write to the same place, and each adds in a fixed order.

use burn_cubecl::{CubeRuntime, tensor::CubeTensor};
use cubecl::prelude::*;

use super::launch::{cubes_for_units, empty, size, vector_size};
use crate::ops::PlacesLayout;

/// Shapes: `grad` `[positions, width]`, `sums` `[positions, width]`, of which `chunks` rows are written.
#[cube(launch)]
fn embedding_chunks_kernel<N: Size>(
    grad: &Tensor<Vector<f32, N>>,
    index: &Tensor<i32>,
    sums: &mut Tensor<Vector<f32, N>>,
    chunks: u32,
    width: u32,
    chunk_starts: u32,
    first_position: u32,
) {
    let unit = ABSOLUTE_POS as u32;
    if unit >= chunks * width {
        terminate!();
    }
    let chunk = unit / width;
    let column = (unit % width) as usize;
    let mut place = index[(chunk_starts + chunk) as usize] as u32;
    let end = index[(chunk_starts + chunk + 1) as usize] as u32;
    let mut sum = Vector::<f32, N>::new(0.0f32);
    while place < end {
        let position = index[(first_position + place) as usize] as usize;
        sum += grad[position * width as usize + column];
        place += 1;
    }
    sums[ABSOLUTE_POS] = sum;
}

/// Shapes: `sums` `[positions, width]`, `table` `[vocabulary, width]`.
#[cube(launch)]
fn embedding_rows_kernel<N: Size>(
    sums: &Tensor<Vector<f32, N>>,
    index: &Tensor<i32>,
    table: &mut Tensor<Vector<f32, N>>,
    vocabulary: u32,
    width: u32,
) {
    let unit = ABSOLUTE_POS as u32;
    if unit >= vocabulary * width {
        terminate!();
    }
    let token = unit / width;
    let column = (unit % width) as usize;
    let mut chunk = index[token as usize] as u32;
    let end = index[(token + 1) as usize] as u32;
    let mut sum = Vector::<f32, N>::new(0.0f32);
    while chunk < end {
        sum += sums[chunk as usize * width as usize + column];
        chunk += 1;
    }
    table[ABSOLUTE_POS] = sum;
}

/// See [`BertKernels::embedding_gradient`](crate::BertKernels::embedding_gradient).
pub fn gradient<R: CubeRuntime>(
    grad: CubeTensor<R>,
    index: CubeTensor<R>,
    layout: PlacesLayout,
    hidden: usize,
) -> CubeTensor<R> {
    let client = grad.client.clone();
    let vector = vector_size(&grad, hidden);
    let width = hidden / vector;
    let table = empty(&grad, [layout.vocabulary, hidden]);
    // Room for as many chunks as there can be: how many there are differs from batch to batch, and memory of ever new
    // sizes would not be used again. A buffer must not be empty.
    let sums = empty(&grad, [layout.positions.max(1), hidden]);
    if layout.chunks > 0 {
        let (count, dim) = cubes_for_units(&grad, layout.chunks * width);
        embedding_chunks_kernel::launch(
            &client,
            count,
            dim,
            vector,
            grad.into_tensor_arg(),
            index.clone().into_tensor_arg(),
            sums.clone().into_tensor_arg(),
            size(layout.chunks),
            size(width),
            size(layout.chunk_starts()),
            size(layout.first_position()),
        );
    }
    let (count, dim) = cubes_for_units(&table, layout.vocabulary * width);
    embedding_rows_kernel::launch(
        &client,
        count,
        dim,
        vector,
        sums.into_tensor_arg(),
        index.into_tensor_arg(),
        table.clone().into_tensor_arg(),
        size(layout.vocabulary),
        size(width),
    );
    table
}
