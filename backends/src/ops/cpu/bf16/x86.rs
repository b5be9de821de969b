//! Products of bfloat16 by `vdpbf16ps`.
#![allow(unsafe_code)]

use std::{
    arch::x86_64::{
        __m512bh, __m512i, _mm512_dpbf16_ps, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_set1_epi32,
        _mm512_setzero_ps, _mm512_storeu_ps,
    },
    mem::transmute,
};

use super::{Instructions, Pair, ROWS, WIDTH, left::Tile};

/// Registers of a row.
const VECTORS: usize = WIDTH / 16;

/// Sums of a tile.
type Sums = [[f32; WIDTH]; ROWS];

/// Adds the products of a tile's rows and a part of a panel to the sums.
///
/// # Panics
/// If the tile is shorter than the part, or the processor lacks the instruction.
pub(super) fn add_tile(tile: Tile<'_>, panel: &[Pair], sums: &mut Sums) {
    let depth = panel.len() / WIDTH;
    let last = (tile.rows - 1) * tile.row_stride + depth.saturating_sub(1) * tile.pair_stride;
    assert!((1..=ROWS).contains(&tile.rows) && last < tile.pairs.len(), "pairs of a tile");
    assert!(Instructions::Avx512Bf16.are_there(), "the processor's instruction");
    // SAFETY: the instruction is there, and the sizes are right.
    unsafe { add(tile, panel, sums) }
}

/// As [`add_tile`].
///
/// # Safety
/// The processor has AVX-512 BF16; the tile has 1 to 6 rows and in each as many pairs as the part.
#[target_feature(enable = "avx512f,avx512bf16")]
unsafe fn add(tile: Tile<'_>, panel: &[Pair], sums: &mut Sums) {
    // SAFETY: the caller's promise.
    unsafe {
        match tile.rows {
            1 => add_rows::<1>(tile, panel, sums),
            2 => add_rows::<2>(tile, panel, sums),
            3 => add_rows::<3>(tile, panel, sums),
            4 => add_rows::<4>(tile, panel, sums),
            5 => add_rows::<5>(tile, panel, sums),
            _ => add_rows::<6>(tile, panel, sums),
        }
    }
}

#[target_feature(enable = "avx512f,avx512bf16")]
unsafe fn add_rows<const ROWS: usize>(tile: Tile<'_>, panel: &[Pair], sums: &mut Sums) {
    let mut totals = [[_mm512_setzero_ps(); VECTORS]; ROWS];
    for (totals, sums) in totals.iter_mut().zip(&*sums) {
        for (total, sums) in totals.iter_mut().zip(sums.as_chunks::<16>().0) {
            // SAFETY: as many values as a register has.
            *total = unsafe { _mm512_loadu_ps(sums.as_ptr()) };
        }
    }
    let (left, right) = (tile.pairs.as_ptr(), panel.as_ptr());
    for place in 0..panel.len() / WIDTH {
        // SAFETY: inside the part, which has 64 pairs for each place; inside each row, which is as long.
        unsafe {
            let columns: [__m512i; VECTORS] = std::array::from_fn(|vector| {
                _mm512_loadu_si512(right.add(place * WIDTH + vector * 16).cast())
            });
            for (row, totals) in totals.iter_mut().enumerate() {
                let pair = *left.add(row * tile.row_stride + place * tile.pair_stride);
                let pair = _mm512_set1_epi32(pair.cast_signed());
                for (total, columns) in totals.iter_mut().zip(columns) {
                    *total = _mm512_dpbf16_ps(*total, bf16(pair), bf16(columns));
                }
            }
        }
    }
    for (totals, sums) in totals.iter().zip(sums) {
        for (total, sums) in totals.iter().zip(sums.as_chunks_mut::<16>().0) {
            // SAFETY: as many values as a register has.
            unsafe { _mm512_storeu_ps(sums.as_mut_ptr(), *total) };
        }
    }
}

/// The same bits as halves.
#[target_feature(enable = "avx512f")]
#[inline]
fn bf16(pairs: __m512i) -> __m512bh {
    // SAFETY: both are 512 bits of which every pattern is a value.
    unsafe { transmute(pairs) }
}
