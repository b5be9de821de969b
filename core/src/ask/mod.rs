//! A question about a passage, answered: ranked answers that are exact pieces of the passage, or "no answer".
//!
//! Needs neither files nor threads of its own, so it also serves browsers: [`PreparedQuestion`] makes the batches and takes the
//! logits back, and [`ask`] is the same with an engine in between.

mod heat;

pub use heat::{WindowHeat, WordHeat};

use std::{ops::Range, sync::Arc};

use serde::Serialize;

use crate::{
    answers::{AnswerError, AnswerOptions, NbestEntry, WindowCandidates, predict},
    batch::{Batch, collate, padded_length},
    engine::{EngineError, InferenceEngine, Logits},
    features::{DocTokens, Example, FeatureError, Window, WindowOptions, windows},
    tokenizer::BertTokenizer,
};

/// How a question is answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AskOptions {
    /// How passages longer than the model's input are cut up. [`ask`] lowers
    /// `max_seq_length` to what the model takes.
    pub windows: WindowOptions,
    /// How many answers are ranked at most, "no answer" included.
    pub n_best_size: usize,
    /// Longest answer in word pieces.
    pub max_answer_length: usize,
    /// A null score difference above it means "no answer". Use the one stored with the checkpoint; infinity always answers.
    pub threshold: f64,
    /// How many windows go to the device at once.
    pub batch_size: usize,
    /// Windows are padded to a multiple of this length: small on a CPU, larger on GPUs, which prefer few distinct shapes.
    pub length_multiple: usize,
}

impl Default for AskOptions {
    fn default() -> Self {
        let AnswerOptions { n_best_size, max_answer_length, .. } = AnswerOptions::default();
        Self {
            windows: WindowOptions::default(),
            n_best_size,
            max_answer_length,
            threshold: 0.0,
            batch_size: 8,
            length_multiple: 8,
        }
    }
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RankedAnswer {
    /// The answer, exactly as it stands in the passage at [`bytes`](Self::bytes).
    pub text: String,
    /// Where it stands in the passage, in bytes.
    pub bytes: Range<usize>,
    /// Where it stands in the passage, in characters (code points).
    pub chars: Range<usize>,
    /// Its share of the probability of all ranked answers and "no answer".
    pub probability: f64,
    /// Logit of its first word piece.
    pub start_logit: f64,
    /// Logit of its last word piece.
    pub end_logit: f64,
    /// The window that proposed it, from 0.
    pub window: usize,
}

/// The outcome of a question.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// Whether the best answer counts, rather than "no answer".
    pub answered: bool,
    /// Answers by falling logit sum; empty if the passage offers none.
    pub answers: Vec<RankedAnswer>,
    /// Null score minus the logit sum of the best answer: higher means "no answer" is likelier.
    pub score_diff: f64,
    /// What [`score_diff`](Self::score_diff) was compared with.
    pub threshold: f64,
    /// Share of "no answer" in the probability of all ranked answers.
    pub null_probability: f64,
    /// How many windows the passage was cut into.
    pub windows: usize,
}

impl Answer {
    /// The best answer, unless it is "no answer".
    #[must_use]
    pub fn best(&self) -> Option<&RankedAnswer> {
        if self.answered { self.answers.first() } else { None }
    }
}

/// Why a question could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// There is no question.
    #[error("the question is empty; ask something")]
    EmptyQuestion,
    /// There is nothing to search.
    #[error("the passage is empty or holds no visible text; give the text that may answer the question")]
    EmptyPassage,
    /// A count is zero.
    #[error("{0} must be at least 1")]
    Zero(&'static str),
    /// The window options do not fit.
    #[error(transparent)]
    Features(#[from] FeatureError),
    /// The model failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The logits do not fit the batch they were asked for.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// The logits are not numbers.
    #[error(
        "the model's output is not finite in {0} windows; the weights or the device are damaged: try another --backend"
    )]
    NotFinite(usize),
    /// Whoever asked gave up.
    #[error("the question was given up; ask again")]
    Cancelled,
}

/// Answers a question about a passage of any length.
///
/// # Errors
/// If question or passage is empty, the options leave no room for the passage, or the engine fails.
pub fn ask(
    engine: &mut dyn InferenceEngine,
    tokenizer: &BertTokenizer,
    passage: &str,
    question: &str,
    options: &AskOptions,
) -> Result<Answer, AskError> {
    let question = prepare(engine, tokenizer, passage, question, options)?;
    let logits =
        question.batches().iter().map(|batch| engine.predict(batch)).collect::<Result<Vec<_>, _>>()?;
    question.answer(&logits)
}

/// An answer and where the model looked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explained {
    /// The answer.
    pub answer: Answer,
    /// One entry per window, in order.
    pub heat: Vec<WindowHeat>,
}

/// As [`ask`], and tells where the model looked. Before every batch `progress` hears how many windows are done and how many
/// there are; `false` gives up.
///
/// # Errors
/// As [`ask`], and [`AskError::Cancelled`] if `progress` gives up.
pub fn explain(
    engine: &mut dyn InferenceEngine,
    tokenizer: &BertTokenizer,
    passage: &str,
    question: &str,
    options: &AskOptions,
    progress: &mut dyn FnMut(usize, usize) -> bool,
) -> Result<Explained, AskError> {
    let question = prepare(engine, tokenizer, passage, question, options)?;
    let (mut logits, mut done) = (Vec::new(), 0);
    for batch in question.batches() {
        if !progress(done, question.windows()) {
            return Err(AskError::Cancelled);
        }
        logits.push(engine.predict(&batch)?);
        done += batch.rows;
    }
    Ok(Explained { answer: question.answer(&logits)?, heat: question.heat(&logits)? })
}

/// Windows as long as the model takes at most.
fn prepare<'a>(
    engine: &dyn InferenceEngine,
    tokenizer: &'a BertTokenizer,
    passage: &'a str,
    question: &str,
    options: &AskOptions,
) -> Result<PreparedQuestion<'a>, AskError> {
    let mut options = *options;
    let positions = engine.config().max_position_embeddings;
    if options.windows.max_seq_length > positions {
        options.windows.max_seq_length = positions;
        // In a small model the passage still gets half of the room.
        options.windows.max_query_length = options.windows.max_query_length.min(positions / 2);
    }
    PreparedQuestion::new(tokenizer, passage, question, &options)
}

/// A question on its way to the model and back.
pub struct PreparedQuestion<'a> {
    tokenizer: &'a BertTokenizer,
    passage: &'a str,
    tokens: DocTokens,
    example: Example,
    windows: Vec<Window>,
    options: AskOptions,
}

impl<'a> PreparedQuestion<'a> {
    /// Cuts the passage into windows.
    ///
    /// # Errors
    /// If question or passage is empty, or the options leave no room for the passage.
    pub fn new(
        tokenizer: &'a BertTokenizer,
        passage: &'a str,
        question: &str,
        options: &AskOptions,
    ) -> Result<Self, AskError> {
        for (name, value) in [
            ("n_best_size", options.n_best_size),
            ("max_answer_length", options.max_answer_length),
            ("batch_size", options.batch_size),
        ] {
            if value == 0 {
                return Err(AskError::Zero(name));
            }
        }
        if tokenizer.tokenize(question).is_empty() {
            return Err(AskError::EmptyQuestion);
        }
        let mut tokens = DocTokens::new(passage);
        let example = Example {
            qas_id: String::new(),
            question_text: question.to_owned(),
            doc_tokens: Arc::new(std::mem::take(&mut tokens.words)),
            orig_answer_text: None,
            start_position: None,
            end_position: None,
            is_impossible: false,
        };
        let windows = windows(std::slice::from_ref(&example), tokenizer, &options.windows, false)?;
        if windows.is_empty() {
            return Err(AskError::EmptyPassage);
        }
        Ok(Self { tokenizer, passage, tokens, example, windows, options: *options })
    }

    /// How many windows the passage was cut into.
    #[must_use]
    pub fn windows(&self) -> usize {
        self.windows.len()
    }

    /// What the model has to work through, in order.
    #[must_use]
    pub fn batches(&self) -> Vec<Batch> {
        let batch = |windows: &[Window]| {
            let rows: Vec<&Window> = windows.iter().collect();
            let longest = rows.iter().map(|window| window.input_ids.len()).max().unwrap_or(0);
            let WindowOptions { max_seq_length, .. } = self.options.windows;
            collate(&rows, padded_length(longest, self.options.length_multiple, max_seq_length), false)
        };
        self.windows.chunks(self.options.batch_size).map(batch).collect()
    }

    /// The answer, given the logits of all [`batches`](Self::batches) in order.
    ///
    /// # Errors
    /// If logits are missing, do not fit, or are not finite.
    pub fn answer(&self, logits: &[Logits]) -> Result<Answer, AskError> {
        let candidates = self
            .windows
            .iter()
            .zip(heat::rows(logits))
            .map(|(window, (start, end))| {
                WindowCandidates::from_logits(window, start, end, self.options.n_best_size)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let options = AnswerOptions {
            n_best_size: self.options.n_best_size,
            max_answer_length: self.options.max_answer_length,
            version_2_with_negative: true,
        };
        let examples = std::slice::from_ref(&self.example);
        let predictions = predict(examples, &self.windows, &candidates, self.tokenizer, &options)?;
        let Some(prediction) = predictions.into_iter().next() else { return Err(AskError::EmptyPassage) };
        if prediction.non_finite_windows > 0 {
            return Err(AskError::NotFinite(prediction.non_finite_windows));
        }
        let null_probability =
            prediction.nbest.iter().find(|entry| entry.text.is_empty()).map(|e| e.probability);
        let answers: Vec<RankedAnswer> =
            prediction.nbest.iter().filter_map(|entry| self.ranked(entry)).collect();
        let score_diff = prediction.score_diff.unwrap_or_default();
        Ok(Answer {
            answered: !answers.is_empty() && score_diff <= self.options.threshold,
            answers,
            score_diff,
            threshold: self.options.threshold,
            null_probability: null_probability.unwrap_or_default(),
            windows: self.windows.len(),
        })
    }

    /// An entry cut out of the passage; `None` for those that are not in it ("no answer" and its stand-in).
    fn ranked(&self, entry: &NbestEntry) -> Option<RankedAnswer> {
        let span = entry.span?;
        let bytes = span.bytes_in(&self.tokens)?;
        let text = self.passage.get(bytes.clone())?;
        let first_char = self.passage.get(..bytes.start)?.chars().count();
        Some(RankedAnswer {
            text: text.to_owned(),
            chars: first_char..first_char + text.chars().count(),
            bytes,
            probability: entry.probability,
            start_logit: entry.start_logit,
            end_logit: entry.end_logit,
            window: span.window,
        })
    }
}

#[cfg(test)]
mod tests;
