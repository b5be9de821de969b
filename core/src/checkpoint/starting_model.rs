//! What a training starts from.

use std::path::Path;

use super::{
    Checkpoint, CheckpointError, LoadOptions, LoadReport, META_FILE, TokenizerFiles, Weights, fresh, load,
};
use crate::{
    config::BertConfig,
    hash::{Fingerprint, UnreadableFile},
    tokenizer::TokenizerSettings,
};

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
        let files = made_of(directory, &report)?;
        notes.extend(report.notes);
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

/// The files that a model was loaded from.
pub(crate) fn made_of(directory: &Path, report: &LoadReport) -> Result<Vec<Fingerprint>, CheckpointError> {
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
    Ok(files)
}

/// What a checkpoint folder holds: every file that has a say in its answers, in the order of names.
///
/// # Errors
/// If the folder or a file cannot be read.
pub fn fingerprints(folder: &Path) -> Result<Vec<Fingerprint>, UnreadableFile> {
    let unreadable = |source| UnreadableFile { path: folder.to_owned(), source };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let named = ["config.json", "bert_config.json", META_FILE].iter().chain(&TokenizerFiles::NAMES);
        let is_weights = name.ends_with(".safetensors")
            || name.starts_with("pytorch_model") && name.ends_with(".bin")
            || name.ends_with(".index.json");
        if is_weights || named.into_iter().any(|known| *known == name) {
            paths.push(path);
        }
    }
    paths.sort();
    paths.iter().map(|path| Fingerprint::of(path)).collect()
}
