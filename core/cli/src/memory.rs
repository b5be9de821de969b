//! The allocator's one setting.

/// `mi_option_purge_delay` of mimalloc's header, which its Rust bindings do not name.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Has mimalloc keep freed pages for the next tensor.
///
/// A training step allocates and frees the same gigabytes again and again. Given back to the system, every page
/// would come back by a fault, zeroed: half of the time of a step on the CPU.
pub fn keep_pages() {
    // SAFETY: the call stores a number; mimalloc reads it when it next frees pages. It is harmless where mimalloc
    // is not the global allocator.
    #[allow(unsafe_code)]
    unsafe {
        libmimalloc_sys::mi_option_set(PURGE_DELAY, -1);
    }
}
