//! What a checkpoint directory holds, problems included, without loading it for use.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{
    CheckpointError,
    casing::{Casing, decide_casing},
    directory::{LoadOptions, finite, load_config, survey},
    meta::SpanbertMeta,
    report::LoadReport,
    vocab::load_vocab,
    weights_file::{self, WeightsBytes},
};
use crate::{advice::Advice, config::BertConfig};

/// What `spanbert inspect` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inspection {
    /// The directory.
    pub path: PathBuf,
    /// The model's architecture.
    pub config: BertConfig,
    /// The weights: format, types, tensors missing, unused and mismatched.
    pub weights: LoadReport,
    /// Number of word pieces, if there is a readable vocabulary.
    pub vocabulary: Option<usize>,
    /// Casing and why.
    pub casing: Option<Casing>,
    /// `spanbert.json`, in a directory that we wrote.
    pub stored: Option<SpanbertMeta>,
    /// What keeps the checkpoint from being loaded, a line each; empty if nothing does.
    pub problems: Vec<String>,
}

/// Inspects a directory: like [`load`](super::load), but goes on after what it can report.
///
/// # Errors
/// If there is no directory, no usable configuration, or no weights file that can be opened.
pub fn inspect(directory: &Path, options: LoadOptions) -> Result<Inspection, CheckpointError> {
    let config = load_config(directory)?;
    let path = weights_file::find(directory)?;
    let bytes = WeightsBytes::read(&path)?;
    let file = bytes.parse()?;
    let (keys, mut weights) = survey(path, &config, &file)?;
    weights.shards = bytes.shards();
    let mut problems: Vec<String> = weights.mismatched.iter().map(ToString::to_string).collect();
    let missing = weights.missing_encoder();
    if !missing.is_empty() {
        problems.push(format!("{} tensors of the encoder are missing", missing.len()));
    }
    for (name, stored) in &keys.found {
        let tensor = file.tensors.get(stored).map(|tensor| tensor.to_host().and_then(finite));
        if let Some(Err(what)) = tensor {
            problems.push(format!("{name} {what}"));
        }
    }
    let (mut vocabulary, mut casing) = (None, None);
    match load_vocab(directory) {
        Ok(vocab) => {
            vocabulary = Some(vocab.pieces.len());
            if vocab.pieces.len() != config.vocab_size {
                let (pieces, rows) = (vocab.pieces.len(), config.vocab_size);
                let error = CheckpointError::VocabularySize { path: vocab.path, pieces, rows };
                problems.push(error.in_one_line());
            }
            match decide_casing(directory, &vocab.pieces, options.lower_case) {
                Ok(decided) => casing = Some(decided),
                Err(error) => problems.push(error.in_one_line()),
            }
        }
        Err(error) => problems.push(error.in_one_line()),
    }
    let stored = SpanbertMeta::load(directory).unwrap_or_else(|error| {
        problems.push(error.in_one_line());
        None
    });
    Ok(Inspection { path: directory.to_path_buf(), config, weights, vocabulary, casing, stored, problems })
}

impl fmt::Display for Inspection {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.weights)?;
        match self.vocabulary {
            Some(pieces) => write!(out, "\nVocabulary  {pieces} pieces")?,
            None => write!(out, "\nVocabulary  none")?,
        }
        if let Some(casing) = &self.casing {
            write!(out, "\nCasing      {casing}")?;
            if let Some(warning) = &casing.warning {
                write!(out, "\nWarning     {warning}")?;
            }
        }
        match self.stored.as_ref().map(|stored| stored.threshold) {
            Some(Some(threshold)) => write!(out, "\nThreshold   {threshold}")?,
            Some(None) => write!(out, "\nThreshold   none stored")?,
            None => {}
        }
        for problem in &self.problems {
            write!(out, "\nProblem     {problem}")?;
        }
        Ok(())
    }
}
