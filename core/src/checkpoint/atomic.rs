//! Files that appear whole or not at all.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use super::CheckpointError;

/// Files written beside their destinations, then renamed into place together, in the order they were staged. What
/// was not committed is removed again.
#[derive(Debug)]
pub struct StagedFiles {
    directory: PathBuf,
    /// Temporary path and destination of each file.
    staged: Vec<(PathBuf, PathBuf)>,
}

impl StagedFiles {
    /// Nothing staged yet; makes the directory if need be.
    ///
    /// # Errors
    /// If the directory cannot be made.
    pub fn new(directory: &Path) -> Result<Self, CheckpointError> {
        fs::create_dir_all(directory).map_err(|cause| io_error("create", directory, cause))?;
        Ok(Self { directory: directory.to_path_buf(), staged: Vec::new() })
    }

    /// Writes a file to be named `name` and waits until it is on the disk.
    ///
    /// # Errors
    /// If it cannot be written (a full disk, most often).
    pub fn stage(
        &mut self,
        name: &str,
        fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> Result<(), CheckpointError> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let count = COUNTER.fetch_add(1, Ordering::Relaxed);
        let temporary = self.directory.join(format!(".{name}.{}.{count}.tmp", std::process::id()));
        let destination = self.directory.join(name);
        let write = || {
            let mut out = BufWriter::new(File::create(&temporary)?);
            fill(&mut out)?;
            out.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()
        };
        let result = write().map_err(|cause| io_error("write", &destination, cause));
        self.staged.push((temporary, destination));
        result
    }

    /// Renames all files into place.
    ///
    /// # Errors
    /// If a file cannot be renamed; those before it are in place then.
    pub fn commit(mut self) -> Result<(), CheckpointError> {
        for (temporary, destination) in &self.staged {
            fs::rename(temporary, destination).map_err(|cause| io_error("write", destination, cause))?;
        }
        self.staged.clear();
        // The names are on the disk once the directory is; not every platform lets one open it.
        if let Ok(directory) = File::open(&self.directory) {
            drop(directory.sync_all());
        }
        Ok(())
    }
}

impl Drop for StagedFiles {
    fn drop(&mut self) {
        for (temporary, _) in &self.staged {
            drop(fs::remove_file(temporary));
        }
    }
}

fn io_error(action: &'static str, path: &Path, cause: std::io::Error) -> CheckpointError {
    CheckpointError::Io { action, path: path.to_path_buf(), cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_failed_write_leaves_the_old_files_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("a"), "old").unwrap();
        let mut files = StagedFiles::new(home.path()).unwrap();
        files.stage("a", |out| out.write_all(b"new")).unwrap();
        let error = files.stage("b", |_| Err(std::io::Error::other("disk full"))).unwrap_err();
        assert!(error.to_string().ends_with("b: disk full"), "{error}");
        drop(files);
        assert_eq!(names(home.path()), ["a"]);
        assert_eq!(fs::read_to_string(home.path().join("a")).unwrap(), "old");
    }

    #[test]
    fn a_commit_replaces() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("made/on/the/way");
        for text in ["one", "two"] {
            let mut files = StagedFiles::new(&directory).unwrap();
            files.stage("a", |out| out.write_all(text.as_bytes())).unwrap();
            files.commit().unwrap();
        }
        assert_eq!(names(&directory), ["a"]);
        assert_eq!(fs::read_to_string(directory.join("a")).unwrap(), "two");
    }
}
