//! An allocator that counts, per thread, so that a reader's memory can be held against the size of what it read.
#![allow(unsafe_code, reason = "an allocator can be written in no other way")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

thread_local! {
    /// Bytes in use and the most there were since the last reset. Constants without destructor: no allocation.
    static IN_USE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    /// All bytes ever asked for.
    static TOTAL: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator with a count.
pub struct Metered;

fn note(change: isize) {
    let _ = TOTAL.try_with(|total| total.set(total.get().wrapping_add(change.max(0) as usize)));
    // During a thread's end there is nothing left to count with.
    let _ = IN_USE.try_with(|in_use| {
        in_use.set(in_use.get() + change);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(in_use.get())));
    });
}

// SAFETY: every call is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Metered {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size() as isize);
        // SAFETY: the caller's promises hold for the system's allocator, too.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        note(-(layout.size() as isize));
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size as isize - layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// The most bytes that `work` had in use on this thread at any time, beyond what was in use before.
pub fn peak_of(work: impl FnOnce()) -> usize {
    let before = IN_USE.get();
    PEAK.set(before);
    work();
    usize::try_from(PEAK.get() - before).unwrap_or(0)
}

/// All bytes that `work` asked for on this thread, whether or not it gave them back: a measure of time that does not
/// depend on the machine.
pub fn total_of(work: impl FnOnce()) -> usize {
    let before = TOTAL.get();
    work();
    TOTAL.get().wrapping_sub(before)
}
