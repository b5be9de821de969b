//! A context's words with their tokenisations, shared by all its questions.

use std::ops::Range;

use super::{AnswerSpan, final_text::align};
use crate::{
    features::Window,
    tokenizer::{BertTokenizer, unicode::str_split},
};

/// A context prepared for turning word pieces back into text.
///
/// BasicTokenizer works on one whitespace-separated word at a time, so tokenising every word once gives the
/// tokenisation of any run of words.
pub(super) struct Context<'a> {
    words: &'a [String],
    /// Each word's BasicTokenizer tokens, joined with spaces; empty for a word without tokens.
    tokenized: Vec<String>,
}

/// The text of an answer and, if it covers any word, where it lies.
pub(super) struct Recovered {
    pub text: String,
    pub span: Option<AnswerSpan>,
}

impl<'a> Context<'a> {
    pub(super) fn new(words: &'a [String], tokenizer: &BertTokenizer) -> Self {
        let tokenized = words.iter().map(|word| tokenizer.basic().tokenize(word).join(" ")).collect();
        Self { words, tokenized }
    }

    /// The original text of positions `start..=end` of a window, which must be document positions.
    pub(super) fn recover(
        &self,
        window: &Window,
        window_index: usize,
        positions: (usize, usize),
        tokenizer: &BertTokenizer,
    ) -> Recovered {
        let (start, end) = positions;
        let word_of = |position: usize| {
            let piece = position.checked_sub(window.first_doc_token)?;
            window.token_to_orig.get(piece).map(|&word| word as usize)
        };
        let range = match (word_of(start), word_of(end)) {
            (Some(first), Some(last)) => first..last.max(first) + 1,
            _ => 0..0,
        };
        let orig_text = join(self.words.get(range.clone()).unwrap_or_default());
        let tok_text = join(self.tokenized.get(range.clone()).unwrap_or_default());
        let pred_text = joined_pieces(window.input_ids.get(start..=end).unwrap_or_default(), tokenizer);
        let covered = if pred_text == tok_text {
            0..orig_text.len() // all of it: the alignment could only say the same
        } else {
            align(&pred_text, &tok_text, &orig_text).unwrap_or(0..orig_text.len())
        };
        let text = orig_text.get(covered.clone()).unwrap_or(&orig_text).to_owned();
        let span =
            self.locate(range, covered).map(|(first_word, first_byte, last_word, last_byte)| AnswerSpan {
                window: window_index,
                start_position: start,
                end_position: end,
                first_word,
                first_byte,
                last_word,
                last_byte,
            });
        Recovered { text, span }
    }

    /// Words and offsets within them of a byte range of the joined words `range`.
    fn locate(&self, range: Range<usize>, bytes: Range<usize>) -> Option<(usize, usize, usize, usize)> {
        if bytes.is_empty() {
            return None;
        }
        let (mut first, mut last) = (None, None);
        let mut offset = 0;
        for word in range {
            let length = self.words.get(word)?.len();
            if first.is_none() && bytes.start < offset + length {
                first = Some((word, bytes.start.saturating_sub(offset)));
            }
            if bytes.end > offset {
                last = Some((word, (bytes.end - offset).min(length)));
            }
            offset += length + 1;
        }
        let ((first_word, first_byte), (last_word, last_byte)) = first.zip(last)?;
        Some((first_word, first_byte, last_word, last_byte))
    }
}

/// Non-empty parts with one space between them.
fn join(parts: &[String]) -> String {
    let mut joined = String::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
    for part in parts.iter().filter(|part| !part.is_empty()) {
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(part);
    }
    joined
}

/// Pieces as text: `##` marks removed, whitespace squeezed.
fn joined_pieces(ids: &[u32], tokenizer: &BertTokenizer) -> String {
    let mut text = String::with_capacity(ids.len() * 8);
    for (index, &id) in ids.iter().enumerate() {
        if index > 0 {
            text.push(' ');
        }
        text.push_str(tokenizer.piece(id).unwrap_or_default());
    }
    let text = text.replace(" ##", "").replace("##", "");
    let mut squeezed = String::with_capacity(text.len());
    for part in str_split(&text) {
        if !squeezed.is_empty() {
            squeezed.push(' ');
        }
        squeezed.push_str(part);
    }
    squeezed
}
