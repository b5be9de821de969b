//! Matrix products on strided views, through the `gemm` crate that burn-flex uses itself.
//!
//! Called directly because burn-flex's product zeroes, copies and faults in a fresh buffer for every result, and
//! copies permuted inputs element by element: together more than half of a training step.

use gemm::{Parallelism, gemm};
use rayon::prelude::*;

use super::blocked;
use crate::portable;

/// Up to this many rows a product is cut into strips of columns, one a task, rather than left to `gemm`'s own threads:
/// those meet at a barrier after every block, which costs more than half the time of a small product.
const STRIP_ROWS: usize = 512;

/// The same for narrow products.
const STRIP_ROWS_NARROW: usize = 1024;
const NARROW: usize = 768;

/// Bounds of a strip's width: narrower ones pack the left matrix too often, wider ones leave cores idle.
const STRIP_WIDTH: std::ops::RangeInclusive<usize> = 48..=384;

/// A matrix inside a slice: element `(row, column)` is at `offset + row * row_stride + column * column_stride`.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// Index of element (0, 0).
    pub offset: usize,
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub columns: usize,
    /// Distance between rows.
    pub row_stride: usize,
    /// Distance between columns.
    pub column_stride: usize,
}

impl View {
    /// A row-major matrix that fills its slice.
    pub fn dense(rows: usize, columns: usize) -> Self {
        Self { offset: 0, rows, columns, row_stride: columns, column_stride: 1 }
    }

    /// The transpose.
    pub fn t(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    /// The same from another element on.
    pub fn from(self, row: usize, column: usize) -> Self {
        Self { offset: self.offset + row * self.row_stride + column * self.column_stride, ..self }
    }

    /// Whether every element lies inside a slice of this length.
    fn fits(self, length: usize) -> bool {
        if self.rows == 0 || self.columns == 0 {
            return true;
        }
        let last = self.offset + (self.rows - 1) * self.row_stride + (self.columns - 1) * self.column_stride;
        last < length
    }
}

/// Whether a product is spread over the cores or stays on this thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// This thread only: many products run side by side already.
    One,
    /// All cores.
    All,
}

/// `out = alpha * left * right`, or `out += alpha * left * right` with `add`.
///
/// # Panics
/// If the shapes do not match or a view leaves its slice.
pub fn multiply(
    (out, out_view): (&mut [f32], View),
    (left, left_view): (&[f32], View),
    (right, right_view): (&[f32], View),
    alpha: f32,
    add: bool,
    threads: Threads,
) {
    assert_eq!(left_view.columns, right_view.rows, "inner dimensions");
    assert_eq!((out_view.rows, out_view.columns), (left_view.rows, right_view.columns), "outer dimensions");
    assert!(out_view.fits(out.len()) && left_view.fits(left.len()) && right_view.fits(right.len()), "bounds");
    let strip = match threads {
        Threads::One => None,
        Threads::All => strip_width(out_view.rows, out_view.columns, rayon::current_num_threads()),
    };
    let product = Product { out: out.as_mut_ptr(), out_view, left, left_view, right, right_view, alpha, add };
    let Some(width) = strip else {
        let parallelism = match threads {
            Threads::One => Parallelism::None,
            Threads::All => Parallelism::Rayon(0),
        };
        // SAFETY: the assertions above keep every access inside its slice, and this is the only access to `out`.
        #[allow(unsafe_code)]
        unsafe {
            product.run(0, out_view.columns, parallelism);
        }
        return;
    };
    (0..out_view.columns.div_ceil(width)).into_par_iter().with_max_len(1).for_each(|strip| {
        let first = strip * width;
        // SAFETY: as above; strips share no column.
        #[allow(unsafe_code)]
        unsafe {
            product.run(first, width.min(out_view.columns - first), Parallelism::None);
        }
    });
}

/// Width of the strips a product is cut into, if it is. What a strip holds does not change its elements' bits.
fn strip_width(rows: usize, columns: usize, threads: usize) -> Option<usize> {
    let small = rows <= STRIP_ROWS || (rows <= STRIP_ROWS_NARROW && columns <= NARROW);
    // Portable products have no other threads.
    if !(small || portable()) || threads < 2 {
        return None;
    }
    // Two strips a thread, so that a late one does not hold up the rest.
    let width = columns.div_ceil(2 * threads).next_multiple_of(16);
    Some(width.clamp(*STRIP_WIDTH.start(), *STRIP_WIDTH.end()))
}

/// A product whose views have been checked: `out = alpha * left * right`, added to `out` if `add`.
#[derive(Clone, Copy)]
pub(super) struct Product<'a> {
    pub(super) out: *mut f32,
    pub(super) out_view: View,
    pub(super) left: &'a [f32],
    pub(super) left_view: View,
    pub(super) right: &'a [f32],
    pub(super) right_view: View,
    pub(super) alpha: f32,
    pub(super) add: bool,
}

// SAFETY: tasks read the inputs and write strips of `out` that do not overlap.
#[allow(unsafe_code)]
unsafe impl Sync for Product<'_> {}

impl Product<'_> {
    /// The same product with other rows (first and number), other columns and another right matrix, each by where it
    /// starts.
    pub fn part(mut self, (first, rows): (usize, usize), column: usize, right: usize) -> Self {
        self.left_view.offset += first * self.left_view.row_stride;
        self.out_view.offset += first * self.out_view.row_stride + column * self.out_view.column_stride;
        (self.left_view.rows, self.out_view.rows) = (rows, rows);
        self.right_view.offset += right;
        self
    }

    /// The transposed product: the same terms in the same order.
    pub fn transposed(self) -> Self {
        let Self { out_view, left, left_view, right, right_view, .. } = self;
        Self {
            out_view: out_view.t(),
            left: right,
            left_view: right_view.t(),
            right: left,
            right_view: left_view.t(),
            ..self
        }
    }

    /// The strip of `columns` columns from `first` on, to the definition of [`blocked`] in portable mode.
    ///
    /// # Safety
    /// The views must lie in what the pointers point to, the strip inside the product, and nothing else may access the
    /// strip meanwhile.
    #[allow(unsafe_code)]
    pub unsafe fn run(&self, first: usize, columns: usize, parallelism: Parallelism) {
        if portable() {
            let mut strip = *self;
            (strip.out_view.columns, strip.right_view.columns) = (columns, columns);
            strip.out_view.offset += first * self.out_view.column_stride;
            strip.right_view.offset += first * self.right_view.column_stride;
            // SAFETY: the caller's promise.
            unsafe { blocked::multiply(strip) };
            return;
        }
        let Self { out, out_view, left, left_view, right, right_view, alpha, add } = *self;
        #[allow(clippy::cast_possible_wrap, reason = "strides and sizes of slices fit isize")]
        let stride = |stride: usize| stride as isize;
        // SAFETY: the caller's promise; elements of `out` that are read (`add`) are initialised, as all of a slice is.
        unsafe {
            gemm(
                out_view.rows,
                columns,
                left_view.columns,
                out.add(out_view.offset + first * out_view.column_stride),
                stride(out_view.column_stride),
                stride(out_view.row_stride),
                add,
                left.as_ptr().add(left_view.offset),
                stride(left_view.column_stride),
                stride(left_view.row_stride),
                right.as_ptr().add(right_view.offset + first * right_view.column_stride),
                stride(right_view.column_stride),
                stride(right_view.row_stride),
                1.0,
                alpha,
                false,
                false,
                false,
                parallelism,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_follow_their_views() {
        let left = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let right = [1.0, 0.0, 2.0, 1.0, 0.0, 3.0];
        let mut out = [10.0; 4];
        let (rows, columns) = (View::dense(2, 3), View::dense(2, 3).t());
        multiply((&mut out, View::dense(2, 2)), (&left, rows), (&right, columns), 1.0, false, Threads::One);
        assert_eq!(out, [7.0, 10.0, 16.0, 22.0]);
        multiply((&mut out, View::dense(2, 2)), (&left, rows), (&right, columns), 2.0, true, Threads::All);
        assert_eq!(out, [21.0, 30.0, 48.0, 66.0]);
    }

    #[test]
    fn strips_change_no_bit() {
        let values =
            |count: usize| (0..count).map(|i| ((i * 37 % 101) as f32 - 50.0) / 7.0).collect::<Vec<f32>>();
        // The last strip is narrower; the inner dimension is longer than a block of `gemm`.
        for (rows, inner, columns) in [(3, 5, 100), (130, 1100, 200), (512, 64, 1000)] {
            assert!(strip_width(rows, columns, 2).is_some_and(|width| width < columns));
            let (left, right) = (values(rows * inner), values(inner * columns));
            let views = (View::dense(rows, inner), View::dense(inner, columns));
            let product = |threads| {
                let mut out = vec![1.0; rows * columns];
                let out_view = (&mut out[..], View::dense(rows, columns));
                multiply(out_view, (&left, views.0), (&right, views.1), 0.5, true, threads);
                out
            };
            let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
            assert_eq!(pool.install(|| product(Threads::All)), product(Threads::One));
        }
    }

    #[test]
    #[should_panic(expected = "bounds")]
    fn a_view_beyond_its_slice_is_refused() {
        let view = View { offset: 1, ..View::dense(2, 2) };
        multiply(
            (&mut [0.0; 4], View::dense(2, 2)),
            (&[0.0; 4], view),
            (&[0.0; 4], View::dense(2, 2)),
            1.0,
            false,
            Threads::One,
        );
    }
}
