//! Scoring the weights while they are trained.

use super::EvaluationFiles;
use crate::{
    engine::InferenceEngine,
    evaluate::{BoxFuture, Monitor},
    score::Scores,
};

/// Why an evaluation failed.
pub type EvaluatorError = Box<dyn std::error::Error + Send + Sync>;

/// What an evaluation found.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored<S> {
    /// The scores.
    pub scores: S,
    /// The files of `eval/step-<n>/`.
    pub files: EvaluationFiles,
}

/// Answers the development set, as often as asked.
pub trait Evaluator {
    /// Windows of the development set, for the time estimate.
    fn windows(&self) -> usize;

    /// Answers every question and finds the reference's scores; `None` if `monitor` (windows done, of all) broke it off.
    ///
    /// # Errors
    /// If the device fails or the weights give anything but numbers.
    fn evaluate<'e>(
        &'e mut self,
        engine: &'e mut dyn InferenceEngine,
        monitor: &'e mut dyn Monitor,
    ) -> BoxFuture<'e, Result<Option<Scored<Scores>>, EvaluatorError>>;
}
