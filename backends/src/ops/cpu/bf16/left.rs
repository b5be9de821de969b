//! Left matrices, as kernels read them: pairs of terms that a tile's rows are multiplied with one after the other.

use std::borrow::Cow;

use rayon::prelude::*;

use super::{Instructions, Pair, ROWS, pair};
use crate::ops::cpu::simd::widest;

/// Pairs of a row that are written together: a cache line.
const PAIRS: usize = 16;

/// A left matrix `[rows, terms]` in pairs of terms; of an odd number of terms the last pair's second factor is 0.
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "nothing multiplies there"))]
pub struct Left<'a> {
    pub(super) pairs: Cow<'a, [Pair]>,
    pub(super) rows: usize,
    /// Pairs of a row.
    pub(super) depth: usize,
    /// Whether pairs lie in strips: of [`ROWS`] rows the first pairs, then the second ones; else in rows.
    pub(super) in_strips: bool,
}

/// A tile of a left matrix: its pairs, and the distances between rows and between pairs.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(super) struct Tile<'a> {
    pub(super) pairs: &'a [Pair],
    pub(super) row_stride: usize,
    pub(super) pair_stride: usize,
    /// Rows, 1 to [`ROWS`].
    pub(super) rows: usize,
}

impl<'a> Left<'a> {
    /// A row-major matrix with rows of `terms` values.
    pub fn rows(values: &'a [u16], terms: usize) -> Self {
        let rows = values.len() / terms.max(1);
        let depth = terms.div_ceil(2);
        // SAFETY: two u16 have the size of a u32, and every bit pattern is one; what does not fit comes back apart.
        #[allow(unsafe_code)]
        let (before, whole, after) = unsafe { values.align_to::<Pair>() };
        let as_it_is = cfg!(target_endian = "little")
            && terms.is_multiple_of(2)
            && before.is_empty()
            && after.is_empty();
        let pairs = if as_it_is {
            Cow::Borrowed(whole)
        } else {
            let row =
                |row: &'a [u16]| row.chunks(2).map(|two| pair(two[0], two.get(1).copied().unwrap_or(0)));
            values.chunks_exact(terms.max(1)).flat_map(row).collect()
        };
        Self { pairs, rows, depth, in_strips: false }
    }

    /// The transpose of a row-major matrix with rows of `columns` values, laid out for these instructions.
    pub fn transposed(values: &[u16], columns: usize, instructions: Instructions) -> Self {
        if instructions.reads_strips() {
            Self::transposed_to_strips(values, columns)
        } else {
            Self::transposed_to_rows(values, columns)
        }
    }

    fn transposed_to_rows(values: &[u16], columns: usize) -> Self {
        /// Columns that are read together: those of a cache line.
        const LINE: usize = 32;
        let depth = (values.len() / columns.max(1)).div_ceil(2);
        let mut pairs = vec![0; columns * depth];
        pairs.par_chunks_mut((LINE * depth).max(1)).enumerate().for_each(|(task, to)| {
            let (first, width) = (task * LINE, to.len() / depth);
            widest(
                #[inline(always)]
                || {
                    for (block, rows) in values.chunks(2 * columns * PAIRS).enumerate() {
                        let mut read = [[0; LINE]; PAIRS];
                        let length = rows.len().div_ceil(2 * columns);
                        for (read, rows) in read.iter_mut().zip(rows.chunks(2 * columns)) {
                            let (even, odd) = rows.split_at(columns);
                            interleave(read, even, odd, first, width);
                        }
                        for (column, to) in to.chunks_exact_mut(depth).enumerate() {
                            let to = &mut to[block * PAIRS..][..length];
                            for (to, read) in to.iter_mut().zip(&read) {
                                *to = read[column];
                            }
                        }
                    }
                },
            );
        });
        Self { pairs: Cow::Owned(pairs), rows: columns, depth, in_strips: false }
    }

    fn transposed_to_strips(values: &[u16], columns: usize) -> Self {
        /// Strips of a task: a cache line or so of each row.
        const STRIPS: usize = 16;
        let terms = values.len() / columns.max(1);
        let depth = terms.div_ceil(2);
        let strips = columns.div_ceil(ROWS);
        let mut pairs = vec![0; strips * depth * ROWS];
        pairs.par_chunks_mut((STRIPS * depth * ROWS).max(1)).enumerate().for_each(|(task, pairs)| {
            let first = task * STRIPS * ROWS;
            let width = (STRIPS * ROWS).min(columns - first);
            widest(
                #[inline(always)]
                || {
                    let mut packed = [0; STRIPS * ROWS];
                    for (place, rows) in values.chunks(2 * columns).enumerate() {
                        let (even, odd) = rows.split_at(columns);
                        interleave(&mut packed, even, odd, first, width);
                        for (strip, packed) in packed[..width].chunks(ROWS).enumerate() {
                            let from = (strip * depth + place) * ROWS;
                            pairs[from..from + packed.len()].copy_from_slice(packed);
                        }
                    }
                },
            );
        });
        Self { pairs: Cow::Owned(pairs), rows: columns, depth, in_strips: true }
    }

    /// The tile of `rows` rows from `first` on, that of a strip, and of the pairs from `start` on.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn tile(&self, first: usize, start: usize, rows: usize) -> Tile<'_> {
        if self.in_strips {
            let pairs = &self.pairs[(first / ROWS * self.depth + start) * ROWS..];
            Tile { pairs, row_stride: 1, pair_stride: ROWS, rows }
        } else {
            let pairs = &self.pairs[first * self.depth + start..];
            Tile { pairs, row_stride: self.depth, pair_stride: 1, rows }
        }
    }
}

/// Columns from `first` on of two rows, `odd` being empty below a last one, as pairs.
#[inline(always)]
pub(super) fn interleave(to: &mut [Pair], even: &[u16], odd: &[u16], first: usize, width: usize) {
    let (to, even) = (&mut to[..width], &even[first..first + width]);
    if odd.is_empty() {
        for (to, even) in to.iter_mut().zip(even) {
            *to = pair(*even, 0);
        }
    } else {
        for ((to, even), odd) in to.iter_mut().zip(even).zip(&odd[first..first + width]) {
            *to = pair(*even, *odd);
        }
    }
}
