//! Files that somebody else has open.

use std::{fs, io, path::Path, thread, time::Duration};

/// How often, and how long each time, a file is waited for: two seconds in all.
const ATTEMPTS: usize = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// [`fs::rename`]; [`patiently`].
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    patiently(|| fs::rename(from, to))
}

/// Does something to a file or folder that others may have open. Windows refuses to replace or remove what is being read (by the window,
/// a virus scanner, an indexer), which is over in a moment; other systems do not mind.
///
/// # Errors
/// Those of the operation.
pub fn patiently<T>(operation: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    if cfg!(windows) { attempt(operation, is_busy) } else { attempt(operation, |_| false) }
}

fn attempt<T>(
    mut operation: impl FnMut() -> io::Result<T>,
    is_busy: impl Fn(&io::Error) -> bool,
) -> io::Result<T> {
    for _ in 1..ATTEMPTS {
        match operation() {
            Err(error) if is_busy(&error) => thread::sleep(PAUSE),
            result => return result,
        }
    }
    operation()
}

/// Access denied (also what may never be written), a sharing violation, a folder with files that go with their last reader.
fn is_busy(error: &io::Error) -> bool {
    const ERRORS: [i32; 4] = [5, 32, 33, 145];
    error.raw_os_error().is_some_and(|code| ERRORS.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_busy_is_tried_again_and_what_fails_is_not() {
        let mut left = 3;
        let mut operation = || {
            left -= 1;
            if left > 0 { Err(io::Error::from_raw_os_error(32)) } else { Ok(left) }
        };
        assert_eq!(attempt(&mut operation, is_busy).unwrap(), 0);
        let mut calls = 0;
        let failed = attempt(
            || {
                calls += 1;
                Err::<(), _>(io::Error::from_raw_os_error(2))
            },
            is_busy,
        );
        assert_eq!((failed.unwrap_err().raw_os_error(), calls), (Some(2), 1));
    }

    /// On Windows a file cannot be replaced while somebody reads it.
    #[test]
    fn a_file_that_is_read_all_the_time_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        fs::write(&path, b"0").unwrap();
        let stop = std::sync::atomic::AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let _ = fs::read(&path);
                }
            });
            for round in 0..200 {
                let written = super::super::write_atomic(&path, round.to_string().as_bytes());
                if written.is_err() || round == 199 {
                    stop.store(true, std::sync::atomic::Ordering::Relaxed);
                }
                written.unwrap();
            }
        });
        assert_eq!(fs::read(&path).unwrap(), b"199");
    }
}
