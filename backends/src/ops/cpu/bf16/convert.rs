//! Values of f32 to bfloat16 and back.

use crate::ops::cpu::elementwise::map;

/// The nearest bfloat16, ties to even; a NaN stays one.
#[inline(always)]
pub fn nearest(value: f32) -> u16 {
    let bits = value.to_bits();
    let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16;
    let quiet = bits >> 16 | 0x40;
    (if bits & 0x7fff_ffff > 0x7f80_0000 { quiet } else { rounded }) as u16
}

/// The f32 of a bfloat16.
#[inline(always)]
pub fn exact(value: u16) -> f32 {
    f32::from_bits(u32::from(value) << 16)
}

/// Rounds values where they are, for a caller that is compiled for the widest vectors.
#[inline(always)]
pub fn round_row(values: &mut [f32]) {
    for value in values {
        *value = exact(nearest(*value));
    }
}

/// Writes the bits of the nearest bfloat16 of each value, for a caller that is compiled for the widest vectors.
#[inline(always)]
pub fn narrow_row(to: &mut [u16], values: &[f32]) {
    for (to, value) in to.iter_mut().zip(values) {
        *to = nearest(*value);
    }
}

/// Bits of the nearest bfloat16 of each value.
pub fn narrow(values: &[f32]) -> Vec<u16> {
    map(values, nearest)
}

/// The values of bits of bfloat16.
pub fn widen(bits: &[u16]) -> Vec<f32> {
    map(bits, exact)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_rounded_as_by_the_crate_half() {
        let mut bits = 0u32;
        let mut all =
            vec![f32::NAN, f32::INFINITY, -0.0, f32::from_bits(0x7f7f_ffff), f32::from_bits(0x7f80_0001)];
        for _ in 0..100_000 {
            bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            all.push(f32::from_bits(bits));
        }
        // Halfway between two values, to either side.
        all.extend([0x3f80_8000, 0x3f81_8000, 0xbf80_8001, 0x3f80_7fff].map(f32::from_bits));
        let expected: Vec<u16> = all.iter().map(|value| half::bf16::from_f32(*value).to_bits()).collect();
        assert_eq!(narrow(&all), expected);
        let wide: Vec<u32> = widen(&expected).into_iter().map(f32::to_bits).collect();
        round_row(&mut all);
        assert_eq!(all.into_iter().map(f32::to_bits).collect::<Vec<_>>(), wide);
    }
}
