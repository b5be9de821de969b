//! The files of a folder that say something of the tokenizer.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};

use super::super::{CheckpointError, directory::config_of, files::Source};

/// Their content, as far as they are there; a program without files fills in what it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenizerFiles {
    /// Where they come from, which errors name.
    pub folder: PathBuf,
    /// `vocab.txt`.
    pub vocab: Option<Vec<u8>>,
    /// `tokenizer.json`.
    pub tokenizer: Option<Vec<u8>>,
    /// `tokenizer_config.json`.
    pub tokenizer_config: Option<Vec<u8>>,
    /// `special_tokens_map.json`.
    pub special_tokens_map: Option<Vec<u8>>,
    /// `added_tokens.json`.
    pub added_tokens: Option<Vec<u8>>,
    /// `config.json`, which may name the tokenizer's class.
    pub model_config: Option<Vec<u8>>,
}

impl TokenizerFiles {
    /// Names of the files beside `config.json`.
    pub const NAMES: [&str; 5] = [
        "vocab.txt",
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
    ];

    /// Reads what is there.
    ///
    /// # Errors
    /// If a file cannot be read, or there is neither `vocab.txt` nor `tokenizer.json`.
    pub fn read(folder: &Path) -> Result<Self, CheckpointError> {
        Self::of(Source::Folder(folder))
    }

    /// [`Self::read`] of any source.
    pub(in super::super) fn of(source: Source<'_>) -> Result<Self, CheckpointError> {
        let whole = |path: &Path| source.read(path).map(Cow::into_owned);
        let read = |name: &str| {
            let path = source.root().join(name);
            if source.is_file(&path) { whole(&path).map(Some) } else { Ok(None) }
        };
        let [vocab, tokenizer, tokenizer_config, special_tokens_map, added_tokens] = Self::NAMES.map(read);
        let files = Self {
            folder: source.root().to_owned(),
            vocab: vocab?,
            tokenizer: tokenizer?,
            tokenizer_config: tokenizer_config?,
            special_tokens_map: special_tokens_map?,
            added_tokens: added_tokens?,
            model_config: config_of(source).map(|path| whole(&path)).transpose()?,
        };
        Ok(files)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}
