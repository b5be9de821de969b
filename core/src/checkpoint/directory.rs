//! Loading a Hugging Face directory.

use std::path::{Path, PathBuf};

use super::{
    CheckpointError, HostTensor, Weights,
    casing::Casing,
    files::{Files, Source},
    fresh_tensor,
    keys::KeyMap,
    meta::SpanbertMeta,
    report::{LoadReport, list},
    tokenizer::{StoredTokenizer, TokenizerFiles},
    weights_file::{self, WeightsBytes, WeightsFile},
};
use crate::{
    config::{BertConfig, parameter_shapes},
    tokenizer::{BertTokenizer, TokenizerError, TokenizerSettings},
};

/// How often a file's bytes may be read as parameters on average: once in every honest file, thousands of times in one
/// whose tensors are all views of the same storage.
const MAX_SHARING: usize = 4;

/// How to load a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadOptions {
    /// Whether to lower-case text, whatever the directory says; `None` decides from the directory.
    pub lower_case: Option<bool>,
    /// Seed of a question-answering head that the checkpoint lacks.
    pub seed: u64,
}

impl Default for LoadOptions {
    /// The reference's seed, the directory's casing.
    fn default() -> Self {
        Self { lower_case: None, seed: 42 }
    }
}

/// A checkpoint on the host.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The model's architecture.
    pub config: BertConfig,
    /// Every parameter by canonical name: encoder, question-answering head (fresh if absent from the file), and the
    /// pooler if the file has it. All values are finite.
    pub weights: Weights,
    /// The vocabulary's pieces by id, `config.vocab_size` of them at most.
    pub vocab: Vec<String>,
    /// What the tokenizer does with text, and its added tokens.
    pub settings: TokenizerSettings,
    /// Whether text is lower-cased, and why.
    pub casing: Casing,
    /// What the files held.
    pub report: LoadReport,
    /// `spanbert.json`, in a directory that we wrote.
    pub stored: Option<SpanbertMeta>,
    /// Good to know: rows of the embedding that are left over.
    pub notes: Vec<String>,
    /// To be looked at: where the tokenizer's files disagree, and what speaks against the casing.
    pub warnings: Vec<String>,
}

impl Checkpoint {
    /// The tokenizer.
    ///
    /// # Errors
    /// Hardly: [`load`] has tried.
    pub fn tokenizer(&self) -> Result<BertTokenizer, TokenizerError> {
        BertTokenizer::new(self.vocab.clone(), self.settings.clone())
    }
}

/// Loads a directory with `config.json`, `model.safetensors` or `pytorch_model.bin` (or the index of their shards), and `vocab.txt` or
/// `tokenizer.json`.
///
/// # Errors
/// If a file is absent or damaged, the encoder is incomplete, a shape is not the configuration's, the vocabulary is
/// not as long as the embedding, or a weight is not finite.
pub fn load(directory: &Path, options: LoadOptions) -> Result<Checkpoint, CheckpointError> {
    load_from(Source::Folder(directory), options)
}

/// [`load`] from memory.
///
/// # Errors
/// As [`load`].
pub fn load_files(files: &Files, options: LoadOptions) -> Result<Checkpoint, CheckpointError> {
    load_from(Source::Files(files), options)
}

fn load_from(source: Source<'_>, options: LoadOptions) -> Result<Checkpoint, CheckpointError> {
    let config = load_config(source)?;
    let tokenizer = StoredTokenizer::from_files(&TokenizerFiles::of(source)?, options.lower_case)?;
    let notes = tokenizer.check(config.vocab_size)?.into_iter().collect();
    let StoredTokenizer { vocab, settings, casing, warnings, .. } = tokenizer;
    let stored = SpanbertMeta::of(source)?;
    let path = weights_file::find(source)?;
    let (weights, report) = weights_of(source, path, &config, options.seed)?;
    Ok(Checkpoint { config, weights, vocab, settings, casing, report, stored, notes, warnings })
}

/// Checks all that [`load`] reads beside the weights, before they are fetched.
///
/// # Errors
/// As [`load`], for what does not concern the weights.
#[cfg(feature = "native")]
pub(crate) fn check_description(directory: &Path) -> Result<(), CheckpointError> {
    let config = load_config(Source::Folder(directory))?;
    StoredTokenizer::from_folder(directory, None)?.check(config.vocab_size)?;
    SpanbertMeta::load(directory)?;
    Ok(())
}

/// Loads the weights of a model from one file, or from the shards of an index (`….index.json`); parts of the question-answering head that it lacks start fresh.
///
/// # Errors
/// As [`load`], for what concerns the weights.
pub fn load_weights(
    path: PathBuf,
    config: &BertConfig,
    seed: u64,
) -> Result<(Weights, LoadReport), CheckpointError> {
    let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
    weights_of(Source::Folder(&folder), path, config, seed)
}

fn weights_of(
    source: Source<'_>,
    path: PathBuf,
    config: &BertConfig,
    seed: u64,
) -> Result<(Weights, LoadReport), CheckpointError> {
    let bytes = WeightsBytes::read(source, &path)?;
    let (weights, mut report) = decode(path, &bytes.parse()?, config, seed)?;
    report.shards = bytes.shards();
    Ok((weights, report))
}

/// Reads the weights of a model from the content of a file; `path` tells the format by its extension and names the
/// file in errors. Parts of the question-answering head that it lacks start fresh.
///
/// # Errors
/// As [`load`], for what concerns the weights.
pub fn weights_from_bytes(
    path: PathBuf,
    bytes: &[u8],
    config: &BertConfig,
    seed: u64,
) -> Result<(Weights, LoadReport), CheckpointError> {
    decode(path.clone(), &weights_file::parse(&path, bytes)?, config, seed)
}

fn decode(
    path: PathBuf,
    file: &WeightsFile<'_>,
    config: &BertConfig,
    seed: u64,
) -> Result<(Weights, LoadReport), CheckpointError> {
    let (keys, report) = survey(path, config, file)?;
    if !report.mismatched.is_empty() {
        let details = list(&report.mismatched);
        return Err(CheckpointError::Mismatched { path: report.file, details });
    }
    let missing = report.missing_encoder();
    if !missing.is_empty() {
        let (count, names) = (missing.len(), list(&missing));
        if let Some(entry) =
            missing.first().and_then(|name| report.unused.iter().find(|entry| entry.starts_with(name)))
        {
            let what = format!("tensor {entry} is of a type that is not read");
            let remedy = "save the model as float32, float16 or bfloat16".to_owned();
            return Err(CheckpointError::NotWeights { path: report.file, what, remedy });
        }
        return Err(CheckpointError::Missing { path: report.file, count, names });
    }
    let mut weights = Weights::new();
    for (name, stored) in &keys.found {
        let Some(tensor) = file.tensors.get(stored) else { continue };
        let tensor = tensor.to_host().and_then(finite);
        let wrong = |what| CheckpointError::Tensor { path: report.file.clone(), name: stored.clone(), what };
        weights.insert(name.clone(), tensor.map_err(wrong)?);
    }
    for (name, shape) in parameter_shapes(config, false) {
        if keys.missing.contains(&name) {
            let tensor = fresh_tensor(&name, shape, config.initializer_range, seed);
            weights.insert(name, tensor);
        }
    }
    Ok((weights, report))
}

/// Reads the checkpoint's `config.json`.
pub(super) fn load_config(source: Source<'_>) -> Result<BertConfig, CheckpointError> {
    source.check()?;
    let Some(path) = config_of(source) else {
        return Err(CheckpointError::NoConfig { path: source.root().to_path_buf() });
    };
    Ok(match source {
        Source::Folder(_) => BertConfig::from_path(&path)?,
        Source::Files(_) => BertConfig::from_bytes(&source.read(&path)?, &path)?,
    })
}

/// The file that describes a folder's model: `config.json`, or `bert_config.json` as Google's and NVIDIA's programs write it.
#[must_use]
pub fn config_file(directory: &Path) -> Option<PathBuf> {
    config_of(Source::Folder(directory))
}

/// [`config_file`] of any source.
pub(super) fn config_of(source: Source<'_>) -> Option<PathBuf> {
    let paths = ["config.json", "bert_config.json"].map(|name| source.root().join(name));
    paths.into_iter().find(|path| source.is_file(path))
}

/// Compares a file's tensors with the model's parameters.
pub(super) fn survey(
    path: PathBuf,
    config: &BertConfig,
    file: &WeightsFile<'_>,
) -> Result<(KeyMap, LoadReport), CheckpointError> {
    let keys = match KeyMap::new(&file.tensors, config) {
        Ok(keys) => keys,
        Err(two) => {
            let (first, second, name) = (two.first, two.second, two.name);
            return Err(CheckpointError::Ambiguous { path, first, second, name });
        }
    };
    let report = LoadReport::new(path, config, file, &keys);
    let used = keys.found.values().filter_map(|name| file.tensors.get(name));
    let decoded = used.fold(0usize, |sum, tensor| sum.saturating_add(tensor.stored_size()));
    if decoded / MAX_SHARING > file.size {
        let path = report.file;
        let what = "its tensors share their elements, as no BERT's do: they would take more than \
                    four times the file";
        let remedy = "save the model again with safetensors".to_owned();
        return Err(CheckpointError::NotWeights { path, what: what.to_owned(), remedy });
    }
    Ok((keys, report))
}

/// The tensor, if all its values are numbers.
pub(super) fn finite(tensor: HostTensor) -> Result<HostTensor, String> {
    match tensor.values.iter().position(|value| !value.is_finite()) {
        None => Ok(tensor),
        Some(index) => {
            let value = tensor.values.get(index).copied().unwrap_or(f32::NAN);
            Err(format!(
                "holds {value} at element {index}: the weights are damaged, or their training diverged"
            ))
        }
    }
}
