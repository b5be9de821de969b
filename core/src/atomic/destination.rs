//! Where a path leads: to a file that is replaced, or to something that is written to.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::{Component, Path, PathBuf},
};

/// Longest chain of symbolic links; Linux gives up after as many.
const MOST_LINKS: usize = 40;

/// What the bytes of a path go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    /// A file, there or not, that is replaced whole. Symbolic links are followed.
    File(PathBuf),
    /// A pipe, a device or another open file of this process, which is written to.
    Stream(PathBuf),
    /// Standard output of this process.
    StandardOutput,
    /// Standard error of this process.
    StandardError,
}

impl Destination {
    /// Where the path leads.
    ///
    /// # Errors
    /// If it leads in circles, to a folder, or where this process may not look.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let mut path = path.to_owned();
        for _ in 0..MOST_LINKS {
            if let Some(open) = open_file(&path) {
                return Ok(open);
            }
            let metadata = match fs::symlink_metadata(&path) {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::File(path)),
                Err(error) => return Err(error),
            };
            let kind = metadata.file_type();
            if kind.is_symlink() {
                let target = fs::read_link(&path)?;
                // An absolute target replaces the folder.
                path = path.parent().unwrap_or(Path::new("")).join(target);
            } else if kind.is_dir() {
                return Err(ErrorKind::IsADirectory.into());
            } else if kind.is_file() {
                return Ok(Self::File(path));
            } else {
                return Ok(Self::Stream(path));
            }
        }
        Err(io::Error::other("its symbolic links lead in circles"))
    }

    /// Writes to what is not replaced. Waits for a pipe's reader.
    ///
    /// # Errors
    /// What the system says; some bytes may have been written by then.
    pub(super) fn stream(&self, bytes: &[u8]) -> io::Result<()> {
        match self {
            // Appended as `>>` does: a file that is open here already may hold what was printed before.
            Self::File(path) | Self::Stream(path) => {
                File::options().append(true).open(path)?.write_all(bytes)
            }
            Self::StandardOutput => {
                let mut out = io::stdout().lock();
                out.write_all(bytes)?;
                out.flush()
            }
            Self::StandardError => io::stderr().lock().write_all(bytes),
        }
    }
}

/// A path that stands for an open file of this process, such as `/dev/stdout`, which leads to `/proc/self/fd/1`: to follow
/// it further and to replace what is there would leave the open file without a name.
fn open_file(path: &Path) -> Option<Destination> {
    let mut parts = path.components().rev().filter_map(|part| match part {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    let number = parts.next()?;
    if parts.next()? != "fd" {
        return None;
    }
    // /dev/fd/N, /proc/self/fd/N or /proc/<pid>/fd/N
    let folder = parts.next()?;
    let own = folder == "self" || folder == "thread-self" || folder == std::process::id().to_string();
    let known = match parts.next() {
        None => folder == "dev",
        Some(_) => own && path.starts_with("/proc"),
    };
    if !known || number.parse::<u32>().is_err() {
        return None;
    }
    Some(match number {
        "1" => Destination::StandardOutput,
        "2" => Destination::StandardError,
        _ => Destination::Stream(path.to_owned()),
    })
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_to_a_file_there_or_not() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        fs::create_dir(at("deep")).unwrap();
        fs::write(at("deep/file"), "").unwrap();
        symlink("deep/file", at("one")).unwrap();
        symlink(at("one"), at("two")).unwrap();
        symlink("deep/none", at("none")).unwrap();
        let file = |name: &str| Destination::File(at(name));
        assert_eq!(Destination::of(&at("two")).unwrap(), file("deep/file"));
        assert_eq!(Destination::of(&at("none")).unwrap(), file("deep/none"));
        assert_eq!(Destination::of(&at("new")).unwrap(), file("new"));
        symlink("loop", at("loop")).unwrap();
        assert!(Destination::of(&at("loop")).unwrap_err().to_string().contains("circles"));
        assert_eq!(Destination::of(&at("deep")).unwrap_err().kind(), ErrorKind::IsADirectory);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn open_files_and_devices_are_streams() {
        // As /dev/stdout is.
        let home = tempfile::tempdir().unwrap();
        let link = home.path().join("stdout");
        symlink("/proc/self/fd/1", &link).unwrap();
        for (path, expected) in [
            (link.to_str().unwrap(), Destination::StandardOutput),
            ("/dev/fd/1", Destination::StandardOutput),
            ("/proc/self/fd/1", Destination::StandardOutput),
            ("/proc/self/fd/2", Destination::StandardError),
            ("/dev/null", Destination::Stream("/dev/null".into())),
        ] {
            assert_eq!(Destination::of(Path::new(path)).unwrap(), expected, "{path}");
        }
        assert_eq!(open_file(Path::new("/home/fd/1")), None);
        assert_eq!(open_file(Path::new("run/fd/1")), None);
        assert_eq!(open_file(Path::new("/proc/1234567/fd/1")), None);
    }
}
