//! Matrix products for WebAssembly, whose vectors have four lanes and whose engines leave fifteen registers for them.
//!
//! `gemm`'s tile of twelve rows and four columns needs more registers than that, so that partial sums go through memory in its
//! innermost loop. Here a tile has [`ROWS`] rows and [`COLUMNS`] columns: two vectors of a row of the right matrix are multiplied by
//! one value of the left one after the other. Both matrices are copied into the order in which tiles read them, the blocks of the
//! BLIS scheme (Van Zee and van de Geijn, 2015): a strip of the right matrix stays in the first cache, a block of the left one in
//! the second.

use super::matrix::View;

/// Whether products are faster this way in this build: on one thread, with vectors of four lanes and too few registers for `gemm`.
pub const FASTER: bool = cfg!(all(target_arch = "wasm32", target_feature = "simd128"));

/// Rows of a tile.
const ROWS: usize = 6;
/// Columns of a tile.
const COLUMNS: usize = 8;
/// Length of the sums that are made at once.
const DEPTH: usize = 384;
/// Rows of the left matrix in a block: whole tiles.
const BLOCK_ROWS: usize = 13 * ROWS;
/// Rows of the left matrix, and columns of the right one, that are copied at once.
const COPIED_ROWS: usize = 12 * BLOCK_ROWS;
const COPIED_COLUMNS: usize = 512;

/// `out = alpha * left * right`, or added to `out`. The views match and lie in their slices.
pub fn multiply(
    (out, out_view): (&mut [f32], View),
    (left, left_view): (&[f32], View),
    (right, right_view): (&[f32], View),
    alpha: f32,
    add: bool,
) {
    let (rows, columns, depth) = (out_view.rows, out_view.columns, left_view.columns);
    if !add {
        clear(out, out_view);
    }
    let longest = DEPTH.min(depth);
    let mut left_copy = vec![0.0; COPIED_ROWS.min(rows).next_multiple_of(ROWS) * longest];
    let mut right_copy = vec![0.0; COPIED_COLUMNS.min(columns).next_multiple_of(COLUMNS) * longest];
    for (first_row, rows) in parts(rows, COPIED_ROWS) {
        for (start, length) in parts(depth, DEPTH) {
            let left_copy = &mut left_copy[..rows.next_multiple_of(ROWS) * length];
            copy::<ROWS>(left_copy, left, left_view.from(first_row, start), (rows, length));
            for (first_column, columns) in parts(columns, COPIED_COLUMNS) {
                let right_copy = &mut right_copy[..columns.next_multiple_of(COLUMNS) * length];
                copy::<COLUMNS>(
                    right_copy,
                    right,
                    right_view.from(start, first_column).t(),
                    (columns, length),
                );
                let part = View { rows, columns, ..out_view.from(first_row, first_column) };
                add_product(out, part, left_copy, right_copy, length, alpha);
            }
        }
    }
}

/// Where parts of at most `most` begin, and how long they are.
fn parts(whole: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..whole).step_by(most).map(move |first| (first, most.min(whole - first)))
}

fn clear(out: &mut [f32], view: View) {
    for row in 0..view.rows {
        let first = view.offset + row * view.row_stride;
        (0..view.columns).for_each(|column| out[first + column * view.column_stride] = 0.0);
    }
}

/// Copies rows of a view in strips of `WIDTH`: of each strip the first column, the second, and so on; rows that are missing in the
/// last strip are zero.
fn copy<const WIDTH: usize>(copy: &mut [f32], from: &[f32], view: View, (rows, columns): (usize, usize)) {
    for (strip, first) in copy.chunks_exact_mut(WIDTH * columns).zip((0..rows).step_by(WIDTH)) {
        let offset = view.offset + first * view.row_stride;
        let there = WIDTH.min(rows - first);
        if there == WIDTH && view.row_stride == 1 {
            for (column, cells) in strip.chunks_exact_mut(WIDTH).enumerate() {
                let at = offset + column * view.column_stride;
                cells.copy_from_slice(&from[at..at + WIDTH]);
            }
            continue;
        }
        if there < WIDTH {
            strip.fill(0.0);
        }
        for row in 0..there {
            let at = offset + row * view.row_stride;
            let cells = strip.iter_mut().skip(row).step_by(WIDTH);
            match view.column_stride {
                1 => cells.zip(&from[at..at + columns]).for_each(|(cell, value)| *cell = *value),
                stride => cells.enumerate().for_each(|(column, cell)| *cell = from[at + column * stride]),
            }
        }
    }
}

/// Adds `alpha` times the product of copied parts, whose sums have `depth` terms.
fn add_product(out: &mut [f32], view: View, left: &[f32], right: &[f32], depth: usize, alpha: f32) {
    for (block, left) in left.chunks(BLOCK_ROWS * depth).enumerate() {
        for (strip, right) in right.chunks_exact(COLUMNS * depth).enumerate() {
            for (tile, left) in left.chunks_exact(ROWS * depth).enumerate() {
                let (row, column) = (block * BLOCK_ROWS + tile * ROWS, strip * COLUMNS);
                let sums = sums(left, right);
                let at = view.from(row, column);
                let (rows, columns) = (ROWS.min(view.rows - row), COLUMNS.min(view.columns - column));
                for (row, sums) in sums.into_iter().enumerate().take(rows) {
                    add_row(out, at.offset + row * at.row_stride, at.column_stride, columns, sums, alpha);
                }
            }
        }
    }
}

/// Adds a row of a tile to `columns` values from `first` on.
#[inline(always)]
fn add_row(out: &mut [f32], first: usize, stride: usize, columns: usize, sums: [Four; 2], alpha: f32) {
    let [low, high] = sums.map(|sums| sums.times(Four::all(alpha)));
    if let (1, COLUMNS, Some(out)) = (stride, columns, out[first..].first_chunk_mut::<COLUMNS>()) {
        let [a, b, c, d] = Four::of([out[0], out[1], out[2], out[3]]).plus(low).values();
        let [e, f, g, h] = Four::of([out[4], out[5], out[6], out[7]]).plus(high).values();
        *out = [a, b, c, d, e, f, g, h];
    } else {
        let sums = low.values().into_iter().chain(high.values());
        sums.take(columns).enumerate().for_each(|(column, sum)| out[first + column * stride] += sum);
    }
}

/// The sums of a tile: products of the columns of a strip of the left matrix and the rows of one of the right.
#[inline(always)]
fn sums(left: &[f32], right: &[f32]) -> [[Four; 2]; ROWS] {
    let mut sums = [[Four::all(0.0); 2]; ROWS];
    let (left, right) = (left.as_chunks::<ROWS>().0, right.as_chunks::<COLUMNS>().0);
    // Four terms at a time: less than half of the loop's instructions are then about the loop.
    let ((left, last_left), (right, last_right)) = (left.as_chunks::<4>(), right.as_chunks::<4>());
    for (left, right) in left.iter().zip(right) {
        for term in 0..4 {
            add_term(&mut sums, &left[term], &right[term]);
        }
    }
    for (left, right) in last_left.iter().zip(last_right) {
        add_term(&mut sums, left, right);
    }
    sums
}

#[inline(always)]
fn add_term(sums: &mut [[Four; 2]; ROWS], left: &[f32; ROWS], right: &[f32; COLUMNS]) {
    let low = Four::of([right[0], right[1], right[2], right[3]]);
    let high = Four::of([right[4], right[5], right[6], right[7]]);
    for row in 0..ROWS {
        let value = Four::all(left[row]);
        sums[row][0] = sums[row][0].plus(value.times(low));
        sums[row][1] = sums[row][1].plus(value.times(high));
    }
}

/// A vector: the compiler does not make them of plain loops here.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[derive(Clone, Copy)]
struct Four(std::arch::wasm32::v128);

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
impl Four {
    #[inline(always)]
    fn of([a, b, c, d]: [f32; 4]) -> Self {
        Self(std::arch::wasm32::f32x4(a, b, c, d))
    }

    #[inline(always)]
    fn all(value: f32) -> Self {
        Self(std::arch::wasm32::f32x4_splat(value))
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Self(std::arch::wasm32::f32x4_add(self.0, other.0))
    }

    #[inline(always)]
    fn times(self, other: Self) -> Self {
        Self(std::arch::wasm32::f32x4_mul(self.0, other.0))
    }

    #[inline(always)]
    fn values(self) -> [f32; 4] {
        use std::arch::wasm32::f32x4_extract_lane as lane;
        [lane::<0>(self.0), lane::<1>(self.0), lane::<2>(self.0), lane::<3>(self.0)]
    }
}

/// The same elsewhere, where only tests come by.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
#[derive(Clone, Copy)]
struct Four([f32; 4]);

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
impl Four {
    fn of(values: [f32; 4]) -> Self {
        Self(values)
    }

    fn all(value: f32) -> Self {
        Self([value; 4])
    }

    fn plus(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] + other.0[lane]))
    }

    fn times(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] * other.0[lane]))
    }

    fn values(self) -> [f32; 4] {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize, step: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * step % 101) as f32 - 50.0) / 40.0).collect()
    }

    /// Element by element, in f64.
    fn plain(
        (out, out_view): (&[f32], View),
        (left, left_view): (&[f32], View),
        (right, right_view): (&[f32], View),
        alpha: f32,
        add: bool,
    ) -> Vec<f32> {
        let at = |view: View, row: usize, column: usize| {
            view.offset + row * view.row_stride + column * view.column_stride
        };
        let mut result = out.to_vec();
        for row in 0..out_view.rows {
            for column in 0..out_view.columns {
                let term = |k: usize| {
                    f64::from(left[at(left_view, row, k)]) * f64::from(right[at(right_view, k, column)])
                };
                let before = if add { f64::from(out[at(out_view, row, column)]) } else { 0.0 };
                let sum: f64 = (0..left_view.columns).map(term).sum();
                result[at(out_view, row, column)] = (before + f64::from(alpha) * sum) as f32;
            }
        }
        result
    }

    #[test]
    fn products_of_all_sizes_and_views_are_right() {
        // Less than a tile; tiles with a rest; more than a block, a sum and a copy.
        for (rows, depth, columns) in [
            (1, 1, 1),
            (5, 3, 7),
            (6, 4, 8),
            (13, 37, 21),
            (100, 390, 19),
            (950, 9, 9),
            (7, 11, 530),
            (3, 0, 3),
        ] {
            let (left, right) = (values(rows * depth + 3, 37), values(depth * columns + 5, 13));
            let before = values(rows * columns + 2, 7);
            let dense = |offset, rows, columns| View { offset, ..View::dense(rows, columns) };
            let transposed = |offset, rows, columns| View { offset, ..View::dense(columns, rows).t() };
            for (alpha, add) in [(1.0, true), (0.5, false)] {
                for turned in 0..8 {
                    let view = |bit: usize, offset, rows, columns| {
                        if turned & bit == 0 {
                            dense(offset, rows, columns)
                        } else {
                            transposed(offset, rows, columns)
                        }
                    };
                    let out_view = view(1, 2, rows, columns);
                    let left = (&left[..], view(2, 3, rows, depth));
                    let right = (&right[..], view(4, 5, depth, columns));
                    let expected = plain((&before, out_view), left, right, alpha, add);
                    let mut out = before.clone();
                    multiply((&mut out, out_view), left, right, alpha, add);
                    let largest = out.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                    assert!(largest < 1e-4, "{rows} x {depth} x {columns}, {turned}: {largest}");
                }
            }
        }
    }

    #[test]
    fn what_lies_between_the_columns_stays() {
        let view = View { offset: 1, rows: 2, columns: 9, row_stride: 40, column_stride: 3 };
        let mut out = vec![7.0; 80];
        multiply(
            (&mut out, view),
            (&[1.0, 2.0], View::dense(2, 1)),
            (&[3.0; 9], View::dense(1, 9)),
            1.0,
            false,
        );
        let mut expected = [7.0; 80];
        for column in 0..9 {
            (expected[1 + 3 * column], expected[41 + 3 * column]) = (3.0, 6.0);
        }
        assert_eq!(out, expected);
    }
}
