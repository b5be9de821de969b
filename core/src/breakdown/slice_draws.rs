//! Bootstrap replicates of slices and of what each is compared with, in time linear in questions and slices.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::{
    Dimension, Interval, Slice,
    statistics::{FEWEST, REPLICATES, ROUNDING, bootstrap_sums, has_spread, middle},
};
use crate::random::fnv1a;

/// Replicates of slices.
pub(super) struct Draws<'a> {
    slices: &'a [Slice],
    /// The values of all questions.
    f1: &'a [f64],
    /// Of each slice the sums of its replicates; none where they would have no width.
    own: Vec<Option<Vec<f64>>>,
    pools: BTreeMap<Dimension, Pool>,
}

/// All questions that a dimension groups.
struct Pool {
    n: usize,
    /// Sums of replicates, each group drawn from on its own; those of fewer than [`FEWEST`] questions all together, for on their
    /// own they would not vary.
    sums: Vec<f64>,
    /// The two lowest of the groups' lowest values, and the two highest of their highest.
    low: [f64; 2],
    high: [f64; 2],
}

/// The lowest and the highest value.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
}

impl Pool {
    fn new(places: &[usize], slices: &[Slice], f1: &[f64], own: &[Option<Vec<f64>>]) -> Self {
        let mut pool =
            Self { n: 0, sums: vec![0.0; REPLICATES], low: [f64::INFINITY; 2], high: [f64::NEG_INFINITY; 2] };
        let mut small = Vec::new();
        let mut dimension = "";
        let groups = places.iter().filter_map(|place| Some((slices.get(*place)?, own.get(*place)?)));
        for (slice, sums) in groups {
            dimension = slice.dimension.name();
            pool.n += slice.members.len();
            let (low, high) = range(slice.values(f1));
            pool.low = smallest_two(pool.low, low);
            pool.high = smallest_two(pool.high.map(|value| -value), -high).map(|value| -value);
            match sums {
                Some(sums) => pool.add(sums),
                None if slice.members.len() < FEWEST => small.extend(slice.values(f1)),
                None => {
                    // Equal values: every replicate has the same sum.
                    let sum: f64 = slice.values(f1).sum();
                    pool.sums.iter_mut().for_each(|all| *all += sum);
                }
            }
        }
        if !small.is_empty() {
            pool.add(&bootstrap_sums(&small, fnv1a(&format!("{dimension}/small groups"))));
        }
        pool
    }

    fn add(&mut self, sums: &[f64]) {
        self.sums.iter_mut().zip(sums).for_each(|(all, one)| *all += one);
    }

    /// Whether the values of the other groups differ, given the range of one.
    fn rest_varies(&self, (low, high): (f64, f64)) -> bool {
        let [lowest, next] = self.low;
        let rest_low = if low <= lowest { next } else { lowest };
        let [highest, next] = self.high;
        let rest_high = if high >= highest { next } else { highest };
        rest_high - rest_low > ROUNDING
    }
}

fn smallest_two([first, second]: [f64; 2], value: f64) -> [f64; 2] {
    if value < first { [value, first] } else { [first, second.min(value)] }
}

impl<'a> Draws<'a> {
    /// Draws from all slices; `f1` holds the values of all questions.
    pub(super) fn new(slices: &'a [Slice], f1: &'a [f64]) -> Self {
        let draw = |slice: &Slice| {
            let values: Vec<f64> = slice.values(f1).collect();
            has_spread(&values).then(|| bootstrap_sums(&values, fnv1a(&seed_name(slice))))
        };
        let own: Vec<Option<Vec<f64>>> = slices.par_iter().map(draw).collect();
        let mut places: BTreeMap<Dimension, Vec<usize>> = BTreeMap::new();
        for (place, slice) in slices.iter().enumerate() {
            if slice.dimension != Dimension::Query {
                places.entry(slice.dimension).or_default().push(place);
            }
        }
        let pools = places
            .into_par_iter()
            .map(|(dimension, places)| (dimension, Pool::new(&places, slices, f1, &own)))
            .collect();
        Self { slices, f1, own, pools }
    }

    /// The sums of a slice's replicates; none where they would have no width.
    pub(super) fn own(&self, place: usize) -> Option<&[f64]> {
        self.own.get(place)?.as_deref()
    }

    /// The 95 % interval of a slice's difference to the rest, in percent; none unless both sides have a spread.
    pub(super) fn difference(&self, place: usize) -> Option<Interval> {
        let (slice, own) = (self.slices.get(place)?, self.own(place)?);
        let n = slice.members.len();
        let mean = |sum: f64, n: usize| 100.0 * sum / n.max(1) as f64;
        match self.pools.get(&slice.dimension) {
            Some(pool) => {
                let rest = pool.n - n;
                if rest < FEWEST || !pool.rest_varies(range(slice.values(self.f1))) {
                    return None;
                }
                let pairs = own.iter().zip(&pool.sums);
                middle(pairs.map(|(own, all)| mean(*own, n) - mean(all - own, rest)).collect())
            }
            // A query overlaps others: it is compared with all questions that it does not find.
            None => {
                let mut members = slice.members.iter().peekable();
                let others: Vec<f64> = (0_u32..)
                    .zip(self.f1)
                    .filter(|(index, _)| members.next_if(|member| **member == *index).is_none())
                    .map(|(_, f1)| *f1)
                    .collect();
                if !has_spread(&others) {
                    return None;
                }
                let rest = bootstrap_sums(&others, fnv1a(&format!("{}/rest", seed_name(slice))));
                let pairs = own.iter().zip(&rest);
                middle(pairs.map(|(own, rest)| mean(*own, n) - mean(*rest, others.len())).collect())
            }
        }
    }
}

fn seed_name(slice: &Slice) -> String {
    format!("{}/{}", slice.dimension.name(), slice.label)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Slices of one dimension with these numbers of questions, one after the other.
    fn slices(sizes: &[usize]) -> Vec<Slice> {
        let mut first = 0;
        let slice = |(at, size): (usize, &usize)| {
            let members = (first..first + *size as u32).collect();
            first += *size as u32;
            Slice { dimension: Dimension::Article, label: format!("t{at}"), query: None, members }
        };
        sizes.iter().enumerate().map(slice).collect()
    }

    #[test]
    fn the_rest_is_the_sum_of_the_others() {
        let slices = slices(&[30, 20, 50]);
        let f1: Vec<f64> = (0..100).map(|at| f64::from(at % 7) / 6.0).collect();
        let draws = Draws::new(&slices, &f1);
        let others: Vec<f64> =
            draws.own(1).unwrap().iter().zip(draws.own(2).unwrap()).map(|(a, b)| a + b).collect();
        let own = draws.own(0).unwrap();
        let expected = own.iter().zip(&others).map(|(own, rest)| 100.0 * (own / 30.0 - rest / 70.0));
        let (expected, found) = (middle(expected.collect()).unwrap(), draws.difference(0).unwrap());
        assert!((expected.low - found.low).abs() < 1e-9 && (expected.high - found.high).abs() < 1e-9);
    }

    #[test]
    fn both_sides_must_be_many_and_differ() {
        let alternating = |n: usize| (0..n).map(|at| (at % 2) as f64);
        let found = |sizes: &[usize], f1: &[f64]| {
            let slices = slices(sizes);
            let draws = Draws::new(&slices, f1);
            (0..sizes.len()).map(|place| draws.difference(place).is_some()).collect::<Vec<_>>()
        };
        let f1: Vec<f64> = alternating(60).chain([0.0, 0.0]).collect();
        assert_eq!(found(&[60, 2], &f1), [false, false]);
        let f1: Vec<f64> = alternating(60).chain([0.0; 40]).collect();
        assert_eq!(found(&[60, 40], &f1), [false, false], "equal values, on either side");
        assert_eq!(found(&[60, 38, 2], &f1), [false, false, false]);
        let f1: Vec<f64> = alternating(60).chain([0.0; 39]).chain([1.0]).collect();
        assert_eq!(found(&[60, 40], &f1), [true, true]);
        // Many small groups are a rest that varies, though none of them does.
        let mut sizes = vec![20];
        sizes.extend([1; 80]);
        let f1: Vec<f64> = alternating(100).collect();
        let told = found(&sizes, &f1);
        assert!(told[0] && told.iter().skip(1).all(|told| !told));
    }
}
