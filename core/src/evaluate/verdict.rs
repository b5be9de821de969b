//! What became of a question at a threshold.

use serde::Serialize;

use super::Record;

/// What became of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Answered, and exactly so.
    Exact,
    /// Answered, with some words right.
    Partial,
    /// Answered, with no word right.
    Wrong,
    /// Not answered although the passage does.
    WronglyAbstained,
    /// Answered although the passage does not.
    AnsweredUnanswerable,
    /// Rightly not answered.
    RightlyAbstained,
}

impl Verdict {
    /// All verdicts, best for an answerable question first.
    pub const ALL: [Self; 6] = [
        Self::Exact,
        Self::Partial,
        Self::Wrong,
        Self::WronglyAbstained,
        Self::AnsweredUnanswerable,
        Self::RightlyAbstained,
    ];
}

impl Record {
    /// Whether the passage answers the question.
    #[must_use]
    pub fn is_answerable(&self) -> bool {
        !self.gold_answers.is_empty()
    }

    /// Whether "no answer" is given at this threshold: the prediction is empty, or its score difference above.
    #[must_use]
    pub fn abstains(&self, threshold: f64) -> bool {
        self.prediction.is_empty() || self.score_diff.is_some_and(|difference| difference > threshold)
    }

    /// F1 (0 to 1) of what is given at this threshold; "no answer" scores 1 where it is right and 0 elsewhere.
    #[must_use]
    pub fn f1_at(&self, threshold: f64) -> f64 {
        match self.verdict(threshold) {
            Verdict::RightlyAbstained => 1.0,
            Verdict::WronglyAbstained => 0.0,
            _ => self.f1,
        }
    }

    /// What became of the question at this threshold.
    #[must_use]
    pub fn verdict(&self, threshold: f64) -> Verdict {
        match (self.is_answerable(), self.abstains(threshold)) {
            (true, true) => Verdict::WronglyAbstained,
            (false, true) => Verdict::RightlyAbstained,
            (false, false) => Verdict::AnsweredUnanswerable,
            (true, false) if self.exact > 0.0 => Verdict::Exact,
            (true, false) if self.f1 > 0.0 => Verdict::Partial,
            (true, false) => Verdict::Wrong,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::squad::Answer;

    fn record(gold: &str, prediction: &str, exact: f64, f1: f64, score_diff: f64) -> Record {
        let gold_answers =
            if gold.is_empty() { Vec::new() } else { vec![Answer { text: gold.into(), answer_start: 0 }] };
        Record {
            id: "q".into(),
            article: 0,
            paragraph: 0,
            question: "who?".into(),
            gold_answers,
            plausible_answers: Vec::new(),
            prediction: prediction.into(),
            exact,
            f1,
            probability: None,
            score_diff: Some(score_diff),
            span: None,
            windows: 1,
        }
    }

    #[test]
    fn verdicts_follow_the_threshold() {
        let right = record("a", "a", 1.0, 1.0, 2.0);
        assert_eq!((right.verdict(2.0), right.verdict(1.9)), (Verdict::Exact, Verdict::WronglyAbstained));
        assert_eq!((right.f1_at(2.0), right.f1_at(1.9)), (1.0, 0.0));
        assert_eq!(record("a b", "a", 0.0, 0.5, 0.0).verdict(0.0), Verdict::Partial);
        assert_eq!(record("a", "c", 0.0, 0.0, 0.0).verdict(0.0), Verdict::Wrong);
        assert_eq!(record("a", "", 0.0, 0.0, 0.0).verdict(0.0), Verdict::WronglyAbstained);
        let unanswerable = record("", "c", 0.0, 0.0, 0.5);
        assert_eq!(
            (unanswerable.verdict(1.0), unanswerable.verdict(0.0)),
            (Verdict::AnsweredUnanswerable, Verdict::RightlyAbstained)
        );
        assert_eq!((unanswerable.f1_at(1.0), unanswerable.f1_at(0.0)), (0.0, 1.0));
    }
}
