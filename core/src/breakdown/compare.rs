//! Two systems on the same questions.

use std::collections::{HashMap, HashSet};

use rayon::prelude::*;
use serde::Serialize;

use super::{
    Analysis, BreakdownError, Dimension, Interval, McNemar, Slice,
    statistics::{bootstrap_sums, mcnemar, middle, seed_of},
};

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
    pub interval: Option<Interval>,
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
        let pairs: Vec<Pair> = first
            .scores_at(first_threshold)
            .into_iter()
            .zip(order)
            .map(|(first, place)| Pair {
                first,
                second: of_second.get(place).copied().unwrap_or_default(),
                place,
            })
            .collect();
        let ids = |wanted: Change| {
            let found = first.cases.iter().zip(&pairs).filter(move |(_, pair)| pair.change() == Some(wanted));
            found.map(|(case, _)| case.id.clone()).collect()
        };
        let both = |right: bool| {
            pairs
                .iter()
                .filter(|pair| (pair.first.0 > 0.0) == right && (pair.second.0 > 0.0) == right)
                .count()
        };
        Ok(Self {
            first: first.name.clone(),
            second: second.name.clone(),
            overall: difference(None, "all questions", &pairs.iter().collect::<Vec<_>>()),
            slices: slices
                .iter()
                .map(|slice| difference(Some(slice.dimension), &slice.label, &members(slice, &pairs)))
                .collect(),
            both_right: both(true),
            both_wrong: both(false),
            right_to_wrong: ids(Change::RightToWrong),
            wrong_to_right: ids(Change::WrongToRight),
            pairs,
        })
    }

    /// Draws the intervals; `slices` are those of [`Self::new`].
    pub fn add_intervals(&mut self, slices: &[Slice]) {
        let pairs = &self.pairs;
        self.overall.interval = interval(&self.overall, &pairs.iter().collect::<Vec<_>>());
        self.slices
            .par_iter_mut()
            .zip(slices)
            .for_each(|(row, slice)| row.interval = interval(row, &members(slice, pairs)));
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

fn members<'a>(slice: &Slice, pairs: &'a [Pair]) -> Vec<&'a Pair> {
    slice.members.iter().filter_map(|index| pairs.get(*index as usize)).collect()
}

fn difference(dimension: Option<Dimension>, label: &str, own: &[&Pair]) -> SliceDifference {
    let n = own.len();
    let mean = |sum: f64| 100.0 * sum / n.max(1) as f64;
    let side = |value: fn(&Pair) -> f64| mean(own.iter().map(|pair| value(pair)).sum());
    let f1 = Sides { first: side(|pair| pair.first.1), second: side(|pair| pair.second.1) };
    let changed = |change| own.iter().filter(|pair| pair.change() == Some(change)).count();
    let (right_to_wrong, wrong_to_right) = (changed(Change::RightToWrong), changed(Change::WrongToRight));
    SliceDifference {
        dimension,
        label: label.to_owned(),
        n,
        exact: Sides { first: side(|pair| pair.first.0), second: side(|pair| pair.second.0) },
        f1,
        difference: f1.second - f1.first,
        interval: None,
        right_to_wrong,
        wrong_to_right,
        mcnemar: mcnemar(right_to_wrong, wrong_to_right),
    }
}

/// The 95 % interval of a slice's difference; none for an empty slice.
fn interval(row: &SliceDifference, own: &[&Pair]) -> Option<Interval> {
    let gains: Vec<f64> = own.iter().map(|pair| pair.second.1 - pair.first.1).collect();
    let seed = format!("{}/{}", row.dimension.map_or("difference", Dimension::name), row.label);
    let sums = bootstrap_sums(&gains, seed_of(&seed)).into_iter();
    middle(sums.map(|sum| 100.0 * sum / row.n.max(1) as f64).collect()).filter(|_| row.n > 0)
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
