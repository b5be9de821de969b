//! A folder of one's own for a new run: runs that start in the same second do not share one.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use super::{RunError, WriteError, atomic::create_folder, layout::run_name};

/// Runs of one name that may start in one second.
const MOST_SUFFIXES: usize = 10_000;

/// A folder that was just made for a run. If it is still empty when this is dropped, because the run never came to be, it
/// is removed again, as are the folders above it that were made for it.
#[derive(Debug)]
pub struct ReservedRun {
    path: PathBuf,
    /// Folders above it that were made for it, the innermost first.
    made: Vec<PathBuf>,
}

impl ReservedRun {
    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder, for good: whoever asked for it removes it if nothing comes of it.
    #[must_use]
    pub fn keep(mut self) -> PathBuf {
        self.made.clear();
        std::mem::take(&mut self.path)
    }
}

impl Drop for ReservedRun {
    fn drop(&mut self) {
        // Only an empty folder can be removed like this.
        if !self.path.as_os_str().is_empty() {
            let _ = fs::remove_dir(&self.path);
        }
        for folder in &self.made {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Makes a new folder in `runs`, which is made too if need be: `<utc-stamp>-<name><tail>`, such as
/// `20260301T120000Z-squad2`, or `20260301T120000Z-squad2-2` if another run has that one. Making a folder either succeeds
/// or finds it there, so two programs never get the same one.
///
/// # Errors
/// If a folder cannot be made.
pub fn reserve_run(runs: &Path, name: &str, tail: &str) -> Result<ReservedRun, RunError> {
    let absent = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
    let made = runs.ancestors().take_while(absent).map(Path::to_owned).collect();
    create_folder(runs)?;
    let stem = run_name(jiff::Timestamp::now(), name);
    reserve(runs, &stem, tail).map(|path| ReservedRun { path, made })
}

fn reserve(runs: &Path, stem: &str, tail: &str) -> Result<PathBuf, RunError> {
    let mut taken = None;
    for count in 1..=MOST_SUFFIXES {
        let suffix = if count == 1 { String::new() } else { format!("-{count}") };
        let path = runs.join(format!("{stem}{suffix}{tail}"));
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => taken = Some((path, error)),
            Err(error) => return Err(WriteError::at(&path)(error).into()),
        }
    }
    let (path, error) = taken.unwrap_or_else(|| (runs.to_owned(), ErrorKind::AlreadyExists.into()));
    Err(WriteError::at(&path)(error).into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn runs_of_one_second_get_folders_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let runs = folder.path();
        let made: Vec<PathBuf> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| reserve(runs, "20260301T120000Z-squad", "").unwrap()))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let names: BTreeSet<_> = made.iter().map(|path| path.file_name().unwrap().to_owned()).collect();
        assert_eq!(names.len(), 8);
        assert!(names.contains(std::ffi::OsStr::new("20260301T120000Z-squad")), "{names:?}");
        assert!(names.contains(std::ffi::OsStr::new("20260301T120000Z-squad-8")), "{names:?}");
        let tail = reserve(runs, "20260301T120000Z-squad", "-seed1").unwrap();
        assert!(tail.ends_with("20260301T120000Z-squad-seed1"), "{tail:?}");
    }

    #[test]
    fn what_came_to_nothing_is_removed_again() {
        let folder = tempfile::tempdir().unwrap();
        let runs = folder.path().join("a/runs");
        drop(reserve_run(&runs, "squad", "").unwrap());
        assert!(!folder.path().join("a").exists());
        let kept = reserve_run(&runs, "squad", "").unwrap().keep();
        assert!(kept.is_dir());
        let used = reserve_run(&runs, "squad", "").unwrap();
        fs::write(used.path().join("recipe.toml"), "").unwrap();
        let path = used.path().to_owned();
        drop(used);
        assert!(path.is_dir());
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(reserve_run(&folder.path().join("file"), "squad", "").is_err());
    }
}
