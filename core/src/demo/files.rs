//! The demo written to a folder, as a user's own model and data would lie there.

use std::path::{Path, PathBuf};

use super::{
    corpus,
    data::{DEV, TRAIN, squad_json},
    models::{pretrained_model, random_model},
};
use crate::{
    advice::{self, Advice},
    atomic::{WriteError, write_atomic},
    checkpoint::{CheckpointError, SaveCheckpoint, SpanbertMeta, save},
};

/// Documents to pre-train on.
const DOCUMENTS: usize = 60_000;
const CORPUS_SEED: u64 = 11;

/// Where the demo lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoFiles {
    /// Hugging Face folder with the pre-trained model.
    pub model: PathBuf,
    /// The same with random weights.
    pub random: PathBuf,
    /// SQuAD 2.0 file to train on.
    pub train: PathBuf,
    /// SQuAD 2.0 file to evaluate on.
    pub dev: PathBuf,
}

/// Why the demo could not be written.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The model.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The data.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The data as JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The folder.
    #[error("cannot make the folder {path}: {source}")]
    Folder {
        /// The folder.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

impl Advice for DemoError {
    fn remedy(&self) -> String {
        match self {
            Self::Checkpoint(error) => error.remedy(),
            Self::Write(error) => error.remedy(),
            Self::Json(_) => advice::REPORT.into(),
            Self::Folder { .. } => "name a folder you may write to".into(),
        }
    }
}

/// Writes the model, pre-trained and with random weights, and both data sets into `folder`: `model/`, `random/`, `train.json`,
/// `dev.json`.
///
/// # Errors
/// If the folder cannot be written.
pub fn write(folder: &Path) -> Result<DemoFiles, DemoError> {
    let files = DemoFiles {
        model: folder.join("model"),
        random: folder.join("random"),
        train: folder.join("train.json"),
        dev: folder.join("dev.json"),
    };
    std::fs::create_dir_all(folder)
        .map_err(|source| DemoError::Folder { path: folder.display().to_string(), source })?;
    for (path, model) in [(&files.model, pretrained_model()?), (&files.random, random_model())] {
        save(
            path,
            &SaveCheckpoint {
                config: &model.config,
                weights: &model.weights,
                vocab: &model.vocab,
                settings: &model.settings,
                meta: &SpanbertMeta::default(),
            },
        )?;
    }
    write_atomic(&files.train, squad_json("train", &TRAIN)?.as_bytes())?;
    write_atomic(&files.dev, squad_json("dev", &DEV)?.as_bytes())?;
    Ok(files)
}

/// Writes text to pre-train on into `folder`: `corpus.txt`.
///
/// # Errors
/// If the folder cannot be written.
pub fn write_corpus(folder: &Path) -> Result<(), DemoError> {
    let documents = corpus::documents(DOCUMENTS, CORPUS_SEED);
    write_atomic(&folder.join("corpus.txt"), (documents.join("\n\n") + "\n").as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::squad::Dataset;

    #[test]
    fn the_folder_holds_a_model_and_data() {
        let folder = tempfile::tempdir().unwrap();
        let files = write(folder.path()).unwrap();
        let checkpoint = crate::checkpoint::load(&files.model, Default::default()).unwrap();
        assert!(!checkpoint.casing.do_lower_case);
        assert_eq!(Dataset::from_path(&files.dev).unwrap().counts().questions, 900);
    }
}
