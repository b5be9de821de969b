//! The library of a browser, which has no folders: there are no runs.

use std::path::{Path, PathBuf};

use spanbert_core::run::BestScore;

/// No runs.
pub struct Library;

impl Library {
    /// Those with an evaluation to look at.
    pub fn evaluated_runs(&self) -> impl Iterator<Item = &Path> {
        std::iter::empty()
    }

    /// The best checkpoint of each run that answers questions, and its score.
    pub fn checkpoints(&self) -> impl Iterator<Item = (PathBuf, &BestScore)> {
        std::iter::empty()
    }
}
