//! Matrix products on strided views, through the `gemm` crate that burn-flex uses itself.
//!
//! Called directly because burn-flex's product zeroes, copies and faults in a fresh buffer for every result, and
//! copies permuted inputs element by element: together more than half of a training step.

use gemm::{Parallelism, gemm};

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
    let parallelism = match threads {
        Threads::One => Parallelism::None,
        Threads::All => Parallelism::Rayon(0),
    };
    // Strides and sizes of slices fit isize.
    #[allow(clippy::cast_possible_wrap)]
    let stride = |stride: usize| stride as isize;
    // SAFETY: the assertions above keep every access inside its slice; `out` is borrowed mutably, so it overlaps
    // neither input; elements of `out` that are read (`add`) are initialised, as all of a slice is.
    #[allow(unsafe_code)]
    unsafe {
        gemm(
            out_view.rows,
            out_view.columns,
            left_view.columns,
            out.as_mut_ptr().add(out_view.offset),
            stride(out_view.column_stride),
            stride(out_view.row_stride),
            add,
            left.as_ptr().add(left_view.offset),
            stride(left_view.column_stride),
            stride(left_view.row_stride),
            right.as_ptr().add(right_view.offset),
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
