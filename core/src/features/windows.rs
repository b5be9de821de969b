//! Examples cut into windows (`convert_examples_to_features` of the reference).

use std::sync::Arc;

use rayon::prelude::*;

use super::spans::{DocSpan, doc_spans, improve_answer_span, max_context_spans};
use super::{Example, FeatureError, SharedSlice, Window, WindowOptions, Words};
use crate::tokenizer::{BertTokenizer, CachedTokenizer};

/// The reference numbers its features from here.
const FIRST_UNIQUE_ID: u64 = 1_000_000_000;
/// How many parts of the data each thread gets.
const PARTS_PER_THREAD: usize = 4;

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
    // Few parts, for each remembers words of its own; several for each core, for some take longer.
    let part = paragraphs.len().div_ceil(rayon::current_num_threads() * PARTS_PER_THREAD).max(1);
    let by_part: Vec<Result<Vec<Window>, FeatureError>> = paragraphs
        .par_chunks(part)
        .map(|part| {
            let words =
                part.iter().filter_map(|(_, sharing)| sharing.first()).map(|e| e.doc_tokens.len()).sum();
            let mut cutter = Cutter { tokenizer: CachedTokenizer::new(tokenizer, words), options, training };
            let mut windows = Vec::with_capacity(part.iter().map(|(_, sharing)| sharing.len()).sum());
            for &(first, sharing) in part {
                cutter.paragraph(first, sharing, &mut windows)?;
            }
            Ok(windows)
        })
        .collect();
    let mut windows = Vec::with_capacity(by_part.iter().flatten().map(Vec::len).sum());
    for part in by_part {
        windows.append(&mut part?);
    }
    for (window, unique_id) in windows.iter_mut().zip(FIRST_UNIQUE_ID..) {
        window.unique_id = unique_id;
    }
    Ok(windows)
}

/// The word pieces of a context.
struct Document {
    ids: Vec<u32>,
    /// For each piece, the index of its word.
    to_word: Arc<[u32]>,
    /// For each word, the index of its first piece, or of the next word's if it has none.
    first_piece: Vec<usize>,
}

impl Document {
    fn new(words: &Words, tokenizer: &mut CachedTokenizer<'_>) -> Self {
        let mut ids = Vec::with_capacity(words.len() * 3 / 2);
        let mut to_word = Vec::with_capacity(words.len() * 3 / 2);
        let mut first_piece = Vec::with_capacity(words.len());
        for (index, word) in (0..).zip(words.iter()) {
            first_piece.push(ids.len());
            tokenizer.word_into(word, &mut ids);
            to_word.resize(ids.len(), index);
        }
        Self { ids, to_word: to_word.into(), first_piece }
    }

    /// First and last piece of the answer's words, narrowed to the answer where possible. The last may be before
    /// the first, even -1, if words have no pieces.
    fn answer_pieces(
        &self,
        example: &Example,
        tokenizer: &mut CachedTokenizer<'_>,
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
        let after =
            end_word.checked_add(1).and_then(|after| usize::try_from(after).ok()).ok_or_else(outside)?;
        let end = match self.first_piece.get(after) {
            Some(&next) => next,
            None if after == words => self.ids.len(),
            None => return Err(outside()),
        };
        let mut answer = Vec::new();
        tokenizer.tokenize_into(text, &mut answer);
        Ok(improve_answer_span(&self.ids, start as i64, end as i64 - 1, &answer))
    }
}

/// The spans of a document for questions of one length.
struct Spans {
    longest: usize,
    spans: Vec<DocSpan>,
    /// For each span, and each of its pieces, whether the span gives the piece the most context.
    is_max_context: Arc<[bool]>,
}

impl Spans {
    fn new(pieces: usize, longest: usize, stride: usize) -> Self {
        let spans = doc_spans(pieces, longest, stride);
        let best = max_context_spans(&spans, pieces);
        let is_max_context = spans
            .iter()
            .enumerate()
            .flat_map(|(index, span)| {
                best.iter().skip(span.start).take(span.length).map(move |&best| best == index)
            })
            .collect();
        Self { longest, spans, is_max_context }
    }
}

/// Cuts paragraph after paragraph.
struct Cutter<'a> {
    tokenizer: CachedTokenizer<'a>,
    options: &'a WindowOptions,
    training: bool,
}

impl Cutter<'_> {
    /// Adds the windows of the examples that share a context.
    fn paragraph(
        &mut self,
        first_index: usize,
        sharing: &[Example],
        windows: &mut Vec<Window>,
    ) -> Result<(), FeatureError> {
        let Some(example) = sharing.first() else { return Ok(()) };
        let document = Document::new(&example.doc_tokens, &mut self.tokenizer);
        if document.ids.is_empty() {
            return Ok(());
        }
        let mut known_spans: Vec<Spans> = Vec::new();
        let mut query = Vec::new();
        for (example_index, example) in (first_index..).zip(sharing) {
            query.clear();
            self.tokenizer.tokenize_into(&example.question_text, &mut query);
            query.truncate(self.options.max_query_length);
            let target = match (self.training, example.is_impossible) {
                (false, _) => Target::Unknown,
                (true, true) => Target::Nowhere,
                (true, false) => {
                    let (start, end) = document.answer_pieces(example, &mut self.tokenizer)?;
                    Target::Pieces(start, end)
                }
            };
            let spans = self.spans(&mut known_spans, document.ids.len(), query.len());
            let first_doc_token = query.len() + 2;
            let mut flags_start = 0;
            for (doc_span_index, span) in spans.spans.iter().enumerate() {
                let (start_position, end_position) = target.positions(span, first_doc_token);
                let pieces = span.start..span.start + span.length;
                let flags = flags_start..flags_start + span.length;
                flags_start = flags.end;
                windows.push(Window {
                    unique_id: 0,
                    example_index,
                    doc_span_index,
                    input_ids: input_ids(&query, &document.ids[pieces.clone()], self.tokenizer.tokenizer()),
                    first_segment_length: first_doc_token,
                    first_doc_token,
                    token_to_orig: SharedSlice::new(Arc::clone(&document.to_word), pieces),
                    token_is_max_context: SharedSlice::new(Arc::clone(&spans.is_max_context), flags),
                    start_position,
                    end_position,
                });
            }
        }
        Ok(())
    }

    /// The spans of a document of `pieces` beside a question of `query` pieces. They are the same for all questions that
    /// leave the document room, and there are no more lengths of questions than `max_query_length`.
    fn spans<'s>(&self, known: &'s mut Vec<Spans>, pieces: usize, query: usize) -> &'s Spans {
        let longest = (self.options.max_seq_length - query - WindowOptions::SPECIAL_TOKENS).min(pieces);
        let at = known.iter().position(|spans| spans.longest == longest).unwrap_or_else(|| {
            known.push(Spans::new(pieces, longest, self.options.doc_stride));
            known.len() - 1
        });
        &known[at]
    }
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
