//! Products of bytes by Arm's dot product, whose `sdot` adds four products of signed bytes to each 32-bit sum.
//!
//! Inputs are unsigned: with their highest bit turned they are signed bytes of a value 128 less, and 128 times the weights' sum is
//! missing from each total. It is made of ones in a row of its own.
#![allow(unsafe_code)]

use std::arch::{
    aarch64::{
        int8x16_t, int32x4_t, vaddq_s32, vdupq_n_s8, vdupq_n_s32, vld1q_s8, vreinterpretq_s8_s32,
        vshlq_n_s32, vst1q_s32,
    },
    asm,
};

use super::{GROUP, Sums, WIDTH, instructions::Block};

/// Columns of a part: with six rows and one for the weights' sums 28 registers of 32 hold totals.
const PART: usize = 16;
const VECTORS: usize = PART / 4;

/// See [`Instructions::sum`](super::Instructions::sum).
///
/// # Safety
/// The processor has the dot product; the block has 1 to 6 rows, each as long as the panel.
#[target_feature(enable = "neon,dotprod")]
pub(super) unsafe fn sum(block: Block<'_>, panel: &[i8], sums: &mut Sums) {
    // SAFETY: the caller's promise.
    unsafe {
        match block.rows {
            1 => tile::<1>(block, panel, sums),
            2 => tile::<2>(block, panel, sums),
            3 => tile::<3>(block, panel, sums),
            4 => tile::<4>(block, panel, sums),
            5 => tile::<5>(block, panel, sums),
            _ => tile::<6>(block, panel, sums),
        }
    }
}

#[target_feature(enable = "neon,dotprod")]
unsafe fn tile<const ROWS: usize>(block: Block<'_>, panel: &[i8], sums: &mut Sums) {
    let (values, weights) = (block.bytes.as_ptr(), panel.as_ptr());
    let ones = vdupq_n_s8(1);
    for part in 0..WIDTH / PART {
        let mut totals = [[vdupq_n_s32(0); VECTORS]; ROWS];
        let mut weight_sums = [vdupq_n_s32(0); VECTORS];
        for group in 0..panel.len() / (GROUP * WIDTH) {
            // SAFETY: inside the panel, whose groups have 256 bytes; inside each row, which is as long.
            unsafe {
                let columns: [int8x16_t; VECTORS] = std::array::from_fn(|vector| {
                    vld1q_s8(weights.add((group * WIDTH + part * PART + vector * 4) * GROUP))
                });
                for (sum, columns) in weight_sums.iter_mut().zip(columns) {
                    *sum = dot(*sum, ones, columns);
                }
                for (row, totals) in totals.iter_mut().enumerate() {
                    let value = values.add(row * block.stride + group * GROUP).cast::<u32>().read_unaligned();
                    let value = vreinterpretq_s8_s32(vdupq_n_s32((value ^ 0x8080_8080).cast_signed()));
                    for (total, columns) in totals.iter_mut().zip(columns) {
                        *total = dot(*total, value, columns);
                    }
                }
            }
        }
        for (totals, sums) in totals.iter().zip(sums.iter_mut()) {
            let parts = sums.as_chunks_mut::<4>().0.iter_mut().skip(part * VECTORS);
            for ((total, weight_sum), sums) in totals.iter().zip(weight_sums).zip(parts) {
                // SAFETY: as many values as a register has.
                unsafe { vst1q_s32(sums.as_mut_ptr(), vaddq_s32(*total, vshlq_n_s32::<7>(weight_sum))) };
            }
        }
    }
}

/// The sums with four products added to each; the intrinsic is not stable yet.
#[target_feature(enable = "neon,dotprod")]
#[inline]
fn dot(mut sums: int32x4_t, left: int8x16_t, right: int8x16_t) -> int32x4_t {
    // SAFETY: an instruction on registers, which the processor has.
    unsafe {
        asm!("sdot {0:v}.4s, {1:v}.16b, {2:v}.16b", inout(vreg) sums, in(vreg) left, in(vreg) right,
            options(pure, nomem, nostack, preserves_flags));
    }
    sums
}
