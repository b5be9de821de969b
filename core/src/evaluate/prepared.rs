//! A data set ready to be evaluated any number of times.

use std::{cmp::Reverse, ops::ControlFlow, sync::Arc};

use pollster::block_on;

use super::{
    Abstention, EvaluateError, EvaluateOptions, Evaluation, GoldReach, Monitor, gold_reach::gold_reach,
};
use crate::{
    answers::{AnswerOptions, Prediction, WindowCandidates, predict},
    batch::{collate, padded_length},
    engine::{EngineError, InferenceEngine},
    features::{Example, Window, evaluation_examples, windows},
    score::GoldQuestions,
    squad::Dataset,
    tokenizer::BertTokenizer,
};

/// A data set cut into windows and batches, with its gold answers.
pub struct PreparedEvaluation {
    dataset: Arc<Dataset>,
    tokenizer: Arc<BertTokenizer>,
    options: EvaluateOptions,
    abstention: Abstention,
    cut_questions: usize,
    examples: Vec<Example>,
    windows: Vec<Window>,
    /// Indices of windows, longest first: batches of like lengths, and what does not fit on the device shows at once.
    order: Vec<usize>,
    gold: GoldQuestions,
    reach: Vec<Option<GoldReach>>,
}

/// Evaluates a data set once. See [`PreparedEvaluation`] for more than once.
///
/// # Errors
/// As [`PreparedEvaluation::new`] and [`PreparedEvaluation::run`].
pub fn evaluate(
    engine: &mut dyn InferenceEngine,
    dataset: Arc<Dataset>,
    tokenizer: Arc<BertTokenizer>,
    options: &EvaluateOptions,
    progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Evaluation, EvaluateError> {
    PreparedEvaluation::new(dataset, tokenizer, options)?.run(engine, progress)
}

/// [`evaluate`] for a device whose results can only be awaited.
///
/// # Errors
/// As [`evaluate`].
pub async fn evaluate_async(
    engine: &mut dyn InferenceEngine,
    dataset: Arc<Dataset>,
    tokenizer: Arc<BertTokenizer>,
    options: &EvaluateOptions,
    monitor: &mut dyn Monitor,
) -> Result<Evaluation, EvaluateError> {
    PreparedEvaluation::new(dataset, tokenizer, options)?.run_async(engine, monitor).await
}

impl PreparedEvaluation {
    /// Cuts a data set into windows.
    ///
    /// # Errors
    /// If it has no questions or the options do not fit.
    pub fn new(
        dataset: Arc<Dataset>,
        tokenizer: Arc<BertTokenizer>,
        options: &EvaluateOptions,
    ) -> Result<Self, EvaluateError> {
        options.check()?;
        let examples = evaluation_examples(&dataset);
        if examples.is_empty() {
            return Err(EvaluateError::NoQuestions(dataset.source_name.clone()));
        }
        let windows = windows(&examples, &tokenizer, &options.windows, false)?;
        let mut order: Vec<usize> = (0..windows.len()).collect();
        order.sort_by_key(|&index| Reverse(windows.get(index).map(|window| window.input_ids.len())));
        let gold = GoldQuestions::official(&dataset, options.answer_language);
        let reach = gold_reach(&dataset, &windows, &tokenizer);
        let abstention = Abstention::on(&dataset, options.abstention);
        let options = EvaluateOptions { abstention: Some(abstention), ..*options };
        let cut_questions = cut_questions(&examples, &windows, &tokenizer, options.windows.max_query_length);
        Ok(Self {
            dataset,
            tokenizer,
            options,
            abstention,
            cut_questions,
            examples,
            windows,
            order,
            gold,
            reach,
        })
    }

    /// Whether the model may abstain, and what decided.
    #[must_use]
    pub fn abstention(&self) -> Abstention {
        self.abstention
    }

    /// How many questions are longer than `max_query_length`; the rest of them is not read.
    #[must_use]
    pub fn cut_questions(&self) -> usize {
        self.cut_questions
    }

    /// Refuses a data set that cannot be scored, before hours are spent on its answers.
    ///
    /// # Errors
    /// If it has no gold answers.
    pub fn check_gold(&self) -> Result<(), EvaluateError> {
        if self.dataset.has_gold_answers() {
            Ok(())
        } else {
            Err(EvaluateError::NoGoldAnswers(self.dataset.source_name.clone()))
        }
    }

    /// Number of windows, the unit of progress.
    #[must_use]
    pub fn windows(&self) -> usize {
        self.windows.len()
    }

    /// The gold answers.
    #[must_use]
    pub fn gold(&self) -> &GoldQuestions {
        &self.gold
    }

    /// The data set.
    #[must_use]
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// Sets how many windows are answered at once, at least 1.
    pub fn set_eval_batch_size(&mut self, windows: usize) {
        self.options.eval_batch_size = windows.max(1);
    }

    /// Answers and scores every question. `progress` is told how many windows of how many are done and may break off.
    ///
    /// # Errors
    /// If there are no gold answers, the model's input is too short for the windows, the engine fails, or `progress` breaks
    /// off.
    pub fn run(
        &self,
        engine: &mut dyn InferenceEngine,
        progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<Evaluation, EvaluateError> {
        block_on(self.run_async(engine, &mut |done, total| progress(done, total)))
    }

    /// [`run`](Self::run) for a device whose results can only be awaited.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_async(
        &self,
        engine: &mut dyn InferenceEngine,
        monitor: &mut dyn Monitor,
    ) -> Result<Evaluation, EvaluateError> {
        self.check_gold()?;
        let predictions = self.predict_async(engine, monitor).await?;
        let evaluation = Evaluation::new(Arc::clone(&self.dataset), &self.gold, predictions, &self.options)?;
        Ok(evaluation.with_reach(self.reach.clone()))
    }

    /// Answers every question without looking at gold answers, which the data set need not have. Whether the answers mean
    /// anything, [`non_finite_windows`] tells.
    ///
    /// # Errors
    /// As [`Self::run`], but for the gold answers.
    pub fn predict(
        &self,
        engine: &mut dyn InferenceEngine,
        progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<Vec<Prediction>, EvaluateError> {
        block_on(self.predict_async(engine, &mut |done, total| progress(done, total)))
    }

    /// [`predict`](Self::predict) for a device whose results can only be awaited.
    ///
    /// # Errors
    /// As [`predict`](Self::predict).
    pub async fn predict_async(
        &self,
        engine: &mut dyn InferenceEngine,
        monitor: &mut dyn Monitor,
    ) -> Result<Vec<Prediction>, EvaluateError> {
        let candidates = self.candidates(engine, monitor).await?;
        let options = AnswerOptions {
            n_best_size: self.options.n_best_size,
            max_answer_length: self.options.max_answer_length,
            version_2_with_negative: self.abstention.allowed,
        };
        Ok(predict(&self.examples, &self.windows, &candidates, &self.tokenizer, &options)?)
    }

    /// The best logits of every window, in window order.
    async fn candidates(
        &self,
        engine: &mut dyn InferenceEngine,
        monitor: &mut dyn Monitor,
    ) -> Result<Vec<WindowCandidates>, EvaluateError> {
        let max_seq_length = self.options.windows.max_seq_length;
        let positions = engine.config().max_position_embeddings;
        if max_seq_length > positions {
            return Err(EvaluateError::TooLong { max_seq_length, positions });
        }
        let total = self.windows.len();
        let mut done = 0;
        let mut candidates: Vec<(usize, WindowCandidates)> = Vec::with_capacity(total);
        for indices in self.order.chunks(self.options.eval_batch_size) {
            let rows: Vec<&Window> = indices.iter().filter_map(|&index| self.windows.get(index)).collect();
            let longest = rows.iter().map(|window| window.input_ids.len()).max().unwrap_or(0);
            let length = if self.options.pad_to_max_length {
                max_seq_length
            } else {
                padded_length(longest, self.options.length_multiple, max_seq_length)
            };
            let batch = collate(&rows, length, false);
            let logits = engine.predict_async(&batch).await?;
            if (logits.rows, logits.length) != (batch.rows, batch.length) {
                return Err(EvaluateError::Engine(EngineError::Defect(format!(
                    "a batch of {} x {} gave logits of {} x {}",
                    batch.rows, batch.length, logits.rows, logits.length
                ))));
            }
            let values = logits.start.chunks(length).zip(logits.end.chunks(length));
            for ((&index, window), (start, end)) in indices.iter().zip(&rows).zip(values) {
                let best = WindowCandidates::from_logits(window, start, end, self.options.n_best_size)?;
                candidates.push((index, best));
            }
            done += rows.len();
            if monitor.report(done, total).is_break() && done < total {
                return Err(EvaluateError::Stopped { done, total });
            }
            monitor.yield_now().await;
        }
        candidates.sort_unstable_by_key(|(index, _)| *index);
        Ok(candidates.into_iter().map(|(_, best)| best).collect())
    }
}

/// How many windows had logits that are not finite: any at all means that weights or device are damaged, and the answers
/// mean nothing.
#[must_use]
pub fn non_finite_windows(predictions: &[Prediction]) -> usize {
    predictions.iter().map(|prediction| prediction.non_finite_windows).sum()
}

/// How many questions have more word pieces than their windows hold.
fn cut_questions(
    examples: &[Example],
    windows: &[Window],
    tokenizer: &BertTokenizer,
    longest: usize,
) -> usize {
    // `[CLS]` before and `[SEP]` behind. Only a question that fills its place may have been cut.
    let full = |window: &&Window| window.doc_span_index == 0 && window.first_segment_length == longest + 2;
    let is_cut = |window: &&Window| {
        let example = examples.get(window.example_index);
        example.is_some_and(|example| tokenizer.tokenize(&example.question_text).len() > longest)
    };
    windows.iter().filter(full).filter(is_cut).count()
}
