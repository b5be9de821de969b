//! Operands of many small products of the same size, laid out in the same memory one after the other.

use std::borrow::Cow;

use super::{Left, Pair, Panels, WIDTH, left::interleave, pair};

/// Rows of operands are filled up with zeros to a multiple of this: what AMX takes at a time.
const TERMS: usize = 32;

/// Pairs of a row or column of so many terms.
fn depth(terms: usize) -> usize {
    terms.next_multiple_of(TERMS) / 2
}

/// A left matrix `[rows, terms]`.
pub struct LeftRows {
    pairs: Vec<Pair>,
    rows: usize,
    depth: usize,
}

impl LeftRows {
    /// All zeros.
    pub fn new(rows: usize, terms: usize) -> Self {
        let depth = depth(terms);
        Self { pairs: vec![0; rows * depth], rows, depth }
    }

    /// The rows, of which the first `terms` values may be changed. Pairs lie in memory as their values do: where there are instructions,
    /// the first byte is the lowest.
    #[inline(always)]
    pub fn rows_mut(&mut self) -> impl Iterator<Item = &mut [u16]> {
        bytemuck::cast_slice_mut(&mut self.pairs).chunks_exact_mut((2 * self.depth).max(1))
    }

    /// The values of one row and of what fills it up.
    #[inline(always)]
    pub fn row(&self, row: usize) -> &[u16] {
        bytemuck::cast_slice(&self.pairs[row * self.depth..(row + 1) * self.depth])
    }

    pub fn left(&self) -> Left<'_> {
        Left { pairs: Cow::Borrowed(&self.pairs), rows: self.rows, depth: self.depth, in_strips: false }
    }
}

/// A right matrix `[terms, columns]`.
pub struct RightPanels {
    pairs: Vec<Pair>,
    columns: usize,
    depth: usize,
}

impl RightPanels {
    /// All zeros.
    pub fn new(terms: usize, columns: usize) -> Self {
        let depth = depth(terms);
        Self { pairs: vec![0; columns.div_ceil(WIDTH) * depth * WIDTH], columns, depth }
    }

    /// Takes over `terms` rows of `columns` values.
    #[inline(always)]
    pub fn fill<'v>(&mut self, terms: usize, row: impl Fn(usize) -> &'v [u16]) {
        for first in (0..terms).step_by(2) {
            let odd = if first + 1 < terms { row(first + 1) } else { &[] };
            let panels = self.pairs.chunks_exact_mut(self.depth * WIDTH);
            for (column, panel) in (0..self.columns).step_by(WIDTH).zip(panels) {
                let width = WIDTH.min(self.columns - column);
                interleave(&mut panel[first / 2 * WIDTH..][..WIDTH], row(first), odd, column, width);
            }
        }
    }

    /// Takes over columns of values, one after the other.
    #[inline(always)]
    pub fn fill_columns<'v>(&mut self, column: impl Fn(usize) -> &'v [u16]) {
        let panels = self.pairs.chunks_exact_mut((self.depth * WIDTH).max(1));
        for (first, panel) in (0..self.columns).step_by(WIDTH).zip(panels) {
            for place in 0..WIDTH.min(self.columns - first) {
                let pairs = panel[place..].iter_mut().step_by(WIDTH);
                for (to, two) in pairs.zip(column(first + place).chunks(2)) {
                    *to = pair(two[0], two.get(1).copied().unwrap_or(0));
                }
            }
        }
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    pub fn panels(&self) -> Panels<'_> {
        Panels { pairs: Cow::Borrowed(&self.pairs), columns: self.columns, depth: self.depth }
    }
}
