//! What can be wrong with a configuration.

use std::path::PathBuf;

use super::Family;
use crate::advice::Advice;

/// Why a `config.json` cannot be used. Every variant names the file (or other source) it came from.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {cause}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        cause: std::io::Error,
    },
    /// The text is not a JSON object with values of the expected types.
    #[error("{origin}: {}", crate::json::said(cause))]
    Json {
        /// File or other source of the text.
        origin: String,
        /// What the parser said, with line and column.
        cause: serde_json::Error,
    },
    /// The model is of a family that is not supported.
    #[error("{origin}: {found}, and only {} can be used", Family::titles())]
    Family {
        /// File or other source of the text.
        origin: String,
        /// The key that says so, its value and what it means.
        found: String,
        /// Models that can be used.
        instead: &'static str,
    },
    /// The activation is not implemented.
    #[error("{origin}: {key} is {value:?}, which is not implemented")]
    Activation {
        /// File or other source of the text.
        origin: String,
        /// The key of `config.json`.
        key: &'static str,
        /// The activation's name.
        value: String,
        /// The names that are known.
        supported: String,
    },
    /// A value is well-formed but not one this model can have.
    #[error("{origin}: {key} is {value}: {why}")]
    Value {
        /// File or other source of the text.
        origin: String,
        /// The key of `config.json`.
        key: &'static str,
        /// Its value.
        value: String,
        /// What it should be.
        why: &'static str,
    },
}

impl Advice for ConfigError {
    fn remedy(&self) -> String {
        match self {
            Self::Io { .. } => "check the path and that you may read it".into(),
            Self::Json { .. } => format!("give the config.json of a Hugging Face {}", Family::titles_or()),
            Self::Family { instead, .. } => format!("use {instead}"),
            Self::Activation { key, supported, .. } => {
                format!("use a model whose {key} is one of {supported}")
            }
            Self::Value { key, .. } => match *key {
                "position_embedding_type" | "is_decoder" | "add_cross_attention" => {
                    "use a BERT encoder with absolute positions, such as spanbert-base or bert-base-cased"
                        .into()
                }
                "quantization_config" => "use the model that was quantised".into(),
                "pruned_heads" => "use the model before pruning".into(),
                _ => format!("correct {key}, or download the file again"),
            },
        }
    }
}
