//! Linear layers on 8-bit integers, for models that only answer.
//!
//! **Definition.** A weight `[input, output]` is quantised once, by output channel `j` and symmetrically; the input by row `i`
//! (a token) each time, over the range of its values with 0 in it:
//!
//! - weights: `s_j = max_k |w_kj| / 127`, `q_kj = round(w_kj / s_j)` in -127 to 127;
//! - inputs: `low_i = min(0, min_k x_ik)`, `high_i = max(0, max_k x_ik)`, `t_i = (high_i - low_i) / 255`,
//!   `z_i = round(-low_i * (1 / t_i))`, `u_ik = round(x_ik * (1 / t_i)) + z_i`, both cut to 0 to 255;
//! - sums: `n_ij = sum_k (u_ik - z_i) q_kj`, an integer, exact for up to 65,536 inputs (2^31 / (255 * 127) = 66,311);
//! - result: `(f32(n_ij) * t_i) * s_j + bias_j`, each of the three operations rounded to f32.
//!
//! Rounding is to the nearest, ties to even. What is all zero has scale 0, and so has a row whose range is too small for `1 / t_i`
//! to be finite (below about 1e-36); a row or channel with a NaN or an infinity has the scale NaN, and so have its results. Since
//! sums are exact and the rest has one order, the bits depend neither on the processor's instructions nor on its threads.
//!
//! `u - z` is of the kind that ONNX Runtime's dynamic quantisation takes, with a scale for each row in place of one for the whole
//! tensor. Kernels take `u` as it is, and the share of `z` is subtracted with the weights' column sums afterwards.

#[cfg(target_arch = "aarch64")]
mod arm;
mod instructions;
mod product;
mod rows;
#[cfg(test)]
mod tests;
mod weights;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use instructions::Instructions;
pub use product::linear;
pub use rows::{quantize as quantize_rows, row_bytes};
pub use weights::{pack as pack_weights, packed_shape};

/// Most terms of a sum that are sure to fit 32 bits.
pub const MOST_INPUTS: usize = 1 << 16;

/// Adding 1.5 * 2^23 rounds to an integer, ties to even, and leaves it in the low bits.
const ROUND: f32 = 12_582_912.0;

/// Bytes that an instruction multiplies and adds up at once.
const GROUP: usize = 4;

/// Columns of a panel of weights.
const WIDTH: usize = 64;

/// Rows of a tile.
const ROWS: usize = 6;

/// Integer sums of a tile.
type Sums = [[i32; WIDTH]; ROWS];

/// `length` in whole groups.
fn groups(length: usize) -> usize {
    length.div_ceil(GROUP)
}
