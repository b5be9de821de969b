//! Column sums of `[rows, columns]`, in two stages: blocks of rows, then the blocks.
//!
//! A cube has 32 columns, so that neighbouring units read neighbouring values, and eight units for each of them.

use burn_cubecl::{CubeRuntime, tensor::CubeTensor};
use cubecl::prelude::*;

use super::launch::{UNITS, cubes, empty, size};

/// Columns of a cube.
const COLUMNS: u32 = 32;
/// Units that share a column.
const SHARES: u32 = UNITS / COLUMNS;
/// Rows that a cube of the first stage sums.
const BLOCK: usize = 256;

/// What is summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Terms {
    /// The second tensor into the second output, times the first one into the first output.
    Product,
    /// Each tensor into its output.
    Pair,
    /// The first tensor into the first output.
    One,
}

/// Sums of a column's shares, in their order.
#[cube]
fn column_total(value: f32, scratch: &mut SharedMemory<f32>) -> f32 {
    scratch[UNIT_POS as usize] = value;
    sync_cube();
    let column = UNIT_POS % COLUMNS;
    let mut total = 0.0f32;
    #[unroll]
    for share in 0..SHARES {
        total += scratch[(share * COLUMNS + column) as usize];
    }
    sync_cube();
    total
}

/// Shapes: `a` and `b` `[rows, columns]`, outputs `[blocks, columns]`.
#[cube(launch)]
#[allow(clippy::too_many_arguments, reason = "a kernel's bindings")]
fn column_sums_kernel(
    a: &Tensor<f32>,
    b: &Tensor<f32>,
    of_a: &mut Tensor<f32>,
    of_b: &mut Tensor<f32>,
    rows: u32,
    columns: u32,
    strips: u32,
    block: u32,
    #[comptime] terms: Terms,
) {
    let mut scratch = SharedMemory::<f32>::new(UNITS as usize);
    let strip = CUBE_POS as u32 % strips;
    let block_index = CUBE_POS as u32 / strips;
    let column = strip * COLUMNS + UNIT_POS % COLUMNS;
    let first = block_index * block;
    let end = min(first + block, rows);

    let mut sum_a = 0.0f32;
    let mut sum_b = 0.0f32;
    if column < columns {
        let mut row = first + UNIT_POS / COLUMNS;
        while row < end {
            let place = row as usize * columns as usize + column as usize;
            if comptime!(terms == Terms::One) {
                sum_a += a[place];
            } else if comptime!(terms == Terms::Pair) {
                sum_a += a[place];
                sum_b += b[place];
            } else {
                let value = b[place];
                sum_a += a[place] * value;
                sum_b += value;
            }
            row += SHARES;
        }
    }
    sum_a = column_total(sum_a, &mut scratch);
    if comptime!(terms != Terms::One) {
        sum_b = column_total(sum_b, &mut scratch);
    }
    if UNIT_POS < COLUMNS && column < columns && first < rows {
        let place = block_index as usize * columns as usize + column as usize;
        of_a[place] = sum_a;
        if comptime!(terms != Terms::One) {
            of_b[place] = sum_b;
        }
    }
}

fn stage<R: CubeRuntime>(
    [a, b]: [CubeTensor<R>; 2],
    rows: usize,
    columns: usize,
    block: usize,
    terms: Terms,
) -> [CubeTensor<R>; 2] {
    let blocks = rows.div_ceil(block);
    let client = a.client.clone();
    let output = || if blocks == 1 { empty(&a, [columns]) } else { empty(&a, [blocks, columns]) };
    let of_a = output();
    // A binding must be there even where nothing is written to it.
    let of_b = if terms == Terms::One { empty(&a, [1]) } else { output() };
    let strips = columns.div_ceil(COLUMNS as usize);
    let (count, dim) = cubes(&a, strips * blocks);
    column_sums_kernel::launch(
        &client,
        count,
        dim,
        a.into_tensor_arg(),
        b.into_tensor_arg(),
        of_a.clone().into_tensor_arg(),
        of_b.clone().into_tensor_arg(),
        size(rows),
        size(columns),
        size(strips),
        size(block),
        terms,
    );
    [of_a, of_b]
}

fn both_stages<R: CubeRuntime>(
    tensors: [CubeTensor<R>; 2],
    rows: usize,
    columns: usize,
    terms: Terms,
) -> [CubeTensor<R>; 2] {
    let partial = stage(tensors, rows, columns, BLOCK, terms);
    let blocks = rows.div_ceil(BLOCK);
    if blocks == 1 {
        return partial;
    }
    let terms = if terms == Terms::One { Terms::One } else { Terms::Pair };
    stage(partial, blocks, columns, blocks, terms)
}

/// Column sums of `x` `[rows, columns]` as `[columns]`.
pub fn sums<R: CubeRuntime>(x: CubeTensor<R>, rows: usize, columns: usize) -> CubeTensor<R> {
    let [sums, _] = both_stages([x.clone(), x], rows, columns, Terms::One);
    sums
}

/// Column sums of `a * b` and of `b`, all `[rows, columns]`, as `[columns]` each.
pub fn sums_of_product<R: CubeRuntime>(
    a: CubeTensor<R>,
    b: CubeTensor<R>,
    rows: usize,
    columns: usize,
) -> [CubeTensor<R>; 2] {
    both_stages([a, b], rows, columns, Terms::Product)
}
