//! The run folder: the only store of a training and the only interface between trainer, command line and app.
//!
//! ```text
//! recipe.toml  environment.json  state.json  events.jsonl  train.log  device.log  tb/  lock  control
//! checkpoints/step-<n>/  best/  last/  eval/step-<n>/  eval_results.txt  group.json (of a run of `--seeds`)
//! ```
//!
//! What happens in a training ([`Event`], [`Curves`], [`history()`]), what it can be asked for ([`Request`]) and what its files
//! say ([`RunState`], [`Environment`], all of them as a [`RecordedRun`]) need no folder, and are there in a browser too; the
//! folder is in `native`.
//!
//! Plain files, readable without us. Files that are replaced are replaced at once ([`atomic`]); logs grow by whole
//! lines ([`EventLog`]); a lock keeps a second trainer out and is released by the system when its holder dies.

mod best_score;
mod curves;
mod environment;
mod error;
mod event;
mod group;
mod history;
mod holder;
#[cfg(feature = "native")]
mod native;
mod notes;
mod recorded;
mod request;
mod state;
mod summary;
mod worker_times;

pub use crate::atomic::{self, WriteError, write_atomic, write_json};
pub use best_score::BestScore;
pub use curves::{Curves, Evaluated, HeldOut, LogEntry, Severity};
pub use environment::{Environment, Resumption, Workers};
pub use error::RunError;
pub(crate) use event::are_counts;
pub use event::{CheckpointKind, Event, EventRecord, Outcome, Phase, StepEvent, WorkerTimes};
pub use group::RunGroup;
pub use history::history;
pub use holder::Holder;
#[cfg(feature = "native")]
pub use native::*;
pub use notes::RunNotes;
pub use recorded::RecordedRun;
pub use request::Request;
pub use state::RunState;
pub use summary::{RunStatus, RunSummary, newest_first};
pub use worker_times::WorkerSummary;

/// A number of optimizer updates in words: `1 update`, `7 updates`.
#[must_use]
pub fn updates(count: usize) -> String {
    counted(count, "update")
}

/// A number of things whose plural ends in s: `1 window`, `7 windows`.
#[must_use]
pub fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}
