//! The development set, tokenised once and answered at every evaluation.

use std::sync::Arc;

use super::{Evaluator, EvaluatorError, Recipe, Scored, TrainError};
use crate::{
    engine::{InferenceEngine, SharedRanks},
    evaluate::{BoxFuture, EvaluateError, EvaluateOptions, Evaluation, Monitor, PreparedEvaluation},
    score::Scores,
    squad::Dataset,
    tokenizer::BertTokenizer,
};

/// Questions of a development set, ready to be answered.
pub(super) struct DevelopmentSet {
    prepared: PreparedEvaluation,
    ranks: Option<SharedRanks>,
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
        Ok(Self { prepared, ranks: None })
    }

    /// Sets how many windows are answered at once; the answers stay the same.
    pub fn set_batch_size(&mut self, windows: usize) {
        self.prepared.set_eval_batch_size(windows);
    }

    /// Has other workers answer a part of the questions.
    pub fn share_with(&mut self, ranks: Option<SharedRanks>) {
        self.ranks = ranks.filter(|ranks| ranks.borrow().size() > 1);
    }

    /// Answers and scores; `None` where another worker scores.
    async fn answer(
        &self,
        engine: &mut dyn InferenceEngine,
        monitor: &mut dyn Monitor,
    ) -> Result<Option<Evaluation>, EvaluateError> {
        match &self.ranks {
            None => self.prepared.run_async(engine, monitor).await.map(Some),
            Some(ranks) => self.prepared.run_shared(engine, monitor, ranks).await,
        }
    }

    /// The first worker's scores for all.
    fn tell(&self, scores: Option<&Scores>) -> Result<Option<Scores>, EvaluatorError> {
        let Some(ranks) = &self.ranks else { return Ok(scores.cloned()) };
        let told = scores.map_or_else(|| Ok(Vec::new()), serde_json::to_vec)?;
        let told = ranks.borrow_mut().broadcast(told).map_err(EvaluateError::from)?;
        Ok(Some(serde_json::from_slice(&told)?))
    }
}

impl Evaluator for &DevelopmentSet {
    fn windows(&self) -> usize {
        self.prepared.windows()
    }

    fn evaluate<'e>(
        &'e mut self,
        engine: &'e mut dyn InferenceEngine,
        monitor: &'e mut dyn Monitor,
    ) -> BoxFuture<'e, Result<Option<Scored<Scores>>, EvaluatorError>> {
        Box::pin(async {
            let evaluation = match self.answer(engine, monitor).await {
                Ok(evaluation) => evaluation,
                Err(EvaluateError::Stopped { .. }) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            // Weights that answer with anything but numbers must not become the best.
            match evaluation.as_ref().map_or(0, |evaluation| evaluation.results.non_finite_windows) {
                0 => {}
                damaged => return Err(format!("the logits of {damaged} windows are not finite").into()),
            }
            let files = evaluation.as_ref().map_or_else(|| Ok(Vec::new()), Evaluation::files)?;
            let scores = self.tell(evaluation.as_ref().map(|evaluation| &evaluation.results.run_squad))?;
            Ok(scores.map(|scores| Scored { scores, files }))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use pollster::block_on;

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
        progress: ControlFlow<()>,
    ) -> Result<Option<Scored<Scores>>, EvaluatorError> {
        let development = development();
        block_on((&mut &development).evaluate(reader, &mut |_, _| progress))
    }

    #[test]
    fn the_trainer_gets_the_references_scores_and_the_files() {
        assert_eq!((&development()).windows(), 4);
        let found = evaluate(&mut reader(), ControlFlow::Continue(())).unwrap().unwrap();
        assert_eq!(found.scores.get("best_f1"), Some(75.0));
        let names: Vec<&str> = found.files.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, crate::evaluate::Evaluation::FILES);
    }

    #[test]
    fn an_evaluation_that_is_stopped_has_no_scores() {
        assert_eq!(evaluate(&mut reader(), ControlFlow::Break(())).unwrap(), None);
    }

    #[test]
    fn weights_that_answer_with_nan_get_no_scores() {
        let mut engine = Reader { value: f32::NAN, ..reader() };
        let error = evaluate(&mut engine, ControlFlow::Continue(())).unwrap_err();
        assert_eq!(error.to_string(), "the logits of 4 windows are not finite");
    }
}
