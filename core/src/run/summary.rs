//! A run in a line, as `spanbert runs list` and the app show it.

use std::{cmp::Ordering, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::{Outcome, RunGroup, RunState};

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// A trainer is at work.
    Running,
    /// A trainer waits to be told to go on.
    Paused,
    /// All steps done.
    Completed,
    /// Ended on request.
    Stopped,
    /// Ended by an error it could report.
    Failed,
    /// Its trainer is gone without a word (killed, power cut).
    Interrupted,
}

/// One run of a listing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// The run folder's name.
    pub name: String,
    /// The run folder.
    pub path: PathBuf,
    /// Where it stands.
    pub status: RunStatus,
    /// When it started, RFC 3339 in UTC with milliseconds: as its state says, else its environment, its first event, its
    /// name, or the folder's last change.
    pub started: Option<String>,
    /// The group of runs it belongs to, if it was started with `--seeds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<RunGroup>,
    /// Its `state.json`, if readable.
    pub state: Option<RunState>,
}

/// The order of a listing: the one that started last comes first. Of those that started in the same millisecond the later
/// name does; a run that does not say when it started comes last.
#[must_use]
pub fn newest_first(a: &RunSummary, b: &RunSummary) -> Ordering {
    b.started.cmp(&a.started).then_with(|| b.name.cmp(&a.name)).then_with(|| a.path.cmp(&b.path))
}

impl RunStatus {
    /// Where a run stands that no trainer is at work in, by the outcome that its state tells.
    #[must_use]
    pub fn without_trainer(outcome: Option<Outcome>) -> Self {
        match outcome {
            Some(Outcome::Completed) => Self::Completed,
            Some(Outcome::Stopped) => Self::Stopped,
            Some(Outcome::Failed) => Self::Failed,
            None => Self::Interrupted,
        }
    }
}
