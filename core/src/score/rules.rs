//! Which official script's rules decide whether an answer is right.

use super::AnswerLanguage;
use crate::squad::{Dataset, SquadVersion};

/// How one answer is compared with the gold answers.
///
/// The default, evaluate-v2.0.py for English, is also what the reference's run_squad.py does with data of either version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScoringRules {
    /// How answers are normalised and cut into tokens.
    pub language: AnswerLanguage,
    /// Whose script is followed. evaluate-v2.0.py drops gold answers that normalise to nothing, and gives two answers of
    /// nothing an F1 of 1; evaluate-v1.1.py and MLQA's keep them (they can be an exact match), and without a common token
    /// F1 is 0.
    pub version: SquadVersion,
}

impl Default for ScoringRules {
    fn default() -> Self {
        Self { language: AnswerLanguage::Squad, version: SquadVersion::V2 }
    }
}

impl ScoringRules {
    /// The rules of the data set's own official script.
    #[must_use]
    pub fn official(dataset: &Dataset, language: AnswerLanguage) -> Self {
        Self { language, version: dataset.version }
    }
}
