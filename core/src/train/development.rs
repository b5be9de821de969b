//! The development set, tokenised once and answered at every evaluation.

use std::{ops::ControlFlow, path::Path, sync::Arc};

use super::{Evaluator, EvaluatorError, Recipe, TrainError};
use crate::{
    engine::InferenceEngine,
    evaluate::{EvaluateError, EvaluateOptions, PreparedEvaluation},
    piece_cache::PieceCache,
    score::Scores,
    squad::Dataset,
    tokenizer::BertTokenizer,
};

/// Questions of a development set, ready to be answered.
pub(super) struct DevelopmentSet {
    prepared: PreparedEvaluation,
}

impl DevelopmentSet {
    pub fn new(
        dataset: Arc<Dataset>,
        tokenizer: Arc<BertTokenizer>,
        recipe: &Recipe,
        length_multiple: usize,
        pieces: Option<&PieceCache>,
    ) -> Result<Self, TrainError> {
        let options = EvaluateOptions {
            windows: recipe.window_options(),
            eval_batch_size: recipe.eval_batch_size,
            n_best_size: recipe.n_best_size,
            max_answer_length: recipe.max_answer_length,
            length_multiple,
            pad_to_max_length: recipe.pad_to_max_length,
            ..EvaluateOptions::default()
        };
        let prepared = PreparedEvaluation::with_cache(dataset, tokenizer, &options, pieces)
            .map_err(|error| TrainError::Evaluation(error.into()))?;
        prepared.check_gold().map_err(|error| TrainError::Evaluation(error.into()))?;
        Ok(Self { prepared })
    }

    /// What went wrong while it was tokenised without being an error.
    pub fn warnings(&self) -> &[String] {
        self.prepared.warnings()
    }

    /// Sets how many windows are answered at once; the answers stay the same.
    pub fn set_batch_size(&mut self, windows: usize) {
        self.prepared.set_eval_batch_size(windows);
    }
}

impl Evaluator for &DevelopmentSet {
    fn windows(&self) -> usize {
        self.prepared.windows()
    }

    fn evaluate(
        &mut self,
        engine: &mut dyn InferenceEngine,
        folder: &Path,
        progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<Option<Scores>, EvaluatorError> {
        let evaluation = match self.prepared.run(engine, progress) {
            Ok(evaluation) => evaluation,
            Err(EvaluateError::Stopped { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        // Weights that answer with anything but numbers must not become the best.
        match evaluation.results.non_finite_windows {
            0 => {}
            damaged => return Err(format!("the logits of {damaged} windows are not finite").into()),
        }
        evaluation.write(folder)?;
        Ok(Some(evaluation.results.run_squad))
    }
}
