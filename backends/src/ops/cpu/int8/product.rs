//! A linear layer on quantised rows and packed weights.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::{
    Instructions, ROWS, WIDTH,
    instructions::{Block, MOST_ROWS},
    rows::{inputs, scale_and_zero},
    weights::{Panel, packed_shape},
};
use crate::ops::cpu::{simd::widest, unwritten::Unwritten};

/// Rows of a task, whole tiles: with a panel they stay in the core's second cache.
const TASK_ROWS: usize = 192;

const _: () = assert!(TASK_ROWS.is_multiple_of(ROWS) && TASK_ROWS.is_multiple_of(MOST_ROWS));

/// The layer's result `[rows, output]`: `x` of [`quantize_rows`](super::quantize_rows), `stride` bytes a row, `weight` of
/// [`pack_weights`](super::pack_weights), `bias` `[output]`.
///
/// # Panics
/// If the sizes do not match.
pub fn linear(x: &[u8], stride: usize, weight: &[i8], bias: &[f32], instructions: Instructions) -> Vec<f32> {
    let (input, output) = (inputs(stride), bias.len());
    let rows = x.len() / stride;
    let [panels, size] = packed_shape(input, output);
    assert!(x.len() == rows * stride && weight.len() == panels * size, "sizes of a linear layer");
    let result = Unwritten::new(rows * output);
    let out = &result;
    (0..rows.div_ceil(TASK_ROWS) * panels).into_par_iter().with_max_len(1).for_each(|task| {
        let (block, index) = (task / panels * TASK_ROWS, task % panels);
        let panel = Panel::of(&weight[index * size..(index + 1) * size], input);
        // The panel that this thread most likely takes next.
        let mut next = weight[(index + 1) * size..].chunks(size.div_ceil(TASK_ROWS / instructions.rows()));
        let column = index * WIDTH;
        let width = WIDTH.min(output - column);
        let mut full_bias = [0.0; WIDTH];
        full_bias[..width].copy_from_slice(&bias[column..column + width]);
        let mut sums = [[0; WIDTH]; MOST_ROWS];
        let unit = instructions.begin();
        for first in (block..rows.min(block + TASK_ROWS)).step_by(instructions.rows()) {
            if let Some(part) = next.next() {
                fetch(part);
            }
            let tile = instructions.rows().min(rows - first);
            let bytes = &x[first * stride..(first + tile) * stride];
            unit.sum(Block { bytes, stride, rows: tile }, panel.weights, &mut sums);
            widest(
                #[inline(always)]
                || {
                    for (row, (bytes, sums)) in bytes.chunks_exact(stride).zip(&sums).enumerate() {
                        // SAFETY: a part of a row of the result, which belongs to this row of this task alone.
                        #[allow(unsafe_code)]
                        let to = unsafe { out.part((first + row) * output + column, width) };
                        finish_row(to, sums, &panel, &full_bias, scale_and_zero(bytes));
                    }
                },
            );
        }
    });
    // SAFETY: the tasks have written every part of every row.
    #[allow(unsafe_code)]
    unsafe {
        result.written(rows * output)
    }
}

#[inline(always)]
fn finish_row(
    to: &mut [MaybeUninit<f32>],
    sums: &[i32; WIDTH],
    panel: &Panel<'_>,
    bias: &[f32; WIDTH],
    (scale, zero): (f32, i32),
) {
    #[allow(clippy::cast_precision_loss, reason = "the definition rounds here")]
    let value = |column: usize| {
        let sum = (sums[column] - zero * panel.sums[column]) as f32;
        (sum * scale) * panel.scales[column] + bias[column]
    };
    // Whole rows are written as they are made: their number of columns is known to the compiler.
    if let Ok(to) = <&mut [MaybeUninit<f32>; WIDTH]>::try_from(&mut *to) {
        for (column, to) in to.iter_mut().enumerate() {
            to.write(value(column));
        }
    } else {
        for (column, to) in to.iter_mut().enumerate() {
            to.write(value(column));
        }
    }
}

/// Has the processor bring bytes into its second cache.
#[inline(always)]
fn fetch(bytes: &[i8]) {
    #[cfg(target_arch = "x86_64")]
    for line in bytes.chunks(64) {
        // SAFETY: a hint, which reads nothing.
        #[allow(unsafe_code)]
        unsafe {
            std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T1 }>(line.as_ptr());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = bytes;
}
