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

    /// Takes a folder that holds a run, to go on with it.
    ///
    /// # Errors
    /// If it holds no run of ours, or another trainer is at work in it.
    pub fn reopen(root: &Path) -> Result<Self, RunError> {
        let layout = Self::find(root)?;
        let lock = Lock::acquire(&layout)?;
        remove_leftovers(root, 0);
        Ok(Self { layout, _lock: lock })
    }

    /// The paths of a folder that holds a run to go on with; takes nothing.
    ///
    /// # Errors
    /// If it holds no run of ours.
    pub fn find(root: &Path) -> Result<Layout, RunError> {
        let layout = Layout::new(root);
        let begun = layout.recipe().is_file() || layout.pretraining().is_file();
        if begun && layout.environment().is_file() {
            Ok(layout)
        } else {
            Err(RunError::NoRun(root.to_owned()))
        }
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
    /// that leaves it empty. What cannot be removed stays, and so does what a device said: it is why the run came to nothing.
    pub fn discard(self) {
        let Self { layout, _lock: lock } = self;
        let files = [
            layout.recipe(),
            layout.pretraining(),
            layout.environment(),
            layout.state(),
            layout.events(),
            layout.train_log(),
            layout.fit(),
            layout.group(),
            layout.sweep(),
            layout.group_lock(),
            layout.lock(),
        ];
        for file in files {
            let _ = fs::remove_file(file);
        }
        let _ = fs::remove_dir_all(layout.tensorboard());
        // Windows removes a file once it is closed.
        drop(lock);
        let _ = fs::remove_dir(layout.root());
    }

    /// Its paths.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }
}

/// Folders below a run folder that files are written into are at most this deep: `eval/step-<n>/`.
const DEEPEST: usize = 2;

/// Removes what a trainer that was killed in the middle of a write left behind (`.<name>.tmp`). What cannot be removed
/// only costs space.
fn remove_leftovers(folder: &Path, depth: usize) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let name = name.to_string_lossy();
        if name.starts_with('.') && name.ends_with(".tmp") {
            let _ = if is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        } else if is_folder && depth < DEEPEST {
            remove_leftovers(&path, depth + 1);
        }
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
        // What the device said is kept, and in nobody's way.
        let run = RunFolder::create(&alone).unwrap();
        fs::write(run.layout().device_log(), "lost").unwrap();
        run.discard();
        assert_eq!(fs::read_dir(&alone).unwrap().count(), 1);
        RunFolder::create(&alone).unwrap().discard();
        assert_eq!(fs::read_dir(&shared).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(shared.join("notes.txt")).unwrap(), "mine");
    }

    #[test]
    fn what_a_killed_trainer_left_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        for path in [layout.checkpoints().join(".step-3.tmp"), layout.evaluation(2)] {
            fs::create_dir_all(path).unwrap();
        }
        let kept = [layout.recipe(), layout.environment(), layout.evaluation(2).join("results.json")];
        let left = [
            layout.evaluation(2).join(".records.jsonl.7-1.tmp"),
            folder.path().join(".state.json.7-3.tmp"),
            layout.checkpoints().join(".step-3.tmp/model.safetensors"),
        ];
        for path in kept.iter().chain(&left) {
            fs::write(path, "{}").unwrap();
        }
        RunFolder::reopen(folder.path()).unwrap();
        assert!(kept.iter().all(|path| path.exists()));
        assert!(!left.iter().any(|path| path.exists()));
        assert!(!layout.checkpoints().join(".step-3.tmp").exists());
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
