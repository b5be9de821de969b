//! Making a run folder without touching one that is there.

use std::{io::ErrorKind, path::Path};

use super::{Layout, Lock, RunError, atomic::create_folder};

/// A new run folder, locked for this trainer until dropped.
#[derive(Debug)]
pub struct RunFolder {
    layout: Layout,
    _lock: Lock,
}

impl RunFolder {
    /// Makes the folder (and its parents), or takes an existing one that holds no run.
    ///
    /// # Errors
    /// If the folder holds a run, is a file, is locked by another trainer, or cannot be written; nothing in it is
    /// changed then.
    pub fn create(root: &Path) -> Result<Self, RunError> {
        let layout = Layout::new(root);
        match root.metadata() {
            Ok(metadata) if !metadata.is_dir() => return Err(RunError::NotAFolder(root.to_owned())),
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(RunError::read(root)(error)),
            _ => {}
        }
        if !Lock::is_held(&layout) {
            refuse_occupied(&layout)?;
        }
        create_folder(root)?;
        let lock = Lock::acquire(&layout)?;
        // A folder in use is refused by its lock (which says by whom); a run that began and ended since the first
        // check is seen here.
        refuse_occupied(&layout)?;
        Ok(Self { layout, _lock: lock })
    }

    /// Its paths.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }
}

fn refuse_occupied(layout: &Layout) -> Result<(), RunError> {
    match layout.marker() {
        Some(found) => Err(RunError::Occupied { folder: layout.root().to_owned(), found }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_parents_and_takes_an_empty_folder() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::create(&folder.path().join("runs/one")).unwrap();
        assert!(run.layout().lock().exists());
        RunFolder::create(folder.path()).unwrap();
    }

    #[test]
    fn a_folder_with_a_run_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("eval_results.txt"), "f1 = 1").unwrap();
        let text = RunFolder::create(folder.path()).unwrap_err().to_string();
        assert!(text.contains("already holds a run (eval_results.txt is there)"), "{text}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_is_no_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "x").unwrap();
        assert!(matches!(RunFolder::create(&path), Err(RunError::NotAFolder(_))));
        let below = RunFolder::create(&path.join("run")).unwrap_err().to_string();
        assert!(below.contains("file/run"), "{below}");
    }

    #[test]
    fn a_second_trainer_is_refused_while_the_first_works() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::create(folder.path()).unwrap();
        assert!(matches!(RunFolder::create(folder.path()), Err(RunError::Locked { .. })));
        drop(run);
        RunFolder::create(folder.path()).unwrap();
    }
}
