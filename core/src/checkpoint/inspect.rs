//! What a checkpoint directory holds, problems included, without loading it for use.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{
    CheckpointError,
    casing::Casing,
    directory::{LoadOptions, finite, load_config, survey},
    files::Source,
    meta::SpanbertMeta,
    report::LoadReport,
    tokenizer::{Decided, StoredTokenizer},
    weights_file::{self, WeightsBytes},
};
use crate::{advice::Advice, config::BertConfig, tokenizer::TokenizerSettings};

/// What `spanbert inspect` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inspection {
    /// The directory.
    pub path: PathBuf,
    /// The model's architecture.
    pub config: BertConfig,
    /// The weights: format, types, tensors missing, unused and mismatched.
    pub weights: LoadReport,
    /// Number of word pieces, added tokens included, if there is a readable vocabulary.
    pub vocabulary: Option<usize>,
    /// Casing and why.
    pub casing: Option<Casing>,
    /// What the tokenizer does with text.
    pub tokenizer: Option<TokenizerSettings>,
    /// Its settings that a file or the user states, and who.
    pub tokenizer_settings: Vec<Decided>,
    /// Good to know.
    pub notes: Vec<String>,
    /// To be looked at; the casing has a warning of its own.
    pub warnings: Vec<String>,
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
    let source = Source::Folder(directory);
    let config = load_config(source)?;
    let path = weights_file::find(source)?;
    let bytes = WeightsBytes::read(source, &path)?;
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
            problems.push(format!("{} {what}", config.family.own_name(name)));
        }
    }
    let (mut notes, mut warnings, mut tokenizer_settings) = (Vec::new(), Vec::new(), Vec::new());
    let (mut vocabulary, mut casing, mut tokenizer) = (None, None, None);
    match StoredTokenizer::from_folder(directory, options.lower_case) {
        Ok(stored) => {
            match stored.check(config.vocab_size) {
                Ok(note) => notes.extend(note),
                Err(error) => problems.push(error.in_one_line()),
            }
            vocabulary = Some(stored.pieces());
            warnings = stored.warnings;
            warnings.retain(|warning| Some(warning) != stored.casing.warning.as_ref());
            tokenizer_settings = stored.decided;
            casing = Some(stored.casing);
            tokenizer = Some(stored.settings);
        }
        Err(error) => problems.push(error.in_one_line()),
    }
    let stored = SpanbertMeta::load(directory).unwrap_or_else(|error| {
        problems.push(error.in_one_line());
        None
    });
    Ok(Inspection {
        path: directory.to_path_buf(),
        config,
        weights,
        vocabulary,
        casing,
        tokenizer,
        tokenizer_settings,
        notes,
        warnings,
        stored,
        problems,
    })
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
        if let Some(settings) = &self.tokenizer {
            for (name, value) in settings.unlike_the_references() {
                let source = self.tokenizer_settings.iter().find(|decided| decided.setting == name);
                write!(out, "\nTokenizer   {name} {value}")?;
                if let Some(decided) = source {
                    write!(out, " ({})", decided.source)?;
                }
            }
        }
        for note in &self.notes {
            write!(out, "\nNote        {note}")?;
        }
        for warning in &self.warnings {
            write!(out, "\nWarning     {warning}")?;
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
