//! The vocabulary of a checkpoint directory.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{CheckpointError, weights_file::read_file};
use crate::json;

/// Pieces without which no input can be made.
const REQUIRED: [&str; 3] = ["[UNK]", "[CLS]", "[SEP]"];

/// Most pieces of a vocabulary, four times those of the largest multilingual ones: a line of one byte costs thirty.
const MAX_PIECES: usize = 1 << 22;

/// A vocabulary and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Vocabulary {
    /// Pieces by id.
    pub pieces: Vec<String>,
    /// `vocab.txt` or `tokenizer.json`.
    pub path: PathBuf,
}

/// Reads `vocab.txt`, else the WordPiece vocabulary of `tokenizer.json`.
///
/// # Errors
/// If there is neither, the file is not what its name says, ids are not 0, 1, 2…, or a special piece is absent.
pub fn load_vocab(directory: &Path) -> Result<Vocabulary, CheckpointError> {
    let text_path = directory.join("vocab.txt");
    let json_path = directory.join("tokenizer.json");
    if text_path.is_file() {
        Vocabulary::from_vocab_txt(&read_file(&text_path)?, text_path)
    } else if json_path.is_file() {
        Vocabulary::from_tokenizer_json(&read_file(&json_path)?, json_path)
    } else {
        Err(CheckpointError::NoVocabulary { path: directory.to_path_buf() })
    }
}

impl Vocabulary {
    /// Reads the content of a `vocab.txt`; `path` names it in errors.
    ///
    /// # Errors
    /// If it is not UTF-8, absurdly long, or a special piece is absent.
    pub fn from_vocab_txt(bytes: &[u8], path: PathBuf) -> Result<Self, CheckpointError> {
        Self::checked(parse_text(bytes), path)
    }

    /// Reads the content of a `tokenizer.json`; `path` names it in errors.
    ///
    /// # Errors
    /// If it is not JSON with a WordPiece vocabulary, ids are not 0, 1, 2…, or a special piece is absent.
    pub fn from_tokenizer_json(bytes: &[u8], path: PathBuf) -> Result<Self, CheckpointError> {
        match json::parse(bytes) {
            Ok(tokenizer) => Self::checked(parse_tokenizer(&tokenizer), path),
            Err(cause) => Err(CheckpointError::Json { path, cause }),
        }
    }

    fn checked(pieces: Result<Vec<String>, String>, path: PathBuf) -> Result<Self, CheckpointError> {
        let pieces = match pieces {
            Ok(pieces) => pieces,
            Err(what) => return Err(CheckpointError::Vocabulary { path, what }),
        };
        match REQUIRED.iter().find(|required| !pieces.iter().any(|piece| piece == *required)) {
            Some(absent) => {
                let count = pieces.len();
                let what = format!("no {absent} among its {count} pieces, so this is no BERT vocabulary");
                Err(CheckpointError::Vocabulary { path, what })
            }
            None => Ok(Self { pieces, path }),
        }
    }
}

/// One piece a line, its id the line's number from 0 (`load_vocab` of the reference, which strips each line).
fn parse_text(bytes: &[u8]) -> Result<Vec<String>, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = 1 + bytes[..error.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count();
        format!("line {line} is not UTF-8")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if bytes.iter().filter(|&&byte| byte == b'\n').count() >= MAX_PIECES {
        return Err(format!("more than {MAX_PIECES} lines, so this is no BERT vocabulary"));
    }
    // An editor's empty lines at the end are no pieces; elsewhere an empty line keeps its id.
    Ok(text.trim_end().split('\n').map(|line| line.trim().to_owned()).collect())
}

/// `model.vocab` of a tokenizer file, with added tokens beyond it.
fn parse_tokenizer(tokenizer: &Value) -> Result<Vec<String>, String> {
    let kind = tokenizer.pointer("/model/type").and_then(Value::as_str).unwrap_or("WordPiece");
    if kind != "WordPiece" {
        return Err(format!("its model is {kind}, and only WordPiece vocabularies are supported"));
    }
    let vocab = tokenizer.pointer("/model/vocab").and_then(Value::as_object);
    let vocab = vocab.ok_or("no model.vocab in it")?.iter().map(|(piece, id)| (piece.as_str(), id.as_u64()));
    let added =
        tokenizer.get("added_tokens").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let added =
        added.iter().filter_map(|token| Some((token.get("content")?.as_str()?, token.get("id")?.as_u64())));
    let mut by_id = std::collections::BTreeMap::new();
    for (piece, id) in vocab.chain(added) {
        let id = id.ok_or_else(|| format!("piece {piece:?} has no id"))?;
        if let Some(other) = by_id.insert(id, piece).filter(|&other| other != piece) {
            return Err(format!("pieces {other:?} and {piece:?} have the same id {id}"));
        }
    }
    if let Some((expected, _)) = by_id.keys().enumerate().find(|&(index, &id)| index as u64 != id) {
        return Err(format!("no piece has id {expected}"));
    }
    Ok(by_id.into_values().map(str::to_owned).collect())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::advice::Advice;

    /// A folder with these files.
    pub(crate) fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(home.path().join(name), text).unwrap();
        }
        home
    }

    /// A small `vocab.txt`.
    pub(crate) const CASED: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\nParis\n##s\n";

    /// A `tokenizer.json` of the same pieces, but for an added one.
    pub(crate) fn tokenizer(lowercase: bool) -> String {
        serde_json::json!({
            "added_tokens": [{"id": 3, "content": "[SEP]"}, {"id": 5, "content": "[EXTRA]"}],
            "normalizer": {"type": "BertNormalizer", "lowercase": lowercase},
            "model": {"type": "WordPiece", "vocab": {"[UNK]": 0, "Paris": 4, "[CLS]": 2, "[SEP]": 3, "[PAD]": 1}},
        })
        .to_string()
    }

    #[test]
    fn a_vocabulary_is_read_line_by_line() {
        for text in [CASED.to_owned(), CASED.replace('\n', "\r\n"), format!("\u{feff}{CASED}\n\n")] {
            let home = directory(&[("vocab.txt", &text), ("tokenizer.json", "never read")]);
            let vocab = load_vocab(home.path()).unwrap();
            assert_eq!(vocab.pieces, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "Paris", "##s"]);
            assert!(vocab.path.ends_with("vocab.txt"));
        }
    }

    #[test]
    fn a_tokenizer_file_stands_in_for_the_vocabulary() {
        let home = directory(&[("tokenizer.json", &tokenizer(false))]);
        let vocab = load_vocab(home.path()).unwrap();
        assert_eq!(vocab.pieces, ["[UNK]", "[PAD]", "[CLS]", "[SEP]", "Paris", "[EXTRA]"]);
        assert!(vocab.path.ends_with("tokenizer.json"));
    }

    #[test]
    fn unusable_vocabularies_say_why() {
        for (name, text, expected) in [
            ("vocab.txt", "hello\nworld\n".to_owned(), "no [UNK] among its 2 pieces"),
            ("tokenizer.json", tokenizer(true).replace("WordPiece", "BPE"), "its model is BPE"),
            ("tokenizer.json", tokenizer(true).replace(":5", ":7"), "no piece has id 5"),
            ("tokenizer.json", tokenizer(true).replace(":4", ":2"), "have the same id 2"),
            ("tokenizer.json", tokenizer(true).replace(":4", ":-4"), "piece \"Paris\" has no id"),
            ("tokenizer.json", "{}".to_owned(), "no model.vocab"),
            ("tokenizer.json", "{".to_owned(), "EOF"),
        ] {
            let home = directory(&[(name, &text)]);
            let message = load_vocab(home.path()).unwrap_err().in_one_line();
            assert!(message.contains(expected) && message.contains(name), "{message}");
        }
        let home = directory(&[]);
        assert!(load_vocab(home.path()).unwrap_err().in_one_line().contains("copy the vocabulary there"));
        std::fs::write(home.path().join("vocab.txt"), b"[UNK]\n[CLS]\n\xff\n").unwrap();
        assert!(load_vocab(home.path()).unwrap_err().in_one_line().contains("line 3 is not UTF-8"));
    }
}
