//! What one file says of the tokenizer.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::tokenizer::TextSteps;

/// What decided a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SettingSource {
    /// The user.
    Flag,
    /// `tokenizer_config.json`.
    TokenizerConfig,
    /// `tokenizer.json`.
    TokenizerJson,
    /// `special_tokens_map.json`.
    SpecialTokensMap,
    /// `added_tokens.json`.
    AddedTokens,
    /// The pieces of the vocabulary.
    Vocabulary,
}

impl std::fmt::Display for SettingSource {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Flag => "as asked",
            Self::TokenizerConfig => "tokenizer_config.json",
            Self::TokenizerJson => "tokenizer.json",
            Self::SpecialTokensMap => "special_tokens_map.json",
            Self::AddedTokens => "added_tokens.json",
            Self::Vocabulary => "vocabulary",
        })
    }
}

/// Something in a file that cannot be obeyed.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The key and what it asks.
    pub what: String,
    /// What to do, beginning with a verb.
    pub remedy: String,
}

impl Refusal {
    pub(super) fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into() }
    }
}

/// The settings a file states; `None` where it is silent.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub class: Option<String>,
    pub do_lower_case: Option<bool>,
    /// A `null` is a statement: accents follow lower-casing.
    pub strip_accents: Option<Option<bool>>,
    pub tokenize_chinese_chars: Option<bool>,
    pub clean_text: Option<bool>,
    pub never_split: Option<Vec<String>>,
    pub wordpieces_prefix: Option<String>,
    pub max_input_chars_per_word: Option<usize>,
    /// Tokens with a role, by key.
    pub roles: Vec<(&'static str, SaidToken)>,
    /// Other tokens to be found in the text.
    pub added: Vec<SaidToken>,
    pub steps: Option<TextSteps>,
}

/// A token as a file states it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SaidToken {
    pub content: String,
    pub id: Option<u32>,
    pub single_word: bool,
    pub lstrip: bool,
    pub rstrip: bool,
    pub normalized: bool,
    pub special: bool,
}

/// Keys of the tokens with a role.
pub(super) const ROLES: [&str; 5] = ["unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

impl Said {
    pub(super) fn role(&self, key: &str) -> Option<String> {
        self.roles.iter().find(|(role, _)| *role == key).map(|(_, token)| token.content.clone())
    }
}

impl SaidToken {
    /// A token without conditions, as a plain string gives it.
    pub(super) fn plain(content: &str, special: bool) -> Self {
        Self {
            content: content.to_owned(),
            id: None,
            single_word: false,
            lstrip: false,
            rstrip: false,
            normalized: !special,
            special,
        }
    }

    /// Reads a string, or an object as `AddedToken` is written. `None` for null.
    pub(super) fn read(key: &str, value: &Value, special: bool) -> Result<Option<Self>, Refusal> {
        match value {
            Value::Null => Ok(None),
            Value::String(content) => Ok(Some(Self::plain(content, special))),
            Value::Object(object) => {
                let content = text(object, "content")?.ok_or_else(|| no_token(key, value))?;
                let special = boolean(object, "special")?.unwrap_or(special);
                let mut token = Self::plain(&content, special);
                token.single_word = boolean(object, "single_word")?.unwrap_or(false);
                token.lstrip = boolean(object, "lstrip")?.unwrap_or(false);
                token.rstrip = boolean(object, "rstrip")?.unwrap_or(false);
                token.normalized = boolean(object, "normalized")?.unwrap_or(!special);
                token.id = object.get("id").map(|id| id_of(&content, id)).transpose()?;
                Ok(Some(token))
            }
            _ => Err(no_token(key, value)),
        }
    }
}

fn no_token(key: &str, value: &Value) -> Refusal {
    Refusal::new(
        format!("{key} is {}, not a token", short(value)),
        "write the token as a string, or as an object with content",
    )
}

/// A token's id.
pub(super) fn id_of(content: &str, value: &Value) -> Result<u32, Refusal> {
    value.as_u64().and_then(|id| u32::try_from(id).ok()).ok_or_else(|| {
        Refusal::new(
            format!("added token {content:?} has the id {}, which is no id", short(value)),
            "write its number in the vocabulary",
        )
    })
}

/// `true`, `false` or nothing.
pub(super) fn boolean(object: &Map<String, Value>, key: &str) -> Result<Option<bool>, Refusal> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(value)) => Ok(Some(*value)),
        Some(value) => {
            Err(Refusal::new(format!("{key} is {}", short(value)), format!("set {key} to true or false")))
        }
    }
}

/// A string or nothing.
pub(super) fn text(object: &Map<String, Value>, key: &str) -> Result<Option<String>, Refusal> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(value)) => Ok(Some(value.clone())),
        Some(value) => {
            Err(Refusal::new(format!("{key} is {}", short(value)), format!("set {key} to a string")))
        }
    }
}

/// A count or nothing.
pub(super) fn count(object: &Map<String, Value>, key: &str) -> Result<Option<usize>, Refusal> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64().and_then(|count| usize::try_from(count).ok()) {
            Some(count) if count > 0 => Ok(Some(count)),
            _ => Err(Refusal::new(
                format!("{key} is {}", short(value)),
                format!("set {key} to a whole number above 0"),
            )),
        },
    }
}

/// The beginning of a value.
pub(super) fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
