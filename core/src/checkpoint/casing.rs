//! Whether text is lower-cased before it is cut into pieces.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CheckpointError, weights_file::read_file};
use crate::json;

/// Share of pieces with capital letters from which a vocabulary counts as cased: bert-base-cased has 0.29, uncased
/// one in ten thousand.
const CASED_SHARE: f64 = 0.01;

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
    read_if_there(directory.join("tokenizer_config.json"), lower_case_of_tokenizer_config)
}

fn from_tokenizer(directory: &Path) -> Result<Option<bool>, CheckpointError> {
    read_if_there(directory.join("tokenizer.json"), lower_case_of_tokenizer)
}

fn read_if_there(
    path: PathBuf,
    read: impl FnOnce(&[u8]) -> serde_json::Result<Option<bool>>,
) -> Result<Option<bool>, CheckpointError> {
    if !path.is_file() {
        return Ok(None);
    }
    read(&read_file(&path)?).map_err(|cause| CheckpointError::Json { path, cause })
}

/// What the content of a `tokenizer_config.json` says about lower-casing, if anything.
///
/// # Errors
/// If it is not JSON.
pub fn lower_case_of_tokenizer_config(bytes: &[u8]) -> serde_json::Result<Option<bool>> {
    Ok(json::parse::<Value>(bytes)?.get("do_lower_case").and_then(Value::as_bool))
}

/// What the content of a `tokenizer.json` says about lower-casing, if anything.
///
/// # Errors
/// If it is not JSON.
pub fn lower_case_of_tokenizer(bytes: &[u8]) -> serde_json::Result<Option<bool>> {
    let tokenizer: Value = json::parse(bytes)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{
        load_vocab,
        vocab::tests::{CASED, directory, tokenizer},
    };

    const UNCASED: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\nparis\n##s\n";

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
