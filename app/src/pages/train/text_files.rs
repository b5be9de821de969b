//! Files that a pre-training begins with, looked into by threads: text, vocabularies and configurations.

use std::{path::Path, sync::Arc};

use spanbert_core::{
    advice::Advice,
    checkpoint::{StoredTokenizer, config_file},
    config::BertConfig,
    pretrain::{Sample, documents},
    tokenizer::{BertTokenizer, TokenizerSettings},
};

use super::{file_list::Facts, sources::Model};
use crate::widgets::{bytes, count};

/// Bytes of a file's text that the estimate looks at.
const SAMPLED: usize = 4 << 20;

/// A file of text.
pub(super) struct Text {
    pub(super) sample: Sample,
    facts: Vec<String>,
}

impl Facts for Text {
    fn facts(&self) -> &[String] {
        &self.facts
    }
}

/// A vocabulary that is given by itself.
pub(super) struct Vocabulary {
    pub(super) stored: StoredTokenizer,
    pub(super) facts: Vec<String>,
}

/// What cuts text into pieces.
#[derive(Clone)]
pub(super) enum Pieces {
    /// A checkpoint's tokenizer.
    Model(Arc<Model>),
    /// A vocabulary, and whether text is lower-cased.
    Vocabulary(Arc<Vocabulary>, bool),
}

impl Pieces {
    /// Which it is.
    pub(super) fn key(&self) -> (usize, bool) {
        match self {
            Self::Model(model) => (Arc::as_ptr(model) as usize, false),
            Self::Vocabulary(vocabulary, lower_case) => (Arc::as_ptr(vocabulary) as usize, *lower_case),
        }
    }

    /// Does something with the tokenizer; making one takes a moment.
    pub(super) fn with<R>(&self, work: impl FnOnce(&BertTokenizer) -> R) -> Result<R, String> {
        match self {
            Self::Model(model) => Ok(work(&model.tokenizer)),
            Self::Vocabulary(vocabulary, lower_case) => {
                let StoredTokenizer { vocab, settings, .. } = &vocabulary.stored;
                let settings = TokenizerSettings { do_lower_case: *lower_case, ..settings.clone() };
                let tokenizer = BertTokenizer::new(vocab.clone(), settings);
                Ok(work(&tokenizer.map_err(|error| error.in_one_line())?))
            }
        }
    }
}

/// Looks into a configuration, or the folder of one.
pub(super) fn look_at_config(path: &Path) -> Result<BertConfig, String> {
    let file = if path.is_dir() {
        config_file(path).ok_or_else(|| format!("{} holds no config.json; choose another", path.display()))?
    } else {
        path.to_owned()
    };
    BertConfig::from_path(&file).map_err(|error| error.in_one_line())
}

/// Looks into a vocabulary.
pub(super) fn look_at_vocabulary(path: &Path) -> Result<Vocabulary, String> {
    let bytes = std::fs::read(path)
        .map_err(|error| format!("{}: cannot be read: {error}; choose a vocab.txt", path.display()))?;
    // Whether text is lower-cased is ticked beside it.
    let stored = StoredTokenizer::from_vocab(bytes, path.to_owned(), Some(false));
    let stored = stored.map_err(|error| error.in_one_line())?;
    let tokenizer = stored.tokenizer().map_err(|error| error.in_one_line())?;
    if tokenizer.mask_id().is_none() {
        return Err(format!("{} has no [MASK]; choose a vocabulary made for BERT", path.display()));
    }
    let mut facts = vec![format!("{} word pieces", count(stored.vocab.len()))];
    facts.extend(stored.warnings.iter().cloned());
    Ok(Vocabulary { stored, facts })
}

/// Looks into a file of text.
pub(super) fn look_at_text(path: &Path) -> Result<Text, String> {
    let documents = documents(path).map_err(|error| error.in_one_line())?;
    if documents.is_empty() {
        return Err(format!("{} has no text; choose a file with running text", path.display()));
    }
    let size: usize = documents.iter().map(String::len).sum();
    let number = documents.len();
    let facts = vec![
        if number == 1 { "1 document".to_owned() } else { format!("{} documents", count(number)) },
        format!("{} of text", bytes(size as u64)),
    ];
    Ok(Text { sample: Sample::of(documents, SAMPLED), facts })
}
