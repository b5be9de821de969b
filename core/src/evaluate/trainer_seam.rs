//! The trainer's view of an evaluation.

use std::{ops::ControlFlow, path::Path};

use super::{EvaluateError, PreparedEvaluation};
use crate::{
    engine::InferenceEngine,
    score::Scores,
    train::{Evaluator, EvaluatorError},
};

impl Evaluator for &PreparedEvaluation {
    fn windows(&self) -> usize {
        PreparedEvaluation::windows(self)
    }

    fn evaluate(
        &mut self,
        engine: &mut dyn InferenceEngine,
        folder: &Path,
        progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<Option<Scores>, EvaluatorError> {
        match self.run(engine, progress) {
            Ok(evaluation) => {
                evaluation.write(folder)?;
                Ok(Some(evaluation.results.run_squad))
            }
            Err(EvaluateError::Stopped { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
