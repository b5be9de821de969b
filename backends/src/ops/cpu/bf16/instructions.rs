//! The instructions that products of bfloat16 are made with.

use std::ops::Range;

use super::{Left, WIDTH, panels::Part};
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
use crate::ops::cpu::amx;
use crate::portable;

/// What multiplies bfloat16, the fastest first; nothing does on processors that are not named here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instructions {
    /// `tdpbf16ps`.
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    Amx,
    /// `vdpbf16ps` on 512 bits.
    #[cfg(target_arch = "x86_64")]
    Avx512Bf16,
}

impl Instructions {
    const ALL: &[Self] = &[
        #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
        Self::Amx,
        #[cfg(target_arch = "x86_64")]
        Self::Avx512Bf16,
    ];

    /// Those of this processor, the fastest first.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|instructions| instructions.are_there())
    }

    /// What products are made with, if there is anything; not in portable mode.
    pub fn best() -> Option<Self> {
        if portable() { None } else { Self::available().next() }
    }

    pub(super) fn are_there(self) -> bool {
        match self {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Self::Amx => amx::has::<f32>(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16 => {
                std::arch::is_x86_feature_detected!("avx512f")
                    && std::arch::is_x86_feature_detected!("avx512bf16")
            }
        }
    }

    /// Whether a left matrix that has to be transposed is put in strips; else in rows.
    pub(super) fn reads_strips(self) -> bool {
        match self {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Self::Amx => false,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16 => true,
        }
    }

    /// Adds to `sums` the products of rows of the left matrix, of their pairs from `start` on, and a part of a panel. `rows` starts at a
    /// multiple of both heights of tiles; `sums` holds whole tiles.
    ///
    /// # Panics
    /// If the left matrix has fewer pairs or is not laid out for these instructions, or the processor lacks them.
    #[cfg_attr(not(target_arch = "x86_64"), allow(unused_variables, reason = "nothing multiplies there"))]
    pub(super) fn add(
        self,
        left: &Left<'_>,
        rows: Range<usize>,
        start: usize,
        panel: Part<'_>,
        sums: &mut [[f32; WIDTH]],
    ) {
        match self {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Self::Amx => {
                assert!(!left.in_strips, "layout of a left matrix");
                // SAFETY: nothing else on this thread has any before these are dropped.
                #[allow(unsafe_code)]
                let registers = unsafe { amx::Registers::new() };
                let part = amx::Panel { bytes: bytemuck::cast_slice(panel.pairs), columns: panel.columns };
                for (first, sums) in rows.clone().step_by(amx::ROWS).zip(sums.as_chunks_mut().0) {
                    let bytes = bytemuck::cast_slice(&left.pairs[first * left.depth + start..]);
                    let count = amx::ROWS.min(rows.end - first);
                    registers.add(amx::Rows { bytes, stride: 4 * left.depth, count }, part, sums);
                }
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16 => {
                for (first, sums) in rows.clone().step_by(super::ROWS).zip(sums.as_chunks_mut().0) {
                    let count = super::ROWS.min(rows.end - first);
                    super::x86::add_tile(left.tile(first, start, count), panel.pairs, sums);
                }
            }
        }
    }
}
