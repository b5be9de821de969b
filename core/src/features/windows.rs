//! Examples cut into windows (`convert_examples_to_features` of the reference).

use std::sync::Arc;

use rayon::prelude::*;

use super::spans::{DocSpan, doc_spans, improve_answer_span, max_context_spans};
use super::{Example, FeatureError, Window, WindowOptions};
use crate::tokenizer::BertTokenizer;

/// The reference numbers its features from here.
const FIRST_UNIQUE_ID: u64 = 1_000_000_000;

/// The windows of all examples, in order; `training` adds the answers' positions.
///
/// Runs on all cores; each context is tokenised once for all neighbouring examples that share its words. An
/// answer that is not wholly inside a window, and an unanswerable question, have both positions at `[CLS]`.
/// A context without any word piece gives no window.
///
/// # Errors
/// If the options leave no room for a document ([`WindowOptions::check`]), or `training` is asked of examples
/// without answer positions.
pub fn windows(
    examples: &[Example],
    tokenizer: &BertTokenizer,
    options: &WindowOptions,
    training: bool,
) -> Result<Vec<Window>, FeatureError> {
    options.check()?;
    let mut first_index = 0;
    let paragraphs: Vec<(usize, &[Example])> = examples
        .chunk_by(|one, next| Arc::ptr_eq(&one.doc_tokens, &next.doc_tokens))
        .map(|sharing| {
            let first = first_index;
            first_index += sharing.len();
            (first, sharing)
        })
        .collect();
    let by_paragraph: Vec<Vec<Window>> = paragraphs
        .into_par_iter()
        .map(|(first, sharing)| paragraph_windows(first, sharing, tokenizer, options, training))
        .collect::<Result<_, _>>()?;
    let mut windows = Vec::with_capacity(by_paragraph.iter().map(Vec::len).sum());
    windows.extend(by_paragraph.into_iter().flatten());
    for (window, unique_id) in windows.iter_mut().zip(FIRST_UNIQUE_ID..) {
        window.unique_id = unique_id;
    }
    Ok(windows)
}

/// The word pieces of a context.
struct Document {
    ids: Vec<u32>,
    /// For each piece, the index of its word.
    to_word: Vec<u32>,
    /// For each word, the index of its first piece, or of the next word's if it has none.
    first_piece: Vec<usize>,
}

impl Document {
    fn new(words: &[String], tokenizer: &BertTokenizer) -> Self {
        let mut document = Self {
            ids: Vec::with_capacity(words.len() * 3 / 2),
            to_word: Vec::with_capacity(words.len() * 3 / 2),
            first_piece: Vec::with_capacity(words.len()),
        };
        for (index, word) in (0..).zip(words) {
            document.first_piece.push(document.ids.len());
            tokenizer.tokenize_into(word, &mut document.ids);
            document.to_word.resize(document.ids.len(), index);
        }
        document
    }

    /// First and last piece of the answer's words, narrowed to the answer where possible. The last may be before
    /// the first, even -1, if words have no pieces.
    fn answer_pieces(
        &self,
        example: &Example,
        tokenizer: &BertTokenizer,
    ) -> Result<(i64, i64), FeatureError> {
        let (Some(start_word), Some(end_word), Some(text)) =
            (example.start_position, example.end_position, &example.orig_answer_text)
        else {
            return Err(FeatureError::NoTarget { qas_id: example.qas_id.clone() });
        };
        let words = self.first_piece.len();
        let outside = || FeatureError::TargetOutside {
            qas_id: example.qas_id.clone(),
            start: start_word,
            end: end_word,
            words,
        };
        // Word -1, white space before the first word, is Python's last.
        let word = if start_word == -1 { words.checked_sub(1) } else { usize::try_from(start_word).ok() };
        let start = *word.and_then(|word| self.first_piece.get(word)).ok_or_else(outside)?;
        let after = usize::try_from(end_word + 1).map_err(|_| outside())?;
        let end = match self.first_piece.get(after) {
            Some(&next) => next,
            None if after == words => self.ids.len(),
            None => return Err(outside()),
        };
        let answer = tokenizer.tokenize(text);
        Ok(improve_answer_span(&self.ids, start as i64, end as i64 - 1, &answer))
    }
}

fn paragraph_windows(
    first_index: usize,
    sharing: &[Example],
    tokenizer: &BertTokenizer,
    options: &WindowOptions,
    training: bool,
) -> Result<Vec<Window>, FeatureError> {
    let Some(example) = sharing.first() else { return Ok(Vec::new()) };
    let document = Document::new(&example.doc_tokens, tokenizer);
    let mut windows = Vec::new();
    if document.ids.is_empty() {
        return Ok(windows);
    }
    for (example_index, example) in (first_index..).zip(sharing) {
        let mut query = tokenizer.tokenize(&example.question_text);
        query.truncate(options.max_query_length);
        let target = match (training, example.is_impossible) {
            (false, _) => Target::Unknown,
            (true, true) => Target::Nowhere,
            (true, false) => {
                let (start, end) = document.answer_pieces(example, tokenizer)?;
                Target::Pieces(start, end)
            }
        };
        let longest = options.max_seq_length - query.len() - WindowOptions::SPECIAL_TOKENS;
        let spans = doc_spans(document.ids.len(), longest, options.doc_stride);
        let best = max_context_spans(&spans, document.ids.len());
        for (doc_span_index, span) in spans.iter().enumerate() {
            let (start_position, end_position) = target.positions(span, query.len() + 2);
            let pieces = span.start..span.start + span.length;
            windows.push(Window {
                unique_id: 0,
                example_index,
                doc_span_index,
                input_ids: input_ids(&query, &document.ids[pieces.clone()], tokenizer),
                first_segment_length: query.len() + 2,
                first_doc_token: query.len() + 2,
                token_to_orig: document.to_word[pieces.clone()].to_vec(),
                token_is_max_context: best[pieces].iter().map(|&best| best == doc_span_index).collect(),
                start_position,
                end_position,
            });
        }
    }
    Ok(windows)
}

/// `[CLS] query [SEP] document [SEP]`.
fn input_ids(query: &[u32], document: &[u32], tokenizer: &BertTokenizer) -> Vec<u32> {
    let mut ids = Vec::with_capacity(query.len() + document.len() + WindowOptions::SPECIAL_TOKENS);
    ids.push(tokenizer.cls_id());
    ids.extend_from_slice(query);
    ids.push(tokenizer.sep_id());
    ids.extend_from_slice(document);
    ids.push(tokenizer.sep_id());
    ids
}

/// Where the answer is, in pieces of the document.
enum Target {
    /// Not told.
    Unknown,
    /// There is none.
    Nowhere,
    /// First and last piece.
    Pieces(i64, i64),
}

impl Target {
    /// Start and end in the input of the window over `span`, whose document begins at `first_doc_token`.
    fn positions(&self, span: &DocSpan, first_doc_token: usize) -> (Option<usize>, Option<usize>) {
        match *self {
            Self::Unknown => (None, None),
            Self::Pieces(start, end) if start >= span.start as i64 && end <= span.last() as i64 => {
                // Below 0 only for a blank answer before the first word; the reference's loss takes that for 0.
                let position = |piece: i64| {
                    usize::try_from(piece - span.start as i64 + first_doc_token as i64).unwrap_or(0)
                };
                (Some(position(start)), Some(position(end)))
            }
            Self::Nowhere | Self::Pieces(..) => (Some(0), Some(0)),
        }
    }
}
