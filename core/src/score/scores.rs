//! The summary of an evaluation, under the official script's names.

use serde::{Deserialize, Serialize};

use super::{QuestionScore, ResultValue, precision_recall::PrecisionRecall, threshold::BestThreshold};

/// Scores in percent and counts, in the order and under the names of evaluate-v2.0.py. What does not apply is left out:
/// the `HasAns_`/`NoAns_` parts if there are no such questions, the `best_` part without null odds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Exact match of all questions.
    pub exact: f64,
    /// F1 of all questions.
    pub f1: f64,
    /// Number of questions scored.
    pub total: usize,
    /// Exact match of the questions that have an answer.
    #[serde(rename = "HasAns_exact", default, skip_serializing_if = "Option::is_none")]
    pub has_ans_exact: Option<f64>,
    /// F1 of the questions that have an answer.
    #[serde(rename = "HasAns_f1", default, skip_serializing_if = "Option::is_none")]
    pub has_ans_f1: Option<f64>,
    /// How many those are.
    #[serde(rename = "HasAns_total", default, skip_serializing_if = "Option::is_none")]
    pub has_ans_total: Option<usize>,
    /// Exact match of the questions without an answer.
    #[serde(rename = "NoAns_exact", default, skip_serializing_if = "Option::is_none")]
    pub no_ans_exact: Option<f64>,
    /// F1 of the questions without an answer.
    #[serde(rename = "NoAns_f1", default, skip_serializing_if = "Option::is_none")]
    pub no_ans_f1: Option<f64>,
    /// How many those are.
    #[serde(rename = "NoAns_total", default, skip_serializing_if = "Option::is_none")]
    pub no_ans_total: Option<usize>,
    /// Best exact match over all thresholds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_exact: Option<f64>,
    /// The threshold that gives it.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "super::json_float::optional")]
    pub best_exact_thresh: Option<f64>,
    /// Best F1 over all thresholds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_f1: Option<f64>,
    /// The threshold that gives it.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "super::json_float::optional")]
    pub best_f1_thresh: Option<f64>,
    /// Average precision, exact match counting as right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pr_exact_ap: Option<f64>,
    /// Average precision, F1 counting as right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pr_f1_ap: Option<f64>,
    /// Average precision if all answers were right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pr_oracle_ap: Option<f64>,
}

impl Scores {
    /// Averages of exact match and F1 over the rows, without a breakdown (`make_eval_dict`).
    pub(super) fn overall(rows: &[QuestionScore], scored: &[(f64, f64)]) -> Self {
        let (exact, f1, total) = average(rows, scored, |_| true);
        Self { exact, f1, total, ..Self::default() }
    }

    /// [`Self::overall`] with the parts for questions with and without an answer.
    pub(super) fn with_parts(rows: &[QuestionScore], scored: &[(f64, f64)]) -> Self {
        let mut scores = Self::overall(rows, scored);
        let (exact, f1, total) = average(rows, scored, |row| row.has_answer);
        if total > 0 {
            (scores.has_ans_exact, scores.has_ans_f1, scores.has_ans_total) =
                (Some(exact), Some(f1), Some(total));
        }
        let (exact, f1, total) = average(rows, scored, |row| !row.has_answer);
        if total > 0 {
            (scores.no_ans_exact, scores.no_ans_f1, scores.no_ans_total) =
                (Some(exact), Some(f1), Some(total));
        }
        scores
    }

    pub(super) fn set_best(&mut self, exact: BestThreshold, f1: BestThreshold) {
        self.best_exact = Some(exact.score);
        self.best_exact_thresh = Some(exact.threshold);
        self.best_f1 = Some(f1.score);
        self.best_f1_thresh = Some(f1.threshold);
    }

    /// Adds what the official script adds when asked for precision-recall curves.
    pub fn set_precision_recall(&mut self, curves: &PrecisionRecall) {
        self.pr_exact_ap = Some(curves.exact.average_precision);
        self.pr_f1_ap = Some(curves.f1.average_precision);
        self.pr_oracle_ap = Some(curves.oracle.average_precision);
    }

    /// Names and values in the official order.
    #[must_use]
    pub fn entries(&self) -> Vec<(&'static str, ResultValue)> {
        let float = |name, value: Option<f64>| value.map(|value| (name, ResultValue::Float(value)));
        let count = |name, value: Option<usize>| value.map(|value| (name, ResultValue::Count(value as u64)));
        [
            float("exact", Some(self.exact)),
            float("f1", Some(self.f1)),
            count("total", Some(self.total)),
            float("HasAns_exact", self.has_ans_exact),
            float("HasAns_f1", self.has_ans_f1),
            count("HasAns_total", self.has_ans_total),
            float("NoAns_exact", self.no_ans_exact),
            float("NoAns_f1", self.no_ans_f1),
            count("NoAns_total", self.no_ans_total),
            float("best_exact", self.best_exact),
            float("best_exact_thresh", self.best_exact_thresh),
            float("best_f1", self.best_f1),
            float("best_f1_thresh", self.best_f1_thresh),
            float("pr_exact_ap", self.pr_exact_ap),
            float("pr_f1_ap", self.pr_f1_ap),
            float("pr_oracle_ap", self.pr_oracle_ap),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// A value by its official name, as `eval_metric` names it; `None` if it does not apply.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        self.entries().into_iter().find(|(known, _)| *known == name).and_then(|(_, value)| value.as_f64())
    }
}

/// Averages in percent over some rows, summed in row order, and their number.
fn average(
    rows: &[QuestionScore],
    scored: &[(f64, f64)],
    keep: impl Fn(&QuestionScore) -> bool,
) -> (f64, f64, usize) {
    let (mut exact, mut f1, mut total) = (0.0, 0.0, 0_usize);
    for (_, (row_exact, row_f1)) in rows.iter().zip(scored).filter(|(row, _)| keep(row)) {
        exact += row_exact;
        f1 += row_f1;
        total += 1;
    }
    let count = total.max(1) as f64;
    (100.0 * exact / count, 100.0 * f1 / count, total)
}
