//! Failures of the run folder.

#[cfg(feature = "native")]
use std::path::Path;
use std::path::PathBuf;

use spanbert_backends::collective::CollectiveError;

use super::{Holder, WriteError};
use crate::{advice::Advice, hash::UnreadableFile};

/// Why a run folder could not be made, written or read.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The output folder holds a run already.
    #[error("{} already holds a run ({found} is there), nothing was changed", folder.display())]
    Occupied {
        /// The folder.
        folder: PathBuf,
        /// The file or folder that shows it.
        found: &'static str,
    },
    /// The folder holds no run.
    #[error("{} holds no run to resume", .0.display())]
    NoRun(PathBuf),
    /// Files among which no run is.
    #[error("{} holds no run: recipe.toml, events.jsonl and state.json are not there", .0.display())]
    NoRecords(PathBuf),
    /// The output path is not a folder.
    #[error("{} is a file, not a folder", .0.display())]
    NotAFolder(PathBuf),
    /// Another trainer is at work in the folder.
    #[error("{} is in use by another training{}", folder.display(), describe(.holder.as_ref()))]
    Locked {
        /// The folder.
        folder: PathBuf,
        /// Who, if readable.
        holder: Option<Holder>,
    },
    /// The other workers of a training.
    #[error(transparent)]
    Workers(#[from] CollectiveError),
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that the run is made from could not be read.
    #[error(transparent)]
    Source(#[from] UnreadableFile),
    /// A file does not hold what it should.
    #[error("{} is damaged: {message}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
}

impl Advice for RunError {
    fn remedy(&self) -> String {
        match self {
            Self::Occupied { .. } => "choose another output folder, or move that one away".into(),
            Self::NoRun(_) | Self::Read { .. } => {
                "name a run folder, such as one that `spanbert runs list` shows".into()
            }
            Self::NoRecords(_) => "choose the files of a run folder, all of them".into(),
            Self::NotAFolder(_) => "choose another output folder".into(),
            Self::Locked { .. } => "wait for it or stop it".into(),
            Self::Workers(error) => error.remedy(),
            Self::Write(error) => error.remedy(),
            Self::Source(error) => error.remedy(),
            Self::Damaged { .. } => "restore it from a copy, or start a new run".into(),
        }
    }
}

#[cfg(feature = "native")]
impl RunError {
    pub(crate) fn read(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Read { path, source }
    }
}

fn describe(holder: Option<&Holder>) -> String {
    holder.map(|holder| format!(" (process {}, since {})", holder.pid, holder.since)).unwrap_or_default()
}
