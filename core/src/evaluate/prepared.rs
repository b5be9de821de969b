//! A data set ready to be evaluated any number of times.

use std::{
    ops::{ControlFlow, Range},
    sync::Arc,
};

use pollster::block_on;

use super::{
    Abstention, EvaluateError, EvaluateOptions, Evaluation, GoldReach, Monitor,
    batches::{batches, candidates, longest_first},
    gold_reach::gold_reach,
    shared::shared_candidates,
};
use crate::{
    answers::{Prediction, WindowCandidates, predict},
    engine::{InferenceEngine, SharedRanks},
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
    /// Indices of windows, longest first.
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
        let order = longest_first(&windows);
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
        self.scored(self.predict_async(engine, monitor).await?)
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
        self.part(&(0..self.examples.len()), engine, monitor).await
    }

    /// Divides the questions into so many parts of whole paragraphs, in their order and with as equal a number of word pieces as
    /// paragraphs allow; some parts are empty if there are fewer paragraphs.
    #[must_use]
    pub fn parts(&self, count: usize) -> Vec<Range<usize>> {
        let mut pieces = vec![0_u128; self.examples.len()];
        for window in &self.windows {
            if let Some(pieces) = pieces.get_mut(window.example_index) {
                *pieces += window.input_ids.len() as u128;
            }
        }
        let same = |a: &Example, b: &Example| Arc::ptr_eq(&a.doc_tokens, &b.doc_tokens);
        let paragraphs: Vec<usize> = self.examples.chunk_by(same).map(<[Example]>::len).collect();
        divide(&paragraphs, &pieces, count)
    }

    /// [`Self::predict`] for a range of the questions, with the answers that they have among all of them.
    ///
    /// # Errors
    /// As [`Self::predict`].
    pub fn predict_part(
        &self,
        questions: &Range<usize>,
        engine: &mut dyn InferenceEngine,
        progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<Vec<Prediction>, EvaluateError> {
        block_on(self.part(questions, engine, &mut |done, total| progress(done, total)))
    }

    async fn part(
        &self,
        questions: &Range<usize>,
        engine: &mut dyn InferenceEngine,
        monitor: &mut dyn Monitor,
    ) -> Result<Vec<Prediction>, EvaluateError> {
        let batches = batches(&self.windows, &self.order, questions, &self.options);
        let found = candidates(engine, &self.windows, &batches, &self.options, monitor).await?;
        self.answers(questions, found)
    }

    /// [`run_shared`](Self::run_shared), waited for.
    ///
    /// # Errors
    /// As [`run_shared`](Self::run_shared).
    pub fn run_together(
        &self,
        engine: &mut dyn InferenceEngine,
        progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
        ranks: &SharedRanks,
    ) -> Result<Option<Evaluation>, EvaluateError> {
        block_on(self.run_shared(engine, &mut |done, total| progress(done, total), ranks))
    }

    /// [`run_async`](Self::run_async) by several workers, with the answers of one process to the bit. `None` for all but the
    /// first, which scores.
    ///
    /// # Errors
    /// As [`run`](Self::run), or if another worker fails.
    pub async fn run_shared(
        &self,
        engine: &mut dyn InferenceEngine,
        monitor: &mut dyn Monitor,
        ranks: &SharedRanks,
    ) -> Result<Option<Evaluation>, EvaluateError> {
        self.check_gold()?;
        let questions = 0..self.examples.len();
        let batches = batches(&self.windows, &self.order, &questions, &self.options);
        let found = shared_candidates(engine, &self.windows, &batches, &self.options, monitor, ranks).await?;
        if ranks.borrow().rank() > 0 {
            return Ok(None);
        }
        self.scored(self.answers(&questions, found)?).map(Some)
    }

    fn scored(&self, predictions: Vec<Prediction>) -> Result<Evaluation, EvaluateError> {
        let evaluation = Evaluation::new(Arc::clone(&self.dataset), &self.gold, predictions, &self.options)?;
        Ok(evaluation.with_reach(self.reach.clone()))
    }

    /// The answers to a range of the questions, of the candidates of its windows.
    fn answers(
        &self,
        questions: &Range<usize>,
        found: Vec<(usize, WindowCandidates)>,
    ) -> Result<Vec<Prediction>, EvaluateError> {
        let options = self.options.answer_options(self.abstention.allowed);
        let (kept, candidates): (Vec<usize>, Vec<_>) = found.into_iter().unzip();
        let examples = self.examples.get(questions.clone()).unwrap_or_default();
        if kept.len() == self.windows.len() {
            return Ok(predict(examples, &self.windows, &candidates, &self.tokenizer, &options)?);
        }
        // Windows count examples from the part's first.
        let windows: Vec<Window> = kept
            .iter()
            .filter_map(|&index| self.windows.get(index).cloned())
            .map(|window| Window { example_index: window.example_index - questions.start, ..window })
            .collect();
        Ok(predict(examples, &windows, &candidates, &self.tokenizer, &options)?)
    }
}

/// Ranges of questions of whole paragraphs; `pieces` are those of each question.
fn divide(paragraphs: &[usize], pieces: &[u128], count: usize) -> Vec<Range<usize>> {
    let count = count.max(1);
    let total: u128 = pieces.iter().sum();
    let mut ends = vec![0; count];
    let (mut question, mut before) = (0, 0);
    for length in paragraphs {
        let own: u128 = pieces.iter().skip(question).take(*length).sum();
        // The part in which the middle of the paragraph lies.
        let part = ((2 * before + own) * count as u128).checked_div(2 * total).unwrap_or(0);
        let part = usize::try_from(part).unwrap_or(0).min(count - 1);
        question += length;
        before += own;
        if let Some(end) = ends.get_mut(part) {
            *end = question;
        }
    }
    let mut start = 0;
    let ranges = ends.into_iter().map(|end| {
        let range = start..end.max(start);
        start = range.end;
        range
    });
    ranges.collect()
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

#[cfg(test)]
mod tests {
    use super::divide;

    #[test]
    fn parts_are_whole_paragraphs_of_about_equal_size() {
        let pieces = [10, 10, 30, 10, 10, 10];
        assert_eq!(divide(&[2, 1, 2, 1], &pieces, 2), [0..3, 3..6]);
        assert_eq!(divide(&[2, 1, 2, 1], &pieces, 1), vec![0..6]);
        // One long paragraph leaves a part without any.
        assert_eq!(divide(&[1, 1, 1], &[1, 100, 1], 3), [0..1, 1..2, 2..3]);
        assert_eq!(divide(&[1, 1], &[1, 100], 4).into_iter().flatten().count(), 2);
        for count in 1..9 {
            let parts = divide(&[2, 1, 2, 1], &pieces, count);
            assert_eq!(parts.len(), count);
            assert_eq!(parts.into_iter().flatten().collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
        }
        // Contexts without a word piece.
        assert_eq!(divide(&[1, 1], &[0, 0], 2).into_iter().flatten().count(), 2);
        assert_eq!(divide(&[], &[], 2), [0..0, 0..0]);
    }
}
