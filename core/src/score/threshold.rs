//! The best threshold as the official script finds it.

use super::{NullOdds, QuestionTable};

/// A score and the threshold that gives it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BestThreshold {
    /// The score in percent.
    pub score: f64,
    /// Null odds above it mean "no answer".
    pub threshold: f64,
}

/// Thresholds of the best exact match and the best F1 (`find_all_best_thresh`).
///
/// The script's habits are kept: it walks question by question in order of rising null odds (equal ones in file order), so
/// that a threshold may lie between equal odds; it takes every text for an unanswerable question as wrong, even one that
/// normalises to nothing; and the score of answering nothing goes with threshold 0. [`ThresholdCurve`](super::ThresholdCurve)
/// has none of these.
#[must_use]
pub fn best_thresholds(table: &QuestionTable, null_odds: &NullOdds) -> (BestThreshold, BestThreshold) {
    let row_of: std::collections::HashMap<&str, usize> =
        table.rows.iter().map(|row| row.id.as_str()).zip(0..).collect();
    let mut walk: Vec<(f64, usize)> =
        null_odds.iter().filter_map(|(id, &odds)| Some((odds, *row_of.get(id)?))).collect();
    walk.sort_by(|a, b| a.0.partial_cmp(&b.0).unwrap_or(std::cmp::Ordering::Equal));

    let unanswerable = table.rows.iter().filter(|row| !row.has_answer).count() as f64;
    let total = table.rows.len().max(1) as f64;
    let best = |score_of: fn(&super::QuestionScore) -> f64| {
        let (mut current, mut best, mut threshold) = (unanswerable, unanswerable, 0.0);
        for &(odds, row) in &walk {
            let Some(row) = table.rows.get(row) else { continue };
            current += match (row.has_answer, row.is_answered) {
                (true, _) => score_of(row),
                (false, true) => -1.0,
                (false, false) => 0.0,
            };
            if current > best {
                (best, threshold) = (current, odds);
            }
        }
        BestThreshold { score: 100.0 * best / total, threshold }
    };
    (best(|row| row.exact), best(|row| row.f1))
}
