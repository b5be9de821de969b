//! Scoring the weights while they are trained.

use std::{ops::ControlFlow, path::Path};

use crate::{engine::InferenceEngine, score::Scores};

/// Why an evaluation failed.
pub type EvaluatorError = Box<dyn std::error::Error + Send + Sync>;

/// Answers the development set, as often as asked.
pub trait Evaluator {
    /// Windows of the development set, for the time estimate.
    fn windows(&self) -> usize;

    /// Answers every question, writes the files of `eval/step-<n>/` into `folder` and returns the reference's
    /// scores; `None` if `progress` (windows done, of all) broke it off.
    ///
    /// # Errors
    /// If the device fails or a file cannot be written.
    fn evaluate(
        &mut self,
        engine: &mut dyn InferenceEngine,
        folder: &Path,
        progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<Option<Scores>, EvaluatorError>;
}
