//! Questions turned into fixed-length model inputs (`convert_examples_to_features` of the reference).

use std::sync::Arc;

/// One question with its context cut into words (`SquadExample` of the reference).
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// The question's id in the data set.
    pub qas_id: String,
    /// The question as written.
    pub question_text: String,
    /// The context's words, shared by all questions of a paragraph.
    pub doc_tokens: Arc<[String]>,
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
    pub token_to_orig: Vec<u32>,
    /// For each document piece, whether this window gives it the most context.
    pub token_is_max_context: Vec<bool>,
    /// Position of the answer's first piece in `input_ids`, 0 (`[CLS]`) if there is none; training only.
    pub start_position: Option<usize>,
    /// Position of the answer's last piece, inclusive; as `start_position`.
    pub end_position: Option<usize>,
}

/// How contexts are cut into windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowOptions {
    /// Longest input in word pieces, question and special tokens included.
    pub max_seq_length: usize,
    /// Step from one window's start to the next, in word pieces (not the overlap).
    pub doc_stride: usize,
    /// Longest question in word pieces; the rest is cut off.
    pub max_query_length: usize,
}
