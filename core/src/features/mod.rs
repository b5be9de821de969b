//! Questions turned into fixed-length model inputs (`read_squad_examples` and `convert_examples_to_features` of
//! the reference).
//!
//! A [`crate::squad::Dataset`] becomes [`Example`]s (contexts cut into words), those become [`Window`]s (word
//! pieces with the question in front, cut to length). Every number equals the reference's, quirks included:
//! `doc_stride` is the step and not the overlap, white space at a context's start belongs to word -1, a word may
//! have no pieces at all, and a context without any piece gives no window.

mod doc_tokens;
mod error;
mod examples;
pub mod jsonl;
mod pieces;
mod shared_slice;
mod spans;
mod windows;
mod words;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use doc_tokens::DocTokens;
pub(crate) use doc_tokens::word_ranges;
pub use error::FeatureError;
pub use examples::{SkipReason, SkippedQuestion, evaluation_examples, training_examples, usable_examples};
pub(crate) use examples::{context_words, evaluation_example};
pub use shared_slice::SharedSlice;
pub use spans::{DocSpan, doc_spans, improve_answer_span, max_context_spans};
pub use windows::windows;
pub use words::Words;

/// One question with its context cut into words (`SquadExample` of the reference).
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// The question's id in the data set.
    pub qas_id: String,
    /// The question as written.
    pub question_text: String,
    /// The context's words, shared by all questions of a paragraph.
    pub doc_tokens: Arc<Words>,
    /// The gold answer's text; training only, empty for an unanswerable question.
    pub orig_answer_text: Option<String>,
    /// First word of the answer; training only, -1 for an unanswerable question or leading whitespace.
    pub start_position: Option<i32>,
    /// Last word of the answer, inclusive; as `start_position`.
    pub end_position: Option<i32>,
    /// Whether the data set marks the question as unanswerable (training only, `false` in evaluation).
    pub is_impossible: bool,
}

/// One window of a question's context, ready for the model (`InputFeatures` of the reference).
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Counts from 1000000000 in order.
    pub unique_id: u64,
    /// Index of the [`Example`] it comes from.
    pub example_index: usize,
    /// Which window of that example, from 0.
    pub doc_span_index: usize,
    /// `[CLS] question [SEP] document [SEP]`, without padding.
    pub input_ids: Vec<u32>,
    /// How many positions have segment id 0; the rest of `input_ids` has 1.
    pub first_segment_length: usize,
    /// Position of the first document piece in `input_ids`.
    pub first_doc_token: usize,
    /// For each document piece of the window, the index of its word in `doc_tokens`.
    pub token_to_orig: SharedSlice<u32>,
    /// For each document piece, whether this window gives it the most context.
    pub token_is_max_context: SharedSlice<bool>,
    /// Position of the answer's first piece in `input_ids`, 0 (`[CLS]`) if there is none; training only. For blank
    /// answers it may, as the reference's, lie beyond `input_ids`; the loss clamps it.
    pub start_position: Option<usize>,
    /// Position of the answer's last piece, inclusive; as `start_position`. Before the start if the answer's word
    /// has no pieces.
    pub end_position: Option<usize>,
}

/// How contexts are cut into windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowOptions {
    /// Longest input in word pieces, question and special tokens included.
    pub max_seq_length: usize,
    /// Step from one window's start to the next, in word pieces (not the overlap).
    pub doc_stride: usize,
    /// Longest question in word pieces; the rest is cut off.
    pub max_query_length: usize,
}

impl Default for WindowOptions {
    /// The reference's defaults.
    fn default() -> Self {
        Self { max_seq_length: 384, doc_stride: 128, max_query_length: 64 }
    }
}

impl WindowOptions {
    /// `[CLS]` and the two `[SEP]`.
    pub const SPECIAL_TOKENS: usize = 3;

    /// The same for a model of fewer positions: shorter windows, of which the document keeps at least half, and steps that
    /// leave nothing out.
    #[must_use]
    pub fn within(self, positions: usize) -> Self {
        if self.max_seq_length <= positions {
            return self;
        }
        let max_query_length = self.max_query_length.min(positions / 2).max(1);
        let document = positions.saturating_sub(max_query_length + Self::SPECIAL_TOKENS);
        Self {
            max_seq_length: positions,
            doc_stride: self.doc_stride.min(document.div_ceil(2)).max(1),
            max_query_length,
        }
    }

    /// Checks that every question leaves room for its context and that windows advance.
    ///
    /// # Errors
    /// If `doc_stride` or `max_query_length` is 0, or `max_query_length` and the three special tokens leave no
    /// position of `max_seq_length` to the document.
    pub fn check(&self) -> Result<(), FeatureError> {
        if self.doc_stride == 0 {
            return Err(FeatureError::NoStride);
        }
        if self.max_query_length == 0 {
            return Err(FeatureError::NoQuery);
        }
        let (max_seq_length, max_query_length) = (self.max_seq_length, self.max_query_length);
        if max_query_length.saturating_add(Self::SPECIAL_TOKENS) >= max_seq_length {
            return Err(FeatureError::NoRoom { max_seq_length, max_query_length });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
