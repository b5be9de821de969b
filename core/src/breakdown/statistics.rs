//! How sure a figure is: intervals and tests that come out the same on every machine.

use serde::Serialize;

use crate::{percentile::percentile, random::nth};

/// Replicates of a bootstrap.
pub const REPLICATES: usize = 1000;
/// Fewest values that a bootstrap is drawn from. Of fewer, replicates have so few distinct means that their middle 95 %
/// holds the true one far less often: F1 being continuous, in 75 of 100 cases of three values, in about 90 of ten.
pub const FEWEST: usize = 10;
/// Values and ends of intervals closer than this, in percent or as shares, are equal: sums are rounded.
pub(super) const ROUNDING: f64 = 1e-9;
/// Two-sided 95 % of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// A 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Interval {
    /// Whether a value lies outside, by more than sums are rounded.
    #[must_use]
    pub fn excludes(&self, value: f64) -> bool {
        value < self.low - ROUNDING || value > self.high + ROUNDING
    }

    /// The interval of values in another unit.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self { low: self.low * factor, high: self.high * factor }
    }
}

/// Wilson's score interval of a rate (Wilson 1927), 0 to 1; from 0 to 1 without any trial.
#[must_use]
pub fn wilson(successes: f64, trials: usize) -> Interval {
    if trials == 0 {
        return Interval { low: 0.0, high: 1.0 };
    }
    let n = trials as f64;
    let rate = successes / n;
    let centre = rate + Z * Z / (2.0 * n);
    let spread = Z * (rate * (1.0 - rate) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    Interval { low: ((centre - spread) / scale).max(0.0), high: ((centre + spread) / scale).min(1.0) }
}

/// The sum of every bootstrap replicate of `values`.
///
/// Draw `i` of replicate `r` is number `r * n + i` of splitmix64 seeded with `seed`, its upper 32 bits scaled to
/// `0..n`: a function of counters, so that threads and other programs agree.
#[must_use]
pub fn bootstrap_sums(values: &[f64], seed: u64) -> Vec<f64> {
    let n = values.len();
    (0..REPLICATES)
        .map(|replicate| {
            let first = (replicate * n) as u64;
            let mut sum = 0.0;
            for draw in 0..n as u64 {
                let bits = nth(seed, first + draw);
                let at = ((bits >> 32) * n as u64) >> 32;
                // In range by construction; 0.0 keeps the loop free of a branch that panics.
                sum += values.get(at as usize).copied().unwrap_or_default();
            }
            sum
        })
        .collect()
}

/// Whether values say how far they spread: at least [`FEWEST`], and not all equal. The bootstrap of others has no width,
/// or one that means little.
#[must_use]
pub fn has_spread(values: &[f64]) -> bool {
    let first = values.first().copied().unwrap_or_default();
    values.len() >= FEWEST && values.iter().any(|value| (value - first).abs() > ROUNDING)
}

/// The middle 95 % of replicates; `None` without any.
#[must_use]
pub fn middle(mut replicates: Vec<f64>) -> Option<Interval> {
    replicates.sort_unstable_by(f64::total_cmp);
    Some(Interval { low: percentile(&replicates, 0.025)?, high: percentile(&replicates, 0.975)? })
}

/// McNemar's test of two systems on the same questions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct McNemar {
    /// Chi-squared with continuity correction, one degree of freedom.
    pub statistic: f64,
    /// Exact two-sided p-value: the binomial test of both discordant counts against a half.
    pub p_value: f64,
}

impl McNemar {
    /// The p-value in words, such as `0.0352` or `< 0.0001`.
    #[must_use]
    pub fn p_text(&self) -> String {
        if self.p_value < 1e-4 { "< 0.0001".to_owned() } else { format!("{:.4}", self.p_value) }
    }
}

/// The test, from the number of questions only the one, and only the other system has right.
#[must_use]
pub fn mcnemar(only_first: usize, only_second: usize) -> McNemar {
    let n = only_first + only_second;
    if n == 0 {
        return McNemar { statistic: 0.0, p_value: 1.0 };
    }
    let gap = only_first.abs_diff(only_second) as f64;
    let statistic = (gap - 1.0).max(0.0).powi(2) / n as f64;
    let fewer = only_first.min(only_second);
    // Sum of the tail, each term from the one before, in logarithms: a half to the power of n underflows.
    let mut term = -(n as f64) * std::f64::consts::LN_2;
    let mut tail = libm::exp(term);
    for k in 1..=fewer {
        term += libm::log((n - k + 1) as f64 / k as f64);
        tail += libm::exp(term);
    }
    McNemar { statistic, p_value: (2.0 * tail).min(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::fnv1a;

    #[test]
    fn intervals_agree_with_published_values() {
        // Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
        for (successes, trials, low, high) in [
            (81.0, 263, 0.2553, 0.3662),
            (15.0, 148, 0.0624, 0.1605),
            (0.0, 20, 0.0, 0.1611),
            (1.0, 29, 0.0061, 0.1718),
        ] {
            let found = wilson(successes, trials);
            assert!((found.low - low).abs() < 5e-5 && (found.high - high).abs() < 5e-5, "{found:?}");
        }
    }

    #[test]
    fn the_middle_lies_between_percentiles() {
        let interval = middle((0..=10).rev().map(f64::from).collect()).unwrap();
        assert!((interval.low - 0.25).abs() < 1e-12 && (interval.high - 9.75).abs() < 1e-12);
        assert_eq!(middle(Vec::new()), None);
    }

    #[test]
    fn a_bootstrap_is_centred_and_as_wide_as_the_theory_says() {
        let values: Vec<f64> = (0..400).map(|index| f64::from(index % 2)).collect();
        let means = bootstrap_sums(&values, fnv1a("test")).into_iter().map(|sum| sum / 400.0).collect();
        let interval = middle(means).unwrap();
        // 0.5 +- 1.96 * sqrt(0.25 / 400).
        assert!(
            (interval.low - 0.451).abs() < 0.006 && (interval.high - 0.549).abs() < 0.006,
            "{interval:?}"
        );
        assert_eq!(bootstrap_sums(&values, 7), bootstrap_sums(&values, 7));
        assert_ne!(bootstrap_sums(&values, 7), bootstrap_sums(&values, 8));
        assert!(bootstrap_sums(&[], 7).iter().all(|sum| *sum == 0.0));
    }

    /// The constants come from tests/scripts/splitmix_golden.py: intervals must not change from version to version.
    #[test]
    fn draws_stay_what_they_are() {
        let values = [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];
        assert_eq!(bootstrap_sums(&values, 7)[..3], [307.0, 1013.0, 829.0]);
    }

    #[test]
    fn a_bootstrap_wants_ten_values_that_differ() {
        let mut values = vec![1.0; 500];
        assert!(!has_spread(&values), "equal values have no width");
        values[499] = 0.0;
        assert!(has_spread(&values));
        assert!(!has_spread(&[0.0, 1.0]) && !has_spread(&[]));
        let interval = Interval { low: 1e-13, high: 2.0 };
        assert!(!interval.excludes(0.0), "an end that was only rounded off 0");
    }

    #[test]
    fn mcnemar_is_the_exact_binomial_test() {
        // scipy.stats.binomtest(3, 15).pvalue and (121, 121 + 59).
        assert!((mcnemar(3, 12).p_value - 0.035_156_25).abs() < 1e-12);
        let found = mcnemar(121, 59);
        assert!((found.p_value - 4.434_449_263_755e-6).abs() < 1e-15, "{found:?}");
        assert_eq!((found.p_text().as_str(), mcnemar(3, 12).p_text().as_str()), ("< 0.0001", "0.0352"));
        assert!((found.statistic - 61.0_f64.powi(2) / 180.0).abs() < 1e-12);
        assert!((mcnemar(5, 5).p_value - 1.0).abs() < 1e-12);
        assert!((mcnemar(0, 0).p_value - 1.0).abs() < 1e-12);
        // Thousands of questions do not underflow.
        assert!((mcnemar(4000, 4000).p_value - 1.0).abs() < 1e-9);
    }
}
