//! Weights split into several files, and the index that says which tensor lies in which.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Component, Path, PathBuf},
};

use serde::Deserialize;

use super::{CheckpointError, files::Source, report::list, stored::StoredTensor};
use crate::json;

/// Index of safetensors shards.
pub(crate) const SAFETENSORS_INDEX: &str = "model.safetensors.index.json";
/// Index of PyTorch shards.
pub(crate) const TORCH_INDEX: &str = "pytorch_model.bin.index.json";

/// Longest index; that of a model with a hundred thousand tensors takes 10 MB.
pub(crate) const MAX_INDEX_BYTES: u64 = 16 << 20;
/// Most shards.
const MAX_SHARDS: usize = 1024;

/// Which tensor lies in which file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ShardIndex {
    /// Tensor to file name.
    map: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct IndexFile {
    weight_map: BTreeMap<String, String>,
}

/// Whether a path is that of an index.
pub(super) fn is_index(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.ends_with(".index.json"))
}

impl ShardIndex {
    /// Reads the index at a path.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), or if the file cannot be read.
    #[cfg(feature = "native")]
    pub(crate) fn read(path: &Path) -> Result<Self, CheckpointError> {
        Self::of(Source::Folder(folder_of(path)), path)
    }

    /// [`Self::read`] of any source.
    pub(super) fn of(source: Source<'_>, path: &Path) -> Result<Self, CheckpointError> {
        match source.read_up_to(path, MAX_INDEX_BYTES)? {
            Some(text) => Self::parse(path, &text),
            None => Err(wrong(path, "is larger than any index of shards".to_owned(), "download it again")),
        }
    }

    /// Parses an index; `path` names it in errors.
    ///
    /// # Errors
    /// If it is not an index, or names anything but plain files beside it.
    pub(crate) fn parse(path: &Path, text: &[u8]) -> Result<Self, CheckpointError> {
        let wrong = |what: String, remedy| wrong(path, what, remedy);
        let index: IndexFile = json::parse(text)
            .map_err(|error| wrong(format!("is not an index of shards ({error})"), "download it again"))?;
        if index.weight_map.is_empty() {
            return Err(wrong("names no tensor in its weight_map".to_owned(), "download it again"));
        }
        let index = Self { map: index.weight_map };
        let files = index.files();
        if files.len() > MAX_SHARDS {
            let what = format!("names {} shards, more than {MAX_SHARDS}", files.len());
            return Err(wrong(what, "save the model in larger ones"));
        }
        match files.iter().find(|file| !is_plain(file)) {
            None => Ok(index),
            Some(file) => Err(wrong(
                format!("names the shard {file:?}, which is no .safetensors or .bin file beside the index"),
                "correct the name, unless it makes you distrust the model",
            )),
        }
    }

    /// The shards' file names.
    pub(crate) fn files(&self) -> BTreeSet<&str> {
        self.map.values().map(String::as_str).collect()
    }

    /// Where the shards of the index at `path` are.
    ///
    /// # Errors
    /// If one is not there.
    #[cfg(feature = "native")]
    pub(crate) fn paths(&self, path: &Path) -> Result<Vec<PathBuf>, CheckpointError> {
        self.paths_in(Source::Folder(folder_of(path)), path)
    }

    /// [`Self::paths`] in any source.
    pub(super) fn paths_in(&self, source: Source<'_>, path: &Path) -> Result<Vec<PathBuf>, CheckpointError> {
        let folder = folder_of(path);
        let files = self.files();
        let missing: Vec<_> = files.iter().filter(|file| !source.is_file(&folder.join(file))).collect();
        if missing.is_empty() {
            return Ok(files.iter().map(|file| folder.join(file)).collect());
        }
        let what = format!(
            "names {} shards, of which {} are not there ({})",
            files.len(),
            missing.len(),
            list(&missing)
        );
        Err(wrong(path, what, "download them into the same folder"))
    }

    /// Adds the tensors of a shard to those of earlier ones.
    ///
    /// # Errors
    /// If an earlier shard has one of them too.
    pub(super) fn add<'a>(
        path: &Path,
        all: &mut BTreeMap<String, StoredTensor<'a>>,
        shard: BTreeMap<String, StoredTensor<'a>>,
    ) -> Result<(), CheckpointError> {
        for (name, tensor) in shard {
            if all.contains_key(&name) {
                let what = format!("has {name} in two of its shards, so they come from different saves");
                return Err(wrong(path, what, "download all shards again"));
            }
            all.insert(name, tensor);
        }
        Ok(())
    }

    /// Checks that what the index names is there.
    ///
    /// # Errors
    /// If a tensor is in no shard.
    pub(super) fn check(&self, path: &Path, has: impl Fn(&str) -> bool) -> Result<(), CheckpointError> {
        match self.map.iter().find(|(name, _)| !has(name)) {
            None => Ok(()),
            Some((name, shard)) => {
                let what = format!("says that {name} is in {shard}, which is not so");
                Err(wrong(path, what, "download the index and all shards again"))
            }
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

fn wrong(path: &Path, what: String, remedy: &'static str) -> CheckpointError {
    CheckpointError::Index { path: path.to_path_buf(), what, remedy }
}

/// Whether it is the name of a file of weights without any folder, on every platform.
fn is_plain(file: &str) -> bool {
    let mut parts = Path::new(file).components();
    let one = matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == file);
    let letters = file.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter));
    let weights = [".safetensors", ".bin"].iter().any(|end| file.len() > end.len() && file.ends_with(end));
    one && letters && weights && !file.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advice::Advice;

    fn parse(text: &str) -> Result<ShardIndex, String> {
        ShardIndex::parse(Path::new("m/model.safetensors.index.json"), text.as_bytes())
            .map_err(|error| error.in_one_line())
    }

    #[test]
    fn an_index_names_plain_files_only() {
        let index = parse(
            r#"{"metadata": {"total_size": 8}, "weight_map": {"a": "x-1.safetensors", "b": "x-2.bin"}}"#,
        );
        assert_eq!(index.unwrap().files().into_iter().collect::<Vec<_>>(), ["x-1.safetensors", "x-2.bin"]);
        for file in [
            "../x.safetensors",
            "/etc/x.safetensors",
            "a/x.safetensors",
            "a\\\\x.safetensors",
            "C:x.bin",
            "..",
            "",
            ".bin",
            "x.bin/",
            "./x.bin",
            "config.json",
            "x.safetensors\\u0000",
            ".x.bin",
        ] {
            let told = parse(&format!(r#"{{"weight_map": {{"a": "{file}"}}}}"#)).unwrap_err();
            assert!(
                told.contains("which is no .safetensors or .bin file beside the index; "),
                "{file}: {told}"
            );
        }
        for (text, expected) in [
            ("", "not an index"),
            ("{}", "weight_map"),
            (r#"{"weight_map": {}}"#, "names no tensor"),
            (r#"{"weight_map": {"a": 1}}"#, "not an index"),
        ] {
            let told = parse(text).unwrap_err();
            assert!(told.contains(expected) && told.contains("index.json"), "{told}");
        }
        let many: Vec<String> =
            (0..=MAX_SHARDS).map(|index| format!(r#""{index}": "{index}.bin""#)).collect();
        assert!(
            parse(&format!(r#"{{"weight_map": {{{}}}}}"#, many.join(", ")))
                .unwrap_err()
                .contains("1025 shards")
        );
    }
}
