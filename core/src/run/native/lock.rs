//! One trainer per run folder.
//!
//! The operating system holds the lock, so that a trainer that dies, however, leaves none behind. The file's text
//! says who, for the message that turns a second trainer away. On Windows a locked file could not be read: there the lock is that nobody
//! else may write to it.

use std::{
    fs::File,
    io::{self, Read, Seek, Write},
    path::Path,
    time::Duration,
};

use super::{Holder, Layout, RunError, WriteError, now};

/// The lock of a run folder, held until dropped.
#[derive(Debug)]
pub struct Lock {
    #[cfg_attr(windows, expect(dead_code, reason = "closing it is what releases it"))]
    file: File,
}

impl Lock {
    /// Takes the lock of an existing folder.
    ///
    /// # Errors
    /// If another living process holds it, or the lock file cannot be written.
    pub fn acquire(layout: &Layout) -> Result<Self, RunError> {
        Self::try_acquire(&layout.lock())?.ok_or_else(|| refusal(layout))
    }

    /// Takes any lock file of an existing folder; `None` if another living process holds it.
    ///
    /// # Errors
    /// If the lock file cannot be written.
    pub fn try_acquire(path: &Path) -> Result<Option<Self>, RunError> {
        // Someone who only looks (`is_held`) holds it for an instant: try again before giving up.
        let mut taken = take(path);
        for _ in 0..5 {
            if !matches!(taken, Ok(None)) {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
            taken = take(path);
        }
        let Some(mut file) = taken.map_err(WriteError::at(path))? else { return Ok(None) };
        let holder = Holder { pid: std::process::id(), since: now() };
        let text = serde_json::to_vec(&holder).unwrap_or_default();
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(&text))
            .and_then(|()| file.sync_all())
            .map_err(WriteError::at(path))?;
        Ok(Some(Self { file }))
    }

    /// Refuses a folder whose lock a living process holds; takes nothing.
    ///
    /// # Errors
    /// Says who holds it.
    pub fn check(layout: &Layout) -> Result<(), RunError> {
        if Self::is_held(layout) { Err(refusal(layout)) } else { Ok(()) }
    }

    /// Whether a living process holds the folder's lock.
    #[must_use]
    pub fn is_held(layout: &Layout) -> bool {
        Self::is_file_held(&layout.lock())
    }

    /// Whether a living process holds a lock file.
    #[must_use]
    pub fn is_file_held(path: &Path) -> bool {
        is_taken(path)
    }
}

#[cfg(not(windows))]
impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file releases it in any case.
        let _ = self.file.unlock();
    }
}

/// The file, locked; `None` if another process has it.
#[cfg(not(windows))]
fn take(path: &Path) -> io::Result<Option<File>> {
    use std::fs::TryLockError;

    let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(not(windows))]
fn is_taken(path: &Path) -> bool {
    let file = File::open(path);
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(std::fs::TryLockError::WouldBlock)))
}

/// What Windows says of a file that another process keeps to itself (ERROR_SHARING_VIOLATION).
#[cfg(windows)]
const KEPT: i32 = 32;

/// The file, which nobody else may write to; `None` if another process has it.
#[cfg(windows)]
fn take(path: &Path) -> io::Result<Option<File>> {
    use std::os::windows::fs::OpenOptionsExt;

    // Others may read and delete it (FILE_SHARE_READ, FILE_SHARE_DELETE).
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false).share_mode(1 | 4);
    match options.open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.raw_os_error() == Some(KEPT) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(windows)]
fn is_taken(path: &Path) -> bool {
    let opened = File::options().read(true).write(true).open(path);
    opened.is_err_and(|error| error.raw_os_error() == Some(KEPT))
}

fn refusal(layout: &Layout) -> RunError {
    RunError::Locked { folder: layout.root().to_owned(), holder: read_holder(&layout.lock()) }
}

fn read_holder(path: &Path) -> Option<Holder> {
    let mut text = Vec::new();
    File::open(path).ok()?.take(4096).read_to_end(&mut text).ok()?;
    Holder::from_json(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_trainer_is_told_who_is_first() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        assert!(!Lock::is_held(&layout));
        let lock = Lock::acquire(&layout).unwrap();
        assert!(Lock::is_held(&layout));
        let text = Lock::acquire(&layout).unwrap_err().to_string();
        assert!(text.contains(&format!("process {}", std::process::id())), "{text}");
        drop(lock);
        assert!(!Lock::is_held(&layout));
        Lock::acquire(&layout).unwrap();
    }

    #[test]
    fn a_dead_trainer_s_file_locks_nobody_out() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        std::fs::write(layout.lock(), br#"{"pid":1,"since":"2020-01-01T00:00:00Z"}"#).unwrap();
        assert!(!Lock::is_held(&layout));
        let _lock = Lock::acquire(&layout).unwrap();
        assert_eq!(read_holder(&layout.lock()).unwrap().pid, std::process::id());
    }
}
