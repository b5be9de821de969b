//! Linear layer and its gradients.

use rayon::prelude::*;

use super::{
    math::sum,
    matrix::{Threads, View, multiply},
    simd::widest,
};

/// Rows per partial column sum; fixed, so that sums add in the same order on every machine.
const ROWS: usize = 64;

/// `x w + bias`: `x` `[rows, input]`, `w` `[input, output]`, `bias` `[output]`.
pub fn forward(x: &[f32], w: &[f32], bias: &[f32], rows: usize, input: usize) -> Vec<f32> {
    let output = bias.len();
    let mut out = Vec::with_capacity(rows * output);
    for _ in 0..rows {
        out.extend_from_slice(bias);
    }
    multiply(
        (&mut out, View::dense(rows, output)),
        (x, View::dense(rows, input)),
        (w, View::dense(input, output)),
        1.0,
        true,
        Threads::All,
    );
    out
}

/// Gradient of `x` from that of the output.
pub fn input_gradient(grad: &[f32], w: &[f32], rows: usize, input: usize, output: usize) -> Vec<f32> {
    let mut out = vec![0.0; rows * input];
    multiply(
        (&mut out, View::dense(rows, input)),
        (grad, View::dense(rows, output)),
        (w, View::dense(input, output).t()),
        1.0,
        false,
        Threads::All,
    );
    out
}

/// Gradient of `w`.
pub fn weight_gradient(grad: &[f32], x: &[f32], rows: usize, input: usize, output: usize) -> Vec<f32> {
    let mut out = vec![0.0; input * output];
    multiply(
        (&mut out, View::dense(input, output)),
        (x, View::dense(rows, input).t()),
        (grad, View::dense(rows, output)),
        1.0,
        false,
        Threads::All,
    );
    out
}

/// Gradient of `bias`: the column sums.
pub fn bias_gradient(grad: &[f32], output: usize) -> Vec<f32> {
    bias_gradient_beside(
        grad,
        output,
        #[inline(always)]
        |_, _| {},
    )
}

/// The same, while something else is done with each row, whose first value's index is given; for a caller that would else go through
/// them once more.
#[inline(always)]
pub fn bias_gradient_beside(
    grad: &[f32],
    output: usize,
    beside: impl Fn(usize, &[f32]) + Copy + Sync,
) -> Vec<f32> {
    if output == 0 {
        return Vec::new();
    }
    let partials: Vec<Vec<f32>> = grad
        .par_chunks(ROWS * output)
        .enumerate()
        .map(|(task, rows)| {
            let mut sum = vec![0.0; output];
            widest(
                #[inline(always)]
                || {
                    for (place, row) in rows.chunks_exact(output).enumerate() {
                        for (sum, value) in sum.iter_mut().zip(row) {
                            *sum += value;
                        }
                        beside((task * ROWS + place) * output, row);
                    }
                },
            );
            sum
        })
        .collect();
    let mut total = vec![0.0; output];
    for partial in partials {
        total.iter_mut().zip(partial).for_each(|(total, part)| *total += part);
    }
    total
}

/// The row sums of `x` `[rows, columns]`.
pub fn row_sums(x: &[f32], columns: usize) -> Vec<f32> {
    let mut sums = Vec::new();
    if columns == 0 {
        return sums;
    }
    widest(
        #[inline(always)]
        || {
            for row in x.chunks_exact(columns) {
                sums.push(sum(row, |value| value));
            }
        },
    );
    sums
}
