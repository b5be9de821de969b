//! A question about a passage, answered: ranked answers that are exact pieces of the passage, or "no answer".
//!
//! Words are what a reader takes for words: all blanks part them, what is invisible does not count, and [`visible`] is how
//! their text is shown. Evaluations keep the reference's five separators instead (`features::DocTokens`). A question about
//! several passages is put to one after the other and collected by [`Among`].
//!
//! Needs neither files nor threads of its own, so it also serves browsers: [`PreparedQuestion`] makes the batches and takes the
//! logits back, and [`ask`] is the same with an engine in between.

mod among;
mod characters;
mod heat;
mod shown;
mod words;

pub use among::{Among, AnswerAmong, FoundAnswer};
pub use heat::{WindowHeat, WordHeat};
pub use shown::{Excerpt, visible};

use std::{future::Future, ops::Range, pin::Pin, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    advice::Advice,
    answers::{AnswerError, AnswerOptions, NbestEntry, WindowCandidates, predict},
    batch::{Batch, collate, padded_length},
    engine::{EngineError, InferenceEngine, Logits},
    features::{Example, FeatureError, Window, WindowOptions, windows},
    tokenizer::BertTokenizer,
};

use self::words::PassageWords;

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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

impl RankedAnswer {
    /// What answers of one passage are ranked by.
    #[must_use]
    pub fn logit_sum(&self) -> f64 {
        self.start_logit + self.end_logit
    }
}

/// How a question was fitted to the model's input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fitted {
    /// Word pieces of the question.
    pub question_pieces: usize,
    /// How many of them the model saw, from the start; fewer if the question is too long.
    pub question_pieces_used: usize,
    /// Longest input in word pieces.
    pub max_seq_length: usize,
    /// The longer one that was asked for, if the model has fewer positions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_seq_length_asked: Option<usize>,
}

impl Fitted {
    /// What a person should know of it: a sentence for each thing that is not as it was given.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let Self { question_pieces, question_pieces_used, max_seq_length, .. } = *self;
        if question_pieces_used < question_pieces {
            notes.push(format!(
                "the question has {question_pieces} word pieces and was cut to the first {question_pieces_used}; ask a shorter one or raise max_query_length"
            ));
        }
        if let Some(asked) = self.max_seq_length_asked {
            notes.push(format!(
                "max_seq_length {asked} was lowered to {max_seq_length}, the positions of the model"
            ));
        }
        notes
    }
}

/// The outcome of a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Whether the best answer counts, rather than "no answer".
    pub answered: bool,
    /// Answers by falling logit sum; empty if the passage offers none.
    pub answers: Vec<RankedAnswer>,
    /// Null score minus the logit sum of the best answer: higher means "no answer" is likelier.
    pub score_diff: f64,
    /// What [`score_diff`](Self::score_diff) was compared with; infinity, which JSON writes as null, where the model always answers.
    #[serde(deserialize_with = "infinite")]
    pub threshold: f64,
    /// Share of "no answer" in the probability of all ranked answers.
    pub null_probability: f64,
    /// How many windows the passage was cut into.
    pub windows: usize,
    /// How the question was fitted to the model's input.
    #[serde(flatten)]
    pub fitted: Fitted,
}

impl Answer {
    /// The best answer, unless it is "no answer".
    #[must_use]
    pub fn best(&self) -> Option<&RankedAnswer> {
        if self.answered { self.answers.first() } else { None }
    }
}

/// A number, infinite if it is null.
fn infinite<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::INFINITY))
}

/// Why a question could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// There is no question.
    #[error("the question is empty")]
    EmptyQuestion,
    /// There is nothing to search.
    #[error("the passage is empty or holds no visible text")]
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
        "the model's output is not finite in {0} windows: the weights are damaged, or the device computes wrongly"
    )]
    NotFinite(usize),
    /// Whoever asked gave up.
    #[error("the question was given up")]
    Cancelled,
}

impl Advice for AskError {
    fn remedy(&self) -> String {
        match self {
            Self::EmptyQuestion => "ask something".into(),
            Self::EmptyPassage => "give the text that may answer the question".into(),
            Self::Zero(name) => format!("set {name} to 1 or more"),
            Self::Features(error) => error.remedy(),
            Self::Engine(error) => error.remedy(),
            Self::Answer(error) => error.remedy(),
            Self::NotFinite(_) => {
                "check the weights with `spanbert inspect`, or try another --backend".into()
            }
            Self::Cancelled => "ask again".into(),
        }
    }
}

/// Hears before every batch how many windows are done and how many there are; `false` gives up.
pub type Progress<'a> = &'a mut dyn FnMut(usize, usize) -> bool;

/// [`Progress`] that may let the thread do something else before it says whether to go on.
pub type ProgressAsync<'a> = &'a mut dyn FnMut(usize, usize) -> Pin<Box<dyn Future<Output = bool>>>;

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
    ask_with_progress(engine, tokenizer, passage, question, options, &mut |_, _| true)
}

/// [`ask`], for passages that take long.
///
/// # Errors
/// As [`ask`], and [`AskError::Cancelled`] if `progress` gives up.
pub fn ask_with_progress(
    engine: &mut dyn InferenceEngine,
    tokenizer: &BertTokenizer,
    passage: &str,
    question: &str,
    options: &AskOptions,
    progress: Progress<'_>,
) -> Result<Answer, AskError> {
    let question = prepare(engine, tokenizer, passage, question, options)?;
    let logits = logits(engine, &question, progress)?;
    question.answer(&logits)
}

/// The model's output for all windows.
fn logits(
    engine: &mut dyn InferenceEngine,
    question: &PreparedQuestion<'_>,
    progress: Progress<'_>,
) -> Result<Vec<Logits>, AskError> {
    let (mut logits, mut done) = (Vec::new(), 0);
    for batch in question.batches() {
        if !progress(done, question.windows()) {
            return Err(AskError::Cancelled);
        }
        logits.push(engine.predict(&batch)?);
        done += batch.rows;
    }
    Ok(logits)
}

/// An answer and where the model looked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explained {
    /// The answer.
    pub answer: Answer,
    /// One entry per window, in order.
    pub heat: Vec<WindowHeat>,
}

/// As [`ask_with_progress`], and tells where the model looked.
///
/// # Errors
/// As [`ask_with_progress`].
pub fn explain(
    engine: &mut dyn InferenceEngine,
    tokenizer: &BertTokenizer,
    passage: &str,
    question: &str,
    options: &AskOptions,
    progress: Progress<'_>,
) -> Result<Explained, AskError> {
    let question = prepare(engine, tokenizer, passage, question, options)?;
    let logits = logits(engine, &question, progress)?;
    Ok(Explained { answer: question.answer(&logits)?, heat: question.heat(&logits)? })
}

/// [`explain`] without keeping the thread: it is free while the engine waits for a device, and before every batch for as long as
/// `progress` takes.
///
/// # Errors
/// As [`explain`].
pub async fn explain_async(
    engine: &mut dyn InferenceEngine,
    tokenizer: &BertTokenizer,
    passage: &str,
    question: &str,
    options: &AskOptions,
    progress: ProgressAsync<'_>,
) -> Result<Explained, AskError> {
    let question = prepare(engine, tokenizer, passage, question, options)?;
    let (mut logits, mut done) = (Vec::new(), 0);
    for batch in question.batches() {
        if !progress(done, question.windows()).await {
            return Err(AskError::Cancelled);
        }
        logits.push(engine.predict_async(&batch).await?);
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
    let asked = options.windows.max_seq_length;
    options.windows = options.windows.within(positions);
    let mut question = PreparedQuestion::new(tokenizer, passage, question, &options)?;
    question.fitted.max_seq_length_asked = (asked > positions).then_some(asked);
    Ok(question)
}

/// A question on its way to the model and back.
pub struct PreparedQuestion<'a> {
    tokenizer: &'a BertTokenizer,
    passage: &'a str,
    words: PassageWords,
    example: Example,
    windows: Vec<Window>,
    options: AskOptions,
    fitted: Fitted,
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
        let question = PassageWords::new(question).joined().to_owned();
        let question_pieces = tokenizer.tokenize(&question).len();
        if question_pieces == 0 {
            return Err(AskError::EmptyQuestion);
        }
        let mut words = PassageWords::new(passage);
        let example = Example {
            qas_id: String::new(),
            question_text: question,
            doc_tokens: Arc::new(words.take_words()),
            orig_answer_text: None,
            start_position: None,
            end_position: None,
            is_impossible: false,
        };
        let windows = windows(std::slice::from_ref(&example), tokenizer, &options.windows, false)?;
        if windows.is_empty() {
            return Err(AskError::EmptyPassage);
        }
        let fitted = Fitted {
            question_pieces,
            question_pieces_used: question_pieces.min(options.windows.max_query_length),
            max_seq_length: options.windows.max_seq_length,
            max_seq_length_asked: None,
        };
        Ok(Self { tokenizer, passage, words, example, windows, options: *options, fitted })
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
            fitted: self.fitted,
        })
    }

    /// An entry cut out of the passage; `None` for those that are not in it ("no answer" and its stand-in).
    fn ranked(&self, entry: &NbestEntry) -> Option<RankedAnswer> {
        let span = entry.span?;
        let bytes = self.words.bytes_in(&span)?;
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
