//! The demo's files, written once for a test program.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "helpers of tests fail like tests")]

use std::{path::Path, sync::OnceLock};

use tempfile::TempDir;

/// A folder with the demo's model in `model`, and its data sets.
#[must_use]
pub fn demo() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    FOLDER
        .get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            spanbert_core::demo::write(folder.path()).unwrap();
            folder
        })
        .path()
}
