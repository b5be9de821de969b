//! The scores of slices, each beside the rest of its dimension.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::Serialize;

use super::{
    Analysis, Dimension, Interval, Slice,
    slice_draws::Draws,
    statistics::{bootstrap_sums, has_spread, middle, wilson},
};
use crate::random::fnv1a;

/// The scores of a slice at a threshold, in percent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SliceScores {
    /// In what respect its questions are alike; none for all questions.
    pub dimension: Option<Dimension>,
    /// Its name.
    pub label: String,
    /// The query that finds it, for slices of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Number of questions.
    pub n: usize,
    /// Share of all questions.
    pub share: f64,
    /// Exact match.
    pub exact: f64,
    /// F1.
    pub f1: f64,
    /// F1 minus that of the other questions that the dimension groups; none if there are no others.
    pub difference: Option<f64>,
    /// Whether the interval of the difference excludes 0. Without an interval it never is.
    pub significant: bool,
    /// Wilson's 95 % interval of the exact match.
    pub exact_interval: Interval,
    /// 95 % intervals of the others, which take a bootstrap; none for an empty slice.
    pub intervals: Option<Intervals>,
}

/// Percentile bootstrap intervals of [`REPLICATES`](super::statistics::REPLICATES) replicates; a slice and the rest are drawn
/// from on their own.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Intervals {
    /// Of F1; Wilson's, as if F1 were a rate, of fewer than [`FEWEST`](super::statistics::FEWEST) questions and of those that
    /// all score the same.
    pub f1: Interval,
    /// Of the difference to the rest; none if one side has fewer than [`FEWEST`](super::statistics::FEWEST) questions, or only
    /// such as score the same.
    pub difference: Option<Interval>,
}

/// Sums over the questions of a slice.
#[derive(Clone, Copy, Default)]
struct Sums {
    n: usize,
    exact: f64,
    f1: f64,
}

impl Sums {
    fn of<'a>(scores: impl Iterator<Item = &'a (f64, f64)>) -> Self {
        scores.fold(Self::default(), |sums, (exact, f1)| Self {
            n: sums.n + 1,
            exact: sums.exact + exact,
            f1: sums.f1 + f1,
        })
    }

    fn plus(self, other: Self) -> Self {
        Self { n: self.n + other.n, exact: self.exact + other.exact, f1: self.f1 + other.f1 }
    }

    fn mean(sum: f64, n: usize) -> f64 {
        100.0 * sum / n.max(1) as f64
    }
}

impl Analysis {
    /// The scores of slices at a threshold, without intervals that take a bootstrap.
    #[must_use]
    pub fn slice_scores(&self, slices: &[Slice], threshold: f64) -> Vec<SliceScores> {
        let scores = self.scores_at(threshold);
        let sums: Vec<Sums> = slices.iter().map(|slice| Sums::of(values(slice, &scores))).collect();
        let mut pools: BTreeMap<Dimension, Sums> = BTreeMap::new();
        for (slice, own) in slices.iter().zip(&sums) {
            let pool = pools.entry(slice.dimension).or_default();
            *pool = pool.plus(*own);
        }
        // Queries overlap: each is compared with all questions it does not find.
        pools.insert(Dimension::Query, Sums::of(scores.iter()));
        slices
            .iter()
            .zip(&sums)
            .map(|(slice, own)| {
                let pool = pools.get(&slice.dimension).copied().unwrap_or_default();
                let rest = pool.n - own.n;
                let difference = (rest > 0 && own.n > 0)
                    .then(|| Sums::mean(own.f1, own.n) - Sums::mean(pool.f1 - own.f1, rest));
                SliceScores { difference, ..self.row(Some(slice), *own) }
            })
            .collect()
    }

    /// The scores of all questions at a threshold, as if they were a slice.
    #[must_use]
    pub fn overall(&self, threshold: f64) -> SliceScores {
        self.row(None, Sums::of(self.scores_at(threshold).iter()))
    }

    fn row(&self, slice: Option<&Slice>, sums: Sums) -> SliceScores {
        SliceScores {
            dimension: slice.map(|slice| slice.dimension),
            label: slice.map_or_else(|| "all questions".to_owned(), |slice| slice.label.clone()),
            query: slice.and_then(|slice| slice.query.clone()),
            n: sums.n,
            share: Sums::mean(sums.n as f64, self.cases.len()),
            exact: Sums::mean(sums.exact, sums.n),
            f1: Sums::mean(sums.f1, sums.n),
            difference: None,
            significant: false,
            exact_interval: wilson(sums.exact, sums.n).times(100.0),
            intervals: None,
        }
    }

    /// Adds intervals to what [`Self::slice_scores`] gave for the same slices and threshold.
    ///
    /// Seeds are the names of dimension and slice (`question word/who`), so that the figures are the same everywhere.
    pub fn add_intervals(&self, rows: &mut [SliceScores], slices: &[Slice], threshold: f64) {
        let f1: Vec<f64> = self.scores_at(threshold).into_iter().map(|(_, f1)| f1).collect();
        let draws = Draws::new(slices, &f1);
        rows.par_iter_mut().zip(slices).enumerate().for_each(|(place, (row, slice))| {
            let interval = f1_interval(draws.own(place), slice.values(&f1).sum(), slice.members.len());
            row.intervals = interval.map(|f1| Intervals { f1, difference: draws.difference(place) });
            let difference = row.intervals.and_then(|intervals| intervals.difference);
            row.significant = difference.is_some_and(|interval| interval.excludes(0.0));
        });
    }

    /// Adds the interval to what [`Self::overall`] gave.
    pub fn add_overall_interval(&self, row: &mut SliceScores, threshold: f64) {
        let f1: Vec<f64> = self.scores_at(threshold).into_iter().map(|(_, f1)| f1).collect();
        let sums = has_spread(&f1).then(|| bootstrap_sums(&f1, fnv1a("all questions")));
        let interval = f1_interval(sums.as_deref(), f1.iter().sum(), f1.len());
        row.intervals = interval.map(|f1| Intervals { f1, difference: None });
    }
}

/// The interval of F1 in percent, from the sums of replicates if there are such; none without questions.
fn f1_interval(sums: Option<&[f64]>, sum: f64, n: usize) -> Option<Interval> {
    match sums {
        _ if n == 0 => None,
        Some(sums) => middle(sums.iter().map(|sum| Sums::mean(*sum, n)).collect()),
        None => Some(wilson(sum, n).times(100.0)),
    }
}

fn values<'a>(slice: &'a Slice, scores: &'a [(f64, f64)]) -> impl Iterator<Item = &'a (f64, f64)> {
    slice.members.iter().filter_map(|index| scores.get(*index as usize))
}
