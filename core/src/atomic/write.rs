//! One file, written whole.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use serde::Serialize;

use super::{WriteError, busy::rename, destination::Destination};

/// Longest part of a file's name that its temporary name repeats: names have at most 255 bytes.
const LONGEST_NAME: usize = 120;

/// Replaces or creates `path` with `bytes`; a reader sees the old file or the new one, never a part, even after a
/// power cut. The folder must exist. Symbolic links are followed; a pipe, a device or standard output is written to.
///
/// # Errors
/// Names the file and the cause (disk full, read-only, …); the old file is then unchanged.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let write = || match Destination::of(path)? {
        Destination::File(file) => replace(&file, bytes),
        stream => stream.stream(bytes),
    };
    write().map_err(WriteError::at(path))
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

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = temporary_beside(path);
    let result = fill(&temporary, path, |out| out.write_all(bytes)).and_then(|()| rename(&temporary, path));
    if result.is_err() {
        // The write has failed already; a left-over temporary file is the lesser problem.
        let _ = fs::remove_file(&temporary);
    }
    result.and_then(|()| sync_folder_of(path))
}

/// Writes a new file and waits until it is on the disk. It may be read and written by whom `path` may be, if that is there.
pub(super) fn fill(
    temporary: &Path,
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let file = File::options().write(true).create_new(true).open(temporary)?;
    if let Ok(replaced) = fs::metadata(path) {
        // Not every file system has permissions to set.
        let _ = file.set_permissions(replaced.permissions());
    }
    let mut out = io::BufWriter::new(file);
    fill(&mut out)?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

/// A name of its own for every write of every process, beside the target so that the rename stays on one disk.
pub(super) fn temporary_beside(path: &Path) -> PathBuf {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let short = name.char_indices().take_while(|(at, c)| at + c.len_utf8() <= LONGEST_NAME).count();
    let short: String = name.chars().take(short).collect();
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    path.with_file_name(OsString::from(format!(".{short}.{}-{count}.tmp", std::process::id())))
}

#[cfg(unix)]
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Some network file systems refuse to sync folders; the file itself is safe by then.
    match File::open(folder)?.sync_all() {
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            Ok(())
        }
        result => result,
    }
}

#[cfg(not(unix))]
pub(super) fn sync_folder_of(_path: &Path) -> io::Result<()> {
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
        let error = write_atomic(&path, b"file over a folder").unwrap_err();
        assert!(error.to_string().ends_with("best: there is a folder of that name"), "{error}");
        assert_eq!(fs::read(path.join("keep")).unwrap(), b"x");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_and_its_target_is_replaced() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("elsewhere")).unwrap();
        fs::write(at("elsewhere/file"), "old").unwrap();
        fs::set_permissions(at("elsewhere/file"), fs::Permissions::from_mode(0o640)).unwrap();
        symlink("elsewhere/file", at("link")).unwrap();
        write_atomic(&at("link"), b"new").unwrap();
        assert!(fs::symlink_metadata(at("link")).unwrap().is_symlink());
        assert_eq!(fs::read(at("elsewhere/file")).unwrap(), b"new");
        assert_eq!(fs::metadata(at("elsewhere/file")).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(at("elsewhere")).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_and_a_device_are_written_to() {
        use std::{io::Read, os::unix::fs::FileTypeExt, process::Command};

        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || {
                let mut text = String::new();
                File::open(pipe).unwrap().read_to_string(&mut text).unwrap();
                text
            }
        });
        write_atomic(&pipe, b"through the pipe").unwrap();
        assert_eq!(reader.join().unwrap(), "through the pipe");
        assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());

        // As /dev/full, but in a folder of our own; only root may make one, and not everywhere.
        let full = folder.path().join("full");
        let made = Command::new("mknod").arg(&full).args(["c", "1", "7"]).output().unwrap();
        if !made.status.success() || File::options().append(true).open(&full).is_err() {
            println!("skipped: no device can be made here");
            return;
        }
        let error = write_atomic(&full, b"x").unwrap_err();
        assert!(error.to_string().ends_with("full: the disk is full"), "{error}");
        assert!(fs::symlink_metadata(&full).unwrap().file_type().is_char_device());
    }

    #[test]
    fn a_long_name_can_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("é".repeat(120));
        write_atomic(&path, b"x").unwrap();
        assert_eq!(fs::read(path).unwrap(), b"x");
    }
}
