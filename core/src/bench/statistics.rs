//! Repeated measurements, summed up.

use serde::Serialize;

use crate::percentile::percentile;

/// Median, minimum and 90th percentile of some measurements, in their unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Half of the values are below.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// Nine tenths of the values are below.
    pub p90: f64,
}

impl Summary {
    /// Sums up values in any order; none if there are none.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        Some(Self {
            median: percentile(&sorted, 0.5)?,
            min: *sorted.first()?,
            p90: percentile(&sorted, 0.9)?,
        })
    }

    /// Sums up the times of runs, of which there is at least one.
    pub(super) fn of_runs(values: &[f64]) -> Self {
        Self::of(values.iter().copied()).unwrap_or(Self { median: 0.0, min: 0.0, p90: 0.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_matter() {
        let summary = Summary::of([4.0, 1.0, 3.0, 2.0]).unwrap();
        assert_eq!((summary.median, summary.min), (2.5, 1.0));
        assert!((summary.p90 - 3.7).abs() < 1e-12);
        assert_eq!(Summary::of([]), None);
    }
}
