//! What a training starts from.

use std::path::Path;

use super::{Checkpoint, CheckpointError, LoadOptions, TokenizerFiles, Weights, fresh, load};
use crate::{config::BertConfig, hash::Fingerprint, tokenizer::TokenizerSettings};

/// The model before training.
#[derive(Clone, Debug)]
pub struct StartingModel {
    /// Architecture.
    pub config: BertConfig,
    /// Every parameter by canonical name.
    pub weights: Weights,
    /// The vocabulary's pieces by id.
    pub vocab: Vec<String>,
    /// What the tokenizer does with text, and its added tokens.
    pub settings: TokenizerSettings,
    /// How it was loaded.
    pub notes: Vec<String>,
    /// What speaks against it.
    pub warnings: Vec<String>,
    /// The files it came from.
    pub files: Vec<Fingerprint>,
}

impl StartingModel {
    /// Loads a Hugging Face directory; a question-answering head it lacks starts fresh from the seed.
    ///
    /// # Errors
    /// If the directory is no checkpoint or a file is damaged.
    pub fn from_directory(
        directory: &Path,
        do_lower_case: Option<bool>,
        seed: u64,
    ) -> Result<Self, CheckpointError> {
        let options = LoadOptions { lower_case: do_lower_case, seed };
        let checkpoint = load(directory, options)?;
        let Checkpoint { config, weights, vocab, settings, casing, report, warnings, .. } = checkpoint;
        let mut notes = vec![format!("{}, {}", report.architecture, casing)];
        notes.extend(checkpoint.notes);
        if report.has_fresh_head() {
            notes.push("the question-answering head is absent and starts fresh".into());
        }
        notes.extend(report.notes);
        let mut files = vec![Fingerprint::of(&report.file)?];
        for shard in &report.shards {
            files.push(Fingerprint::of(shard)?);
        }
        for name in ["config.json", "bert_config.json"].into_iter().chain(TokenizerFiles::NAMES) {
            let path = directory.join(name);
            if path.is_file() {
                files.push(Fingerprint::of(&path)?);
            }
        }
        Ok(Self { config, weights, vocab, settings, notes, warnings, files })
    }

    /// A model with random weights.
    #[must_use]
    pub fn fresh(config: BertConfig, vocab: Vec<String>, do_lower_case: bool, seed: u64) -> Self {
        let weights = fresh(&config, seed);
        let notes = vec!["all weights start fresh".into()];
        let settings = TokenizerSettings::bert(do_lower_case);
        Self { config, weights, vocab, settings, notes, warnings: Vec::new(), files: Vec::new() }
    }
}
