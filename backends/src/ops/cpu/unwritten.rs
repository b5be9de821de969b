//! A result that tasks write side by side.

use std::mem::MaybeUninit;

/// Values that are not there yet, of which each task writes parts of its own.
pub struct Unwritten<T> {
    values: Vec<T>,
    /// Where the vector's memory begins.
    first: *mut MaybeUninit<T>,
}

// SAFETY: nothing touches the vector before it is whole, and every task writes elements of its own.
#[allow(unsafe_code)]
unsafe impl<T: Send> Sync for Unwritten<T> {}

impl<T: Copy> Unwritten<T> {
    /// Room for so many values.
    pub fn new(count: usize) -> Self {
        let mut values = Vec::with_capacity(count);
        let first = values.spare_capacity_mut().as_mut_ptr();
        Self { values, first }
    }

    /// `count` values from element `first` on.
    ///
    /// # Safety
    /// There is room for them, and nothing else accesses them meanwhile.
    #[allow(unsafe_code, clippy::mut_from_ref, reason = "the caller's promise")]
    pub unsafe fn part(&self, first: usize, count: usize) -> &mut [MaybeUninit<T>] {
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.first.add(first), count) }
    }

    /// The values.
    ///
    /// # Safety
    /// The first `count` have been written, all of them.
    #[allow(unsafe_code, reason = "the caller's promise")]
    pub unsafe fn written(mut self, count: usize) -> Vec<T> {
        // SAFETY: the caller's promise.
        unsafe { self.values.set_len(count) };
        self.values
    }
}
