//! A context cut into words.

use std::ops::Range;

use super::Words;

/// The words of a context and how its characters map to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocTokens {
    /// The words in order.
    pub words: Words,
    /// Where each word stands in the context, in bytes.
    pub byte_ranges: Vec<Range<usize>>,
    /// For each code point of the context the index of its word; white space belongs to the word before it, which
    /// is -1 at the start of the context.
    pub char_to_word: Vec<i32>,
}

impl DocTokens {
    /// Cuts a context at spaces, tabs, CR, LF and U+202F; no other character separates words, not even U+00A0.
    #[must_use]
    pub fn new(context: &str) -> Self {
        let byte_ranges: Vec<_> = word_ranges(context).collect();
        let mut char_to_word = Vec::with_capacity(context.len());
        let mut starts = byte_ranges.iter().map(|range| range.start).peekable();
        let mut word = -1;
        for (at, _) in context.char_indices() {
            if starts.next_if_eq(&at).is_some() {
                word += 1;
            }
            char_to_word.push(word);
        }
        Self { words: words(context), byte_ranges, char_to_word }
    }
}

/// The words of a context alone, as [`DocTokens`] has them.
pub(super) fn words(context: &str) -> Words {
    let mut words = Words::with_capacity(context.len() / 5, context.len() + 1);
    word_ranges(context).for_each(|range| words.push(context.get(range).unwrap_or_default()));
    words
}

/// The words of a context and which of them stands where.
pub(super) fn words_with_positions(context: &str) -> (Words, WordPositions) {
    let mut words = Words::with_capacity(context.len() / 5, context.len() + 1);
    let mut positions = WordPositions { starts: Vec::with_capacity(context.len() / 5), length: 0 };
    let mut counted = 0;
    let mut code_points_to = |byte: usize| {
        let between = context.get(counted..byte).unwrap_or_default();
        counted = byte;
        between.chars().count()
    };
    for range in word_ranges(context) {
        positions.length += code_points_to(range.start);
        positions.starts.push(positions.length);
        words.push(context.get(range).unwrap_or_default());
    }
    positions.length += code_points_to(context.len());
    (words, positions)
}

/// Which word stands at which code point of a context: what `char_to_word` says, in space for the words alone.
pub(super) struct WordPositions {
    /// The code point that each word starts at.
    starts: Vec<usize>,
    /// Of the context, in code points.
    length: usize,
}

impl WordPositions {
    /// Code points of the context.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// The index of the word at a code point; white space belongs to the word before it, -1 at the start. `None` past the
    /// end.
    pub(super) fn word_at(&self, code_point: usize) -> Option<i32> {
        let started = self.starts.partition_point(|&start| start <= code_point);
        (code_point < self.length).then(|| i32::try_from(started).unwrap_or(i32::MAX) - 1)
    }
}

/// Where the words of a context stand, in bytes. The separators are those of `is_whitespace` inside
/// `read_squad_examples`, fewer than the tokenizer's.
pub(crate) fn word_ranges(context: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = context.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(length @ 1..) = bytes.get(at..).map(separator_length) {
            at += length;
        }
        let start = at;
        while at < bytes.len() && separator_length(bytes.get(at..).unwrap_or_default()) == 0 {
            at += 1;
        }
        (start < at).then_some(start..at)
    })
}

/// How many bytes the separator at the start of `rest` takes; 0 if there is none. Within a character of several bytes
/// none of these can start.
fn separator_length(rest: &[u8]) -> usize {
    match rest {
        [b' ' | b'\t' | b'\r' | b'\n', ..] => 1,
        // U+202F
        [0xe2, 0x80, 0xaf, ..] => 3,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_map_to_words() {
        let tokens = DocTokens::new(" é b\u{a0}c\r\n\u{202f}d ");
        assert_eq!(tokens.words.iter().collect::<Vec<_>>(), ["é", "b\u{a0}c", "d"]);
        assert_eq!(tokens.byte_ranges, [1..3, 4..8, 13..14]);
        assert_eq!(tokens.char_to_word, [-1, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2]);
    }

    #[test]
    fn empty_and_blank_contexts_have_no_words() {
        assert_eq!(DocTokens::new(""), DocTokens::default());
        let blank = DocTokens::new(" \n");
        assert!(blank.words.is_empty());
        assert_eq!(blank.char_to_word, [-1, -1]);
    }

    #[test]
    fn words_are_what_the_separators_leave() {
        let separators = [' ', '\t', '\r', '\n', '\u{202f}'];
        for context in
            ["a\u{202f}\u{202f}b", "\u{202e}é\u{2030} \u{80af}", "x", " \u{202f}", "a\tb\rc\n日 本"]
        {
            let expected: Vec<_> = context.split(separators).filter(|word| !word.is_empty()).collect();
            assert_eq!(words(context).iter().collect::<Vec<_>>(), expected, "{context:?}");
            assert_eq!(DocTokens::new(context).words, words(context));
        }
    }

    #[test]
    fn positions_say_the_same_as_the_table() {
        for context in ["", " \n", "ab  c", " é b\u{a0}c\r\n\u{202f}d ", "日本 x\u{301}\ty"] {
            let tokens = DocTokens::new(context);
            let (words, positions) = words_with_positions(context);
            assert_eq!(words, tokens.words);
            assert_eq!(positions.length(), tokens.char_to_word.len());
            for at in 0..=tokens.char_to_word.len() {
                assert_eq!(positions.word_at(at), tokens.char_to_word.get(at).copied(), "{context:?} {at}");
            }
        }
    }
}
