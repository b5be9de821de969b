//! Every question's score: the table that all other scores sum up.

use pollster::block_on;
use rayon::prelude::*;

use super::{
    GoldQuestion, GoldQuestions, NullOdds, Predictions, ScoreError, UnknownIds, overlap::token_f1,
    unknown_ids,
};
use crate::squad::SquadVersion;

/// The score of one question's prediction.
#[derive(Clone, Debug, PartialEq)]
pub struct QuestionScore {
    /// The question's id.
    pub id: String,
    /// Whether the data set gives any answer.
    pub has_answer: bool,
    /// Whether the prediction is a text, not "no answer".
    pub is_answered: bool,
    /// 1 if the prediction equals a gold answer after normalisation, else 0.
    pub exact: f64,
    /// Highest token F1 against a gold answer, 0 to 1.
    pub f1: f64,
}

impl QuestionScore {
    /// The score of a prediction against a question's gold answers.
    #[must_use]
    pub fn new(gold: &GoldQuestion, prediction: &str) -> Self {
        let language = gold.rules.language;
        let normalized = language.normalize(prediction);
        let tokens = language.tokens_of(&normalized);
        let exact = gold.answers.iter().any(|(answer, _)| *answer == normalized);
        let f1 = match gold.rules.version {
            // Without a common token the script's F1 is 0, even of two answers of nothing.
            SquadVersion::V1 if tokens.is_empty() => 0.0,
            _ => gold.answers.iter().map(|(_, answer)| token_f1(answer, &tokens)).fold(0.0, f64::max),
        };
        Self {
            id: gold.id.clone(),
            has_answer: gold.has_answer,
            is_answered: !prediction.is_empty(),
            exact: f64::from(u8::from(exact)),
            f1,
        }
    }

    /// Exact match and F1 when null odds above `threshold` turn the prediction into "no answer".
    #[must_use]
    pub fn at(&self, null_odds: f64, threshold: f64) -> (f64, f64) {
        if null_odds > threshold {
            let right = f64::from(u8::from(!self.has_answer));
            (right, right)
        } else {
            (self.exact, self.f1)
        }
    }
}

/// The scores of all questions that have a prediction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QuestionTable {
    /// One row per scored question, in the data set's order.
    pub rows: Vec<QuestionScore>,
    /// Ids of the questions without a prediction, in the data set's order.
    pub missing: Vec<String>,
    /// Predictions for questions that the data set does not have.
    pub unknown: Option<UnknownIds>,
}

impl QuestionTable {
    /// Scores predictions (`get_raw_scores` of the official script). Predictions for other questions are ignored.
    #[must_use]
    pub fn new(gold: &GoldQuestions, predictions: &Predictions) -> Self {
        block_on(Self::in_parts(gold, predictions, usize::MAX, &mut async || ()))
    }

    /// [`Self::new`] where one thread does everything: after each part of so many questions `pause` lets other work be done.
    pub(crate) async fn in_parts(
        gold: &GoldQuestions,
        predictions: &Predictions,
        questions: usize,
        pause: &mut impl AsyncFnMut(),
    ) -> Self {
        let score = |question: &GoldQuestion| {
            let prediction = predictions.get(&question.id).ok_or_else(|| question.id.clone())?;
            Ok(QuestionScore::new(question, prediction))
        };
        let mut scores: Vec<Result<QuestionScore, String>> = Vec::with_capacity(gold.questions.len());
        for part in gold.questions.chunks(questions.max(1)) {
            scores.par_extend(part.par_iter().map(score));
            pause().await;
        }
        let mut table = Self {
            rows: Vec::with_capacity(scores.len()),
            missing: Vec::new(),
            unknown: unknown_ids(gold, predictions),
        };
        for score in scores {
            match score {
                Ok(row) => table.rows.push(row),
                Err(id) => table.missing.push(id),
            }
        }
        table
    }

    /// The table, if every question of a data set that has any has a prediction.
    ///
    /// # Errors
    /// Listing the questions without a prediction, or saying that the predictions are for another data set.
    pub fn complete(self) -> Result<Self, ScoreError> {
        if !self.missing.is_empty() {
            let total = self.rows.len() + self.missing.len();
            if let (true, Some(unknown)) = (self.rows.is_empty(), self.unknown) {
                return Err(ScoreError::OtherDataSet { what: "predictions", unknown, total });
            }
            return Err(ScoreError::MissingPredictions { ids: self.missing, total });
        }
        if self.rows.is_empty() { Err(ScoreError::NoQuestions) } else { Ok(self) }
    }

    /// Each row's null odds, in row order.
    ///
    /// # Errors
    /// Listing the questions without null odds.
    pub fn null_odds(&self, null_odds: &NullOdds) -> Result<Vec<f64>, ScoreError> {
        let values: Vec<Option<f64>> = self.rows.iter().map(|row| null_odds.get(&row.id).copied()).collect();
        if values.iter().all(Option::is_some) {
            return Ok(values.into_iter().flatten().collect());
        }
        let others = || null_odds.iter().next().map(|(id, _)| id.to_owned());
        if let (true, Some(first)) = (values.iter().all(Option::is_none), others()) {
            let unknown = UnknownIds { count: null_odds.len(), first };
            let total = self.rows.len();
            return Err(ScoreError::OtherDataSet { what: "null odds", unknown, total });
        }
        let missing = self.rows.iter().zip(&values).filter(|(_, value)| value.is_none());
        Err(ScoreError::MissingNullOdds {
            ids: missing.map(|(row, _)| row.id.clone()).collect(),
            total: self.rows.len(),
        })
    }
}
