//! Examples cut into windows (`convert_examples_to_features` of the reference).

use std::sync::Arc;

use rayon::prelude::*;

use super::pieces::{Paragraph, ParagraphPieces, QuestionPieces, all_pieces, paragraphs, part_size};
use super::spans::{DocSpan, doc_spans, max_context_spans};
use super::{Example, FeatureError, SharedSlice, Window, WindowOptions};
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
    let paragraphs = paragraphs(examples);
    let pieces = all_pieces(&paragraphs, tokenizer, training)?;
    Ok(cut(&paragraphs, &pieces, tokenizer, options, training))
}

/// The windows of paragraphs whose pieces are known, on all cores. The options must have been checked.
fn cut(
    paragraphs: &[Paragraph<'_>],
    pieces: &[ParagraphPieces],
    tokenizer: &BertTokenizer,
    options: &WindowOptions,
    training: bool,
) -> Vec<Window> {
    let cutter = Cutter { tokenizer, options, training };
    let size = part_size(paragraphs.len());
    let mut by_part: Vec<Vec<Window>> = paragraphs
        .par_chunks(size)
        .zip(pieces.par_chunks(size))
        .map(|(part, pieces)| {
            let mut windows = Vec::with_capacity(part.iter().map(|paragraph| paragraph.examples.len()).sum());
            part.iter()
                .zip(pieces)
                .for_each(|(paragraph, pieces)| cutter.paragraph(paragraph, pieces, &mut windows));
            windows
        })
        .collect();
    let mut windows = Vec::with_capacity(by_part.iter().map(Vec::len).sum());
    by_part.iter_mut().for_each(|part| windows.append(part));
    for (window, unique_id) in windows.iter_mut().zip(FIRST_UNIQUE_ID..) {
        window.unique_id = unique_id;
    }
    windows
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
    tokenizer: &'a BertTokenizer,
    options: &'a WindowOptions,
    training: bool,
}

impl Cutter<'_> {
    /// Adds the windows of a paragraph.
    fn paragraph(&self, paragraph: &Paragraph<'_>, pieces: &ParagraphPieces, windows: &mut Vec<Window>) {
        let ParagraphPieces { ids, to_word, questions } = pieces;
        let mut known_spans: Vec<Spans> = Vec::new();
        let examples = (paragraph.first_index..).zip(paragraph.examples);
        for ((example_index, example), QuestionPieces { ids: query, answer }) in examples.zip(questions) {
            let query = query.get(..self.options.max_query_length).unwrap_or(query);
            let target = match (self.training, answer) {
                (false, _) => Target::Unknown,
                (true, &Some((start, end))) if !example.is_impossible => Target::Pieces(start, end),
                (true, _) => Target::Nowhere,
            };
            let spans = self.spans(&mut known_spans, ids.len(), query.len());
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
                    input_ids: input_ids(query, &ids[pieces.clone()], self.tokenizer),
                    first_segment_length: first_doc_token,
                    first_doc_token,
                    token_to_orig: SharedSlice::new(Arc::clone(to_word), pieces),
                    token_is_max_context: SharedSlice::new(Arc::clone(&spans.is_max_context), flags),
                    start_position,
                    end_position,
                });
            }
        }
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
