//! The scores at every threshold at once.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::{NullOdds, QuestionTable, ScoreError};

/// The scores at one threshold, in percent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThresholdPoint {
    /// Null odds above it mean "no answer". Infinite where given null odds are.
    #[serde(with = "super::json_float::plain")]
    pub threshold: f64,
    /// How many questions have null odds of at most the threshold.
    pub kept: usize,
    /// Exact match of all questions.
    pub exact: f64,
    /// F1 of all questions.
    pub f1: f64,
    /// Exact match of the questions that have an answer, if there are any.
    pub has_ans_exact: Option<f64>,
    /// F1 of the questions that have an answer.
    pub has_ans_f1: Option<f64>,
    /// Exact match (and F1, which is the same) of the questions without an answer, if there are any.
    pub no_ans_exact: Option<f64>,
}

/// The scores as a step function of the threshold: one point per distinct null odds, each valid up to the next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThresholdCurve {
    /// Rising thresholds. The first lies below all null odds: nothing is answered.
    pub points: Vec<ThresholdPoint>,
}

impl ThresholdCurve {
    /// Walks all thresholds; O(n log n).
    ///
    /// # Errors
    /// If a question has no null odds, or there are no questions.
    pub fn new(table: &QuestionTable, null_odds: &NullOdds) -> Result<Self, ScoreError> {
        let values = table.null_odds(null_odds)?;
        let mut walk: Vec<_> = values.into_iter().zip(&table.rows).collect();
        walk.sort_by(|a, b| a.0.partial_cmp(&b.0).unwrap_or(Ordering::Equal));
        let Some(&(lowest, _)) = walk.first() else { return Err(ScoreError::NoQuestions) };

        let answerable = walk.iter().filter(|(_, row)| row.has_answer).count();
        let mut sums = Sums::nothing_answered(answerable, walk.len() - answerable);
        let mut points = vec![sums.point(lowest.next_down(), 0)];
        for (index, &(odds, row)) in walk.iter().enumerate() {
            if row.has_answer {
                sums.has_ans_exact += row.exact;
                sums.has_ans_f1 += row.f1;
            } else {
                sums.no_ans -= 1.0 - row.exact;
            }
            if walk.get(index + 1).is_none_or(|next| next.0 != odds) {
                points.push(sums.point(odds, index + 1));
            }
        }
        Ok(Self { points })
    }

    /// The scores at any threshold.
    #[must_use]
    pub fn at(&self, threshold: f64) -> ThresholdPoint {
        let after = self.points.partition_point(|point| point.threshold <= threshold);
        let point = self.points.get(after.saturating_sub(1)).copied();
        // A curve has at least one point unless it was read from a damaged file.
        point.map_or_else(
            || Sums::nothing_answered(0, 0).point(threshold, 0),
            |point| ThresholdPoint { threshold, ..point },
        )
    }

    /// The lowest threshold with the highest F1.
    #[must_use]
    pub fn best_f1(&self) -> Option<ThresholdPoint> {
        self.best_by(|point| point.f1)
    }

    /// The lowest threshold with the highest exact match.
    #[must_use]
    pub fn best_exact(&self) -> Option<ThresholdPoint> {
        self.best_by(|point| point.exact)
    }

    fn best_by(&self, score_of: fn(&ThresholdPoint) -> f64) -> Option<ThresholdPoint> {
        self.points.iter().copied().reduce(
            |best, point| {
                if score_of(&point) > score_of(&best) { point } else { best }
            },
        )
    }
}

/// Sums over the questions at the current threshold.
struct Sums {
    answerable: usize,
    unanswerable: usize,
    has_ans_exact: f64,
    has_ans_f1: f64,
    no_ans: f64,
}

impl Sums {
    fn nothing_answered(answerable: usize, unanswerable: usize) -> Self {
        Self { answerable, unanswerable, has_ans_exact: 0.0, has_ans_f1: 0.0, no_ans: unanswerable as f64 }
    }

    fn point(&self, threshold: f64, kept: usize) -> ThresholdPoint {
        let percent = |sum: f64, count: usize| 100.0 * sum / count.max(1) as f64;
        let part = |sum: f64, count: usize| (count > 0).then(|| percent(sum, count));
        let total = self.answerable + self.unanswerable;
        ThresholdPoint {
            threshold,
            kept,
            exact: percent(self.has_ans_exact + self.no_ans, total),
            f1: percent(self.has_ans_f1 + self.no_ans, total),
            has_ans_exact: part(self.has_ans_exact, self.answerable),
            has_ans_f1: part(self.has_ans_f1, self.answerable),
            no_ans_exact: part(self.no_ans, self.unanswerable),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{GoldQuestion, GoldQuestions, Predictions, official};
    use super::*;

    fn example() -> (GoldQuestions, Predictions, NullOdds) {
        let rows: [(&str, &[&str], &str, f64); 6] = [
            ("a", &["red"], "red", -3.0),
            ("b", &["green", "dark green"], "dark", -1.0),
            ("c", &[], "blue", -1.0),
            ("d", &[], "the", 0.5), // normalises to nothing: right although answered
            ("e", &["grey"], "black", 2.0),
            ("f", &[], "white", 4.0),
        ];
        let questions =
            rows.iter().map(|(id, gold, ..)| GoldQuestion::new((*id).into(), gold.iter().copied()));
        (
            GoldQuestions { questions: questions.collect() },
            rows.iter().map(|(id, _, text, _)| ((*id).to_owned(), (*text).to_owned())).collect(),
            rows.iter().map(|(id, _, _, odds)| ((*id).to_owned(), *odds)).collect(),
        )
    }

    #[test]
    fn every_point_equals_scoring_at_its_threshold() {
        let (gold, predictions, odds) = example();
        let table = QuestionTable::new(&gold, &predictions);
        let curve = ThresholdCurve::new(&table, &odds).unwrap();
        assert_eq!(curve.points.iter().map(|p| p.kept).collect::<Vec<_>>(), [0, 1, 3, 4, 5, 6]);
        for threshold in [-9.0, -3.0, -2.0, -1.0, 0.0, 0.5, 1.0, 2.0, 3.9, 4.0, 9.0] {
            let scores = official(&gold, &predictions, Some(&odds), threshold).unwrap().scores;
            let point = curve.at(threshold);
            let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{threshold}: {a} {b}");
            close(point.exact, scores.exact);
            close(point.f1, scores.f1);
            close(point.has_ans_f1.unwrap(), scores.has_ans_f1.unwrap());
            close(point.no_ans_exact.unwrap(), scores.no_ans_exact.unwrap());
        }
    }

    #[test]
    fn the_best_threshold_is_the_lowest_of_the_best() {
        let (gold, predictions, odds) = example();
        let curve = ThresholdCurve::new(&QuestionTable::new(&gold, &predictions), &odds).unwrap();
        let best = curve.best_f1().unwrap();
        assert_eq!((best.threshold, best.kept), (-3.0, 1));
        assert!((best.f1 - 400.0 / 6.0).abs() < 1e-9);
    }
}
