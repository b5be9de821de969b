//! The development set, tokenised once and answered at every evaluation.

use std::{ops::ControlFlow, path::Path, sync::Arc};

use super::{Evaluator, EvaluatorError, Recipe, TrainError};
use crate::{
    engine::InferenceEngine,
    evaluate::{EvaluateError, EvaluateOptions, PreparedEvaluation},
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
        let prepared = PreparedEvaluation::new(dataset, tokenizer, &options)
            .map_err(|error| TrainError::Evaluation(error.into()))?;
        prepared.check_gold().map_err(|error| TrainError::Evaluation(error.into()))?;
        Ok(Self { prepared })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::fake::{Reader, SQUAD, reader, tokenizer};

    fn development() -> DevelopmentSet {
        let dataset = Arc::new(Dataset::from_json(SQUAD, "test").unwrap());
        let recipe = Recipe {
            max_seq_length: 24,
            doc_stride: 4,
            max_query_length: 8,
            eval_batch_size: 3,
            ..Recipe::default()
        };
        DevelopmentSet::new(dataset, tokenizer(), &recipe, 8).unwrap()
    }

    fn evaluate(
        reader: &mut Reader,
        folder: &Path,
        progress: ControlFlow<()>,
    ) -> Result<Option<Scores>, EvaluatorError> {
        (&mut &development()).evaluate(reader, folder, &mut |_, _| progress)
    }

    #[test]
    fn the_trainer_gets_the_references_scores_and_the_files() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!((&development()).windows(), 4);
        let scores = evaluate(&mut reader(), folder.path(), ControlFlow::Continue(())).unwrap().unwrap();
        assert_eq!(scores.get("best_f1"), Some(75.0));
        assert!(folder.path().join("results.json").is_file());
    }

    #[test]
    fn an_evaluation_that_is_stopped_has_no_scores() {
        let folder = tempfile::tempdir().unwrap();
        let stopped = evaluate(&mut reader(), folder.path(), ControlFlow::Break(())).unwrap();
        assert!(stopped.is_none());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn weights_that_answer_with_nan_get_no_scores_and_leave_no_files() {
        let folder = tempfile::tempdir().unwrap();
        let mut engine = Reader { value: f32::NAN, ..reader() };
        let error = evaluate(&mut engine, folder.path(), ControlFlow::Continue(())).unwrap_err();
        assert_eq!(error.to_string(), "the logits of 4 windows are not finite");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
