//! Weights of linear layers laid out once for the matrix kernel, for models that only answer.
//!
//! `gemm` copies both matrices into its own order before it multiplies. For a short question the copy of the weights
//! takes as long as the product. A weight `[input, output]` cut into panels of [`WIDTH`] columns, one after the other,
//! is in that order already.

use gemm::Parallelism;
use rayon::prelude::*;

use super::matrix::{Product, View};
use crate::portable;

/// Columns of a panel: what the AVX-512 kernel computes at once.
const WIDTH: usize = 64;

/// Rows of a product. With more, `gemm` would copy a panel that needs no copy.
const ROWS: usize = 48;

/// Most rows of a task, so that its inputs stay in the core's cache while it goes from product to product.
const TASK_ROWS: usize = 8 * ROWS;

/// Whether a weight with this many columns is faster in panels on this processor.
pub fn help(output: usize) -> bool {
    #[cfg(target_arch = "x86_64")]
    let wide = std::arch::is_x86_feature_detected!("avx512f");
    #[cfg(not(target_arch = "x86_64"))]
    let wide = false;
    // Portable products copy the matrix into another order.
    wide && !portable() && output.is_multiple_of(WIDTH) && output > WIDTH
}

/// Dimensions of a weight `[input, output]` in panels, which are those of no other layout.
pub fn shape(input: usize, output: usize) -> [usize; 2] {
    [input * (output / WIDTH), WIDTH]
}

/// `weight` `[input, output]` in panels.
pub fn pack(weight: &[f32], output: usize) -> Vec<f32> {
    let mut panels = Vec::with_capacity(weight.len());
    for first in (0..output).step_by(WIDTH) {
        for row in weight.chunks_exact(output) {
            panels.extend_from_slice(&row[first..first + WIDTH]);
        }
    }
    panels
}

/// `x w + bias`: `x` `[rows, input]`, `panels` of `w` `[input, output]`, `bias` `[output]`.
pub fn forward(x: &[f32], panels: &[f32], bias: &[f32], rows: usize, input: usize) -> Vec<f32> {
    let output = bias.len();
    assert!(x.len() == rows * input && panels.len() == input * output, "sizes of a linear layer");
    let mut out = bias.repeat(rows);
    let product = Product {
        out: out.as_mut_ptr(),
        out_view: View::dense(ROWS.min(rows), output),
        left: x,
        left_view: View::dense(ROWS.min(rows), input),
        right: panels,
        right_view: View::dense(input, WIDTH),
        alpha: 1.0,
        add: true,
    };
    let panel_count = output / WIDTH;
    let tasks = rows.div_ceil(TASK_ROWS) * panel_count;
    (0..tasks).into_par_iter().with_max_len(1).for_each(|task| {
        let (block, panel) = (task / panel_count * TASK_ROWS, task % panel_count);
        for first in (block..rows.min(block + TASK_ROWS)).step_by(ROWS) {
            let part = product.part((first, ROWS.min(rows - first)), panel * WIDTH, panel * input * WIDTH);
            // SAFETY: the sizes were checked above; no two parts share an element of `out`.
            #[allow(unsafe_code)]
            unsafe {
                part.run(0, WIDTH, Parallelism::None);
            }
        }
    });
    out
}

#[cfg(test)]
mod tests {
    use super::{super::linear, *};

    #[test]
    fn panels_give_the_product() {
        let values =
            |count: usize, step: usize| (0..count).map(|i| ((i * step % 101) as f32 - 50.0) / 40.0).collect();
        // One row; a part of a product; several products with a rest; several tasks.
        for (rows, input, output) in [(1, 7, 128), (30, 64, 192), (100, 1100, 64), (450, 33, 128)] {
            let x: Vec<f32> = values(rows * input, 37);
            let (weight, bias): (Vec<f32>, Vec<f32>) = (values(input * output, 13), values(output, 7));
            let panels = pack(&weight, output);
            assert_eq!(panels.len(), shape(input, output).iter().product::<usize>());
            let ours = forward(&x, &panels, &bias, rows, input);
            let theirs = linear::forward(&x, &weight, &bias, rows, input);
            let largest = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(largest < 1e-4, "{rows} x {input} x {output} differ by {largest}");
        }
    }
}
