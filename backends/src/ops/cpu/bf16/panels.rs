//! Right matrices, as kernels read them.

use std::borrow::Cow;

use rayon::prelude::*;

use super::{Pair, WIDTH, left::interleave, pair};
use crate::ops::cpu::simd::widest;

/// A right matrix `[terms, columns]` in panels of [`WIDTH`] columns, one after the other: the first pair of terms of each column, then
/// the second. What fills up a pair or a panel is 0.
pub struct Panels<'a> {
    pub(super) pairs: Cow<'a, [Pair]>,
    pub(super) columns: usize,
    /// Pairs of a column.
    pub(super) depth: usize,
}

/// Some pairs of a panel's columns, as many of each.
#[derive(Clone, Copy)]
#[cfg_attr(
    not(all(target_arch = "x86_64", target_os = "linux")),
    allow(dead_code, reason = "only AMX leaves columns out")
)]
pub(super) struct Part<'a> {
    pub(super) pairs: &'a [Pair],
    /// Columns that are wanted; what is added up of others is not.
    pub(super) columns: usize,
}

impl<'a> Panels<'a> {
    /// Packs a row-major matrix with rows of `columns` values.
    pub fn pack(values: &[u16], columns: usize) -> Self {
        let depth = (values.len() / columns.max(1)).div_ceil(2);
        let mut pairs = vec![0; columns.div_ceil(WIDTH) * depth * WIDTH];
        pairs.par_chunks_mut((depth * WIDTH).max(1)).enumerate().for_each(|(index, panel)| {
            let first = index * WIDTH;
            let width = WIDTH.min(columns - first);
            widest(
                #[inline(always)]
                || {
                    for (to, rows) in panel.chunks_exact_mut(WIDTH).zip(values.chunks(2 * columns)) {
                        let (even, odd) = rows.split_at(columns);
                        interleave(to, even, odd, first, width);
                    }
                },
            );
        });
        Self { pairs: Cow::Owned(pairs), columns, depth }
    }

    /// Packs the transpose of a row-major matrix with rows of `terms` values.
    pub fn pack_transposed(values: &[u16], terms: usize) -> Self {
        /// Pairs that are turned at once: a cache line of each row.
        const PART: usize = 16;
        let columns = values.len() / terms.max(1);
        let depth = terms.div_ceil(2);
        let mut pairs = vec![0; columns.div_ceil(WIDTH) * depth * WIDTH];
        pairs.par_chunks_mut((depth * WIDTH).max(1)).enumerate().for_each(|(index, panel)| {
            let rows = values[index * WIDTH * terms..].chunks_exact(terms).take(WIDTH);
            for (part, to) in panel.chunks_mut(PART * WIDTH).enumerate() {
                for (column, row) in rows.clone().enumerate() {
                    let row = row[2 * PART * part..].chunks(2).take(PART);
                    for (to, two) in to.iter_mut().skip(column).step_by(WIDTH).zip(row) {
                        *to = pair(two[0], two.get(1).copied().unwrap_or(0));
                    }
                }
            }
        });
        Self { pairs: Cow::Owned(pairs), columns, depth }
    }

    /// What [`into_pairs`](Self::into_pairs) gave of a matrix with `terms` rows.
    pub fn of_pairs(pairs: &'a [Pair], terms: usize, columns: usize) -> Self {
        Self { pairs: Cow::Borrowed(pairs), columns, depth: terms.div_ceil(2) }
    }

    /// The pairs in the order in which they are multiplied.
    pub fn into_pairs(self) -> Vec<Pair> {
        self.pairs.into_owned()
    }

    /// Dimensions of the pairs of a matrix `[terms, columns]`: panels, and pairs of each.
    pub fn shape(terms: usize, columns: usize) -> [usize; 2] {
        [columns.div_ceil(WIDTH), terms.div_ceil(2) * WIDTH]
    }
}
