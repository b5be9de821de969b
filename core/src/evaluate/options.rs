//! How a data set is evaluated.

use super::{Abstention, EvaluateError};
use crate::{answers::AnswerOptions, features::WindowOptions, score::AnswerLanguage};

/// How a data set is evaluated; the reference's defaults where it has any.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EvaluateOptions {
    /// How contexts are cut into windows.
    pub windows: WindowOptions,
    /// How many windows go to the device at once.
    pub eval_batch_size: usize,
    /// How many start and end logits are paired, and how many answers are kept.
    pub n_best_size: usize,
    /// Longest answer in word pieces.
    pub max_answer_length: usize,
    /// A batch is padded to its longest window, rounded up to a multiple of this.
    pub length_multiple: usize,
    /// Pad every window to `max_seq_length`, as the reference does: padding takes part in its n-best ranking, so that this
    /// alone reproduces its lists exactly. Slower, and hardly ever different.
    pub pad_to_max_length: bool,
    /// What the user or the checkpoint says on whether the model may abstain; see [`Abstention::on`] for what comes of it.
    pub abstention: Option<Abstention>,
    /// The threshold stored with the checkpoint, for the score of that name.
    pub stored_threshold: Option<f64>,
    /// The threshold the user asks for: a score of its own, and the one that final answers are given at. Without it these are
    /// given at the set's best threshold, as in the reference.
    pub threshold: Option<f64>,
    /// By whose rules answers are compared.
    pub answer_language: AnswerLanguage,
}

impl Default for EvaluateOptions {
    fn default() -> Self {
        let AnswerOptions { n_best_size, max_answer_length, .. } = AnswerOptions::default();
        Self {
            windows: WindowOptions::default(),
            eval_batch_size: 8,
            n_best_size,
            max_answer_length,
            length_multiple: 8,
            pad_to_max_length: false,
            abstention: None,
            stored_threshold: None,
            threshold: None,
            answer_language: AnswerLanguage::default(),
        }
    }
}

impl EvaluateOptions {
    /// How answers are picked, if the model may abstain or if it may not.
    pub(super) fn answer_options(&self, may_abstain: bool) -> AnswerOptions {
        AnswerOptions {
            n_best_size: self.n_best_size,
            max_answer_length: self.max_answer_length,
            version_2_with_negative: may_abstain,
        }
    }

    /// Checks that there is something to do with every window.
    pub(super) fn check(&self) -> Result<(), EvaluateError> {
        let zero = [
            ("eval_batch_size", self.eval_batch_size),
            ("n_best_size", self.n_best_size),
            ("max_answer_length", self.max_answer_length),
        ];
        match zero.into_iter().find(|(_, value)| *value == 0) {
            Some((name, _)) => Err(EvaluateError::Zero(name)),
            None => Ok(()),
        }
    }
}
