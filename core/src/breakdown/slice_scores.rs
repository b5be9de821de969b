//! The scores of slices, each beside the rest of its dimension.

use rayon::prelude::*;
use serde::Serialize;

use super::{
    Analysis, Dimension, Interval, Slice,
    statistics::{REPLICATES, bootstrap_sums, middle, seed_of, wilson},
};

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
    /// Wilson's 95 % interval of the exact match.
    pub exact_interval: Interval,
    /// 95 % intervals of the others, which take a bootstrap.
    pub intervals: Option<Intervals>,
}

/// Percentile bootstrap intervals of [`REPLICATES`] replicates; a slice and the rest are drawn from on their own.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Intervals {
    /// Of F1.
    pub f1: Interval,
    /// Of the difference to the rest.
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
        let all = Sums::of(scores.iter());
        slices
            .iter()
            .zip(&sums)
            .map(|(slice, own)| {
                let pool =
                    if slice.dimension == Dimension::Query { all } else { pooled(slice, slices, &sums) };
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
            exact_interval: wilson(sums.exact, sums.n).times(100.0),
            intervals: None,
        }
    }

    /// Adds intervals to what [`Self::slice_scores`] gave for the same slices and threshold.
    ///
    /// Seeds are the names of dimension and slice (`question word/who`), so that the figures are the same everywhere.
    pub fn add_intervals(&self, rows: &mut [SliceScores], slices: &[Slice], threshold: f64) {
        let scores = self.scores_at(threshold);
        let replicates: Vec<Vec<f64>> =
            slices.par_iter().map(|slice| replicate(&seed_name(slice), values(slice, &scores))).collect();
        rows.par_iter_mut().zip(slices).zip(&replicates).for_each(|((row, slice), own)| {
            let (rest, rest_n) = if slice.dimension == Dimension::Query {
                let mut members = slice.members.iter().peekable();
                let others: Vec<&(f64, f64)> = (0_u32..)
                    .zip(&scores)
                    .filter(|(index, _)| members.next_if(|member| **member == *index).is_none())
                    .map(|(_, score)| score)
                    .collect();
                let n = others.len();
                (replicate(&format!("{}/rest", seed_name(slice)), others.into_iter()), n)
            } else {
                let mut sums = vec![0.0; REPLICATES];
                let mut n = 0;
                for (other, sum) in slices.iter().zip(&replicates) {
                    if other.dimension == slice.dimension && other.label != slice.label {
                        n += other.members.len();
                        sums.iter_mut().zip(sum).for_each(|(all, one)| *all += one);
                    }
                }
                (sums, n)
            };
            let n = slice.members.len();
            let means = own.iter().map(|sum| Sums::mean(*sum, n)).collect();
            let differences = || {
                let pairs = own.iter().zip(&rest);
                middle(pairs.map(|(own, rest)| Sums::mean(*own, n) - Sums::mean(*rest, rest_n)).collect())
            };
            row.intervals = middle(means)
                .filter(|_| n > 0)
                .map(|f1| Intervals { f1, difference: if rest_n > 0 { differences() } else { None } });
        });
    }

    /// Adds the interval to what [`Self::overall`] gave.
    pub fn add_overall_interval(&self, row: &mut SliceScores, threshold: f64) {
        let scores = self.scores_at(threshold);
        let means = replicate("all questions", scores.iter()).into_iter();
        let interval = middle(means.map(|sum| Sums::mean(sum, scores.len())).collect());
        row.intervals = interval.map(|f1| Intervals { f1, difference: None });
    }
}

/// All questions that the slice's dimension groups.
fn pooled(slice: &Slice, slices: &[Slice], sums: &[Sums]) -> Sums {
    slices.iter().zip(sums).filter(|(other, _)| other.dimension == slice.dimension).fold(
        Sums::default(),
        |pool, (_, sums)| Sums { n: pool.n + sums.n, exact: pool.exact + sums.exact, f1: pool.f1 + sums.f1 },
    )
}

fn seed_name(slice: &Slice) -> String {
    format!("{}/{}", slice.dimension.name(), slice.label)
}

/// Sums of F1 in bootstrap replicates.
fn replicate<'a>(name: &str, scores: impl Iterator<Item = &'a (f64, f64)>) -> Vec<f64> {
    let values: Vec<f64> = scores.map(|(_, f1)| *f1).collect();
    bootstrap_sums(&values, seed_of(name))
}

fn values<'a>(slice: &'a Slice, scores: &'a [(f64, f64)]) -> impl Iterator<Item = &'a (f64, f64)> {
    slice.members.iter().filter_map(|index| scores.get(*index as usize))
}
