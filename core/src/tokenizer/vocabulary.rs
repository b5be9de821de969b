//! The list of word pieces (`vocab.txt`): one piece a line, the line number is the id.

use super::unicode::is_str_split_whitespace;
use crate::advice::Advice;

/// Most pieces of a vocabulary, four times those of the largest multilingual ones: a line of one byte costs thirty.
pub(crate) const MAX_PIECES: usize = 1 << 22;

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
        missing: Vec<String>,
        /// Number of pieces in the vocabulary.
        size: usize,
    },
    /// The text is not UTF-8.
    #[error("line {line} of the vocabulary is not UTF-8")]
    NotUtf8 {
        /// Number of the line, from 1.
        line: usize,
    },
    /// More pieces than any vocabulary has, or than an id can number.
    #[error("vocabulary of {size} pieces is too large")]
    TooLarge {
        /// Number of pieces in the vocabulary.
        size: usize,
    },
    /// An added token's id is another piece's, or leaves a gap.
    #[error("added token {content:?} has id {id}, which does not follow the {pieces} pieces before it")]
    AddedId {
        /// The token.
        content: String,
        /// Its id.
        id: u32,
        /// Number of pieces with smaller ids that are there.
        pieces: usize,
    },
    /// The `tokenizers` library refuses a step of a `tokenizer.json`.
    #[error("{part} of tokenizer.json is refused ({what})")]
    Steps {
        /// Which one.
        part: &'static str,
        /// What the library says.
        what: String,
    },
    /// The `tokenizers` library refuses the vocabulary.
    #[error("vocabulary refused by the WordPiece model ({0})")]
    WordPiece(String),
}

impl Advice for TokenizerError {
    fn remedy(&self) -> String {
        match self {
            Self::TooLarge { .. } => "give a BERT vocabulary, one word piece a line",
            Self::AddedId { .. } => "use the vocabulary that the tokens were added to",
            Self::Steps { .. } => "save the tokenizer again with the tokenizers library",
            Self::MissingSpecialTokens { .. } | Self::NotUtf8 { .. } | Self::WordPiece(_) => {
                "use the vocab.txt that came with the checkpoint"
            }
        }
        .into()
    }
}

/// The pieces of a `vocab.txt`, in order (`load_vocab` of the reference).
///
/// # Errors
/// If it is not UTF-8, or has more lines than any vocabulary.
pub fn pieces_from_vocab(bytes: &[u8]) -> Result<Vec<String>, TokenizerError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        TokenizerError::NotUtf8 { line: 1 + before.iter().filter(|&&byte| byte == b'\n').count() }
    })?;
    let size = bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
    // A line of a Windows file ends with two.
    if size / 2 >= MAX_PIECES {
        return Err(TokenizerError::TooLarge { size });
    }
    Ok(pieces_from_vocab_text(text))
}

/// The same of a text that is known to be one.
///
/// Lines end at LF, CR or CRLF; white space around a piece is cut off as Python's `strip()` does; an empty line
/// is an empty piece and keeps its id, but empty lines at the end are an editor's, as is a byte order mark.
#[must_use]
pub fn pieces_from_vocab_text(text: &str) -> Vec<String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_end_matches(is_str_split_whitespace);
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
        assert_eq!(pieces_from_vocab_text("\u{feff}a\n\nb\n\r\n \n"), ["a", "", "b"]);
        assert!(pieces_from_vocab_text("").is_empty());
    }

    #[test]
    fn what_is_no_vocabulary_is_refused() {
        assert_eq!(pieces_from_vocab(b"a\nb\n").unwrap(), ["a", "b"]);
        assert_eq!(pieces_from_vocab(b"a\nb\n\xff\n").unwrap_err(), TokenizerError::NotUtf8 { line: 3 });
        let lines = vec![b'\n'; 2 * MAX_PIECES];
        assert!(matches!(pieces_from_vocab(&lines), Err(TokenizerError::TooLarge { .. })));
    }

    #[test]
    fn errors_say_what_is_missing_and_what_to_do() {
        let missing = ["[UNK]", "[SEP]"].map(str::to_owned).to_vec();
        let error = TokenizerError::MissingSpecialTokens { missing, size: 3 };
        assert_eq!(
            error.in_one_line(),
            "vocabulary of 3 pieces lacks [UNK], [SEP]; use the vocab.txt that came with the checkpoint"
        );
    }
}
