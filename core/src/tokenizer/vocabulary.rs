//! The list of word pieces (`vocab.txt`): one piece a line, the line number is the id.

use super::unicode::is_str_split_whitespace;
use crate::advice::Advice;

/// Why a tokenizer could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenizerError {
    /// The vocabulary lacks tokens without which no input can be built.
    #[error(
        "vocabulary of {size} pieces lacks {}",
        .missing.join(", ")
    )]
    MissingSpecialTokens {
        /// Which of `[PAD] [UNK] [CLS] [SEP]` are absent.
        missing: Vec<&'static str>,
        /// Number of pieces in the vocabulary.
        size: usize,
    },
    /// More pieces than an id can number.
    #[error("vocabulary of {size} pieces is too large: ids are 32-bit")]
    TooLarge {
        /// Number of pieces in the vocabulary.
        size: usize,
    },
    /// The `tokenizers` crate refused the vocabulary.
    #[error("vocabulary refused by the WordPiece model ({0})")]
    WordPiece(String),
}

impl Advice for TokenizerError {
    fn remedy(&self) -> String {
        "use the vocab.txt that came with the checkpoint".into()
    }
}

/// The pieces of a `vocab.txt`, in order (`load_vocab` of the reference).
///
/// Lines end at LF, CR or CRLF; white space around a piece is cut off as Python's `strip()` does; an empty line
/// is an empty piece and keeps its id, but a line break at the end of the file starts no further line.
#[must_use]
pub fn pieces_from_vocab_text(text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
        let (line, tail) = rest.split_at(end);
        pieces.push(line.trim_matches(is_str_split_whitespace).to_owned());
        rest = tail.strip_prefix("\r\n").or_else(|| tail.strip_prefix(['\n', '\r'])).unwrap_or(tail);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_stripped_and_numbered() {
        assert_eq!(pieces_from_vocab_text("a \n\u{a0}b\r\n\n##c\rd"), ["a", "b", "", "##c", "d"]);
        assert_eq!(pieces_from_vocab_text("a\n"), ["a"]);
        assert_eq!(pieces_from_vocab_text("a\n\n"), ["a", ""]);
        assert!(pieces_from_vocab_text("").is_empty());
    }

    #[test]
    fn errors_say_what_is_missing_and_what_to_do() {
        let error = TokenizerError::MissingSpecialTokens { missing: vec!["[UNK]", "[SEP]"], size: 3 };
        assert_eq!(
            error.in_one_line(),
            "vocabulary of 3 pieces lacks [UNK], [SEP]; use the vocab.txt that came with the checkpoint"
        );
    }
}
