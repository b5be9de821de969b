//! Why something could not be fetched or found.

use std::path::{Path, PathBuf};

use crate::advice::Advice;

/// Cause and remedy.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Not in the cache.
    #[error("{name} is not in the cache {}", .cache.display())]
    NotFetched {
        /// What was asked for.
        name: String,
        /// What to hand to `spanbert fetch`.
        fetch: String,
        /// Where it was looked for.
        cache: PathBuf,
    },
    /// A model inside the program could not be written.
    #[error(transparent)]
    BuiltIn(#[from] crate::checkpoint::CheckpointError),
    /// The user wants no network.
    #[error("{name} is not complete in the cache and HF_HUB_OFFLINE is set")]
    Offline {
        /// What was asked for.
        name: String,
    },
    /// Not a name that can be fetched.
    #[error("{name:?} is not a name to fetch")]
    Name {
        /// What was given.
        name: String,
        /// What is known.
        known: String,
    },
    /// The hub says that there is no such thing, or wants to know who asks.
    #[error("{url}: {told}")]
    Refused {
        /// The address.
        url: String,
        /// What the server said.
        told: String,
    },
    /// There is no such thing.
    #[error("{url}: not found")]
    NotFound {
        /// The address.
        url: String,
    },
    /// The server cannot now.
    #[error("{url}: the server answered {status}")]
    Status {
        /// The address.
        url: String,
        /// Its HTTP status.
        status: u16,
    },
    /// No answer, or a broken one.
    #[error("{url}: {why}")]
    Connection {
        /// The address.
        url: String,
        /// What happened.
        why: String,
    },
    /// What came is not what the hub announced.
    #[error("{name}: its checksum is {found} instead of {expected}, so the download was discarded")]
    Checksum {
        /// The file.
        name: String,
        /// Announced.
        expected: String,
        /// Computed.
        found: String,
    },
    /// The hub's answer makes no sense.
    #[error("{url}: not the answer of a hub: {why}")]
    Answer {
        /// The address.
        url: String,
        /// What is wrong.
        why: String,
    },
    /// The repository is not a model for this program.
    #[error("{name} has no {missing}")]
    Unusable {
        /// The model.
        name: String,
        /// What it lacks.
        missing: String,
    },
    /// The repository has no weights that are read.
    #[error("{name} has neither model.safetensors nor pytorch_model.bin{found}")]
    NoWeights {
        /// The model.
        name: String,
        /// What it has instead, empty or beginning with a comma.
        found: String,
        /// The next step.
        remedy: String,
    },
    /// The model could not be used, so its weights were not fetched.
    #[error("{name} was not fetched: {cause}")]
    Unsuitable {
        /// The model.
        name: String,
        /// Why not.
        cause: crate::checkpoint::CheckpointError,
    },
    /// The disk.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Two at once.
    #[error("{name} is being fetched by another process")]
    Busy {
        /// What is being fetched.
        name: String,
    },
    /// As asked.
    #[error("cancelled")]
    Cancelled,
}

impl Advice for FetchError {
    fn remedy(&self) -> String {
        match self {
            Self::NotFetched { fetch, .. } => {
                format!("fetch it with `spanbert fetch {fetch}`, or name a path")
            }
            Self::BuiltIn(error) => error.remedy(),
            Self::Offline { .. } => "unset HF_HUB_OFFLINE, or copy the files from another machine".into(),
            Self::Name { known, .. } => format!("give one of {known}, or a hub id like `organisation/model`"),
            Self::Refused { .. } => {
                "check the name on the hub, and if the model is private or gated, accept its terms \
                                     there and set HF_TOKEN"
                    .into()
            }
            Self::NotFound { .. } => "check the name".into(),
            Self::Status { .. } => "try again later".into(),
            Self::Connection { .. } => {
                "check the network (HF_ENDPOINT and HTTPS_PROXY are respected) and run the command \
                                        again, which resumes the download"
                    .into()
            }
            Self::Checksum { .. } => {
                "run the command again, and if it happens again, do not trust the address".into()
            }
            Self::Answer { .. } => "check HF_ENDPOINT".into(),
            Self::Unusable { .. } => "give the id of a BERT model in PyTorch or safetensors format".into(),
            Self::NoWeights { remedy, .. } => remedy.clone(),
            Self::Unsuitable { cause, .. } => cause.remedy(),
            Self::File { .. } => "make room, or name another cache with HF_HOME".into(),
            Self::Busy { .. } => "wait for it".into(),
            Self::Cancelled => "run the command again to resume".into(),
        }
    }
}

impl FetchError {
    /// For `map_err`.
    pub(super) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }

    /// Whether trying again at once may help.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Connection { .. } => true,
            Self::Status { status, .. } => *status == 429 || *status >= 500,
            _ => false,
        }
    }
}
