//! Products of bytes by VNNI, whose instruction adds four products to each 32-bit sum without saturation.
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m256i, __m512i, _mm256_dpbusd_avx_epi32, _mm256_loadu_si256, _mm256_set1_epi32, _mm256_setzero_si256,
    _mm256_storeu_si256, _mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_set1_epi32, _mm512_setzero_si512,
    _mm512_storeu_si512,
};

use super::{GROUP, Sums, WIDTH, instructions::Block};

/// See [`Instructions::sum`](super::Instructions::sum).
///
/// # Safety
/// The processor has AVX-512 VNNI; the block has 1 to 6 rows, each as long as the panel.
#[target_feature(enable = "avx512f,avx512vnni")]
pub(super) unsafe fn sum_512(block: Block<'_>, panel: &[i8], sums: &mut Sums) {
    // SAFETY: the caller's promise.
    unsafe {
        match block.rows {
            1 => tile_512::<1>(block, panel, sums),
            2 => tile_512::<2>(block, panel, sums),
            3 => tile_512::<3>(block, panel, sums),
            4 => tile_512::<4>(block, panel, sums),
            5 => tile_512::<5>(block, panel, sums),
            _ => tile_512::<6>(block, panel, sums),
        }
    }
}

#[target_feature(enable = "avx512f,avx512vnni")]
unsafe fn tile_512<const ROWS: usize>(block: Block<'_>, panel: &[i8], sums: &mut Sums) {
    /// Registers of a row.
    const VECTORS: usize = WIDTH / 16;
    let mut totals = [[_mm512_setzero_si512(); VECTORS]; ROWS];
    let (values, weights) = (block.bytes.as_ptr(), panel.as_ptr());
    for group in 0..panel.len() / (GROUP * WIDTH) {
        // SAFETY: inside the panel, whose groups have 256 bytes; inside each row, which is as long.
        unsafe {
            let columns: [__m512i; VECTORS] = std::array::from_fn(|vector| {
                _mm512_loadu_si512(weights.add((group * VECTORS + vector) * 64).cast())
            });
            for (row, totals) in totals.iter_mut().enumerate() {
                let value = values.add(row * block.stride + group * GROUP).cast::<i32>().read_unaligned();
                let value = _mm512_set1_epi32(value);
                for (total, columns) in totals.iter_mut().zip(columns) {
                    *total = _mm512_dpbusd_epi32(*total, value, columns);
                }
            }
        }
    }
    for (totals, sums) in totals.iter().zip(sums) {
        for (total, sums) in totals.iter().zip(sums.as_chunks_mut::<16>().0) {
            // SAFETY: as many values as a register has.
            unsafe { _mm512_storeu_si512(sums.as_mut_ptr().cast(), *total) };
        }
    }
}

/// As [`sum_512`], on registers of half the width.
///
/// # Safety
/// The processor has AVX-VNNI; the block has 1 to 6 rows, each as long as the panel.
#[target_feature(enable = "avx2,avxvnni")]
pub(super) unsafe fn sum_256(block: Block<'_>, panel: &[i8], sums: &mut Sums) {
    // SAFETY: the caller's promise.
    unsafe {
        match block.rows {
            1 => tile_256::<1>(block, panel, sums),
            2 => tile_256::<2>(block, panel, sums),
            3 => tile_256::<3>(block, panel, sums),
            4 => tile_256::<4>(block, panel, sums),
            5 => tile_256::<5>(block, panel, sums),
            _ => tile_256::<6>(block, panel, sums),
        }
    }
}

#[target_feature(enable = "avx2,avxvnni")]
unsafe fn tile_256<const ROWS: usize>(block: Block<'_>, panel: &[i8], sums: &mut Sums) {
    /// Registers of a row's part: with six rows twelve of sixteen.
    const VECTORS: usize = 2;
    const PART: usize = VECTORS * 8;
    let (values, weights) = (block.bytes.as_ptr(), panel.as_ptr());
    for part in 0..WIDTH / PART {
        let mut totals = [[_mm256_setzero_si256(); VECTORS]; ROWS];
        for group in 0..panel.len() / (GROUP * WIDTH) {
            // SAFETY: inside the panel, whose groups have 256 bytes; inside each row, which is as long.
            unsafe {
                let columns: [__m256i; VECTORS] = std::array::from_fn(|vector| {
                    let first = group * WIDTH + part * PART + vector * 8;
                    _mm256_loadu_si256(weights.add(first * GROUP).cast())
                });
                for (row, totals) in totals.iter_mut().enumerate() {
                    let value = values.add(row * block.stride + group * GROUP).cast::<i32>().read_unaligned();
                    let value = _mm256_set1_epi32(value);
                    for (total, columns) in totals.iter_mut().zip(columns) {
                        *total = _mm256_dpbusd_avx_epi32(*total, value, columns);
                    }
                }
            }
        }
        for (totals, sums) in totals.iter().zip(sums.iter_mut()) {
            for (total, sums) in
                totals.iter().zip(sums.as_chunks_mut::<8>().0.iter_mut().skip(part * VECTORS))
            {
                // SAFETY: as many values as a register has.
                unsafe { _mm256_storeu_si256(sums.as_mut_ptr().cast(), *total) };
            }
        }
    }
}
