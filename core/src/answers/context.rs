//! A context's words with their tokenisations, shared by all its questions.

use std::ops::Range;

use super::{AnswerSpan, final_text::align};
use crate::{
    features::{Window, Words},
    tokenizer::{
        BertTokenizer,
        unicode::{is_str_split_whitespace, str_split},
    },
};

/// A context prepared for turning word pieces back into text.
///
/// BasicTokenizer works on one whitespace-separated word at a time, so tokenising every word once gives the
/// tokenisation of any run of words.
pub(super) struct Context<'a> {
    words: &'a Words,
    /// The BasicTokenizer tokens of all words, joined with spaces.
    tokenized: String,
    /// Where the tokens of each word stand in `tokenized`. Of a word without tokens the start is where the next token
    /// will stand and the end is that of the token before.
    bounds: Vec<(usize, usize)>,
}

/// The text of an answer and, if it covers any word, where it lies.
pub(super) struct Recovered<'a> {
    pub text: &'a str,
    pub span: Option<AnswerSpan>,
}

impl<'a> Context<'a> {
    pub(super) fn new(words: &'a Words, tokenizer: &BertTokenizer) -> Self {
        let mut tokenized = String::new();
        let mut bounds = Vec::with_capacity(words.len());
        for word in words.iter() {
            let start = if tokenized.is_empty() { 0 } else { tokenized.len() + 1 };
            tokenizer.basic().for_each_token(word, |token| {
                if !tokenized.is_empty() {
                    tokenized.push(' ');
                }
                tokenized.push_str(token);
            });
            bounds.push((start, tokenized.len()));
        }
        Self { words, tokenized, bounds }
    }

    /// The original text of positions `start..=end` of a window, which must be document positions. `pieces` is space to
    /// work in.
    pub(super) fn recover(
        &self,
        window: &Window,
        window_index: usize,
        positions: (usize, usize),
        tokenizer: &BertTokenizer,
        pieces: &mut String,
    ) -> Recovered<'a> {
        let (start, end) = positions;
        let word_of = |position: usize| {
            let piece = position.checked_sub(window.first_doc_token)?;
            window.token_to_orig.get(piece).map(|&word| word as usize)
        };
        let range = match (word_of(start), word_of(end)) {
            (Some(first), Some(last)) => first..last.max(first) + 1,
            _ => 0..0,
        };
        let first_word = range.start;
        let tok_text = self.tokenized(&range);
        let orig_text = self.words.joined(range);
        join_pieces(window.input_ids.get(start..=end).unwrap_or_default(), tokenizer, pieces);
        let covered = if pieces == tok_text {
            0..orig_text.len() // all of it: the alignment could only say the same
        } else {
            align(pieces, tok_text, orig_text).unwrap_or(0..orig_text.len())
        };
        let text = orig_text.get(covered.clone()).unwrap_or(orig_text);
        let span =
            self.locate(first_word, covered).map(|((first_word, first_byte), (last_word, last_byte))| {
                AnswerSpan {
                    window: window_index,
                    start_position: start,
                    end_position: end,
                    first_word,
                    first_byte,
                    last_word,
                    last_byte,
                }
            });
        Recovered { text, span }
    }

    /// The tokens of a run of words, joined with spaces.
    fn tokenized(&self, words: &Range<usize>) -> &str {
        let last = words.end.checked_sub(1).and_then(|last| self.bounds.get(last));
        match (self.bounds.get(words.start), last) {
            (Some(&(start, _)), Some(&(_, end))) => self.tokenized.get(start..end).unwrap_or_default(),
            _ => "",
        }
    }

    /// Words, and offsets within them, of the first and past the last byte of a range of the words joined from
    /// `first_word` on.
    fn locate(&self, first_word: usize, bytes: Range<usize>) -> Option<((usize, usize), (usize, usize))> {
        if bytes.is_empty() {
            return None;
        }
        self.words.locate(first_word, bytes.start).zip(self.words.locate(first_word, bytes.end))
    }
}

/// Pieces as text: the marks of those that continue a word (`##`) removed, whitespace squeezed.
fn join_pieces(ids: &[u32], tokenizer: &BertTokenizer, text: &mut String) {
    text.clear();
    let mark = tokenizer.prefix();
    for &id in ids {
        let piece = tokenizer.piece(id).unwrap_or_default();
        let (continues, letters) = match piece.strip_prefix(mark) {
            Some(letters) => (true, letters),
            None => (false, piece),
        };
        // Marks within a piece may join with those of its neighbours, and white space is for the general way.
        if letters.is_empty() || letters.contains(|c| mark.contains(c) || is_str_split_whitespace(c)) {
            *text = joined_odd_pieces(ids, tokenizer);
            return;
        }
        if !continues && !text.is_empty() {
            text.push(' ');
        }
        text.push_str(letters);
    }
}

/// [`join_pieces`] word by word as the reference has it.
fn joined_odd_pieces(ids: &[u32], tokenizer: &BertTokenizer) -> String {
    let pieces: Vec<&str> = ids.iter().map(|&id| tokenizer.piece(id).unwrap_or_default()).collect();
    let mark = tokenizer.prefix();
    let text = pieces.join(" ").replace(&format!(" {mark}"), "").replace(mark, "");
    let mut squeezed = String::with_capacity(text.len());
    for part in str_split(&text) {
        if !squeezed.is_empty() {
            squeezed.push(' ');
        }
        squeezed.push_str(part);
    }
    squeezed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PIECES: [&str; 18] = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "a",
        "##a",
        "bc",
        "##bc",
        "#",
        "##",
        "###",
        "####",
        "##\u{301}",
        "é",
        "d e",
        "\u{a0}",
        "",
        ".",
    ];

    proptest! {
        #[test]
        fn joining_pieces_one_by_one_gives_what_replacing_marks_gives(ids in prop::collection::vec(0_u32..20, 0..9)) {
            let tokenizer = BertTokenizer::from_vocab(PIECES.map(str::to_owned).to_vec(), false).unwrap();
            let mut text = "left over".to_owned();
            join_pieces(&ids, &tokenizer, &mut text);
            prop_assert_eq!(text, joined_odd_pieces(&ids, &tokenizer));
        }
    }

    #[test]
    fn words_without_tokens_leave_no_gap() {
        let tokenizer = BertTokenizer::from_vocab(PIECES.map(str::to_owned).to_vec(), true).unwrap();
        let words: Words = ["\u{200b}", "Ab.", "\u{200b}", "\u{200b}", "É"].into_iter().collect();
        let context = Context::new(&words, &tokenizer);
        assert_eq!(context.tokenized(&(0..5)), "ab . e");
        assert_eq!([context.tokenized(&(1..4)), context.tokenized(&(2..5))], ["ab .", "e"]);
        assert_eq!(
            [context.tokenized(&(0..1)), context.tokenized(&(2..4)), context.tokenized(&(0..0))],
            [""; 3]
        );
    }
}
