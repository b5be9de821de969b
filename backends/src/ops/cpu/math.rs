//! Elementary functions without branches or calls, so that loops over them become vector code.

/// `exp(x)` within about 2e-7 relative; 0 below -87.3, the largest finite power above 88.3.
///
/// Range reduction by `ln 2` in two parts and a degree-5 polynomial (the classic single-precision scheme of
/// the Cephes library).
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    const LOW: f32 = -87.3;
    // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let clamped = x.clamp(LOW, 88.3);
    let shifted = clamped * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = clamped - n * LN2_HIGH - n * LN2_LOW;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let y = p * (r * r) + r + 1.0;
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23));
    if x < LOW { 0.0 } else { y * power }
}

/// `Phi(x)` and `exp(-x^2 / 2)`: the normal distribution function to f32 rounding, and the exponential its
/// density needs.
///
/// The tail is `exp(-x^2 / 2) * t * p(t)` with `t = 1 / (1 + 0.4 |x| / sqrt(2))`, so that small probabilities
/// keep their precision; the polynomial (error 2e-8) is from tests/scripts/fit_normal_tail.py.
#[inline(always)]
pub fn normal_cdf_and_exp(x: f32) -> (f32, f32) {
    let t = 1.0 / (1.0 + 0.4 * std::f32::consts::FRAC_1_SQRT_2 * x.abs());
    let p = -0.098_968_54;
    let p = p * t + 0.349_858_35;
    let p = p * t - 0.177_844_66;
    let p = p * t + 0.228_039_5;
    let p = p * t + 0.083_337_42;
    let p = p * t + 0.115_577_95;
    let exponential = exp(-0.5 * x * x);
    let tail = p * t * exponential;
    (if x >= 0.0 { 1.0 - tail } else { tail }, exponential)
}

/// Independent partial sums, so that a reduction needs no serial chain.
const LANES: usize = 16;

/// Sum of `f(a, b)` over two slices of equal length.
#[inline(always)]
pub fn sum_pairs(a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(&a, &b)| f(a, b)).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for lane in 0..LANES {
            lanes[lane] += f(a[lane], b[lane]);
        }
    }
    lanes.iter().sum::<f32>() + rest
}

/// Sum of `f(a)` over a slice.
#[inline(always)]
pub fn sum(a: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    sum_pairs(a, a, |a, _| f(a))
}

/// Largest value of a slice, negative infinity if it is empty; a NaN may or may not win.
#[inline(always)]
pub fn max(a: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let chunks = a.chunks_exact(LANES);
    let larger = |a: f32, b: f32| if a > b { a } else { b };
    let rest = chunks.remainder().iter().fold(f32::NEG_INFINITY, |m, &v| larger(v, m));
    for chunk in chunks {
        for lane in 0..LANES {
            lanes[lane] = larger(chunk[lane], lanes[lane]);
        }
    }
    lanes.iter().fold(rest, |m, &v| larger(v, m))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_accurate_over_its_range() {
        for step in -87_000..88_000 {
            let x = step as f32 * 1e-3;
            let expected = f64::from(x).exp();
            let relative = (f64::from(exp(x)) - expected).abs() / expected;
            assert!(relative < 3e-7, "exp({x}) is off by {relative}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(-10_000.0), 0.0);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn normal_cdf_matches_known_values() {
        // Values of Phi from tables of the normal distribution.
        let known = [
            (0.0, 0.5),
            (1.0, 0.841_344_746_068_543),
            (-1.0, 0.158_655_253_931_457),
            (2.0, 0.977_249_868_051_821),
            (-3.0, 0.001_349_898_031_630_1),
            (5.0, 0.999_999_713_348_428),
        ];
        for (x, expected) in known {
            let (cdf, _) = normal_cdf_and_exp(x);
            assert!((f64::from(cdf) - expected).abs() < 1.2e-7, "Phi({x}) = {cdf}, expected {expected}");
        }
    }

    #[test]
    fn reductions_cover_remainders() {
        let values: Vec<f32> = (0..37).map(|v| v as f32).collect();
        assert_eq!(sum(&values, |v| v), 666.0);
        assert_eq!(max(&values), 36.0);
        assert_eq!(max(&[]), f32::NEG_INFINITY);
    }
}
