//! Matrix products to one definition, whatever the processor: for WebAssembly and portable mode.
//!
//! **Definition.** Of the terms of an element, [`DEPTH`] after another are multiplied, rounded, and added from 0 in order; each such
//! sum is multiplied by `alpha` and added to the element, in order. Multiplication and addition are never fused. Which elements are
//! computed together, in vectors of what width and by which thread, decides no bit.
//!
//! A tile of the result is computed at once, as large as the processor's registers hold: two vectors of a row of the right matrix are
//! multiplied by one value of the left one after the other. Both matrices are copied into the order in which tiles read them, the
//! blocks of the BLIS scheme (Van Zee and van de Geijn, 2015): a strip of the right matrix stays near in the caches, a block of the
//! left one in the second. WebAssembly has vectors of four lanes and leaves fifteen registers for them, for which `gemm`'s tiles are
//! too large: there this is faster too.

#[cfg(test)]
mod tests;
mod vectors;

use super::matrix::{Product, View};
use vectors::{Fours, Vectors};

/// Length of the sums that are made at once; part of the definition.
const DEPTH: usize = 384;
/// Tiles of a block of the left matrix.
const BLOCK: usize = 13;
/// Tiles of the left matrix, and columns of the right one, that are copied at once.
const COPIED_TILES: usize = 12 * BLOCK;
const COPIED_COLUMNS: usize = 512;
/// The most columns that a tile has.
const WIDEST: usize = 32;

/// `out = alpha * left * right`, or added to `out`.
///
/// # Safety
/// The views match and lie in what they are views of, and nothing else accesses the elements of `out` meanwhile.
#[allow(unsafe_code, reason = "the caller's promise")]
pub unsafe fn multiply(product: Product<'_>) {
    let view = product.out_view;
    // Vectors are written along rows: where columns lie closer, the transposed product has the same bits.
    let along_columns = view.row_stride == 1 && view.column_stride != 1;
    let product = if along_columns { product.transposed() } else { product };
    #[cfg(target_arch = "wasm32")]
    in_tiles::<_, 6, 8>(Fours, &product);
    #[cfg(not(target_arch = "wasm32"))]
    pulp::Arch::new().dispatch(InWidest(&product));
}

/// A product in the widest vectors of the processor, in tiles that fit its registers.
#[cfg(not(target_arch = "wasm32"))]
struct InWidest<'a>(&'a Product<'a>);

#[cfg(not(target_arch = "wasm32"))]
impl pulp::WithSimd for InWidest<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, simd: S) {
        let simd = vectors::Native(simd);
        match (S::F32_LANES, S::REGISTER_COUNT) {
            (16, _) => in_tiles::<_, 12, 32>(simd, self.0),
            (8, _) => in_tiles::<_, 6, 16>(simd, self.0),
            (4, 32) => in_tiles::<_, 12, 8>(simd, self.0),
            _ => in_tiles::<_, 6, 8>(Fours, self.0),
        }
    }
}

/// The product in tiles of `ROWS` rows and `COLUMNS` columns, the width of two vectors.
#[inline(always)]
fn in_tiles<T: Vectors, const ROWS: usize, const COLUMNS: usize>(simd: T, product: &Product<'_>) {
    let Product { out_view, left, left_view, right, right_view, add, .. } = *product;
    let (rows, columns, depth) = (out_view.rows, out_view.columns, left_view.columns);
    if !add {
        clear(product);
    }
    let (longest, most_rows) = (DEPTH.min(depth), COPIED_TILES * ROWS);
    let mut left_copy = vec![0.0; most_rows.min(rows).next_multiple_of(ROWS) * longest];
    let mut right_copy = vec![0.0; COPIED_COLUMNS.min(columns).next_multiple_of(COLUMNS) * longest];
    for (first_row, rows) in parts(rows, most_rows) {
        for (start, length) in parts(depth, DEPTH) {
            let left_copy = &mut left_copy[..rows.next_multiple_of(ROWS) * length];
            copy::<ROWS>(left_copy, left, left_view.from(first_row, start), (rows, length));
            for (first_column, columns) in parts(columns, COPIED_COLUMNS) {
                let right_copy = &mut right_copy[..columns.next_multiple_of(COLUMNS) * length];
                let right_view = right_view.from(start, first_column).t();
                copy::<COLUMNS>(right_copy, right, right_view, (columns, length));
                let part = View { rows, columns, ..out_view.from(first_row, first_column) };
                add_product::<T, ROWS, COLUMNS>(simd, product, part, left_copy, right_copy, length);
            }
        }
    }
}

/// Where parts of at most `most` begin, and how long they are.
fn parts(whole: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..whole).step_by(most).map(move |first| (first, most.min(whole - first)))
}

fn clear(product: &Product<'_>) {
    let view = product.out_view;
    for row in 0..view.rows {
        let first = view.offset + row * view.row_stride;
        for column in 0..view.columns {
            // SAFETY: the promise of whoever called `multiply`.
            #[allow(unsafe_code)]
            unsafe {
                *product.out.add(first + column * view.column_stride) = 0.0;
            }
        }
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

/// Adds `alpha` times the product of copied parts, whose sums have `depth` terms, to a part of the result.
#[inline(always)]
fn add_product<T: Vectors, const ROWS: usize, const COLUMNS: usize>(
    simd: T,
    product: &Product<'_>,
    view: View,
    left: &[f32],
    right: &[f32],
    depth: usize,
) {
    for (block, left) in left.chunks(BLOCK * ROWS * depth).enumerate() {
        for (strip, right) in right.chunks_exact(COLUMNS * depth).enumerate() {
            for (tile, left) in left.chunks_exact(ROWS * depth).enumerate() {
                let (row, column) = ((block * BLOCK + tile) * ROWS, strip * COLUMNS);
                let sums = sums::<T, ROWS, COLUMNS>(simd, left, right);
                let at = view.from(row, column);
                let (rows, columns) = (ROWS.min(view.rows - row), COLUMNS.min(view.columns - column));
                for (row, sums) in sums.into_iter().enumerate().take(rows) {
                    add_row::<T, COLUMNS>(simd, product, at.from(row, 0), columns, sums);
                }
            }
        }
    }
}

/// Adds a row of a tile to the first `columns` values of a row of the result.
#[inline(always)]
fn add_row<T: Vectors, const COLUMNS: usize>(
    simd: T,
    product: &Product<'_>,
    at: View,
    columns: usize,
    sums: [T::Vector; 2],
) {
    let alpha = simd.all(product.alpha);
    let [low, high] = sums.map(
        #[inline(always)]
        |sums| simd.times(sums, alpha),
    );
    // SAFETY: the promise of whoever called `multiply`; the row has so many columns.
    #[allow(unsafe_code)]
    unsafe {
        let first = product.out.add(at.offset);
        if columns == COLUMNS && at.column_stride == 1 {
            let out = std::slice::from_raw_parts_mut(first, COLUMNS);
            if let [to_low, to_high] = T::stored_mut(out) {
                simd.store(simd.plus(simd.load(to_low), low), to_low);
                simd.store(simd.plus(simd.load(to_high), high), to_high);
            }
            return;
        }
        let mut values = [0.0; WIDEST];
        if let [to_low, to_high, ..] = T::stored_mut(&mut values) {
            simd.store(low, to_low);
            simd.store(high, to_high);
        }
        for (column, value) in values.into_iter().enumerate().take(columns) {
            *first.add(column * at.column_stride) += value;
        }
    }
}

/// The sums of a tile: products of the columns of a strip of the left matrix and the rows of one of the right.
#[inline(always)]
fn sums<T: Vectors, const ROWS: usize, const COLUMNS: usize>(
    simd: T,
    left: &[f32],
    right: &[f32],
) -> [[T::Vector; 2]; ROWS] {
    let mut sums = [[simd.all(0.0); 2]; ROWS];
    let (left, right) = (left.as_chunks::<ROWS>().0, T::stored(right).as_chunks::<2>().0);
    // Four terms at a time: less than half of the loop's instructions are then about the loop.
    let ((left, last_left), (right, last_right)) = (left.as_chunks::<4>(), right.as_chunks::<4>());
    for (left, right) in left.iter().zip(right) {
        for term in 0..4 {
            add_term(simd, &mut sums, &left[term], &right[term]);
        }
    }
    for (left, right) in last_left.iter().zip(last_right) {
        add_term(simd, &mut sums, left, right);
    }
    sums
}

#[inline(always)]
fn add_term<T: Vectors, const ROWS: usize>(
    simd: T,
    sums: &mut [[T::Vector; 2]; ROWS],
    left: &[f32; ROWS],
    right: &[T::Stored; 2],
) {
    let (low, high) = (simd.load(&right[0]), simd.load(&right[1]));
    for row in 0..ROWS {
        let value = simd.all(left[row]);
        sums[row][0] = simd.plus(sums[row][0], simd.times(value, low));
        sums[row][1] = simd.plus(sums[row][1], simd.times(value, high));
    }
}
