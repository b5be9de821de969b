//! Weights as signed bytes in the order in which kernels read them.
//!
//! A panel holds [`WIDTH`] output channels: for each group of four inputs the four bytes of the first channel, those of the second,
//! and so on; then the channels' column sums (i32) and their scales (f32), little endian. Inputs that fill up a group and channels
//! that fill up a panel are zero.

use rayon::prelude::*;

use super::{GROUP, ROUND, WIDTH, groups};
use crate::ops::cpu::simd::widest;

/// Bytes of a panel's weights.
fn weight_bytes(input: usize) -> usize {
    groups(input) * GROUP * WIDTH
}

/// Bytes of a panel with sums and scales.
fn panel_bytes(input: usize) -> usize {
    weight_bytes(input) + 2 * 4 * WIDTH
}

/// Dimensions of a packed weight `[input, output]`: panels, and bytes of each.
pub fn packed_shape(input: usize, output: usize) -> [usize; 2] {
    [output.div_ceil(WIDTH), panel_bytes(input)]
}

/// `weight` `[input, output]`, row-major, quantised and packed.
pub fn pack(weight: &[f32], input: usize, output: usize) -> Vec<i8> {
    let [panels, size] = packed_shape(input, output);
    let mut packed = vec![0; panels * size];
    packed.par_chunks_mut(size).enumerate().for_each(|(index, panel)| {
        let first = index * WIDTH;
        let width = WIDTH.min(output - first);
        let rows = weight.chunks_exact(output).map(|row| &row[first..first + width]);
        widest(
            #[inline(always)]
            || pack_panel(rows, panel, input),
        );
    });
    packed
}

/// Quantises a panel's channels, of which each of the rows has as many weights as there are.
#[inline(always)]
fn pack_panel<'a>(rows: impl Iterator<Item = &'a [f32]> + Clone, panel: &mut [i8], input: usize) {
    let (mut largest, mut poison) = ([0.0f32; WIDTH], [0.0f32; WIDTH]);
    for row in rows.clone() {
        for ((largest, poison), &weight) in largest.iter_mut().zip(&mut poison).zip(row) {
            let size = weight.abs();
            *largest = if size > *largest { size } else { *largest };
            // A NaN if a weight is not finite.
            *poison += weight * 0.0;
        }
    }
    let scales = largest.map(|largest| largest / 127.0);
    let mut sums = [0i32; WIDTH];
    let (bytes, rest) = panel.split_at_mut(weight_bytes(input));
    for (place, row) in rows.enumerate() {
        let group = place / GROUP * WIDTH * GROUP;
        let to = bytes[group..group + WIDTH * GROUP].as_chunks_mut::<GROUP>().0;
        for (((to, sum), &scale), &weight) in to.iter_mut().zip(&mut sums).zip(&scales).zip(row) {
            // Of a channel without weights, or with infinite ones, the quotient may be NaN, which becomes 0.
            let quantized = round(weight / scale);
            to[place % GROUP] = quantized;
            *sum += i32::from(quantized);
        }
    }
    let words = sums.iter().map(|sum| sum.to_le_bytes());
    let words = words.chain(scales.iter().zip(poison).map(|(scale, poison)| (scale + poison).to_le_bytes()));
    for (to, word) in rest.as_chunks_mut::<4>().0.iter_mut().zip(words) {
        *to = word.map(u8::cast_signed);
    }
}

/// To the nearest integer within -127 to 127, ties to even; 0 of a NaN.
#[inline(always)]
fn round(quotient: f32) -> i8 {
    let quotient = if quotient.is_nan() { 0.0 } else { quotient.clamp(-127.0, 127.0) };
    ((quotient + ROUND).to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32) as i8
}

/// A packed panel, taken apart.
pub(super) struct Panel<'a> {
    /// Weights, by groups.
    pub(super) weights: &'a [i8],
    /// Sum of the weights of each channel.
    pub(super) sums: [i32; WIDTH],
    /// Scale of each channel.
    pub(super) scales: [f32; WIDTH],
}

impl<'a> Panel<'a> {
    /// Takes apart what [`pack`] made of a panel.
    pub(super) fn of(panel: &'a [i8], input: usize) -> Self {
        let (weights, rest) = panel.split_at(weight_bytes(input));
        let (words, _) = rest.as_chunks::<4>();
        let word = |index: usize| words.get(index).map_or([0; 4], |word| word.map(i8::cast_unsigned));
        Self {
            weights,
            sums: std::array::from_fn(|channel| i32::from_le_bytes(word(channel))),
            scales: std::array::from_fn(|channel| f32::from_le_bytes(word(WIDTH + channel))),
        }
    }
}
