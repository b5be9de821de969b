//! The file of a checkpoint directory that holds the weights, whichever format it is in.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{
    CheckpointError,
    pickle::{self, Container, PickleError},
    safetensors,
    stored::StoredTensor,
};

/// Weights in our preferred format; the first choice where both are there.
pub const SAFETENSORS_FILE: &str = "model.safetensors";
/// Weights as PyTorch saves them.
pub const TORCH_FILE: &str = "pytorch_model.bin";

/// Format of a weights file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightsFormat {
    /// safetensors.
    Safetensors,
    /// PyTorch's zip archive.
    TorchZip,
    /// PyTorch before 1.6.
    TorchLegacy,
}

impl std::fmt::Display for WeightsFormat {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Safetensors => "safetensors",
            Self::TorchZip => "PyTorch zip archive",
            Self::TorchLegacy => "PyTorch legacy pickle",
        })
    }
}

/// The tensors of a weights file, not yet decoded.
#[derive(Debug)]
pub struct WeightsFile<'a> {
    /// Its format.
    pub format: WeightsFormat,
    /// Tensors by the names they have in the file.
    pub tensors: BTreeMap<String, StoredTensor<'a>>,
    /// Entries that are no tensors of a known type.
    pub ignored: Vec<String>,
    /// Bytes of the whole file.
    pub size: usize,
}

/// Finds the weights of a directory.
///
/// # Errors
/// If neither file is there; sharded checkpoints and those of other frameworks are named.
pub fn find(directory: &Path) -> Result<PathBuf, CheckpointError> {
    for name in [SAFETENSORS_FILE, TORCH_FILE] {
        let path = directory.join(name);
        if path.is_file() {
            return Ok(path);
        }
    }
    let has = |name: &str| directory.join(name).is_file();
    let hint = if has("model.safetensors.index.json") || has("pytorch_model.bin.index.json") {
        "; it is split into shards: save it with max_shard_size large enough for one file"
    } else if has("tf_model.h5") || has("flax_model.msgpack") || has("bert_model.ckpt.index") {
        "; its weights are TensorFlow's or Flax's: convert them with transformers (from_tf or from_flax)"
    } else {
        "; put the model's weights there"
    };
    Err(CheckpointError::NoWeights { path: directory.to_path_buf(), hint })
}

/// Reads the table of tensors from the bytes of the weights file at `path`.
///
/// # Errors
/// If the bytes are something else than weights, or damaged.
pub fn parse<'a>(path: &Path, bytes: &'a [u8]) -> Result<WeightsFile<'a>, CheckpointError> {
    let size = bytes.len();
    if let Some(what) = impostor(bytes) {
        return Err(CheckpointError::NotWeights { path: path.to_path_buf(), what: what.to_owned() });
    }
    if path.extension().is_some_and(|extension| extension == "safetensors") {
        if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"\x80\x02") {
            let what = format!("this is a PyTorch file; rename it to {TORCH_FILE}");
            return Err(CheckpointError::NotWeights { path: path.to_path_buf(), what });
        }
        let file = safetensors::read(bytes)
            .map_err(|what| CheckpointError::Safetensors { path: path.to_path_buf(), what })?;
        let ignored = file.unsupported.into_iter().map(|(name, dtype)| format!("{name} ({dtype})")).collect();
        return Ok(WeightsFile { format: WeightsFormat::Safetensors, tensors: file.tensors, ignored, size });
    }
    if bytes.get(8) == Some(&b'{') && safetensors::read(bytes).is_ok() {
        let what = format!("this is a safetensors file; rename it to {SAFETENSORS_FILE}");
        return Err(CheckpointError::NotWeights { path: path.to_path_buf(), what });
    }
    let cause = |cause: PickleError| CheckpointError::Pickle { path: path.to_path_buf(), cause };
    let dict = pickle::read_state_dict(bytes).map_err(cause)?;
    let format = match dict.container {
        Container::Zip => WeightsFormat::TorchZip,
        Container::Legacy => WeightsFormat::TorchLegacy,
    };
    Ok(WeightsFile { format, tensors: dict.tensors, ignored: dict.ignored, size })
}

/// What commonly lies under a weights file's name without being weights, with the next step.
fn impostor(bytes: &[u8]) -> Option<&'static str> {
    let start = bytes.get(..512).unwrap_or(bytes).trim_ascii_start();
    let starts =
        |prefix: &[u8]| start.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
    if bytes.is_empty() {
        Some("the file is empty; download it again")
    } else if starts(b"version https://git-lfs") {
        Some("this is a Git LFS pointer, not the weights; run `git lfs pull` in the model's repository")
    } else if starts(b"<!doctype") || starts(b"<html") || starts(b"<?xml") {
        Some("this is a web page, not weights; download the file itself (its \"resolve\" address)")
    } else if start.starts_with(&[0x1f, 0x8b]) {
        Some("this is a gzip archive; unpack it first")
    } else {
        None
    }
}

/// Reads a whole file; the memory it takes is the file's size.
///
/// # Errors
/// If the operating system says so.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, CheckpointError> {
    std::fs::read(path).map_err(|cause| CheckpointError::Io {
        action: "read",
        path: path.to_path_buf(),
        cause,
    })
}
