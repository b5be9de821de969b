//! The development set, tokenised once and answered at every evaluation.

use std::{ops::ControlFlow, path::Path};

use super::{Evaluator, EvaluatorError, Recipe, TrainError};
use crate::{
    answers::{
        AnswerOptions, Prediction, WindowCandidates, nbest_json, null_odds_json, predict, predictions_json,
    },
    batch::collate,
    engine::InferenceEngine,
    features::{Example, Window, evaluation_examples, windows},
    run::{atomic::create_folder, write_atomic},
    score::{GoldQuestions, NullOdds, Predictions, RunSquadEvaluation, Scores, run_squad},
    squad::{Dataset, SquadVersion},
    tokenizer::BertTokenizer,
};

/// The reference compares logit differences with this as if they were probabilities.
const NA_PROB_THRESH: f64 = 1.0;

/// Questions of a development set, ready to be answered.
pub(super) struct DevelopmentSet<'a> {
    examples: Vec<Example>,
    windows: Vec<Window>,
    /// Windows by length, so that batches need little padding.
    by_length: Vec<usize>,
    gold: GoldQuestions,
    tokenizer: &'a BertTokenizer,
    recipe: &'a Recipe,
    length_multiple: usize,
    options: AnswerOptions,
}

impl<'a> DevelopmentSet<'a> {
    pub fn new(
        dataset: &Dataset,
        tokenizer: &'a BertTokenizer,
        recipe: &'a Recipe,
        length_multiple: usize,
    ) -> Result<Self, TrainError> {
        let examples = evaluation_examples(dataset);
        let windows = windows(&examples, tokenizer, &recipe.window_options(), false)?;
        let mut by_length: Vec<usize> = (0..windows.len()).collect();
        by_length.sort_by_key(|&index| windows[index].input_ids.len());
        let options = AnswerOptions {
            n_best_size: recipe.n_best_size,
            max_answer_length: recipe.max_answer_length,
            version_2_with_negative: dataset.version == SquadVersion::V2,
        };
        let gold = GoldQuestions::from_dataset(dataset);
        Ok(Self { examples, windows, by_length, gold, tokenizer, recipe, length_multiple, options })
    }

    /// Every window's candidates, in window order; `None` if broken off.
    fn candidates(
        &self,
        engine: &mut dyn InferenceEngine,
        progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<Option<Vec<WindowCandidates>>, EvaluatorError> {
        let mut found: Vec<Option<WindowCandidates>> = vec![None; self.windows.len()];
        let mut done = 0;
        for indices in self.by_length.chunks(self.recipe.eval_batch_size.max(1)) {
            let rows: Vec<&Window> = indices.iter().map(|&index| &self.windows[index]).collect();
            let longest = rows.iter().map(|window| window.input_ids.len()).max().unwrap_or(0);
            let length = self.recipe.padded_length(longest, self.length_multiple);
            let logits = engine.predict(&collate(&rows, length, false))?;
            let pairs = logits.start.chunks(logits.length).zip(logits.end.chunks(logits.length));
            for (&index, (start, end)) in indices.iter().zip(pairs) {
                let window = &self.windows[index];
                let n_best_size = self.options.n_best_size;
                found[index] = Some(WindowCandidates::from_logits(window, start, end, n_best_size)?);
            }
            done += indices.len();
            if progress(done, self.windows.len()).is_break() {
                return Ok(None);
            }
        }
        Ok(found.into_iter().collect())
    }
}

fn write(folder: &Path, predictions: &[Prediction], scores: &Scores) -> Result<(), EvaluatorError> {
    create_folder(folder)?;
    let threshold = scores.best_f1_thresh;
    write_atomic(&folder.join("predictions.json"), predictions_json(predictions, threshold)?.as_bytes())?;
    write_atomic(&folder.join("nbest_predictions.json"), nbest_json(predictions)?.as_bytes())?;
    write_atomic(&folder.join("null_odds.json"), null_odds_json(predictions)?.as_bytes())?;
    write_atomic(&folder.join("results.json"), &serde_json::to_vec_pretty(scores)?)?;
    Ok(())
}

impl Evaluator for &DevelopmentSet<'_> {
    fn windows(&self) -> usize {
        self.windows.len()
    }

    fn evaluate(
        &mut self,
        engine: &mut dyn InferenceEngine,
        folder: &Path,
        progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<Option<Scores>, EvaluatorError> {
        let Some(candidates) = self.candidates(engine, progress)? else { return Ok(None) };
        let predictions = predict(&self.examples, &self.windows, &candidates, self.tokenizer, &self.options)?;
        let mut texts = Predictions::default();
        let mut null_odds = NullOdds::default();
        for prediction in &predictions {
            texts.insert(prediction.qas_id.clone(), prediction.text.clone());
            null_odds.insert(prediction.qas_id.clone(), prediction.score_diff.unwrap_or_default());
        }
        let null_odds = self.options.version_2_with_negative.then_some(&null_odds);
        let RunSquadEvaluation { scores, .. } = run_squad(&self.gold, texts, null_odds, NA_PROB_THRESH)?;
        write(folder, &predictions, &scores)?;
        Ok(Some(scores))
    }
}
