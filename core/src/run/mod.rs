//! The run folder: the only store of a training and the only interface between trainer, command line and app.
//!
//! ```text
//! recipe.toml  environment.json  state.json  events.jsonl  train.log  device.log  tb/  lock  control
//! checkpoints/step-<n>/  best/  last/  eval/step-<n>/  eval_results.txt  group.json (of a run of `--seeds`)
//! ```
//!
//! Plain files, readable without us. Files that are replaced are replaced at once ([`atomic`]); logs grow by whole
//! lines ([`EventLog`]); a lock keeps a second trainer out and is released by the system when its holder dies.

mod control;
mod curves;
mod environment;
mod error;
mod event;
mod event_log;
mod event_reader;
mod folder;
mod group;
mod group_scores;
mod history;
mod layout;
mod list;
mod lock;
mod notes;
mod output_folder;
mod reserve;
mod state;
mod tensorboard;
mod tfrecord;
mod train_log;

pub use crate::atomic::{self, WriteError, write_atomic, write_json};
pub use control::{Request, request, take_request};
pub use curves::{Curves, Evaluated, HeldOut, LogEntry, Severity};
pub use environment::{Environment, Resumption};
pub use error::RunError;
pub(crate) use event::are_counts;
pub use event::{CheckpointKind, Event, EventRecord, Outcome, Phase, StepEvent, now};
pub use event_log::EventLog;
pub use event_reader::{EventReader, read_events};
pub use folder::RunFolder;
pub use group::RunGroup;
pub use group_scores::{GroupMember, GroupScores, ScoreSpread};
pub use history::read_history;
pub use layout::{Layout, run_name};
pub use list::{RunStatus, RunSummary, list, newest_first, summarise};
pub use lock::{Holder, Lock};
pub use notes::RunNotes;
pub use output_folder::{OutputError, OutputFolder, Writer, replace_outputs};
pub use reserve::{ReservedRun, reserve_run};
pub use state::{BestScore, RunState};
pub use tensorboard::ScalarWriter;
pub use train_log::TrainLog;

/// A number of optimizer updates in words: `1 update`, `7 updates`.
#[must_use]
pub fn updates(count: usize) -> String {
    format!("{count} update{}", if count == 1 { "" } else { "s" })
}
