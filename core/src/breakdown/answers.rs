//! What a system answered, in the official files' format.

use std::collections::HashMap;

use serde::Deserialize;

use super::{BreakdownError, Known};
use crate::score::{IdMap, NullOdds, Predictions};

/// An answer of an n-best list; what else the file says of it is ignored.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NbestAnswer {
    /// The answer; empty for "no answer".
    pub text: String,
    /// Its probability within the list.
    #[serde(default)]
    pub probability: Option<f64>,
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
    /// Longest answer it gives, in word pieces.
    pub max_answer_length: Option<usize>,
    /// What to do about questions without a prediction.
    pub missing: Missing,
}
