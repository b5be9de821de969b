//! Where a training starts from: a checkpoint and data, from files or made by the program.

use std::path::{Path, PathBuf};

use super::TrainError;
use crate::{
    checkpoint::{Checkpoint, LoadOptions, TokenizerFiles, Weights, fresh, load},
    config::BertConfig,
    run::Fingerprint,
    squad::{Dataset, RepeatedIds},
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
    ) -> Result<Self, TrainError> {
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

/// Where the model comes from.
#[derive(Debug)]
pub enum ModelSource<'a> {
    /// A Hugging Face directory.
    Directory(&'a Path),
    /// A model in memory.
    Ready(Box<StartingModel>),
}

impl ModelSource<'_> {
    /// The directory it comes from, as an absolute path: a run may be resumed from elsewhere.
    #[must_use]
    pub fn directory(&self) -> Option<PathBuf> {
        match self {
            Self::Directory(directory) => {
                Some(std::path::absolute(directory).unwrap_or_else(|_| directory.to_path_buf()))
            }
            Self::Ready(_) => None,
        }
    }
}

/// A SQuAD data set.
#[derive(Clone, Copy, Debug)]
pub enum DataSource<'a> {
    /// A file.
    File(&'a Path),
    /// Data that comes with the program.
    BuiltIn {
        /// What messages call it.
        name: &'a str,
        /// Its text.
        json: &'a str,
    },
}

impl DataSource<'_> {
    /// Reads it to be answered and scored.
    ///
    /// # Errors
    /// Names the file and the place in it.
    pub fn read(&self) -> Result<Dataset, TrainError> {
        self.read_with(RepeatedIds::KeepLast)
    }

    /// Reads it to be learnt from: questions with the same id all count.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_for_training(&self) -> Result<Dataset, TrainError> {
        self.read_with(RepeatedIds::KeepAll)
    }

    fn read_with(&self, repeated_ids: RepeatedIds) -> Result<Dataset, TrainError> {
        let dataset = match self {
            Self::File(path) => Dataset::from_path_with(path, repeated_ids)?,
            Self::BuiltIn { name, json } => Dataset::from_json(json, name)?,
        };
        dataset.validate()?;
        Ok(dataset)
    }

    /// Its identity.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn fingerprint(&self) -> Result<Fingerprint, TrainError> {
        match self {
            Self::File(path) => {
                // Absolute, for the run may be resumed from elsewhere.
                Ok(Fingerprint::of(&std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()))?)
            }
            Self::BuiltIn { name, json } => Ok(Fingerprint::of_bytes(name, json.as_bytes())),
        }
    }
}
