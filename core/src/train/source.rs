//! Where a training starts from: a checkpoint and data, from files or made by the program.

use std::path::{Path, PathBuf};

use super::TrainError;
use crate::{
    checkpoint::StartingModel,
    hash::Fingerprint,
    run::RunError,
    squad::{Dataset, RepeatedIds},
};

/// Where the model comes from.
#[derive(Debug)]
pub enum ModelSource<'a> {
    /// A Hugging Face directory.
    Directory(&'a Path),
    /// A model in memory.
    Ready(Box<StartingModel>),
}

impl ModelSource<'_> {
    /// The directory it comes from, as an absolute path: a run may be resumed from elsewhere.
    #[must_use]
    pub fn directory(&self) -> Option<PathBuf> {
        match self {
            Self::Directory(directory) => {
                Some(std::path::absolute(directory).unwrap_or_else(|_| directory.to_path_buf()))
            }
            Self::Ready(_) => None,
        }
    }
}

/// A SQuAD data set.
#[derive(Clone, Copy, Debug)]
pub enum DataSource<'a> {
    /// A file.
    File(&'a Path),
    /// Data that comes with the program.
    BuiltIn {
        /// What messages call it.
        name: &'a str,
        /// Its text.
        json: &'a str,
    },
}

impl DataSource<'_> {
    /// Reads it to be answered and scored.
    ///
    /// # Errors
    /// Names the file and the place in it.
    pub fn read(&self) -> Result<Dataset, TrainError> {
        self.read_with(RepeatedIds::KeepLast)
    }

    /// Reads it to be learnt from: questions with the same id all count.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_for_training(&self) -> Result<Dataset, TrainError> {
        self.read_with(RepeatedIds::KeepAll)
    }

    fn read_with(&self, repeated_ids: RepeatedIds) -> Result<Dataset, TrainError> {
        let dataset = match self {
            Self::File(path) => Dataset::from_path_with(path, repeated_ids)?,
            Self::BuiltIn { name, json } => Dataset::from_json(json, name)?,
        };
        dataset.validate()?;
        Ok(dataset)
    }

    /// Its identity.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn fingerprint(&self) -> Result<Fingerprint, TrainError> {
        match self {
            Self::File(path) => {
                // Absolute, for the run may be resumed from elsewhere.
                let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
                Ok(Fingerprint::of(&absolute).map_err(RunError::from)?)
            }
            Self::BuiltIn { name, json } => Ok(Fingerprint::of_bytes(name, json.as_bytes())),
        }
    }
}
