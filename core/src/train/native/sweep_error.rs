//! Why parts of a learning-rate sweep are not merged.

use std::{io, path::PathBuf};

use super::RecipeError;
use crate::{
    advice::Advice,
    evaluate::{Shard, listed},
    run::{RunError, WriteError},
};

/// Why parts of a sweep are not merged.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// There are none.
    #[error("{} holds no part of a sweep", folder.display())]
    None {
        /// The folder.
        folder: PathBuf,
    },
    /// Some are missing or unfinished.
    #[error(
        "{} of {count} parts in {} are missing or unfinished: {}", missing.len(), folder.display(), listed(missing)
    )]
    Missing {
        /// The folder.
        folder: PathBuf,
        /// Which.
        missing: Vec<usize>,
        /// Of how many.
        count: usize,
    },
    /// One is there twice.
    #[error("{} and {} are both part {shard}", first.display(), second.display())]
    Twice {
        /// Which.
        shard: Shard,
        /// A run folder.
        first: PathBuf,
        /// Another.
        second: PathBuf,
    },
    /// The sweep was divided in several ways.
    #[error("{} was divided into {other} parts, {} into {count}", folder.display(), first.display())]
    Counts {
        /// A part's run folder.
        folder: PathBuf,
        /// Parts of its division.
        other: usize,
        /// Another part's run folder.
        first: PathBuf,
        /// Parts of its division.
        count: usize,
    },
    /// They do not belong together.
    #[error("{} and {} are not of one sweep: {what}", other.display(), folder.display())]
    Differs {
        /// A part's run folder.
        folder: PathBuf,
        /// In what it differs from the other.
        what: String,
        /// The run folder that it is compared with.
        other: PathBuf,
    },
    /// A file of a part is not as it was written.
    #[error("{}: {what}", path.display())]
    Damaged {
        /// It.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A file of a part cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// It.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A part's recipe.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// A part's records, or the folder of the merged run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl Advice for SweepError {
    fn remedy(&self) -> String {
        match self {
            Self::None { .. } => {
                "make them with `spanbert train --sweep-shard 1/N` to N/N and this --output-dir".into()
            }
            Self::Missing { missing, count, .. } => {
                let first = missing.first().copied().unwrap_or(1);
                format!("run them, such as the first with `spanbert train --sweep-shard {first}/{count}`")
            }
            Self::Twice { .. } => "remove one of them".into(),
            Self::Counts { .. } => "remove the folders of those that are not wanted".into(),
            Self::Differs { .. } => {
                "remove the folder of the one that is wrong and train that part again".into()
            }
            Self::Damaged { .. } | Self::Read { .. } => "remove the part's folder and train it again".into(),
            Self::Recipe(error) => error.remedy(),
            Self::Run(error) => error.remedy(),
            Self::Write(error) => error.remedy(),
        }
    }
}
