//! Rows of an input as unsigned bytes.
//!
//! A quantised row is its bytes, zeros up to a whole group, its scale (f32) and its zero point (i32), both little endian: one
//! tensor holds all that a product needs, so that several can share it.

use rayon::prelude::*;

use super::{GROUP, ROUND, groups};
use crate::ops::cpu::simd::widest;

/// Rows of a task.
const TASK: usize = 8;

/// Independent partial extremes, so that they need no serial chain.
const LANES: usize = 16;

/// Bytes of a quantised row of `input` values.
pub fn row_bytes(input: usize) -> usize {
    groups(input) * GROUP + 8
}

/// Values of a quantised row of this many bytes, in whole groups.
pub(super) fn inputs(row_bytes: usize) -> usize {
    row_bytes.saturating_sub(8)
}

/// The rows of `x` `[rows, input]`, one after the other.
pub fn quantize(x: &[f32], input: usize) -> Vec<u8> {
    let size = row_bytes(input);
    if input == 0 {
        return Vec::new();
    }
    let mut bytes = vec![0; x.len() / input * size];
    bytes.par_chunks_mut(TASK * size).zip(x.par_chunks(TASK * input)).for_each(|(bytes, x)| {
        widest(
            #[inline(always)]
            || {
                for (to, row) in bytes.chunks_exact_mut(size).zip(x.chunks_exact(input)) {
                    quantize_row(row, to);
                }
            },
        );
    });
    bytes
}

/// Scale and zero point of a quantised row.
pub(super) fn scale_and_zero(row: &[u8]) -> (f32, i32) {
    let Some((_, &[a, b, c, d, e, f, g, h])) = row.split_last_chunk::<8>() else { return (0.0, 0) };
    (f32::from_le_bytes([a, b, c, d]), i32::from_le_bytes([e, f, g, h]))
}

#[inline(always)]
fn quantize_row(row: &[f32], to: &mut [u8]) {
    let (low, high, poison) = range(row);
    let scale = (high - low) / 255.0;
    let inverse = 1.0 / scale;
    let (scale, zero, inverse) = if inverse.is_finite() {
        // A value that is not finite leaves a NaN in `poison`.
        let zero = (-low * inverse).round_ties_even().clamp(0.0, 255.0);
        (scale + poison, zero as i32, inverse)
    } else {
        (poison, 0, 0.0)
    };
    let offset = zero - ROUND.to_bits() as i32;
    for (byte, &value) in to.iter_mut().zip(row) {
        let rounded = (value * inverse + ROUND).to_bits() as i32;
        *byte = rounded.wrapping_add(offset).clamp(0, 255) as u8;
    }
    if let Some((_, last)) = to.split_last_chunk_mut::<8>() {
        let ([a, b, c, d], [e, f, g, h]) = (scale.to_le_bytes(), zero.to_le_bytes());
        *last = [a, b, c, d, e, f, g, h];
    }
}

/// Least and greatest value with 0 among them, and 0, or NaN if a value is not finite.
#[inline(always)]
fn range(row: &[f32]) -> (f32, f32, f32) {
    let (mut low, mut high, mut poison) = ([0.0f32; LANES], [0.0f32; LANES], [0.0f32; LANES]);
    let mut take = |lane: usize, value: f32| {
        low[lane] = if value < low[lane] { value } else { low[lane] };
        high[lane] = if value > high[lane] { value } else { high[lane] };
        poison[lane] += value * 0.0;
    };
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        (0..LANES).for_each(|lane| take(lane, chunk[lane]));
    }
    rest.iter().for_each(|&value| take(0, value));
    let low = low.into_iter().fold(0.0, |low, value| if value < low { value } else { low });
    let high = high.into_iter().fold(0.0, |high, value| if value > high { value } else { high });
    (low, high, poison.into_iter().sum())
}
