//! Making a run folder without touching one that is there.

use std::{fs, io::ErrorKind, path::Path};

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
        Self::check(root)?;
        let layout = Layout::new(root);
        create_folder(root)?;
        let lock = Lock::acquire(&layout)?;
        // A run that began and ended since the check is seen here.
        refuse_occupied(&layout)?;
        Ok(Self { layout, _lock: lock })
    }

    /// Whether [`create`](Self::create) would refuse the folder for what is there; touches nothing.
    ///
    /// # Errors
    /// If it holds a run, is locked by another trainer, or is a file.
    pub fn check(root: &Path) -> Result<(), RunError> {
        match root.metadata() {
            Ok(metadata) if !metadata.is_dir() => return Err(RunError::NotAFolder(root.to_owned())),
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(RunError::read(root)(error)),
            _ => {}
        }
        let layout = Layout::new(root);
        Lock::check(&layout)?;
        refuse_occupied(&layout)
    }

    /// Takes back a run that came to nothing: removes what a run writes before its first step, and the folder if
    /// that leaves it empty. What cannot be removed stays.
    pub fn discard(self) {
        let layout = &self.layout;
        let files = [
            layout.recipe(),
            layout.environment(),
            layout.state(),
            layout.events(),
            layout.train_log(),
            layout.lock(),
        ];
        for file in files {
            let _ = fs::remove_file(file);
        }
        let _ = fs::remove_dir_all(layout.tensorboard());
        let _ = fs::remove_dir(layout.root());
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
    fn a_discarded_run_takes_only_its_own_files_along() {
        let folder = tempfile::tempdir().unwrap();
        let (alone, shared) = (folder.path().join("alone"), folder.path().join("shared"));
        fs::create_dir(&shared).unwrap();
        fs::write(shared.join("notes.txt"), "mine").unwrap();
        for path in [&alone, &shared] {
            let run = RunFolder::create(path).unwrap();
            fs::write(run.layout().state(), "{}").unwrap();
            fs::create_dir(run.layout().tensorboard()).unwrap();
            run.discard();
        }
        assert!(!alone.exists());
        assert_eq!(fs::read_dir(&shared).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(shared.join("notes.txt")).unwrap(), "mine");
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
