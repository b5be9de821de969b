//! Files that appear whole or not at all: temporary file, fsync, rename, fsync of the folder.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use serde::Serialize;

use crate::advice::Advice;

/// A write that failed: which file, why, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {}", path.display(), cause(source))]
pub struct WriteError {
    /// The file or folder.
    pub path: PathBuf,
    /// The system's reason.
    pub source: io::Error,
}

impl Advice for WriteError {
    fn remedy(&self) -> String {
        match self.source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                "free some space, or choose an output folder on another disk".into()
            }
            _ => "choose an output folder that you may write to".into(),
        }
    }
}

impl WriteError {
    /// For `map_err`: the reason, with the path it concerns.
    pub fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { path, source }
    }
}

fn cause(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::StorageFull => "the disk is full".into(),
        ErrorKind::QuotaExceeded => "the disk quota is used up".into(),
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only".into(),
        ErrorKind::PermissionDenied => "permission denied".into(),
        ErrorKind::NotFound => "its folder does not exist".into(),
        ErrorKind::NotADirectory => "a part of its path is a file, not a folder".into(),
        _ => error.to_string(),
    }
}

/// Replaces or creates `path` with `bytes`; a reader sees the old file or the new one, never a part, even after a
/// power cut. The folder must exist.
///
/// # Errors
/// Names the file and the cause (disk full, read-only, …); the old file is then unchanged.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let temporary = temporary_beside(path);
    let result = fill(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    if result.is_err() {
        // The write has failed already; a left-over temporary file is the lesser problem.
        let _ = fs::remove_file(&temporary);
    }
    result.and_then(|()| sync_folder_of(path)).map_err(WriteError::at(path))
}

/// [`write_atomic`] of a value as indented JSON.
///
/// # Errors
/// As [`write_atomic`], and if the value has no JSON form.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), WriteError> {
    let text = serde_json::to_vec_pretty(value).map_err(|error| WriteError::at(path)(error.into()))?;
    write_atomic(path, &text)
}

/// Creates a folder and its parents.
///
/// # Errors
/// Names the folder and the cause.
pub fn create_folder(path: &Path) -> Result<(), WriteError> {
    fs::create_dir_all(path).map_err(WriteError::at(path))
}

fn fill(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A name of its own for every write of every process, beside the target so that the rename stays on one disk.
fn temporary_beside(path: &Path) -> PathBuf {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    path.with_file_name(format!(".{name}.{}-{count}.tmp", std::process::id()))
}

#[cfg(unix)]
fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Some network file systems refuse to sync folders; the file itself is safe by then.
    match File::open(folder)?.sync_all() {
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        result => result,
    }
}

#[cfg(not(unix))]
fn sync_folder_of(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing/state.json");
        let text = write_atomic(&path, b"x").unwrap_err().to_string();
        assert!(text.contains("missing/state.json") && text.contains("folder does not exist"), "{text}");
    }

    #[test]
    fn a_failed_write_keeps_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("best");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("keep"), b"x").unwrap();
        assert!(write_atomic(&path, b"file over a folder").is_err());
        assert_eq!(fs::read(path.join("keep")).unwrap(), b"x");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_said_to_be_full() {
        // Every write to this device fails as on a full disk.
        let mut full = File::options().write(true).open("/dev/full").unwrap();
        let source = full.write_all(b"x").unwrap_err();
        let text = WriteError { path: "runs/x/state.json".into(), source }.in_one_line();
        let expected = "cannot write runs/x/state.json: the disk is full; free some space, or choose an output \
                        folder on another disk";
        assert_eq!(text, expected);
    }
}
