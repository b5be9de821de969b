//! Where a checkpoint's files come from: a folder, or memory.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use super::{CheckpointError, StagedFiles};

/// The files of a checkpoint in memory, as a browser hands them over or a program carries them with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// Stands for the folder in messages.
    name: PathBuf,
    content: BTreeMap<String, Cow<'static, [u8]>>,
}

impl Files {
    /// No files yet; messages name them as files of the folder `name`.
    #[must_use]
    pub fn new(name: impl Into<PathBuf>) -> Self {
        Self { name: name.into(), content: BTreeMap::new() }
    }

    /// Adds a file, in place of an earlier one of that name.
    pub fn insert(&mut self, name: impl Into<String>, content: impl Into<Cow<'static, [u8]>>) {
        self.content.insert(name.into(), content.into());
    }

    /// What stands for the folder.
    #[must_use]
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// Whether there is no file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.content.is_empty()
    }

    /// A file's content.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.content.get(name).map(AsRef::as_ref)
    }

    /// The files' names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.content.keys().map(String::as_str)
    }

    /// The files of a folder within, which are taken out: those whose names begin with `folder` and a `/`, without that.
    pub fn split_off(&mut self, folder: &str) -> Self {
        let mut taken = Self::new(folder.rsplit('/').next().unwrap_or(folder));
        for (name, content) in std::mem::take(&mut self.content) {
            match name.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')) {
                Some(inside) => taken.insert(inside, content),
                None => self.insert(name, content),
            }
        }
        taken
    }

    fn at(&self, path: &Path) -> Option<&[u8]> {
        self.get(path.strip_prefix(&self.name).ok()?.to_str()?)
    }
}

impl IntoIterator for Files {
    type Item = (String, Cow<'static, [u8]>);
    type IntoIter = std::collections::btree_map::IntoIter<String, Cow<'static, [u8]>>;

    fn into_iter(self) -> Self::IntoIter {
        self.content.into_iter()
    }
}

/// Where a checkpoint's files are written.
pub(super) trait Target {
    /// Writes a file to be named `name`.
    ///
    /// # Errors
    /// If it cannot be written.
    fn stage(
        &mut self,
        name: &str,
        content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), CheckpointError>;
}

impl Target for StagedFiles {
    fn stage(
        &mut self,
        name: &str,
        content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), CheckpointError> {
        Ok(Self::stage(self, name, content)?)
    }
}

impl Target for Files {
    fn stage(
        &mut self,
        name: &str,
        content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), CheckpointError> {
        let mut bytes = Vec::new();
        content(&mut bytes).map_err(|cause| CheckpointError::Io { path: self.name.join(name), cause })?;
        self.insert(name, bytes);
        Ok(())
    }
}

/// What a checkpoint is read from. Files go by their paths in either case, which is how messages name them.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source<'a> {
    /// A folder of the file system.
    Folder(&'a Path),
    /// Memory.
    Files(&'a Files),
}

impl<'a> Source<'a> {
    /// The folder, or what stands for it.
    pub(super) fn root(self) -> &'a Path {
        match self {
            Self::Folder(folder) => folder,
            Self::Files(files) => &files.name,
        }
    }

    /// Whether there is a file at a path below the root.
    pub(super) fn is_file(self, path: &Path) -> bool {
        match self {
            Self::Folder(_) => path.is_file(),
            Self::Files(files) => files.at(path).is_some(),
        }
    }

    /// A whole file; one of a folder takes memory of its size.
    ///
    /// # Errors
    /// If it is not there or the operating system does not hand it out.
    pub(super) fn read(self, path: &Path) -> Result<Cow<'a, [u8]>, CheckpointError> {
        let found = match self {
            Self::Folder(_) => std::fs::read(path).map(Cow::Owned),
            Self::Files(files) => files.at(path).map(Cow::Borrowed).ok_or(ErrorKind::NotFound.into()),
        };
        found.map_err(|cause| CheckpointError::Io { path: path.to_path_buf(), cause })
    }

    /// [`read`](Self::read), unless the file is larger than `most` bytes: then nothing is read.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(super) fn read_up_to(self, path: &Path, most: u64) -> Result<Option<Cow<'a, [u8]>>, CheckpointError> {
        if let Self::Folder(_) = self {
            let size = std::fs::metadata(path).map(|metadata| metadata.len());
            let io = |cause| CheckpointError::Io { path: path.to_path_buf(), cause };
            if size.map_err(io)? > most {
                return Ok(None);
            }
        }
        self.read(path).map(|content| (content.len() as u64 <= most).then_some(content))
    }

    /// The names of its files, `most` of them at most.
    pub(super) fn names(self, most: usize) -> Vec<String> {
        match self {
            Self::Folder(folder) => {
                let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
                entries.take(most).filter_map(|entry| entry.file_name().into_string().ok()).collect()
            }
            Self::Files(files) => files.content.keys().take(most).cloned().collect(),
        }
    }

    /// Refuses a folder that is none.
    ///
    /// # Errors
    /// If it is a file, or not there.
    pub(super) fn check(self) -> Result<(), CheckpointError> {
        let Self::Folder(folder) = self else { return Ok(()) };
        let path = folder.to_path_buf();
        if folder.is_file() {
            return Err(CheckpointError::NotADirectory { path });
        }
        if !folder.exists() {
            return Err(CheckpointError::NotFound { path });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        advice::Advice,
        checkpoint::{LoadOptions, SaveCheckpoint, SpanbertMeta, load, load_files, save, save_in_memory},
        demo,
    };

    /// A folder in memory.
    fn in_memory(folder: &Path) -> Files {
        let mut files = Files::new(folder);
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            files.insert(entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap());
        }
        files
    }

    /// What loading says, in one line.
    fn told<T>(loaded: Result<T, CheckpointError>) -> String {
        loaded.map(|_| ()).unwrap_err().in_one_line()
    }

    #[test]
    fn a_checkpoint_in_memory_is_the_one_of_the_folder() {
        let home = tempfile::tempdir().unwrap();
        let folder = demo::write(home.path()).unwrap().model;
        let options = LoadOptions::default();
        let (one, other) =
            (load(&folder, options).unwrap(), load_files(&in_memory(&folder), options).unwrap());
        assert_eq!((one.config, one.weights, one.vocab), (other.config, other.weights, other.vocab));
        assert_eq!((one.settings, one.casing, one.report), (other.settings, other.casing, other.report));
        assert_eq!((one.stored, one.notes, one.warnings), (other.stored, other.notes, other.warnings));
    }

    #[test]
    fn what_is_wrong_is_said_in_the_same_words() {
        let home = tempfile::tempdir().unwrap();
        let folder = demo::write(home.path()).unwrap().model;
        let same = || {
            let options = LoadOptions::default();
            let (one, other) = (told(load(&folder, options)), told(load_files(&in_memory(&folder), options)));
            assert_eq!(one, other);
            one
        };
        let weights = folder.join("model.safetensors");
        let whole = std::fs::read(&weights).unwrap();
        std::fs::write(&weights, &whole[..whole.len() - 1]).unwrap();
        assert!(same().contains("model.safetensors"));
        std::fs::rename(&weights, folder.join("model.fp16.safetensors")).unwrap();
        assert!(same().contains("rename it to model.safetensors"));
        std::fs::write(folder.join("model.safetensors.index.json"), r#"{"weight_map": {"a": "x.bin"}}"#)
            .unwrap();
        assert!(same().contains("download them into the same folder"));
        std::fs::write(folder.join("vocab.txt"), "[PAD]\n").unwrap();
        same();
        std::fs::write(folder.join("spanbert.json"), "[]").unwrap();
        same();
        std::fs::remove_file(folder.join("vocab.txt")).unwrap();
        same();
        std::fs::write(folder.join("config.json"), "{").unwrap();
        assert!(same().contains("config.json"));
        std::fs::remove_file(folder.join("config.json")).unwrap();
        same();
    }

    #[test]
    fn what_is_saved_in_memory_is_the_folder_s() {
        let home = tempfile::tempdir().unwrap();
        let model = demo::pretrained_model().unwrap();
        let checkpoint = SaveCheckpoint {
            config: &model.config,
            weights: &model.weights,
            vocab: &model.vocab,
            settings: &model.settings,
            meta: &SpanbertMeta::default(),
        };
        save(home.path(), &checkpoint).unwrap();
        let (saved, folder) = (save_in_memory("m", &checkpoint).unwrap(), in_memory(home.path()));
        assert_eq!(saved.content, folder.content);
        let vocab: Vec<String> = model.vocab.iter().map(|piece| format!("{piece}\n")).collect();
        let error = save_in_memory("m", &SaveCheckpoint { vocab: &vocab, ..checkpoint }).unwrap_err();
        assert!(error.to_string().contains("line break"), "{error}");
    }

    #[test]
    fn a_folder_within_is_taken_out() {
        let mut files = Files::new("run");
        for name in ["best/config.json", "best/deep/a", "best", "bestest/a", "config.json"] {
            files.insert(name, name.as_bytes());
        }
        let best = files.split_off("best");
        assert_eq!(best.name(), Path::new("best"));
        assert_eq!(best.names().collect::<Vec<_>>(), ["config.json", "deep/a"]);
        assert_eq!(best.get("deep/a"), Some(&b"best/deep/a"[..]));
        assert_eq!(files.names().collect::<Vec<_>>(), ["best", "bestest/a", "config.json"]);
    }

    #[test]
    fn no_file_is_found_outside() {
        let mut files = Files::new("model");
        files.insert("a", &b"1"[..]);
        let source = Source::Files(&files);
        assert!(source.is_file(Path::new("model/a")) && !source.is_file(Path::new("a")));
        assert_eq!(source.read(Path::new("model/a")).unwrap().as_ref(), b"1");
        assert!(source.read_up_to(Path::new("model/a"), 0).unwrap().is_none());
        let error = source.read(Path::new("model/../model/a")).unwrap_err();
        assert!(matches!(error, CheckpointError::Io { cause, .. } if cause.kind() == ErrorKind::NotFound));
    }
}
