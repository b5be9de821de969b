//! A product of a left matrix and a right one in panels.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::{
    Left, Pair, Panels, ROWS, WIDTH,
    convert::{exact, nearest},
};
use crate::ops::cpu::{simd::widest, unwritten::Unwritten};

/// Rows of a task, whole tiles, and pairs that are multiplied at once: that much of both matrices stays in the core's second cache.
const TASK_ROWS: usize = 16 * ROWS;
const DEPTH: usize = 768;

/// Sums of a tile.
pub(super) type Sums = [[f32; WIDTH]; ROWS];

/// A tile of the left matrix: its pairs, and the distances between rows and between pairs.
#[derive(Clone, Copy)]
pub(super) struct Tile<'a> {
    pub(super) pairs: &'a [Pair],
    pub(super) row_stride: usize,
    pub(super) pair_stride: usize,
    /// Rows, 1 to [`ROWS`].
    pub(super) rows: usize,
}

/// The product `[rows, columns]`, rounded to bfloat16, and `bias` `[columns]` added to it in f32 if there is one.
///
/// # Panics
/// If sizes do not match, or the processor lacks the instruction.
pub fn multiply(left: &Left<'_>, right: &Panels<'_>, bias: Option<&[f32]>) -> Vec<f32> {
    let (rows, columns, depth) = (left.rows, right.columns, left.depth);
    let panels = columns.div_ceil(WIDTH);
    assert!(super::available(), "the processor's instruction");
    assert!(depth == right.depth && right.pairs.len() == panels * depth * WIDTH, "sizes of a product");
    assert!(bias.is_none_or(|bias| bias.len() == columns), "sizes of a product");
    let result = Unwritten::new(rows * columns);
    let out = &result;
    (0..rows.div_ceil(TASK_ROWS) * panels).into_par_iter().with_max_len(1).for_each_init(
        || vec![[[0.0; WIDTH]; ROWS]; TASK_ROWS / ROWS],
        |all, task| {
            let (block, index) = (task / panels * TASK_ROWS, task % panels);
            let panel = &right.pairs[index * depth * WIDTH..(index + 1) * depth * WIDTH];
            let column = index * WIDTH;
            let width = WIDTH.min(columns - column);
            let mut added = [0.0; WIDTH];
            if let Some(bias) = bias {
                added[..width].copy_from_slice(&bias[column..column + width]);
            }
            let end = rows.min(block + TASK_ROWS);
            all.fill([[0.0; WIDTH]; ROWS]);
            for (part, panel) in panel.chunks(DEPTH * WIDTH).enumerate() {
                for (first, sums) in (block..end).step_by(ROWS).zip(&mut *all) {
                    let (pairs, row_stride, pair_stride) = left.tile(first, part * DEPTH);
                    let tile = Tile { pairs, row_stride, pair_stride, rows: ROWS.min(end - first) };
                    add_tile(tile, panel, sums);
                }
            }
            widest(
                #[inline(always)]
                || {
                    for (row, sums) in (block..end).zip(all.as_flattened()) {
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

#[inline(always)]
fn finish_row(to: &mut [MaybeUninit<f32>], sums: &[f32; WIDTH], bias: Option<&[f32; WIDTH]>) {
    for (column, (to, sum)) in to.iter_mut().zip(sums).enumerate() {
        let rounded = exact(nearest(*sum));
        to.write(bias.map_or(rounded, |bias| rounded + bias[column]));
    }
}

/// Adds the products of a tile's rows and a part of a panel to the sums.
///
/// # Panics
/// If the tile is shorter than the part.
fn add_tile(tile: Tile<'_>, panel: &[Pair], sums: &mut Sums) {
    let depth = panel.len() / WIDTH;
    let last = (tile.rows - 1) * tile.row_stride + depth.saturating_sub(1) * tile.pair_stride;
    assert!((1..=ROWS).contains(&tile.rows) && last < tile.pairs.len(), "pairs of a tile");
    #[cfg(target_arch = "x86_64")]
    // SAFETY: that the instruction is there was checked before, the sizes just now.
    #[allow(unsafe_code)]
    unsafe {
        super::x86::add(tile, panel, sums);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = sums;
}
