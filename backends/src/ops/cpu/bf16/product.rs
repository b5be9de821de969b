//! A product of a left matrix and a right one in panels.

use std::{mem::MaybeUninit, ops::Range};

use rayon::prelude::*;

use super::{
    Instructions, Left, Panels, ROWS, WIDTH,
    convert::{exact, nearest},
    panels::Part,
};
use crate::ops::cpu::{simd::widest, unwritten::Unwritten};

/// Rows of a task, whole tiles of all instructions, and pairs that are multiplied at once: that much of both matrices stays in the
/// core's second cache.
pub const TASK_ROWS: usize = 96;
const DEPTH: usize = 768;

// AMX's tiles have 32 rows, and 16 pairs are added up before the element's sum is touched.
const _: () =
    assert!(TASK_ROWS.is_multiple_of(ROWS) && TASK_ROWS.is_multiple_of(32) && DEPTH.is_multiple_of(16));

/// The product `[rows, columns]`, rounded to bfloat16, and `bias` `[columns]` added to it in f32 if there is one.
///
/// # Panics
/// If sizes do not match, the left matrix is laid out for other instructions, or the processor lacks these.
pub fn multiply(
    left: &Left<'_>,
    right: &Panels<'_>,
    bias: Option<&[f32]>,
    instructions: Instructions,
) -> Vec<f32> {
    let (rows, columns, depth) = (left.rows, right.columns, left.depth);
    let panels = columns.div_ceil(WIDTH);
    assert!(depth == right.depth && right.pairs.len() == panels * depth * WIDTH, "sizes of a product");
    assert!(bias.is_none_or(|bias| bias.len() == columns), "sizes of a product");
    let result = Unwritten::new(rows * columns);
    let out = &result;
    (0..rows.div_ceil(TASK_ROWS) * panels).into_par_iter().with_max_len(1).for_each_init(
        || vec![[0.0; WIDTH]; TASK_ROWS],
        |sums, task| {
            let (block, index) = (task / panels * TASK_ROWS, task % panels);
            let column = index * WIDTH;
            let width = WIDTH.min(columns - column);
            let mut added = [0.0; WIDTH];
            if let Some(bias) = bias {
                added[..width].copy_from_slice(&bias[column..column + width]);
            }
            let end = rows.min(block + TASK_ROWS);
            sum(left, block..end, right, index, instructions, sums);
            widest(
                #[inline(always)]
                || {
                    for (row, sums) in (block..end).zip(&*sums) {
                        // SAFETY: a part of a row of the result, which belongs to this row of this task alone.
                        #[allow(unsafe_code)]
                        let to = unsafe { out.part(row * columns + column, width) };
                        finish_row(to, sums, bias.map(|_| &added));
                    }
                },
            );
        },
    );
    // SAFETY: the tasks have written every part of every row.
    #[allow(unsafe_code)]
    unsafe {
        result.written(rows * columns)
    }
}

/// The product of rows of the left matrix, rounded to bfloat16, on this thread: `[rows, columns]` in `to`. The first row is a multiple of
/// [`TASK_ROWS`], which `sums` has.
///
/// # Panics
/// As [`multiply`], or if there are more than [`TASK_ROWS`] rows.
pub fn multiply_rows(
    left: &Left<'_>,
    rows: Range<usize>,
    right: &Panels<'_>,
    instructions: Instructions,
    sums: &mut [[f32; WIDTH]],
    to: &mut [f32],
) {
    let columns = right.columns;
    assert!(left.depth == right.depth && to.len() == rows.len() * columns, "sizes of a product");
    assert!(rows.len() <= TASK_ROWS && sums.len() == TASK_ROWS, "rows of a product");
    for (index, column) in (0..columns).step_by(WIDTH).enumerate() {
        sum(left, rows.clone(), right, index, instructions, sums);
        let width = WIDTH.min(columns - column);
        widest(
            #[inline(always)]
            || {
                for (to, sums) in to.chunks_exact_mut(columns).zip(&*sums) {
                    for (to, sum) in to[column..column + width].iter_mut().zip(sums) {
                        *to = exact(nearest(*sum));
                    }
                }
            },
        );
    }
}

/// Sums of rows and of the columns of a panel.
fn sum(
    left: &Left<'_>,
    rows: Range<usize>,
    right: &Panels<'_>,
    index: usize,
    instructions: Instructions,
    sums: &mut [[f32; WIDTH]],
) {
    let size = right.depth * WIDTH;
    let columns = WIDTH.min(right.columns - index * WIDTH);
    sums.fill([0.0; WIDTH]);
    for (part, pairs) in right.pairs[index * size..(index + 1) * size].chunks(DEPTH * WIDTH).enumerate() {
        instructions.add(left, rows.clone(), part * DEPTH, Part { pairs, columns }, sums);
    }
}

#[inline(always)]
fn finish_row(to: &mut [MaybeUninit<f32>], sums: &[f32; WIDTH], bias: Option<&[f32; WIDTH]>) {
    for (column, (to, sum)) in to.iter_mut().zip(sums).enumerate() {
        let rounded = exact(nearest(*sum));
        to.write(bias.map_or(rounded, |bias| rounded + bias[column]));
    }
}
