//! Precision against recall as the threshold rises (the official script's curves and average precisions).

use std::{cmp::Ordering, collections::HashMap};

use serde::{Deserialize, Serialize};

use super::{NullOdds, QuestionScore, QuestionTable};

/// One precision-recall curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrecisionRecallCurve {
    /// Average precision in percent.
    pub average_precision: f64,
    /// Precision at each point, 0 to 1; starts with 1.
    pub precisions: Vec<f64>,
    /// Recall at each point, 0 to 1; starts with 0.
    pub recalls: Vec<f64>,
}

/// The official script's three curves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrecisionRecall {
    /// An answer is as right as its exact match.
    pub exact: PrecisionRecallCurve,
    /// An answer is as right as its F1.
    pub f1: PrecisionRecallCurve,
    /// Every answer to an answerable question is right: the quality of the null odds alone.
    pub oracle: PrecisionRecallCurve,
}

/// The curves of scored predictions; `None` if no question has an answer.
///
/// Null odds for other questions are left out (the script stops at them).
#[must_use]
pub fn precision_recall(table: &QuestionTable, null_odds: &NullOdds) -> Option<PrecisionRecall> {
    let answerable = table.rows.iter().filter(|row| row.has_answer).count();
    if answerable == 0 {
        return None;
    }
    let row_of: HashMap<&str, &QuestionScore> = table.rows.iter().map(|row| (row.id.as_str(), row)).collect();
    let mut walk: Vec<(f64, &QuestionScore)> =
        null_odds.iter().filter_map(|(id, &odds)| Some((odds, *row_of.get(id)?))).collect();
    walk.sort_by(|a, b| a.0.partial_cmp(&b.0).unwrap_or(Ordering::Equal));
    let curve = |score_of: fn(&QuestionScore) -> f64| curve(&walk, answerable as f64, score_of);
    Some(PrecisionRecall { exact: curve(|row| row.exact), f1: curve(|row| row.f1), oracle: curve(|_| 1.0) })
}

/// `make_precision_recall_eval`: a point after each run of equal null odds.
fn curve(
    walk: &[(f64, &QuestionScore)],
    answerable: f64,
    score_of: fn(&QuestionScore) -> f64,
) -> PrecisionRecallCurve {
    let (mut precisions, mut recalls) = (vec![1.0], vec![0.0]);
    let (mut true_positives, mut last_recall, mut average) = (0.0, 0.0, 0.0);
    for (index, &(odds, row)) in walk.iter().enumerate() {
        if row.has_answer {
            true_positives += score_of(row);
        }
        if walk.get(index + 1).is_none_or(|next| next.0 != odds) {
            let precision = true_positives / (index + 1) as f64;
            let recall = true_positives / answerable;
            average += precision * (recall - last_recall);
            precisions.push(precision);
            recalls.push(recall);
            last_recall = recall;
        }
    }
    PrecisionRecallCurve { average_precision: 100.0 * average, precisions, recalls }
}
