//! Values of f32 to bfloat16 and back.

use rayon::prelude::*;

use crate::ops::cpu::{CHUNK, simd::widest};

/// The nearest bfloat16, ties to even; a NaN stays one.
#[inline(always)]
pub(super) fn nearest(value: f32) -> u16 {
    let bits = value.to_bits();
    let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16;
    let quiet = bits >> 16 | 0x40;
    (if bits & 0x7fff_ffff > 0x7f80_0000 { quiet } else { rounded }) as u16
}

/// The f32 of a bfloat16.
#[inline(always)]
pub(super) fn exact(value: u16) -> f32 {
    f32::from_bits(u32::from(value) << 16)
}

/// Rounds values where they are, on this thread.
pub fn round(values: &mut [f32]) {
    widest(
        #[inline(always)]
        || {
            for value in values {
                *value = exact(nearest(*value));
            }
        },
    );
}

/// Bits of the nearest bfloat16 of each value.
pub fn narrow(values: &[f32]) -> Vec<u16> {
    let mut narrow = vec![0; values.len()];
    narrow.par_chunks_mut(CHUNK).zip(values.par_chunks(CHUNK)).for_each(|(narrow, values)| {
        widest(
            #[inline(always)]
            || {
                for (narrow, value) in narrow.iter_mut().zip(values) {
                    *narrow = nearest(*value);
                }
            },
        );
    });
    narrow
}

/// The values of bits of bfloat16.
pub fn widen(bits: &[u16]) -> Vec<f32> {
    let mut values = vec![0.0; bits.len()];
    values.par_chunks_mut(CHUNK).zip(bits.par_chunks(CHUNK)).for_each(|(values, bits)| {
        widest(
            #[inline(always)]
            || {
                for (value, bits) in values.iter_mut().zip(bits) {
                    *value = exact(*bits);
                }
            },
        );
    });
    values
}
