//! Whether text is lower-cased before it is cut into pieces.

use serde::Serialize;

use super::tokenizer::SettingSource;

/// Share of pieces with capital letters from which a vocabulary counts as cased: bert-base-cased has 0.29, uncased
/// one in ten thousand.
const CASED_SHARE: f64 = 0.01;

/// Whether text is lower-cased (and, unless the settings say otherwise, stripped of accents) before it is cut into pieces, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Casing {
    /// As the tokenizer's option.
    pub do_lower_case: bool,
    /// What decided.
    pub source: SettingSource,
    /// What speaks against the decision, for the user to read.
    pub warning: Option<String>,
}

impl std::fmt::Display for Casing {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let casing = if self.do_lower_case { "uncased (text is lower-cased)" } else { "cased" };
        let source = match self.source {
            SettingSource::Flag => "as asked",
            SettingSource::Vocabulary if self.do_lower_case => "the vocabulary has no capital letters",
            SettingSource::Vocabulary => "the vocabulary has capital letters",
            file => return write!(out, "{casing}: {file} says so"),
        };
        write!(out, "{casing}: {source}")
    }
}

impl Casing {
    /// The casing that was stated, by whom, else what the vocabulary suggests.
    pub(super) fn decide(stated: Option<(bool, SettingSource)>, pieces: &[String]) -> Self {
        let cased = capital_share(pieces) >= CASED_SHARE;
        let (do_lower_case, source) = stated.unwrap_or((!cased, SettingSource::Vocabulary));
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
        Self { do_lower_case, source, warning }
    }
}

/// Share of pieces with a capital letter, special ones such as `[CLS]` aside.
fn capital_share(pieces: &[String]) -> f64 {
    let plain = pieces.iter().filter(|piece| !(piece.starts_with('[') && piece.ends_with(']')));
    let (total, capital) = plain.fold((0u32, 0u32), |(total, capital), piece| {
        (total + 1, capital + u32::from(piece.chars().any(char::is_uppercase)))
    });
    f64::from(capital) / f64::from(total.max(1))
}
