//! Several files that appear together.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

use super::{
    WriteError,
    busy::{patiently, rename},
    create_folder,
    destination::Destination,
    write::{fill, sync_folder_of, temporary_beside},
};

/// Files written beside their destinations, then renamed into place together, in the order they were staged. What
/// was not committed is removed again.
#[derive(Debug)]
pub struct StagedFiles {
    directory: PathBuf,
    staged: Vec<Staged>,
}

#[derive(Debug)]
struct Staged {
    name: String,
    temporary: PathBuf,
    destination: PathBuf,
}

impl StagedFiles {
    /// Nothing staged yet; makes the directory if need be.
    ///
    /// # Errors
    /// If the directory cannot be made.
    pub fn new(directory: &Path) -> Result<Self, WriteError> {
        create_folder(directory)?;
        Ok(Self { directory: directory.to_path_buf(), staged: Vec::new() })
    }

    /// Writes a file to be named `name` and waits until it is on the disk. A symbolic link of that name stays one: what it
    /// leads to is replaced.
    ///
    /// # Errors
    /// If it cannot be written (a full disk, most often).
    pub fn stage(
        &mut self,
        name: &str,
        content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), WriteError> {
        let path = self.directory.join(name);
        let at = |error| WriteError::at(&path)(error);
        let destination = match Destination::of(&path).map_err(at)? {
            Destination::File(file) => file,
            _ => return Err(at(io::Error::other("there is a pipe or a device of that name"))),
        };
        let temporary = temporary_beside(&destination);
        let result = fill(&temporary, &destination, content).map_err(at);
        self.staged.push(Staged { name: name.to_owned(), temporary, destination });
        result
    }

    /// Names of the files staged so far.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.staged.iter().map(|staged| staged.name.as_str())
    }

    /// Where the files will be, symbolic links followed.
    pub fn destinations(&self) -> impl Iterator<Item = &Path> {
        self.staged.iter().map(|staged| staged.destination.as_path())
    }

    /// Renames all files into place.
    ///
    /// # Errors
    /// If a file cannot be renamed; those before it are in place then.
    pub fn commit(self) -> Result<(), WriteError> {
        self.commit_without(&[])
    }

    /// Removes files of the directory that are out of date, then renames all staged ones into place: so old files never
    /// stand beside new ones that they do not belong to. A name that is not there, or that is staged, is left alone.
    ///
    /// # Errors
    /// If a file cannot be removed or renamed; what came before is done then.
    pub fn commit_without(mut self, stale: &[&str]) -> Result<(), WriteError> {
        for name in stale.iter().filter(|name| self.names().all(|staged| staged != **name)) {
            let path = self.directory.join(name);
            match patiently(|| fs::remove_file(&path)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(WriteError::at(&path)(error));
                }
                _ => {}
            }
        }
        for Staged { temporary, destination, .. } in &self.staged {
            rename(temporary, destination).map_err(WriteError::at(destination))?;
        }
        self.staged.clear();
        // The names are on the disk once the directory is.
        sync_folder_of(&self.directory.join("any")).map_err(WriteError::at(&self.directory))
    }
}

impl Drop for StagedFiles {
    fn drop(&mut self) {
        for staged in &self.staged {
            drop(fs::remove_file(&staged.temporary));
        }
    }
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
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let error = files.stage("b", |_| Err(full())).unwrap_err();
        assert!(error.to_string().ends_with("b: the disk is full"), "{error}");
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

    #[test]
    fn what_is_out_of_date_goes_with_the_commit() {
        let home = tempfile::tempdir().unwrap();
        for name in ["a", "b", "c"] {
            fs::write(home.path().join(name), "old").unwrap();
        }
        let mut files = StagedFiles::new(home.path()).unwrap();
        files.stage("a", |out| out.write_all(b"new")).unwrap();
        files.commit_without(&["a", "b", "none"]).unwrap();
        assert_eq!(names(home.path()), ["a", "c"]);
        assert_eq!(fs::read_to_string(home.path().join("a")).unwrap(), "new");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_and_leads_to_the_new_file() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("elsewhere")).unwrap();
        std::os::unix::fs::symlink("elsewhere/a", home.path().join("a")).unwrap();
        let mut files = StagedFiles::new(home.path()).unwrap();
        files.stage("a", |out| out.write_all(b"new")).unwrap();
        files.commit().unwrap();
        assert!(fs::symlink_metadata(home.path().join("a")).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(home.path().join("elsewhere/a")).unwrap(), "new");
        assert_eq!(names(&home.path().join("elsewhere")), ["a"]);
    }
}
