//! Products of bfloat16 by the processor's own instruction, AVX-512's `vdpbf16ps`.
//!
//! **Definition.** Operands are bfloat16. An element of a product is summed in f32, from 0, over pairs of terms in order; of a pair
//! the second product is added first, then the first (`sum = (sum + a1 b1) + a0 b0`), each addition rounded to the nearest, ties to
//! even. Products of two bfloat16 are exact in f32. Operands and sums that are denormal (below 1.2e-38) count as 0. The sum is
//! rounded to bfloat16, as GPUs do, and given as f32. The bits depend neither on threads nor on how the product is cut.
//!
//! What the processor does without the instruction ([`half`](super::half)) has the same operands and rounds at the same places; its
//! sums have another order, so that a result may be the neighbouring value of bfloat16 (and more apart where terms cancel: the sums
//! differ by at most `2 n 2^-24` times the sum of the terms' magnitudes, `n` being their number).

mod convert;
mod left;
mod panels;
mod product;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use convert::{narrow, round, widen};
pub use left::Left;
pub use panels::Panels;
pub use product::multiply;

use crate::portable;

/// Columns of a panel of the right matrix.
const WIDTH: usize = 64;

/// Rows of a tile.
const ROWS: usize = 6;

/// A pair of neighbouring terms' factors, the first in the lower half.
type Pair = u32;

/// Whether products are made by the instruction: where there is one, but not in portable mode.
pub fn available() -> bool {
    has_instruction() && !portable()
}

fn has_instruction() -> bool {
    #[cfg(target_arch = "x86_64")]
    let available =
        std::arch::is_x86_feature_detected!("avx512f") && std::arch::is_x86_feature_detected!("avx512bf16");
    #[cfg(not(target_arch = "x86_64"))]
    let available = false;
    available
}

/// Two factors as a pair.
#[inline(always)]
fn pair(first: u16, second: u16) -> Pair {
    Pair::from(first) | Pair::from(second) << 16
}
