//! The instructions that products of bytes are made with.

use std::sync::OnceLock;

use super::{GROUP, ROWS, Sums, WIDTH};
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
use crate::ops::cpu::amx;
use crate::ops::cpu::simd::widest;

/// What multiplies bytes, the fastest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instructions {
    /// `tdpbusd`, on AMX's registers.
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    Amx,
    /// `vpdpbusd` on 512 bits.
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni,
    /// `vpdpbusd` on 256 bits.
    #[cfg(target_arch = "x86_64")]
    AvxVnni,
    /// `sdot` on 128 bits.
    #[cfg(target_arch = "aarch64")]
    DotProduct,
    /// Plain code.
    Portable,
}

/// Rows of quantised input that a tile is made of, no more than its instructions take.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    /// Bytes from the first of the tile's rows on.
    pub(super) bytes: &'a [u8],
    /// Bytes from one row to the next.
    pub(super) stride: usize,
    pub(super) rows: usize,
}

/// Most rows of a tile.
pub(super) const MOST_ROWS: usize = 32;

impl Instructions {
    /// All that this program knows.
    const ALL: &[Self] = &[
        #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
        Self::Amx,
        #[cfg(target_arch = "x86_64")]
        Self::Avx512Vnni,
        #[cfg(target_arch = "x86_64")]
        Self::AvxVnni,
        #[cfg(target_arch = "aarch64")]
        Self::DotProduct,
        Self::Portable,
    ];

    /// Those of this processor, the fastest first; plain code is always there.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|instructions| instructions.are_there())
    }

    /// The fastest of this processor.
    pub fn best() -> Self {
        static BEST: OnceLock<Instructions> = OnceLock::new();
        *BEST.get_or_init(|| Self::available().next().unwrap_or(Self::Portable))
    }

    fn are_there(self) -> bool {
        match self {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Self::Amx => amx::has::<i32>(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni => {
                std::arch::is_x86_feature_detected!("avx512f")
                    && std::arch::is_x86_feature_detected!("avx512vnni")
            }
            #[cfg(target_arch = "x86_64")]
            Self::AvxVnni => {
                std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("avxvnni")
            }
            #[cfg(target_arch = "aarch64")]
            Self::DotProduct => std::arch::is_aarch64_feature_detected!("dotprod"),
            Self::Portable => true,
        }
    }

    /// Rows of a tile.
    pub(super) fn rows(self) -> usize {
        #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
        if self == Self::Amx {
            return amx::ROWS;
        }
        ROWS
    }

    /// What a task sums with; its thread begins no other before that is dropped.
    ///
    /// # Panics
    /// If the processor lacks the instructions.
    pub(super) fn begin(self) -> Unit {
        assert!(self.are_there(), "the processor's instructions");
        Unit {
            instructions: self,
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            #[allow(unsafe_code)]
            // SAFETY: nothing else on this thread has any before these are dropped.
            registers: (self == Self::Amx).then(|| unsafe { amx::Registers::new() }),
        }
    }
}

/// Instructions, and the registers that some of them need to have set up.
pub(super) struct Unit {
    instructions: Instructions,
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    registers: Option<amx::Registers<i32>>,
}

impl Unit {
    /// Sums of products of a block's rows and a panel's columns, in the first rows of `sums`.
    ///
    /// # Panics
    /// If the block has too many rows or is shorter than the panel.
    pub(super) fn sum(&self, block: Block<'_>, panel: &[i8], sums: &mut [[i32; WIDTH]; MOST_ROWS]) {
        let groups = panel.len() / (GROUP * WIDTH);
        assert!((1..=self.instructions.rows()).contains(&block.rows), "rows of a tile");
        let last = (block.rows - 1) * block.stride;
        assert!(last + groups * GROUP <= block.bytes.len(), "bytes of a tile");
        #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
        if let Some(registers) = &self.registers {
            *sums = [[0; WIDTH]; MOST_ROWS];
            let left = amx::Rows { bytes: block.bytes, stride: block.stride, count: block.rows };
            let panel = amx::Panel { bytes: bytemuck::cast_slice(panel), columns: WIDTH };
            return registers.add(left, panel, sums);
        }
        let Some(sums) = sums.first_chunk_mut::<ROWS>() else { return };
        #[allow(unsafe_code)]
        match self.instructions {
            // SAFETY: the processor has the instructions, and the sizes were checked above.
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512Vnni => unsafe { super::x86::sum_512(block, panel, sums) },
            // SAFETY: the same.
            #[cfg(target_arch = "x86_64")]
            Instructions::AvxVnni => unsafe { super::x86::sum_256(block, panel, sums) },
            // SAFETY: the same.
            #[cfg(target_arch = "aarch64")]
            Instructions::DotProduct => unsafe { super::arm::sum(block, panel, sums) },
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Instructions::Amx => {}
            Instructions::Portable => widest(
                #[inline(always)]
                || sum_plainly(block, panel, sums),
            ),
        }
    }
}

#[inline(always)]
fn sum_plainly(block: Block<'_>, panel: &[i8], sums: &mut Sums) {
    for (row, sums) in block.bytes.chunks(block.stride).zip(sums).take(block.rows) {
        *sums = [0; WIDTH];
        for (values, weights) in
            row.as_chunks::<GROUP>().0.iter().zip(panel.as_chunks::<{ GROUP * WIDTH }>().0)
        {
            let [a, b, c, d] = values.map(i32::from);
            for (sum, weights) in sums.iter_mut().zip(weights.as_chunks::<GROUP>().0) {
                let [e, f, g, h] = weights.map(i32::from);
                *sum += a * e + b * f + c * g + d * h;
            }
        }
    }
}
