//! A function of every element.

use rayon::prelude::*;

use super::{CHUNK, simd::widest, unwritten::Unwritten};

/// Puts `f(x)` in the place of each `x`.
#[inline(always)]
pub fn apply(x: &mut [f32], f: impl Fn(f32) -> f32 + Copy + Sync) {
    x.par_chunks_mut(CHUNK).for_each(|chunk| {
        widest(
            #[inline(always)]
            || {
                for x in chunk {
                    *x = f(*x);
                }
            },
        );
    });
}

/// Puts `f(x, grad)` in the place of each `grad`.
#[inline(always)]
pub fn apply_to_pairs(x: &[f32], grad: &mut [f32], f: impl Fn(f32, f32) -> f32 + Copy + Sync) {
    grad.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).for_each(|(grad, x)| {
        widest(
            #[inline(always)]
            || {
                for (grad, x) in grad.iter_mut().zip(x) {
                    *grad = f(*x, *grad);
                }
            },
        );
    });
}

/// `f` of each.
#[inline(always)]
pub fn map<A: Copy + Sync, B: Copy + Send>(from: &[A], f: impl Fn(A) -> B + Copy + Sync) -> Vec<B> {
    let mapped = Unwritten::new(from.len());
    from.par_chunks(CHUNK).enumerate().for_each(|(task, from)| {
        // SAFETY: a part for this task alone.
        #[allow(unsafe_code)]
        let to = unsafe { mapped.part(task * CHUNK, from.len()) };
        widest(
            #[inline(always)]
            || {
                for (to, from) in to.iter_mut().zip(from) {
                    to.write(f(*from));
                }
            },
        );
    });
    // SAFETY: the tasks have written every part.
    #[allow(unsafe_code)]
    unsafe {
        mapped.written(from.len())
    }
}
