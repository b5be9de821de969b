//! The word pieces of paragraphs and their questions: all of the features that takes a tokenizer.

use std::sync::Arc;

use rayon::prelude::*;

use super::spans::improve_answer_span;
use super::{Example, FeatureError, Words};
use crate::tokenizer::{BertTokenizer, CachedTokenizer};

/// How many parts of the data each thread gets.
const PARTS_PER_THREAD: usize = 4;

/// Neighbouring examples that share their words.
#[derive(Clone, Copy)]
pub(super) struct Paragraph<'a> {
    /// Index of the first example.
    pub(super) first_index: usize,
    /// The examples, at least one.
    pub(super) examples: &'a [Example],
    /// Their words.
    pub(super) words: &'a Words,
}

/// The pieces of a paragraph. A paragraph whose words have none is left without questions.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ParagraphPieces {
    /// The context's.
    pub(super) ids: Vec<u32>,
    /// For each piece of the context, the index of its word.
    pub(super) to_word: Arc<[u32]>,
    /// Each question's.
    pub(super) questions: Vec<QuestionPieces>,
}

/// The pieces of a question.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct QuestionPieces {
    /// All of them, however long the question is.
    pub(super) ids: Vec<u32>,
    /// First and last piece of the answer in the context; training only. The last may be before the first, even -1, if
    /// words have no pieces.
    pub(super) answer: Option<(i64, i64)>,
}

/// Groups examples by the words they share.
pub(super) fn paragraphs(examples: &[Example]) -> Vec<Paragraph<'_>> {
    let mut next_index = 0;
    examples
        .chunk_by(|one, next| Arc::ptr_eq(&one.doc_tokens, &next.doc_tokens))
        .filter_map(|examples| {
            let first_index = next_index;
            next_index += examples.len();
            let words = &*examples.first()?.doc_tokens;
            Some(Paragraph { first_index, examples, words })
        })
        .collect()
}

/// How many neighbouring paragraphs one thread takes at a time: some take longer than others.
pub(super) fn part_size(paragraphs: usize) -> usize {
    paragraphs.div_ceil(rayon::current_num_threads() * PARTS_PER_THREAD).max(1)
}

/// Tokenises paragraphs on all cores; each context once.
///
/// # Errors
/// The first example whose answer is wanted (`training`) and not known.
pub(super) fn all_pieces(
    paragraphs: &[Paragraph<'_>],
    tokenizer: &BertTokenizer,
    training: bool,
) -> Result<Vec<ParagraphPieces>, FeatureError> {
    let by_part: Vec<Result<Vec<ParagraphPieces>, FeatureError>> = paragraphs
        .par_chunks(part_size(paragraphs.len()))
        .map(|part| {
            let words = part.iter().map(|paragraph| paragraph.words.len()).sum();
            let mut tokenizer = CachedTokenizer::new(tokenizer, words);
            part.iter().map(|paragraph| pieces(paragraph, &mut tokenizer, training)).collect()
        })
        .collect();
    let mut all = Vec::with_capacity(paragraphs.len());
    for part in by_part {
        all.append(&mut part?);
    }
    Ok(all)
}

/// Tokenises one paragraph.
fn pieces(
    paragraph: &Paragraph<'_>,
    tokenizer: &mut CachedTokenizer<'_>,
    training: bool,
) -> Result<ParagraphPieces, FeatureError> {
    let words = paragraph.words;
    let mut ids = Vec::with_capacity(words.len() * 3 / 2);
    let mut to_word = Vec::with_capacity(words.len() * 3 / 2);
    // For each word, the index of its first piece, or of the next word's if it has none.
    let mut first_piece = Vec::with_capacity(words.len());
    for (index, word) in (0..).zip(words.iter()) {
        first_piece.push(ids.len());
        tokenizer.word_into(word, &mut ids);
        to_word.resize(ids.len(), index);
    }
    if ids.is_empty() {
        return Ok(ParagraphPieces::default());
    }
    let mut questions = Vec::with_capacity(paragraph.examples.len());
    let mut question = Vec::new();
    for example in paragraph.examples {
        question.clear();
        tokenizer.tokenize_into(&example.question_text, &mut question);
        let answer = if training && !example.is_impossible {
            Some(answer_pieces(&ids, &first_piece, example, tokenizer)?)
        } else {
            None
        };
        questions.push(QuestionPieces { ids: question.as_slice().into(), answer });
    }
    Ok(ParagraphPieces { ids, to_word: to_word.into(), questions })
}

/// First and last piece of the answer's words, narrowed to the answer where possible.
fn answer_pieces(
    ids: &[u32],
    first_piece: &[usize],
    example: &Example,
    tokenizer: &mut CachedTokenizer<'_>,
) -> Result<(i64, i64), FeatureError> {
    let (Some(start_word), Some(end_word), Some(text)) =
        (example.start_position, example.end_position, &example.orig_answer_text)
    else {
        return Err(FeatureError::NoTarget { qas_id: example.qas_id.clone() });
    };
    let words = first_piece.len();
    let outside = || FeatureError::TargetOutside {
        qas_id: example.qas_id.clone(),
        start: start_word,
        end: end_word,
        words,
    };
    // Word -1, white space before the first word, is Python's last.
    let word = if start_word == -1 { words.checked_sub(1) } else { usize::try_from(start_word).ok() };
    let start = *word.and_then(|word| first_piece.get(word)).ok_or_else(outside)?;
    let after = end_word.checked_add(1).and_then(|after| usize::try_from(after).ok()).ok_or_else(outside)?;
    let end = match first_piece.get(after) {
        Some(&next) => next,
        None if after == words => ids.len(),
        None => return Err(outside()),
    };
    let mut answer = Vec::new();
    tokenizer.tokenize_into(text, &mut answer);
    Ok(improve_answer_span(ids, start as i64, end as i64 - 1, &answer))
}
