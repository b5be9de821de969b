//! Results with the same bits on every processor.
//!
//! | on the processor | bits |
//! |---|---|
//! | elementwise operations, LayerNorm, softmax, GELU, losses, the optimizer | the same everywhere, always |
//! | int8 layers | the same everywhere, always (their attention is f32) |
//! | f32 products | by what a processor has: fused multiply-add or none, and sums cut by the size of its caches |
//! | bfloat16 products | to one definition with AMX, to another with AVX-512 BF16, else f32 products of rounded values |
//! | both in portable mode | the same everywhere: multiplied, then added, in one order; bfloat16 from rounded values |
//!
//! A module for browsers is always portable. Threads decide no bit in portable mode, and GPUs know no such mode.

#[cfg(not(target_family = "wasm"))]
use std::sync::OnceLock;

/// The environment variable that turns it on, by any value but `0` and nothing.
pub const PORTABLE: &str = "SPANBERT_PORTABLE";

/// Whether this process computes with the bits of every other processor. Settled by the first call.
#[must_use]
#[inline]
pub fn portable() -> bool {
    #[cfg(not(target_family = "wasm"))]
    {
        static ON: OnceLock<bool> = OnceLock::new();
        *ON.get_or_init(|| std::env::var_os(PORTABLE).is_some_and(|value| value != "0" && !value.is_empty()))
    }
    #[cfg(target_family = "wasm")]
    true
}
