//! The files of the cache: written whole, read with suspicion, the oldest removed.

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use sha2::{Digest, Sha256};

use super::key::Key;
use crate::run::{
    WriteError,
    atomic::{create_folder, write_atomic},
};

/// How every file begins.
const MAGIC: &[u8] = b"spanbert word pieces\n";
/// How names end.
const EXTENSION: &str = "pieces";
/// A file that a writer has left half written is in nobody's way for this long.
const ABANDONED: Duration = Duration::from_secs(3600);

/// Files in a folder: magic, key, SHA-256 of the payload, payload.
#[derive(Clone, Debug)]
pub(super) struct Store {
    pub(super) folder: PathBuf,
    /// Most bytes of all files together.
    pub(super) most_bytes: u64,
}

impl Store {
    /// The payload kept under a key, if the file is whole and no longer than `most_bytes`.
    pub(super) fn load(&self, key: &Key, most_bytes: u64) -> Option<Vec<u8>> {
        let path = self.path(key);
        let file = File::open(&path).ok()?;
        let mut bytes = Vec::new();
        file.take(most_bytes.saturating_add(1)).read_to_end(&mut bytes).ok()?;
        let header = [MAGIC, key].concat();
        let (digest, payload) = bytes.strip_prefix(&header[..])?.split_at_checked(size_of::<Key>())?;
        if bytes.len() as u64 > most_bytes || *Sha256::digest(payload) != *digest {
            return None;
        }
        let start = bytes.len() - payload.len();
        // The most recently used are kept longest; a folder that may only be read serves as well.
        let _ =
            File::options().append(true).open(&path).and_then(|file| file.set_modified(SystemTime::now()));
        Some(bytes.split_off(start))
    }

    /// Keeps a payload and removes the oldest files beyond the limit. What is larger than the limit is not kept.
    pub(super) fn save(&self, key: &Key, payload: &[u8]) -> Result<(), WriteError> {
        let bytes = [MAGIC, key, &Sha256::digest(payload), payload].concat();
        if bytes.len() as u64 > self.most_bytes {
            return Ok(());
        }
        create_folder(&self.folder)?;
        write_atomic(&self.path(key), &bytes)?;
        self.remove_oldest();
        Ok(())
    }

    fn path(&self, key: &Key) -> PathBuf {
        let name: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(name).with_extension(EXTENSION)
    }

    /// Removes what writers have left behind, then the least recently used files until the rest is within the limit.
    /// What is not ours is left alone, and what cannot be removed is tried again another time.
    fn remove_oldest(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let now = SystemTime::now();
        let mut files: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            let Ok(modified) = metadata.modified() else { continue };
            let abandoned = now.duration_since(modified).is_ok_and(|age| age > ABANDONED);
            match kind(&path) {
                Some(Kind::Pieces) if metadata.is_file() => files.push((modified, metadata.len(), path)),
                Some(Kind::Temporary) if metadata.is_file() && abandoned => drop(fs::remove_file(&path)),
                _ => {}
            }
        }
        files.sort_unstable();
        let mut total: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, path) in files {
            if total <= self.most_bytes {
                break;
            }
            if fs::remove_file(&path).is_ok() {
                total -= bytes;
            }
        }
    }
}

/// What a file of the cache is.
enum Kind {
    Pieces,
    /// Half written.
    Temporary,
}

/// By its name; `None` for one that the cache does not give.
fn kind(path: &Path) -> Option<Kind> {
    let name = path.file_name()?.to_str()?;
    let is_key =
        |text: &str| text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let (key, rest) = name.trim_start_matches('.').split_once('.')?;
    match (is_key(key), name.starts_with('.'), rest.strip_prefix(EXTENSION)?) {
        (true, false, "") => Some(Kind::Pieces),
        (true, true, rest) if rest.ends_with(".tmp") => Some(Kind::Temporary),
        _ => None,
    }
}
