//! What is known of a file before it is fetched.

use std::path::Path;

use super::FetchError;
use crate::hash::{git_blob_of_file, sha256_of_file};

/// What a file's content has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Checksum {
    /// SHA-256 of the content.
    Sha256(String),
    /// SHA-1 of git's header and the content.
    GitBlob(String),
}

impl Checksum {
    /// In hexadecimal digits; the name of the file in the cache.
    pub(super) fn digits(&self) -> &str {
        match self {
            Self::Sha256(digits) | Self::GitBlob(digits) => digits,
        }
    }

    /// The checksum of a file, of the same kind, in hexadecimal digits.
    pub(super) fn of_file(&self, path: &Path) -> Result<String, FetchError> {
        let digits = match self {
            Self::Sha256(_) => sha256_of_file(path),
            Self::GitBlob(_) => git_blob_of_file(path),
        };
        digits.map_err(FetchError::file(path))
    }
}
