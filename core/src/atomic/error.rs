//! A write that failed.

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use crate::advice::Advice;

/// A write that failed: which file, and why.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {}", path.display(), cause(source))]
pub struct WriteError {
    /// The file or folder.
    pub path: PathBuf,
    /// The system's reason.
    pub source: io::Error,
}

impl WriteError {
    /// For `map_err`: the reason, with the path it concerns.
    pub fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { path, source }
    }
}

impl Advice for WriteError {
    fn remedy(&self) -> String {
        match self.source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                "free some space, or choose an output folder on another disk".into()
            }
            ErrorKind::IsADirectory => "name a file, or move the folder away".into(),
            ErrorKind::AlreadyExists => "name a folder, or move the file away".into(),
            _ => "choose an output folder that you may write to".into(),
        }
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
        ErrorKind::IsADirectory => "there is a folder of that name".into(),
        ErrorKind::AlreadyExists => "there is a file of that name".into(),
        _ => error.to_string(),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{fs::File, io::Write};

    use super::*;

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
