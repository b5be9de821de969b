//! Two systems on the same questions.

use std::collections::{HashMap, HashSet};

use rayon::prelude::*;
use serde::Serialize;

use super::{
    Analysis, BreakdownError, Dimension, Interval, McNemar, Slice,
    statistics::{bootstrap_sums, has_spread, mcnemar, middle},
};
use crate::random::fnv1a;

/// A pair of values, one of each system.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Sides {
    /// Of the first system.
    pub first: f64,
    /// Of the second system.
    pub second: f64,
}

/// What became of a question from the first system to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The first has it right, exactly, and the second wrong.
    RightToWrong,
    /// The first has it wrong and the second right.
    WrongToRight,
}

impl Change {
    /// Its name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RightToWrong => "right to wrong",
            Self::WrongToRight => "wrong to right",
        }
    }
}

/// Two systems on the same questions, each at a threshold of its own.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The first system, that which the second is compared with.
    pub first: String,
    /// The second system.
    pub second: String,
    /// All questions.
    pub overall: SliceDifference,
    /// Groups of questions.
    pub slices: Vec<SliceDifference>,
    /// Both right, exactly.
    pub both_right: usize,
    /// Both wrong.
    pub both_wrong: usize,
    /// Ids of the questions that the first has right and the second wrong.
    pub right_to_wrong: Vec<String>,
    /// Ids of the questions that the first has wrong and the second right.
    pub wrong_to_right: Vec<String>,
    /// Both systems' scores, in the order of the first's questions.
    #[serde(skip)]
    pairs: Vec<Pair>,
}

/// Two systems on a slice; scores in percent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SliceDifference {
    /// In what respect its questions are alike; none for all questions.
    pub dimension: Option<Dimension>,
    /// Its name.
    pub label: String,
    /// Number of questions.
    pub n: usize,
    /// Exact match.
    pub exact: Sides,
    /// F1.
    pub f1: Sides,
    /// F1 of the second minus F1 of the first.
    pub difference: f64,
    /// Its 95 % interval, once [`Comparison::add_intervals`] has drawn it: a bootstrap over the questions, both systems together.
    /// None of fewer than [`FEWEST`](super::statistics::FEWEST) questions, or if all of them change by the same.
    pub interval: Option<Interval>,
    /// Whether that interval excludes 0. Without an interval it never does; McNemar's test is exact for any number.
    pub significant: bool,
    /// Questions that the first has right (exactly) and the second wrong.
    pub right_to_wrong: usize,
    /// The other way round.
    pub wrong_to_right: usize,
    /// McNemar's test of the two counts.
    pub mcnemar: McNemar,
}

impl Comparison {
    /// Compares two systems, each at its threshold, without intervals. `slices` are of the first's questions.
    ///
    /// # Errors
    /// If they are not about the same questions.
    pub fn new(
        (first, first_threshold): (&Analysis, f64),
        (second, second_threshold): (&Analysis, f64),
        slices: &[Slice],
    ) -> Result<Self, BreakdownError> {
        let order = same_questions(first, second)?;
        let of_second = second.scores_at(second_threshold);
        let pair = |place: usize| Pair {
            first: (0.0, 0.0),
            second: of_second.get(place).copied().unwrap_or_default(),
            place,
        };
        let mut compared = Self {
            first: first.name.clone(),
            second: second.name.clone(),
            overall: difference(None, "all questions", std::iter::empty()),
            slices: Vec::new(),
            both_right: 0,
            both_wrong: 0,
            right_to_wrong: Vec::new(),
            wrong_to_right: Vec::new(),
            pairs: order.into_iter().map(pair).collect(),
        };
        compared.move_first(first, first_threshold, slices);
        Ok(compared)
    }

    /// Compares at another threshold of the first system, again without intervals. `first` is that of [`Self::new`].
    pub fn move_first(&mut self, first: &Analysis, threshold: f64, slices: &[Slice]) {
        for (pair, scores) in self.pairs.iter_mut().zip(first.scores_at(threshold)) {
            pair.first = scores;
        }
        let pairs = &self.pairs;
        let ids = |wanted: Change| {
            let found = first.cases.iter().zip(pairs).filter(move |(_, pair)| pair.change() == Some(wanted));
            found.map(|(case, _)| case.id.clone()).collect()
        };
        let both = |right: bool| {
            let alike = |pair: &&Pair| (pair.first.0 > 0.0) == right && (pair.second.0 > 0.0) == right;
            pairs.iter().filter(alike).count()
        };
        (self.both_right, self.both_wrong) = (both(true), both(false));
        (self.right_to_wrong, self.wrong_to_right) = (ids(Change::RightToWrong), ids(Change::WrongToRight));
        self.overall = difference(None, "all questions", pairs.iter());
        let row = |slice: &Slice| difference(Some(slice.dimension), &slice.label, members(slice, pairs));
        self.slices = slices.par_iter().map(row).collect();
    }

    /// Draws the intervals; `slices` are those of [`Self::new`].
    pub fn add_intervals(&mut self, slices: &[Slice]) {
        let pairs = &self.pairs;
        self.overall.set_interval(pairs.iter());
        self.slices
            .par_iter_mut()
            .zip(slices)
            .for_each(|(row, slice)| row.set_interval(members(slice, pairs)));
    }

    /// What became of a question, by its place in the first system.
    #[must_use]
    pub fn change(&self, place: usize) -> Option<Change> {
        self.pairs.get(place)?.change()
    }

    /// Where a question stands in the second system, by its place in the first.
    #[must_use]
    pub fn place_in_second(&self, place: usize) -> Option<usize> {
        self.pairs.get(place).map(|pair| pair.place)
    }
}

/// Exact match and F1 of a question by both systems.
#[derive(Clone, Debug, PartialEq)]
struct Pair {
    first: (f64, f64),
    second: (f64, f64),
    /// Where the second has the question.
    place: usize,
}

impl Pair {
    fn change(&self) -> Option<Change> {
        match (self.first.0 > 0.0, self.second.0 > 0.0) {
            (true, false) => Some(Change::RightToWrong),
            (false, true) => Some(Change::WrongToRight),
            _ => None,
        }
    }
}

fn members<'a>(slice: &'a Slice, pairs: &'a [Pair]) -> impl Iterator<Item = &'a Pair> {
    slice.members.iter().filter_map(|index| pairs.get(*index as usize))
}

fn difference<'a>(
    dimension: Option<Dimension>,
    label: &str,
    own: impl Iterator<Item = &'a Pair>,
) -> SliceDifference {
    let (mut n, mut right_to_wrong, mut wrong_to_right) = (0, 0, 0);
    let (mut exact, mut f1) = (Sides { first: 0.0, second: 0.0 }, Sides { first: 0.0, second: 0.0 });
    for pair in own {
        n += 1;
        exact = Sides { first: exact.first + pair.first.0, second: exact.second + pair.second.0 };
        f1 = Sides { first: f1.first + pair.first.1, second: f1.second + pair.second.1 };
        match pair.change() {
            Some(Change::RightToWrong) => right_to_wrong += 1,
            Some(Change::WrongToRight) => wrong_to_right += 1,
            None => {}
        }
    }
    let mean = |sum: f64| 100.0 * sum / n.max(1) as f64;
    let means = |sums: Sides| Sides { first: mean(sums.first), second: mean(sums.second) };
    let f1 = means(f1);
    SliceDifference {
        dimension,
        label: label.to_owned(),
        n,
        exact: means(exact),
        f1,
        difference: f1.second - f1.first,
        interval: None,
        significant: false,
        right_to_wrong,
        wrong_to_right,
        mcnemar: mcnemar(right_to_wrong, wrong_to_right),
    }
}

impl SliceDifference {
    fn set_interval<'a>(&mut self, own: impl Iterator<Item = &'a Pair>) {
        let gains: Vec<f64> = own.map(|pair| pair.second.1 - pair.first.1).collect();
        let seed = format!("{}/{}", self.dimension.map_or("difference", Dimension::name), self.label);
        let drawn = has_spread(&gains).then(|| bootstrap_sums(&gains, fnv1a(&seed)));
        let means = |sums: Vec<f64>| sums.into_iter().map(|sum| 100.0 * sum / gains.len() as f64).collect();
        self.interval = drawn.and_then(|sums| middle(means(sums)));
        self.significant = self.interval.is_some_and(|interval| interval.excludes(0.0));
    }
}

/// Where each question of the first stands in the second.
fn same_questions(first: &Analysis, second: &Analysis) -> Result<Vec<usize>, BreakdownError> {
    let place: HashMap<&str, usize> =
        second.cases.iter().zip(0..).map(|(case, at)| (case.id.as_str(), at)).collect();
    let order: Vec<Option<usize>> =
        first.cases.iter().map(|case| place.get(case.id.as_str()).copied()).collect();
    let known: HashSet<&str> = first.cases.iter().map(|case| case.id.as_str()).collect();
    let only_first = first.cases.iter().zip(&order).filter(|(_, at)| at.is_none()).map(|(case, _)| case);
    let only_second = second.cases.iter().filter(|case| !known.contains(case.id.as_str()));
    let mut missing = only_first.chain(only_second).map(|case| case.id.as_str());
    let Some(example) = missing.next() else { return Ok(order.into_iter().flatten().collect()) };
    let missing = 1 + missing.count();
    Err(BreakdownError::NotComparable {
        first: first.name.clone(),
        second: second.name.clone(),
        missing,
        total: first.cases.len()
            + second.cases.iter().filter(|case| !known.contains(case.id.as_str())).count(),
        example: example.to_owned(),
    })
}
