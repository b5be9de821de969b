//! One question of an analysed evaluation.

use serde::Serialize;

use super::{Outcome, Traits};
use crate::squad::Answer;

/// One question with its answer and everything measured about both.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Case {
    /// The question's id.
    pub id: String,
    /// Index of its article in the data set.
    pub article: usize,
    /// Index of its paragraph in the article.
    pub paragraph: usize,
    /// The question as written.
    pub question: String,
    /// The gold answers; none for an unanswerable question.
    pub gold_answers: Vec<Answer>,
    /// What a hasty reader might answer to an unanswerable question.
    pub plausible_answers: Vec<Answer>,
    /// The system's answer, before any threshold; empty for "no answer".
    pub prediction: String,
    /// Exact match of that answer, 0 or 1.
    pub exact: f64,
    /// F1 of that answer, 0 to 1.
    pub f1: f64,
    /// What the answer is if it counts.
    pub answered: Outcome,
    /// How strongly "no answer" is preferred: above the threshold, it is given instead.
    pub null_odds: Option<f64>,
    /// The answer's probability among the n-best.
    pub probability: Option<f64>,
    /// Highest F1 among the first k non-empty answers of the n-best list, for k = 1, 2, …; answerable questions only.
    pub oracle_f1: Vec<f64>,
    /// What else is known about it.
    pub known: Known,
    /// What the question is like.
    pub traits: Traits,
}

/// What only the system that answered knows about a question.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Known {
    /// How many windows the passage was cut into.
    pub windows: Option<usize>,
    /// Length of the shortest gold answer in word pieces.
    pub gold_pieces: Option<usize>,
    /// Whether some window holds a whole gold answer.
    pub gold_in_window: Option<bool>,
    /// Where the prediction stands in the passage, in bytes.
    pub span: Option<std::ops::Range<usize>>,
}

impl Case {
    /// Whether the passage answers the question.
    #[must_use]
    pub fn has_answer(&self) -> bool {
        !self.gold_answers.is_empty()
    }

    /// Texts of the gold answers, each run of equal ones once.
    #[must_use]
    pub fn gold_texts(&self) -> Vec<&str> {
        let mut texts: Vec<&str> = self.gold_answers.iter().map(|answer| answer.text.as_str()).collect();
        texts.dedup();
        texts
    }

    /// Whether "no answer" is given at a threshold: the prediction is empty, or its null odds are above.
    #[must_use]
    pub fn abstains(&self, threshold: f64) -> bool {
        self.prediction.is_empty() || self.blanked(threshold)
    }

    /// Exact match and F1 (0 to 1) of what is given at a threshold, as the official script counts.
    #[must_use]
    pub fn scores(&self, threshold: f64) -> (f64, f64) {
        if self.blanked(threshold) {
            let right = f64::from(u8::from(!self.has_answer()));
            (right, right)
        } else {
            (self.exact, self.f1)
        }
    }

    /// What became of the question at a threshold.
    #[must_use]
    pub fn outcome(&self, threshold: f64) -> Outcome {
        match (self.abstains(threshold), self.has_answer()) {
            (true, true) => Outcome::WronglyAbstained,
            (true, false) => Outcome::CorrectlyAbstained,
            (false, _) => self.answered,
        }
    }

    fn blanked(&self, threshold: f64) -> bool {
        self.null_odds.is_some_and(|odds| odds > threshold)
    }
}
