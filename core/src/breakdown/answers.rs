//! What a system answered, in the official files' format.

use std::collections::HashMap;

use serde::Deserialize;

use super::{BreakdownError, Known};
use crate::score::{AnswerLanguage, IdMap, NullOdds, Predictions};

/// An answer of an n-best list; what else the file says of it is ignored.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NbestAnswer {
    /// The answer; empty for "no answer".
    pub text: String,
    /// Its probability within the list.
    #[serde(default)]
    pub probability: Option<f64>,
    /// Logit of its first word piece.
    #[serde(default)]
    pub start_logit: Option<f64>,
    /// Logit of its last word piece.
    #[serde(default)]
    pub end_logit: Option<f64>,
}

impl NbestAnswer {
    /// What people are shown in place of the reference's `empty`.
    pub const STAND_IN: &'static str = "no span found (\"empty\" in the files)";

    /// Whether this is no answer of the passage, but the word `empty` with logits of 0 that the reference puts where a model
    /// has found no span.
    #[must_use]
    pub fn is_stand_in(&self) -> bool {
        self.text == "empty" && self.start_logit == Some(0.0) && self.end_logit == Some(0.0)
    }

    /// The answer as people read it.
    #[must_use]
    pub fn shown(&self) -> &str {
        match self.text.as_str() {
            "" => "no answer",
            _ if self.is_stand_in() => Self::STAND_IN,
            text => text,
        }
    }
}

/// The n-best answers by question id, best first (`nbest_predictions.json`).
pub type NbestLists = IdMap<Vec<NbestAnswer>>;

impl NbestLists {
    /// Reads an `nbest_predictions.json`; `source_name` is what messages call it.
    ///
    /// # Errors
    /// If it is not a JSON object of lists of answers.
    pub fn from_json(text: &str, source_name: &str) -> Result<Self, BreakdownError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        serde_json::from_str(text)
            .map_err(|source| BreakdownError::Nbest { file: source_name.to_owned(), source })
    }
}

/// What happens to questions without a prediction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// They are listed in an error, as by the official script.
    #[default]
    Refuse,
    /// They count as answered by "no answer".
    CountAsUnanswered,
}

/// A system's answers to the questions of a data set.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// What messages and tables call the system.
    pub name: String,
    /// Its answers, before any threshold.
    pub predictions: Predictions,
    /// How strongly it prefers "no answer".
    pub null_odds: Option<NullOdds>,
    /// Its best answers.
    pub nbest: Option<NbestLists>,
    /// What else it told, by question id.
    pub known: HashMap<String, Known>,
    /// The threshold stored with it.
    pub stored_threshold: Option<f64>,
    /// The threshold that the user had the answers given at.
    pub given_threshold: Option<f64>,
    /// Longest answer it gives, in word pieces.
    pub max_answer_length: Option<usize>,
    /// What to do about questions without a prediction.
    pub missing: Missing,
    /// By whose rules they are compared with the gold answers.
    pub language: AnswerLanguage,
}
