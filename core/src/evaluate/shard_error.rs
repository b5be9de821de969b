//! Why shards are not made or not put together.

use std::{io, path::PathBuf};

use super::Shard;
use crate::{
    advice::Advice,
    run::{OutputError, WriteError},
};

/// Why shards are not made or not merged.
#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    /// The place is taken by a finished shard of something else.
    #[error("{} was made with {what}", folder.display())]
    Taken {
        /// The shard's folder.
        folder: PathBuf,
        /// In what it differs.
        what: String,
    },
    /// The folder holds no finished shard.
    #[error("{} holds no finished shard", folder.display())]
    None {
        /// The folder.
        folder: PathBuf,
    },
    /// Some are not there.
    #[error("{} of {count} shards in {} are missing or unfinished: {}", missing.len(), folder.display(), listed(missing))]
    Missing {
        /// The folder.
        folder: PathBuf,
        /// Which.
        missing: Vec<usize>,
        /// Of how many.
        count: usize,
    },
    /// One is there twice.
    #[error("{} and {} are both shard {shard}", first.display(), second.display())]
    Twice {
        /// Which.
        shard: Shard,
        /// A folder.
        first: PathBuf,
        /// Another.
        second: PathBuf,
    },
    /// The file was divided in several ways.
    #[error("{} holds shards of different numbers of parts: {}", folder.display(), divisions(counts))]
    Counts {
        /// The folder.
        folder: PathBuf,
        /// Numbers of parts, and how many shards are of each.
        counts: Vec<(usize, usize)>,
    },
    /// They do not belong together.
    #[error("{} was made with {what}, as in {}", folder.display(), other.display())]
    Differs {
        /// A shard's folder.
        folder: PathBuf,
        /// In what it differs from the other.
        what: String,
        /// The folder that it is compared with.
        other: PathBuf,
    },
    /// It is not as it was written.
    #[error("{}: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A folder or a file cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// It.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The output folder.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl Advice for ShardError {
    fn remedy(&self) -> String {
        match self {
            Self::Taken { .. } => "choose another --output-dir, or add --overwrite to make it anew".into(),
            Self::None { .. } => {
                "make them with `spanbert predict --shard 1/N` to N/N and this folder".into()
            }
            Self::Missing { missing, count, .. } => {
                let first = missing.first().copied().unwrap_or(1);
                format!("run them, such as the first with `spanbert predict --shard {first}/{count}`")
            }
            Self::Twice { .. } => "remove one of them".into(),
            Self::Counts { .. } => "remove the folders of those that are not wanted".into(),
            Self::Differs { .. } | Self::Damaged { .. } => {
                "run that shard again with --overwrite, or remove its folder".into()
            }
            Self::Read { .. } => "check the path and its permissions".into(),
            Self::Output(error) => error.remedy(),
            Self::Write(error) => error.remedy(),
        }
    }
}

/// `3 of I/8, 1 of I/1`.
fn divisions(counts: &[(usize, usize)]) -> String {
    let text: Vec<String> = counts.iter().map(|(count, shards)| format!("{shards} of I/{count}")).collect();
    text.join(", ")
}

/// At most ten numbers.
pub(crate) fn listed(numbers: &[usize]) -> String {
    let mut text: Vec<String> = numbers.iter().take(10).map(ToString::to_string).collect();
    if numbers.len() > text.len() {
        text.push("…".into());
    }
    text.join(", ")
}
