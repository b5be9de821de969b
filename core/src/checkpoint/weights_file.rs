//! The file of a checkpoint directory that holds the weights, whichever format it is in.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{
    CheckpointError,
    files::Source,
    foreign,
    pickle::{self, Container, PickleError},
    safetensors,
    shards::{self, SAFETENSORS_INDEX, ShardIndex, TORCH_INDEX},
    stored::StoredTensor,
};

/// Weights in our preferred format; the first choice where both are there.
pub const SAFETENSORS_FILE: &str = "model.safetensors";
/// Weights as PyTorch saves them.
pub const TORCH_FILE: &str = "pytorch_model.bin";

/// How much of a folder is looked at to say what is there instead of weights.
const MAX_ENTRIES: usize = 10_000;

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
    /// Bytes of the whole file, or of all shards.
    pub size: usize,
}

/// Weights as they lie in one file or in several.
#[derive(Debug)]
pub(super) struct WeightsBytes<'a> {
    /// The file, or the index of the shards.
    path: PathBuf,
    index: Option<ShardIndex>,
    /// Each file with its content.
    files: Vec<(PathBuf, Cow<'a, [u8]>)>,
}

impl<'a> WeightsBytes<'a> {
    /// Reads the file, or the index and all its shards; from a folder that takes memory of their size.
    ///
    /// # Errors
    /// If a file cannot be read, or the index is damaged or names what is not there.
    pub(super) fn read(source: Source<'a>, path: &Path) -> Result<Self, CheckpointError> {
        let index = if shards::is_index(path) { Some(ShardIndex::of(source, path)?) } else { None };
        let paths = match &index {
            Some(index) => index.paths_in(source, path)?,
            None => vec![path.to_path_buf()],
        };
        let read = |path: PathBuf| source.read(&path).map(|bytes| (path, bytes));
        Ok(Self {
            path: path.to_path_buf(),
            index,
            files: paths.into_iter().map(read).collect::<Result<_, _>>()?,
        })
    }

    /// All files, the index included.
    #[cfg(feature = "native")]
    pub(super) fn files(&self) -> impl Iterator<Item = PathBuf> {
        self.files.iter().map(|(path, _)| path).chain([&self.path]).cloned()
    }

    /// The shards' files; none if the weights are in one piece.
    pub(super) fn shards(&self) -> Vec<PathBuf> {
        let shards = self.index.as_ref().map(|_| self.files.iter().map(|(path, _)| path.clone()).collect());
        shards.unwrap_or_default()
    }

    /// The table of all tensors.
    ///
    /// # Errors
    /// If a file is something else than weights, or damaged, or the shards do not fit together.
    pub(super) fn parse(&self) -> Result<WeightsFile<'_>, CheckpointError> {
        let mut files = self.files.iter().map(|(path, bytes)| parse(path, bytes));
        let no_file = || CheckpointError::NotWeights {
            path: self.path.clone(),
            what: "no file of weights".to_owned(),
            remedy: "download it again".to_owned(),
        };
        let mut all = files.next().ok_or_else(no_file)??;
        for file in files {
            let file = file?;
            ShardIndex::add(&self.path, &mut all.tensors, file.tensors)?;
            all.ignored.extend(file.ignored);
            all.size = all.size.saturating_add(file.size);
        }
        if let Some(index) = &self.index {
            let ignored = |name: &str| all.ignored.iter().any(|entry| entry.starts_with(name));
            index.check(&self.path, |name| all.tensors.contains_key(name) || ignored(name))?;
        }
        Ok(all)
    }
}

/// Finds the weights of a checkpoint.
///
/// # Errors
/// If there are none; those of other frameworks are named.
pub(super) fn find(source: Source<'_>) -> Result<PathBuf, CheckpointError> {
    for name in [SAFETENSORS_FILE, SAFETENSORS_INDEX, TORCH_FILE, TORCH_INDEX] {
        let path = source.root().join(name);
        if source.is_file(&path) {
            return Ok(path);
        }
    }
    let names = source.names(MAX_ENTRIES);
    let instead = foreign::instead(names.iter().map(String::as_str));
    let (found, remedy) =
        instead.unwrap_or_else(|| (String::new(), "put the model's weights there".to_owned()));
    Err(CheckpointError::NoWeights { path: source.root().to_path_buf(), found, remedy })
}

/// Reads the table of tensors from the bytes of the weights file at `path`.
///
/// # Errors
/// If the bytes are something else than weights, or damaged.
pub fn parse<'a>(path: &Path, bytes: &'a [u8]) -> Result<WeightsFile<'a>, CheckpointError> {
    let size = bytes.len();
    let not_weights = |what: &str, remedy: String| CheckpointError::NotWeights {
        path: path.to_path_buf(),
        what: what.to_owned(),
        remedy,
    };
    if let Some((what, remedy)) = impostor(bytes) {
        return Err(not_weights(what, remedy.into()));
    }
    if path.extension().is_some_and(|extension| extension == "safetensors") {
        if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"\x80\x02") {
            return Err(not_weights("this is a PyTorch file", format!("rename it to {TORCH_FILE}")));
        }
        let file = safetensors::read(bytes)
            .map_err(|what| CheckpointError::Safetensors { path: path.to_path_buf(), what })?;
        let ignored = file.unsupported.into_iter().map(|(name, dtype)| format!("{name} ({dtype})")).collect();
        return Ok(WeightsFile { format: WeightsFormat::Safetensors, tensors: file.tensors, ignored, size });
    }
    if bytes.get(8) == Some(&b'{') && safetensors::read(bytes).is_ok() {
        return Err(not_weights("this is a safetensors file", format!("rename it to {SAFETENSORS_FILE}")));
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
fn impostor(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    let start = bytes.get(..512).unwrap_or(bytes).trim_ascii_start();
    let starts =
        |prefix: &[u8]| start.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
    if bytes.is_empty() {
        Some(("the file is empty", "download it again"))
    } else if starts(b"version https://git-lfs") {
        Some(("this is a Git LFS pointer, not the weights", "run `git lfs pull` in the model's repository"))
    } else if starts(b"<!doctype") || starts(b"<html") || starts(b"<?xml") {
        Some(("this is a web page, not weights", "download the file itself (its \"resolve\" address)"))
    } else if start.starts_with(&[0x1f, 0x8b]) {
        Some(("this is a gzip archive", "unpack it first"))
    } else {
        None
    }
}
