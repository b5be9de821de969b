//! A context cut into words.

use std::ops::Range;

/// The words of a context and how its characters map to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocTokens {
    /// The words in order.
    pub words: Vec<String>,
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
        let mut tokens = Self { char_to_word: Vec::with_capacity(context.len()), ..Self::default() };
        let mut word_start = None;
        let mut word = -1;
        for (at, c) in context.char_indices() {
            if is_separator(c) {
                tokens.end_word(context, word_start.take(), at);
            } else if word_start.is_none() {
                word_start = Some(at);
                word += 1;
            }
            tokens.char_to_word.push(word);
        }
        tokens.end_word(context, word_start, context.len());
        tokens
    }

    fn end_word(&mut self, context: &str, start: Option<usize>, end: usize) {
        if let Some(start) = start {
            self.words.push(context[start..end].to_owned());
            self.byte_ranges.push(start..end);
        }
    }
}

/// `is_whitespace` inside `read_squad_examples`, narrower than the tokenizer's.
fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n' | '\u{202f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_map_to_words() {
        let tokens = DocTokens::new(" é b\u{a0}c\r\n\u{202f}d ");
        assert_eq!(tokens.words, ["é", "b\u{a0}c", "d"]);
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
}
