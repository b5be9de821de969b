//! Which groups a page or a terminal has room for.

use super::{Dimension, SliceDifference, SliceScores};

/// A dimension of at most so many groups is shown whole.
const WHOLE: usize = 50;
/// Of a larger one so many groups are shown.
const MOST: usize = 20;

/// A group of questions with a difference in F1.
pub trait Group {
    /// In what respect its questions are alike.
    fn dimension(&self) -> Option<Dimension>;
    /// Whether the difference is more than chance.
    fn significant(&self) -> bool;
    /// The difference times the number of questions: what the group adds to that of the whole set.
    fn weight(&self) -> f64;
}

impl Group for SliceScores {
    fn dimension(&self) -> Option<Dimension> {
        self.dimension
    }

    fn significant(&self) -> bool {
        self.significant
    }

    fn weight(&self) -> f64 {
        self.difference.unwrap_or_default() * self.n as f64
    }
}

impl Group for SliceDifference {
    fn dimension(&self) -> Option<Dimension> {
        self.dimension
    }

    fn significant(&self) -> bool {
        self.significant
    }

    fn weight(&self) -> f64 {
        self.difference * self.n as f64
    }
}

/// A dimension's groups.
#[derive(Debug)]
pub struct Bounded<'a, T> {
    /// In what respect their questions are alike.
    pub dimension: Option<Dimension>,
    /// The groups shown, in the dimension's order if they are all; else those that matter most first: significant ones before
    /// others, heavy ones before light ones.
    pub shown: Vec<&'a T>,
    /// The others, in the dimension's order.
    pub others: Vec<&'a T>,
}

/// Sorts groups into those a reader is shown and the others, by dimension. What the user asked for is shown whole.
#[must_use]
pub fn bounded<'a, T: Group>(groups: impl Iterator<Item = &'a T>) -> Vec<Bounded<'a, T>> {
    let groups: Vec<&T> = groups.collect();
    let cut = |groups: &[&'a T]| {
        let dimension = groups.first().and_then(|group| group.dimension());
        let mut order: Vec<(usize, &T)> = groups.iter().copied().enumerate().collect();
        if groups.len() <= WHOLE || dimension == Some(Dimension::Query) {
            return Bounded { dimension, shown: groups.to_vec(), others: Vec::new() };
        }
        order.sort_by(|(_, a), (_, b)| {
            b.significant().cmp(&a.significant()).then_with(|| b.weight().abs().total_cmp(&a.weight().abs()))
        });
        let mut others = order.split_off(MOST);
        others.sort_by_key(|(place, _)| *place);
        let groups = |order: Vec<(usize, &'a T)>| order.into_iter().map(|(_, group)| group).collect();
        Bounded { dimension, shown: groups(order), others: groups(others) }
    };
    groups.chunk_by(|a, b| a.dimension() == b.dimension()).map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Plain(Dimension, bool, f64);

    impl Group for Plain {
        fn dimension(&self) -> Option<Dimension> {
            Some(self.0)
        }

        fn significant(&self) -> bool {
            self.1
        }

        fn weight(&self) -> f64 {
            self.2
        }
    }

    #[test]
    fn a_large_dimension_is_cut_to_what_matters() {
        let mut groups: Vec<Plain> =
            (0..WHOLE).map(|at| Plain(Dimension::Windows, false, at as f64)).collect();
        groups.extend((0..300).map(|at| Plain(Dimension::Article, at == 7, f64::from(at) - 100.0)));
        groups.extend((0..WHOLE + 1).map(|_| Plain(Dimension::Query, false, 0.0)));
        let found = bounded(groups.iter());
        assert_eq!(found.iter().map(|part| part.shown.len()).collect::<Vec<_>>(), [WHOLE, MOST, WHOLE + 1]);
        let articles = &found[1];
        assert_eq!(articles.others.len(), 280);
        // The significant one, then the heaviest; the others as they came.
        let weights: Vec<f64> = articles.shown.iter().map(|group| group.2).collect();
        assert_eq!(weights[..3], [-93.0, 199.0, 198.0]);
        assert_eq!(articles.others[0].2, -100.0);
    }
}
