//! The folder: its files, its lock, and the list of such folders.

mod control;
mod environment;
mod event_log;
mod event_reader;
mod folder;
mod group;
mod group_scores;
mod last_words;
mod layout;
mod list;
mod lock;
mod notes;
mod output_folder;
mod reserve;
mod state;
mod tensorboard;
mod tfrecord;
mod time;
mod train_log;

use super::{
    Environment, Event, EventRecord, Holder, Outcome, Phase, Request, Resumption, RunError, RunGroup,
    RunNotes, RunState, RunStatus, RunSummary, WriteError, atomic, history, newest_first, write_atomic,
    write_json,
};
use time::TIME_FORMAT;

pub use control::{request, take_request};
pub use event_log::EventLog;
pub use event_reader::{EventReader, read_events, read_history};
pub use folder::RunFolder;
pub use group_scores::{GroupMember, GroupScores, ScoreSpread};
pub use last_words::record_failure;
pub use layout::{Layout, run_name};
pub use list::{list, summarise};
pub use lock::Lock;
pub use output_folder::{OutputError, OutputFolder, Writer, replace_outputs};
pub use reserve::{ReservedRun, reserve_run};
pub use tensorboard::ScalarWriter;
pub use time::now;
pub use train_log::TrainLog;
