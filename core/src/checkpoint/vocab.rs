//! The vocabulary of a checkpoint directory, and whether text is lower-cased before it is used.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CheckpointError, weights_file::read_file};

/// Pieces without which no input can be made.
const REQUIRED: [&str; 3] = ["[UNK]", "[CLS]", "[SEP]"];

/// Share of pieces with capital letters from which a vocabulary counts as cased: bert-base-cased has 0.29, uncased
/// one in ten thousand.
const CASED_SHARE: f64 = 0.01;

/// A vocabulary and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Vocabulary {
    /// Pieces by id.
    pub pieces: Vec<String>,
    /// `vocab.txt` or `tokenizer.json`.
    pub path: PathBuf,
}

/// What decided the casing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CasingSource {
    /// The user.
    Flag,
    /// `do_lower_case` of `tokenizer_config.json`.
    TokenizerConfig,
    /// The normalizer of `tokenizer.json`.
    TokenizerJson,
    /// Whether the vocabulary has pieces with capital letters.
    Vocabulary,
}

/// Whether text is lower-cased (and stripped of accents) before it is cut into pieces, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Casing {
    /// As the tokenizer's option.
    pub do_lower_case: bool,
    /// What decided.
    pub source: CasingSource,
    /// What speaks against the decision, for the user to read.
    pub warning: Option<String>,
}

impl std::fmt::Display for Casing {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let casing = if self.do_lower_case { "uncased (text is lower-cased)" } else { "cased" };
        let source = match self.source {
            CasingSource::Flag => "as asked",
            CasingSource::TokenizerConfig => "tokenizer_config.json says so",
            CasingSource::TokenizerJson => "tokenizer.json says so",
            CasingSource::Vocabulary if self.do_lower_case => "the vocabulary has no capital letters",
            CasingSource::Vocabulary => "the vocabulary has capital letters",
        };
        write!(out, "{casing}: {source}")
    }
}

/// Reads `vocab.txt`, else the WordPiece vocabulary of `tokenizer.json`.
///
/// # Errors
/// If there is neither, the file is not what its name says, ids are not 0, 1, 2…, or a special piece is absent.
pub fn load_vocab(directory: &Path) -> Result<Vocabulary, CheckpointError> {
    let text_path = directory.join("vocab.txt");
    let json_path = directory.join("tokenizer.json");
    let (pieces, path) = if text_path.is_file() {
        (parse_text(&read_file(&text_path)?), text_path)
    } else if json_path.is_file() {
        (parse_tokenizer(&read_json(&json_path)?), json_path)
    } else {
        return Err(CheckpointError::NoVocabulary { path: directory.to_path_buf() });
    };
    let wrong = |what| CheckpointError::Vocabulary { path: path.clone(), what };
    let pieces = pieces.map_err(wrong)?;
    if let Some(absent) = REQUIRED.iter().find(|required| !pieces.iter().any(|piece| piece == *required)) {
        return Err(wrong(format!(
            "no {absent} among its {} pieces; this is not a BERT vocabulary",
            pieces.len()
        )));
    }
    Ok(Vocabulary { pieces, path })
}

/// One piece a line, its id the line's number from 0 (`load_vocab` of the reference, which strips each line).
fn parse_text(bytes: &[u8]) -> Result<Vec<String>, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = 1 + bytes[..error.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count();
        format!("line {line} is not UTF-8")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // An editor's empty lines at the end are no pieces; elsewhere an empty line keeps its id.
    Ok(text.trim_end().split('\n').map(|line| line.trim().to_owned()).collect())
}

/// `model.vocab` of a tokenizer file, with added tokens beyond it.
fn parse_tokenizer(tokenizer: &Value) -> Result<Vec<String>, String> {
    let kind = tokenizer.pointer("/model/type").and_then(Value::as_str).unwrap_or("WordPiece");
    if kind != "WordPiece" {
        return Err(format!("its model is {kind}; only WordPiece vocabularies are supported"));
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

/// Decides the casing: the user's word, else `tokenizer_config.json`, else `tokenizer.json`, else the vocabulary.
///
/// # Errors
/// If one of the two files is there but not JSON.
pub fn decide_casing(
    directory: &Path,
    pieces: &[String],
    flag: Option<bool>,
) -> Result<Casing, CheckpointError> {
    let cased = capital_share(pieces) >= CASED_SHARE;
    let (do_lower_case, source) = if let Some(flag) = flag {
        (flag, CasingSource::Flag)
    } else if let Some(lower) = from_tokenizer_config(directory)? {
        (lower, CasingSource::TokenizerConfig)
    } else if let Some(lower) = from_tokenizer(directory)? {
        (lower, CasingSource::TokenizerJson)
    } else {
        (!cased, CasingSource::Vocabulary)
    };
    let warning = match (cased, do_lower_case) {
        (true, true) => Some(
            "the vocabulary has capital letters, yet text is lower-cased: accuracy will suffer unless the model \
             was trained that way; a cased model needs do_lower_case off"
                .to_owned(),
        ),
        (false, false) => Some(
            "the vocabulary has no capital letters, yet text is not lower-cased: every capitalised word becomes \
             [UNK]; an uncased model needs do_lower_case on"
                .to_owned(),
        ),
        _ => None,
    };
    Ok(Casing { do_lower_case, source, warning })
}

/// Share of pieces with a capital letter, special ones such as `[CLS]` aside.
fn capital_share(pieces: &[String]) -> f64 {
    let plain = pieces.iter().filter(|piece| !(piece.starts_with('[') && piece.ends_with(']')));
    let (total, capital) = plain.fold((0u32, 0u32), |(total, capital), piece| {
        (total + 1, capital + u32::from(piece.chars().any(char::is_uppercase)))
    });
    f64::from(capital) / f64::from(total.max(1))
}

fn from_tokenizer_config(directory: &Path) -> Result<Option<bool>, CheckpointError> {
    let path = directory.join("tokenizer_config.json");
    if !path.is_file() {
        return Ok(None);
    }
    Ok(read_json(&path)?.get("do_lower_case").and_then(Value::as_bool))
}

fn from_tokenizer(directory: &Path) -> Result<Option<bool>, CheckpointError> {
    let path = directory.join("tokenizer.json");
    if !path.is_file() {
        return Ok(None);
    }
    let tokenizer = read_json(&path)?;
    let Some(normalizer) = tokenizer.get("normalizer").filter(|normalizer| !normalizer.is_null()) else {
        return Ok(None);
    };
    let steps = normalizer.get("normalizers").and_then(Value::as_array).map(Vec::as_slice);
    let steps = steps.unwrap_or(std::slice::from_ref(normalizer));
    let lower = |step: &Value| match step.get("type").and_then(Value::as_str) {
        Some("Lowercase") => Some(true),
        _ => step.get("lowercase").and_then(Value::as_bool),
    };
    let said: Vec<bool> = steps.iter().filter_map(lower).collect();
    Ok((!said.is_empty()).then(|| said.contains(&true)))
}

fn read_json(path: &Path) -> Result<Value, CheckpointError> {
    serde_json::from_slice(&read_file(path)?)
        .map_err(|cause| CheckpointError::Json { path: path.to_path_buf(), cause })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(home.path().join(name), text).unwrap();
        }
        home
    }

    const CASED: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\nParis\n##s\n";
    const UNCASED: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\nparis\n##s\n";

    fn tokenizer(lowercase: bool) -> String {
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
            let message = load_vocab(home.path()).unwrap_err().to_string();
            assert!(message.contains(expected) && message.contains(name), "{message}");
        }
        let home = directory(&[]);
        assert!(load_vocab(home.path()).unwrap_err().to_string().contains("copy the vocabulary there"));
        std::fs::write(home.path().join("vocab.txt"), b"[UNK]\n[CLS]\n\xff\n").unwrap();
        assert!(load_vocab(home.path()).unwrap_err().to_string().contains("line 3 is not UTF-8"));
    }

    #[test]
    fn the_casing_is_decided_by_the_best_witness() {
        use CasingSource::{Flag, TokenizerConfig, TokenizerJson, Vocabulary};
        let sequence = r#"{"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "Lowercase"}]}}"#;
        let says = |lower: bool| format!("{{\"do_lower_case\": {lower}}}");
        // Vocabulary, tokenizer_config.json, tokenizer.json, flag; lower-casing, source, whether it warns.
        for (vocab, config, json, flag, lower, source, warns) in [
            (CASED, None, None, None, false, Vocabulary, false),
            (UNCASED, None, None, None, true, Vocabulary, false),
            (CASED, None, Some(tokenizer(true)), None, true, TokenizerJson, true),
            (UNCASED, None, Some(tokenizer(true)), None, true, TokenizerJson, false),
            (UNCASED, None, Some(sequence.to_owned()), None, true, TokenizerJson, false),
            (CASED, None, Some(r#"{"normalizer": null}"#.to_owned()), None, false, Vocabulary, false),
            (CASED, Some(says(false)), Some(tokenizer(true)), None, false, TokenizerConfig, false),
            (UNCASED, Some(says(false)), None, None, false, TokenizerConfig, true),
            (CASED, Some("{}".to_owned()), None, None, false, Vocabulary, false),
            (CASED, Some(says(true)), None, Some(false), false, Flag, false),
            (CASED, Some(says(false)), None, Some(true), true, Flag, true),
        ] {
            let home = directory(&[("vocab.txt", vocab)]);
            for (name, text) in [("tokenizer_config.json", &config), ("tokenizer.json", &json)] {
                if let Some(text) = text {
                    std::fs::write(home.path().join(name), text).unwrap();
                }
            }
            let pieces = load_vocab(home.path()).unwrap().pieces;
            let casing = decide_casing(home.path(), &pieces, flag).unwrap();
            let case = format!("{vocab:?} {config:?} {json:?} {flag:?}");
            assert_eq!((casing.do_lower_case, casing.source), (lower, source), "{case}");
            assert_eq!(casing.warning.is_some(), warns, "{case}: {casing:?}");
        }
        let home = directory(&[("vocab.txt", CASED), ("tokenizer_config.json", "not json")]);
        let error = decide_casing(home.path(), &[], None).unwrap_err().to_string();
        assert!(error.contains("tokenizer_config.json"), "{error}");
    }
}
