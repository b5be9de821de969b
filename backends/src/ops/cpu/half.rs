//! Rounding to the half formats where the processor has no instructions for them: what it computes with is f32, but of the values a
//! GPU would have.
//!
//! It checks the arithmetic of mixed precision where there is no GPU, and is slower than f32, not faster.

use burn::tensor::DType;
use half::f16;

use super::{bf16, simd::widest};
use crate::Precision;

/// Rounds to the nearest value of the format, to even where two are as near; f32 rounds nothing.
pub fn round(values: &mut [f32], precision: Precision) {
    widest(
        #[inline(always)]
        || round_row(values, precision),
    );
}

/// [`round`] for a caller that is itself compiled for the widest vectors.
#[inline(always)]
pub fn round_row(values: &mut [f32], precision: Precision) {
    match precision {
        Precision::F32 | Precision::Int8 => {}
        Precision::F16 => values.iter_mut().for_each(|value| *value = f16::from_f32(*value).to_f32()),
        Precision::Bf16 => bf16::round_row(values),
    }
}

/// The precision of a tensor's type.
pub fn precision(dtype: DType) -> Precision {
    match dtype {
        DType::F16 => Precision::F16,
        DType::BF16 => Precision::Bf16,
        _ => Precision::F32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_to_the_nearest() {
        let rounded = |value: f32, precision| {
            let mut values = [value];
            round(&mut values, precision);
            values[0]
        };
        // 1 + 2^-8 lies between two values of bf16 and goes to the even one; f16 has it.
        let value = 1.0 + 1.0 / 256.0;
        assert_eq!(rounded(value, Precision::Bf16), 1.0);
        assert_eq!(rounded(value, Precision::F16), value);
        assert_eq!(rounded(1e5, Precision::F16), f32::INFINITY);
        assert_eq!(rounded(0.1, Precision::F32), 0.1);
    }
}
