//! A checkpoint once more, in another number format: smaller files to pass on.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::{
    CheckpointError, StagedFiles, Weights,
    canonical::CanonicalNames,
    directory::{config_file, load_config},
    files::Source,
    meta::META_FILE,
    safetensors::FloatType,
    save::{OLDER_TOKENIZER, pretty, stage_model},
    shards::{SAFETENSORS_INDEX, ShardIndex, TORCH_INDEX},
    stored::StoredType,
    tokenizer::{self, StoredTokenizer},
    weights_file::{self, TORCH_FILE, WeightsBytes},
};
use crate::config::parameter_shapes;

/// Files of an older checkpoint in the folder: readers would take them for parts of the new one.
const OLDER: [&str; 4] = [TORCH_FILE, SAFETENSORS_INDEX, TORCH_INDEX, META_FILE];

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Number of tensors.
    pub tensors: usize,
    /// Number of values in them.
    pub parameters: usize,
    /// Tensors of integers, such as `position_ids`: buffers that models make themselves, and that are left out.
    pub left_out: Vec<String>,
}

/// Writes the checkpoint of one folder into another as `model.safetensors` of the given type, with the configuration, the
/// vocabulary and what `transformers` needs beside them. All tensors of weights come along, under the names that
/// `transformers` uses. Another checkpoint's files in the folder are replaced or removed.
///
/// # Errors
/// If the checkpoint cannot be read, a weight is too large for the type, the folder cannot be written, or what would be
/// written is what was read (through a symbolic link, say). Nothing is changed then.
pub fn export(from: &Path, to: &Path, float: FloatType) -> Result<Exported, CheckpointError> {
    let source = Source::Folder(from);
    let config = load_config(source)?;
    let tokenizer = StoredTokenizer::from_folder(from, None)?;
    tokenizer.check(config.vocab_size)?;
    let path = weights_file::find(source)?;
    let bytes = WeightsBytes::read(source, &path)?;
    let file = bytes.parse()?;
    let names =
        CanonicalNames::of(file.tensors.keys().map(String::as_str), config.family).map_err(|two| {
            let (path, first, second, name) = (path.clone(), two.first, two.second, two.name);
            CheckpointError::Ambiguous { path, first, second, name }
        })?;
    let shapes: BTreeMap<String, _> = parameter_shapes(&config, true).into_iter().collect();
    let (mut weights, mut left_out) = (Weights::new(), Vec::new());
    for (name, stored) in names.stored {
        let Some(tensor) = file.tensors.get(&stored) else { continue };
        if matches!(tensor.dtype(), StoredType::Integer(_)) && !shapes.contains_key(&name) {
            left_out.push(stored);
            continue;
        }
        let wrong = |what| CheckpointError::Tensor { path: path.clone(), name: stored.clone(), what };
        weights.insert(name, tensor.to_host().map_err(wrong)?);
    }
    let exported = Exported {
        tensors: weights.len(),
        parameters: weights.values().map(|tensor| tensor.values.len()).sum(),
        left_out,
    };
    let described = config_file(from).and_then(|path| fs::read_to_string(path).ok());
    let mut description: Value = described
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_else(|| config.to_hugging_face());
    description["torch_dtype"] = json!(float.torch_name());

    let mut files = StagedFiles::new(to)?;
    stage_model(&mut files, &weights, config.family, float)?;
    let StoredTokenizer { vocab, settings, path: tokenizer_path, .. } = tokenizer;
    tokenizer::write::stage(&mut files, &vocab, &settings, &config)?;
    if let Ok(meta) = fs::read(from.join(META_FILE)) {
        files.stage(META_FILE, |out| out.write_all(&meta))?;
    }
    files.stage("config.json", |out| pretty(out, &description))?;
    let sources: Vec<PathBuf> = bytes
        .files()
        .chain([config_file(from).unwrap_or_else(|| from.join("config.json")), tokenizer_path])
        .collect();
    if let Some(path) = files.destinations().find(|to| sources.iter().any(|from| same_file(from, to))) {
        return Err(CheckpointError::Onto { path: path.to_owned() });
    }
    let mut older: Vec<String> = OLDER.into_iter().chain(OLDER_TOKENIZER).map(str::to_owned).collect();
    for index in [SAFETENSORS_INDEX, TORCH_INDEX] {
        // An index that cannot be read names nothing that could be removed.
        let shards = ShardIndex::read(&to.join(index)).unwrap_or_default();
        older.extend(shards.files().into_iter().map(str::to_owned));
    }
    files.commit_without(&older.iter().map(String::as_str).collect::<Vec<_>>())?;
    Ok(exported)
}

fn same_file(one: &Path, other: &Path) -> bool {
    fs::canonicalize(one).is_ok_and(|one| fs::canonicalize(other).is_ok_and(|other| one == other))
}
