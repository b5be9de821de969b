//! Saving a Hugging Face directory that `transformers` loads.

use std::{collections::BTreeMap, io::Write, path::Path};

use serde_json::Value;
#[cfg(feature = "native")]
use serde_json::json;

use super::{
    CheckpointError, Files, HostTensor, StagedFiles, Weights,
    directory::finite,
    files::Target,
    meta::{META_FILE, SpanbertMeta},
    safetensors::{self, FloatType},
    tokenizer,
    weights_file::SAFETENSORS_FILE,
};
#[cfg(doc)]
use crate::tokenizer::BertTokenizer;
use crate::{
    config::{BertConfig, Family, names, parameter_shapes},
    tokenizer::TokenizerSettings,
};

/// Files of a tokenizer that is no longer there: readers would take them for the new one's.
pub(super) const OLDER_TOKENIZER: [&str; 2] = ["tokenizer.json", "added_tokens.json"];

/// What goes into a checkpoint directory.
#[derive(Clone, Copy, Debug)]
pub struct SaveCheckpoint<'a> {
    /// The model's architecture.
    pub config: &'a BertConfig,
    /// Every parameter by canonical name; the pooler may be absent.
    pub weights: &'a Weights,
    /// The vocabulary's pieces by id, without added tokens beyond it ([`BertTokenizer::vocab_pieces`]).
    pub vocab: &'a [String],
    /// What the tokenizer does with text, and its added tokens.
    pub settings: &'a TokenizerSettings,
    /// What `spanbert.json` says.
    pub meta: &'a SpanbertMeta,
}

/// Writes `model.safetensors`, `vocab.txt`, the tokenizer's files, `spanbert.json` and `config.json`. Every file
/// is complete on the disk before the first one is renamed into place, so that a reader, or a crash, never meets half
/// a file; weights come before the configuration, which makes the directory a checkpoint.
///
/// # Errors
/// If the weights are incomplete, of other shapes than the configuration's or not finite, a piece contains a line
/// break, or a file cannot be written. Nothing is changed then.
pub fn save(directory: &Path, checkpoint: &SaveCheckpoint<'_>) -> Result<(), CheckpointError> {
    let config = checkpoint.config;
    write(directory, checkpoint, parameter_shapes(config, true), config.to_hugging_face())
}

/// The same files in memory, named as those of the folder `name`.
///
/// # Errors
/// As [`save`].
pub fn save_in_memory(name: &str, checkpoint: &SaveCheckpoint<'_>) -> Result<Files, CheckpointError> {
    let config = checkpoint.config;
    check(name.as_ref(), checkpoint, parameter_shapes(config, true))?;
    let mut files = Files::new(name);
    stage(&mut files, checkpoint, &config.to_hugging_face())?;
    Ok(files)
}

/// The same for a model with the heads of pre-training instead of the question-answering head: transformers reads it for
/// masked language modelling (`BertForMaskedLM`), fine-tuning begins with its encoder.
///
/// # Errors
/// As [`save`].
#[cfg(feature = "native")]
pub fn save_pretrained(directory: &Path, checkpoint: &SaveCheckpoint<'_>) -> Result<(), CheckpointError> {
    let config = checkpoint.config;
    let encoder = parameter_shapes(config, true).into_iter().filter(|(name, _)| names::is_encoder(name));
    let shapes = encoder.chain(crate::config::head_shapes(config)).collect();
    let mut description = config.to_hugging_face();
    description["architectures"] = json!([config.family.class_for("MaskedLM")]);
    write(directory, checkpoint, shapes, description)
}

/// Writes the tokenizer's files alone.
///
/// # Errors
/// If a file cannot be written.
#[cfg(feature = "native")]
pub fn save_tokenizer(
    directory: &Path,
    vocab: &[String],
    settings: &TokenizerSettings,
    config: &BertConfig,
) -> Result<(), CheckpointError> {
    let mut files = StagedFiles::new(directory)?;
    tokenizer::write::stage(&mut files, vocab, settings, config)?;
    Ok(files.commit_without(&OLDER_TOKENIZER)?)
}

fn write(
    directory: &Path,
    checkpoint: &SaveCheckpoint<'_>,
    shapes: Vec<(String, Vec<usize>)>,
    description: Value,
) -> Result<(), CheckpointError> {
    check(directory, checkpoint, shapes)?;
    let mut files = StagedFiles::new(directory)?;
    stage(&mut files, checkpoint, &description)?;
    Ok(files.commit_without(&OLDER_TOKENIZER)?)
}

/// Stages all files, the configuration last.
fn stage(
    files: &mut impl Target,
    checkpoint: &SaveCheckpoint<'_>,
    description: &Value,
) -> Result<(), CheckpointError> {
    let SaveCheckpoint { config, weights, vocab, settings, meta } = *checkpoint;
    stage_model(files, weights, config.family, FloatType::F32)?;
    tokenizer::write::stage(files, vocab, settings, config)?;
    files.stage(META_FILE, |out| pretty(out, &meta.finite()))?;
    files.stage("config.json", |out| pretty(out, description))
}

/// Refuses what could not be loaded again.
fn check(
    directory: &Path,
    checkpoint: &SaveCheckpoint<'_>,
    shapes: Vec<(String, Vec<usize>)>,
) -> Result<(), CheckpointError> {
    let SaveCheckpoint { config, weights, vocab, settings, .. } = *checkpoint;
    check_weights(directory, config, weights, shapes)?;
    let pieces = settings.ids_with(vocab.len());
    if pieces > config.vocab_size {
        let path = directory.join("vocab.txt");
        return Err(CheckpointError::VocabularySize {
            path,
            pieces,
            rows: config.vocab_size,
            lacking: String::new(),
        });
    }
    if let Some(piece) = vocab.iter().find(|piece| piece.contains(['\n', '\r'])) {
        let what = format!("piece {piece:?} contains a line break and cannot be written");
        return Err(CheckpointError::Vocabulary { path: directory.join("vocab.txt"), what });
    }
    Ok(())
}

/// Refuses weights that could not be loaded again.
fn check_weights(
    directory: &Path,
    config: &BertConfig,
    weights: &Weights,
    shapes: Vec<(String, Vec<usize>)>,
) -> Result<(), CheckpointError> {
    config.validate()?;
    let wrong = |name: &str, what: String| {
        let path = directory.join(SAFETENSORS_FILE);
        CheckpointError::Tensor { path, name: config.family.own_name(name), what }
    };
    let mut shapes: BTreeMap<_, _> = shapes.into_iter().collect();
    for (name, tensor) in weights {
        let Some(expected) = shapes.remove(name) else {
            return Err(wrong(name, "is not one of the model's parameters".into()));
        };
        if tensor.shape != expected || tensor.values.len() != expected.iter().product::<usize>() {
            let what =
                format!("has shape {:?} and {} values, not {expected:?}", tensor.shape, tensor.values.len());
            return Err(wrong(name, what));
        }
        if tensor.values.iter().any(|value| !value.is_finite()) {
            let what = finite(tensor.clone()).err().unwrap_or_default();
            return Err(wrong(name, what));
        }
    }
    match shapes.keys().find(|name| !name.starts_with(names::POOLER)) {
        Some(name) => Err(wrong(name, "is missing from the weights to be saved".into())),
        None => Ok(()),
    }
}

/// Stages `model.safetensors`, under the family's names.
pub(super) fn stage_model(
    files: &mut impl Target,
    weights: &Weights,
    family: &Family,
    float: FloatType,
) -> Result<(), CheckpointError> {
    let format = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
    let own: BTreeMap<String, &HostTensor> =
        weights.iter().map(|(name, tensor)| (family.own_name(name), tensor)).collect();
    files.stage(SAFETENSORS_FILE, |mut out| safetensors::write_as(&mut out, &own, &format, float))
}

pub(super) fn pretty(out: &mut dyn Write, value: &impl serde::Serialize) -> std::io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    out.write_all(b"\n")
}
