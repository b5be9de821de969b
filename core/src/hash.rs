//! Digests of bytes and files, in lower-case hexadecimal digits, and a short hash of names.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::advice::Advice;

/// Bytes of a file read at a time.
const CHUNK: usize = 1 << 20;

/// A file's identity: what it was, so that it can be told from another one on the same path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Where it was.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its contents, hexadecimal.
    pub sha256: String,
}

/// A file whose contents could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}: {source}", path.display())]
pub struct UnreadableFile {
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl Advice for UnreadableFile {
    fn remedy(&self) -> String {
        "name a file that you may read".into()
    }
}

impl Fingerprint {
    /// Reads the whole file.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn of(path: &Path) -> Result<Self, UnreadableFile> {
        let digested = digest_file(path, Sha256::new());
        let (bytes, sha256) = digested.map_err(|source| UnreadableFile { path: path.to_owned(), source })?;
        Ok(Self { path: path.display().to_string(), bytes, sha256 })
    }

    /// The fingerprint of data that comes with the program.
    #[must_use]
    pub fn of_bytes(name: &str, bytes: &[u8]) -> Self {
        Self { path: name.to_owned(), bytes: bytes.len() as u64, sha256: sha256_hex(bytes) }
    }
}

/// SHA-256, hexadecimal.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-1 of a file as git counts it, hexadecimal: what the hub names small files by.
///
/// # Errors
/// If it cannot be read.
#[cfg(feature = "native")]
pub(crate) fn git_blob_of_file(path: &Path) -> io::Result<String> {
    let mut hasher = sha1::Sha1::new();
    hasher.update(format!("blob {}\0", std::fs::metadata(path)?.len()));
    Ok(digest_file(path, hasher)?.1)
}

/// SHA-256 of a file, hexadecimal.
///
/// # Errors
/// If it cannot be read.
#[cfg(feature = "native")]
pub(crate) fn sha256_of_file(path: &Path) -> io::Result<String> {
    Ok(digest_file(path, Sha256::new())?.1)
}

/// Size and digest of a file's contents.
fn digest_file(path: &Path, mut hasher: impl Digest) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let mut chunk = vec![0; CHUNK];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            return Ok((bytes, hex(&hasher.finalize())));
        }
        bytes += read as u64;
        hasher.update(chunk.get(..read).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_the_published_ones() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        let found = Fingerprint::of(&path).unwrap();
        // FIPS 180-2, appendix B.1.
        assert_eq!(found.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(found.bytes, 3);
        assert_eq!(Fingerprint::of_bytes("abc", b"abc").sha256, found.sha256);
    }

    #[cfg(feature = "native")]
    #[test]
    fn git_s_digest_is_git_s() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hello");
        std::fs::write(&path, "hello\n").unwrap();
        // printf 'hello\n' | git hash-object --stdin
        assert_eq!(git_blob_of_file(&path).unwrap(), "ce013625030ba8dba906f756967f9e9ca394464a");
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Fingerprint::of(Path::new("/no/such/file")).unwrap_err();
        assert!(error.to_string().starts_with("cannot read /no/such/file: "), "{error}");
    }
}
