//! Products of bfloat16 by the processor's own instructions: AMX's `tdpbf16ps` or AVX-512's `vdpbf16ps`.
//!
//! **Definition.** Operands are bfloat16, and an element of a product is summed in f32, from 0. Each addition is rounded to the nearest,
//! ties to even; products are not rounded. Operands and sums that are denormal (below 1.2e-38) count as 0.
//!
//! - AMX takes 32 terms at a time (of the last ones, missing terms are 0): the products of the first, third, ... are added up from 0 in
//!   order, those of the second, fourth, ... as well, then both sums are added, and what comes out is added to the element.
//! - AVX-512 takes pairs in order; of a pair the second product is added first, then the first (`sum = (sum + a1 b1) + a0 b0`).
//!
//! The sum is rounded to bfloat16, as GPUs do, and given as f32. The bits depend on which of the two is used (AMX where
//! there is Linux and it permits that), and neither on threads nor on how the product is cut.
//!
//! What the processor does without an instruction ([`half`](super::half)) has the same operands and rounds at the same places; its
//! sums have another order, so that a result may be the neighbouring value of bfloat16 (and more apart where terms cancel: the sums
//! differ by at most `2 n 2^-24` times the sum of the terms' magnitudes, `n` being their number).

mod convert;
mod instructions;
mod left;
mod operands;
mod panels;
mod product;
#[cfg(all(test, target_arch = "x86_64"))]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use convert::{exact, narrow, narrow_row, nearest, round_row, widen};
pub use instructions::Instructions;
pub use left::Left;
pub use operands::{LeftRows, RightPanels};
pub use panels::Panels;
pub use product::{TASK_ROWS, multiply, multiply_rows};

/// Columns of a panel of the right matrix.
pub const WIDTH: usize = 64;

/// Rows of an AVX-512 tile, and of a strip.
const ROWS: usize = 6;

/// A pair of neighbouring terms' factors, the first in the lower half.
type Pair = u32;

/// Two factors as a pair.
#[inline(always)]
fn pair(first: u16, second: u16) -> Pair {
    Pair::from(first) | Pair::from(second) << 16
}
