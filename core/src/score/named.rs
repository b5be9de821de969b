//! The three scores that every report names, so that no number is shown without its threshold.

use serde::{Deserialize, Serialize};

use super::{NullOdds, QuestionTable, ScoreError, ThresholdCurve, ThresholdPoint};

/// Scores of a SQuAD 2.0 evaluation at three thresholds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NamedScores {
    /// At threshold 0: the model's own preference, nothing tuned.
    pub threshold_0: ThresholdPoint,
    /// At the threshold stored with the checkpoint, tuned on the dev set: what `ask` uses.
    pub stored_threshold: Option<ThresholdPoint>,
    /// At the threshold that was asked for, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_threshold: Option<ThresholdPoint>,
    /// At the threshold with the highest F1 on this very set: an upper bound, and on the set it was tuned on the customary
    /// figure.
    pub best_threshold: ThresholdPoint,
}

/// The three scores of a scored set.
///
/// # Errors
/// If a question has no null odds, or there are no questions.
pub fn named_scores(
    table: &QuestionTable,
    null_odds: &NullOdds,
    stored_threshold: Option<f64>,
) -> Result<NamedScores, ScoreError> {
    NamedScores::from_curve(&ThresholdCurve::new(table, null_odds)?, stored_threshold)
}

impl NamedScores {
    /// [`named_scores`] of a set whose scores at every threshold are known.
    ///
    /// # Errors
    /// If the curve has no points.
    pub fn from_curve(curve: &ThresholdCurve, stored_threshold: Option<f64>) -> Result<Self, ScoreError> {
        Ok(Self {
            threshold_0: curve.at(0.0),
            stored_threshold: stored_threshold.map(|threshold| curve.at(threshold)),
            given_threshold: None,
            best_threshold: curve.best_f1().ok_or(ScoreError::NoQuestions)?,
        })
    }

    /// The same with the scores at a threshold that was asked for.
    #[must_use]
    pub fn with_given(self, curve: &ThresholdCurve, threshold: Option<f64>) -> Self {
        Self { given_threshold: threshold.map(|threshold| curve.at(threshold)), ..self }
    }
}
