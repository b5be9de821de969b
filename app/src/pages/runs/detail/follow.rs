//! A thread that reads along in a run folder, so that a slow disk or a long log never holds up a frame.

use std::{
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    time::Duration,
};

use egui::Context;
use spanbert_core::{
    advice::Advice,
    pretrain::PretrainRecord,
    run::{Environment, EventReader, EventRecord, Layout, RunNotes, RunStatus, RunSummary, summarise},
    train::Recipe,
};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use crate::background;

/// Time between looks while the training is at work.
const LIVELY: Duration = Duration::from_millis(400);
/// Time between looks otherwise.
const QUIET: Duration = Duration::from_secs(2);
/// Events sent at once; more would be felt in the frame that takes them in.
const CHUNK: usize = 10_000;
/// Bytes of the end of `train.log` that are shown.
const TAIL: u64 = 256 * 1024;

/// What stands in the run folder besides its events.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::pages::runs) struct Look {
    /// Whether the folder is there.
    pub(in crate::pages::runs) exists: bool,
    /// Where the run stands; none while the folder holds no run.
    pub(in crate::pages::runs) summary: Option<RunSummary>,
    pub(in crate::pages::runs) environment: Option<Environment>,
    /// The recipe, or why it cannot be read.
    pub(in crate::pages::runs) recipe: Option<Result<Recipe, String>>,
    /// What a pre-training began with, which has no recipe; its text if it cannot be read.
    pub(in crate::pages::runs) pretraining: Option<Result<Box<PretrainRecord>, String>>,
    /// The end of `train.log`.
    pub(in crate::pages::runs) log: String,
    /// Memory of the trainer's process in bytes, if it runs on this machine.
    pub(in crate::pages::runs) host_memory: Option<u64>,
    /// The best weights, else the last ones.
    pub(in crate::pages::runs) checkpoint: Option<PathBuf>,
    /// Whether a request waits to be taken by the trainer.
    pub(in crate::pages::runs) request_waits: bool,
    pub(in crate::pages::runs) notes: RunNotes,
    /// Why the events cannot be read.
    pub(in crate::pages::runs) error: Option<String>,
}

impl Look {
    /// Whether a trainer is at work or waits.
    pub(in crate::pages::runs) fn is_live(&self) -> bool {
        let status = self.summary.as_ref().map(|summary| summary.status);
        matches!(status, Some(RunStatus::Running | RunStatus::Paused))
    }
}

/// What the thread has to say.
#[derive(Debug)]
pub(in crate::pages::runs) enum News {
    /// The next events.
    Events(Vec<EventRecord>),
    /// What has changed besides.
    Look(Box<Look>),
}

/// The thread, seen from the window. It ends when this is dropped.
pub(in crate::pages::runs) struct Follower {
    news: Receiver<News>,
    wake: Sender<()>,
}

impl Follower {
    /// Starts to read along.
    pub(in crate::pages::runs) fn start(context: &Context, root: PathBuf) -> Result<Self, String> {
        let (sender, news) = channel();
        let (wake, orders) = channel();
        let context = context.clone();
        background::start("follower", async move { follow(&root, &orders, &sender, &context) })
            .map_err(|error| format!("the run cannot be followed: {error}; close other programs"))?;
        Ok(Self { news, wake })
    }

    /// The next news, if there are any; never waits.
    pub(in crate::pages::runs) fn next(&self) -> Option<News> {
        self.news.try_recv().ok()
    }

    /// Has it look at once.
    pub(in crate::pages::runs) fn look(&self) {
        // It is there as long as this is.
        let _ = self.wake.send(());
    }
}

fn follow(root: &Path, orders: &Receiver<()>, sender: &Sender<News>, context: &Context) {
    let layout = Layout::new(root);
    let mut reader = EventReader::new(layout.events());
    let mut system = System::new();
    let this_machine = Environment::of_this_process("").machine;
    let (mut last, mut log_size) = (Look::default(), None);
    let mut first = true;
    loop {
        let mut error = None;
        let mut records = match reader.poll() {
            Ok(records) => records,
            Err(failed) => {
                error = Some(failed.in_one_line());
                Vec::new()
            }
        };
        let summary = summarise(root);
        let mut look = Look {
            exists: root.is_dir(),
            environment: Environment::read(&layout).ok(),
            recipe: layout
                .recipe()
                .exists()
                .then(|| Recipe::from_path(&layout.recipe()).map_err(|error| error.in_one_line())),
            pretraining: std::fs::read_to_string(layout.pretraining())
                .ok()
                .map(|text| PretrainRecord::from_toml(&text).map(Box::new).map_err(|_| text)),
            log: std::mem::take(&mut last.log),
            host_memory: None,
            checkpoint: [layout.best(), layout.last()].into_iter().find(|path| path.is_dir()),
            request_waits: layout.control().exists(),
            notes: RunNotes::read(root),
            error,
            summary,
        };
        let size = std::fs::metadata(layout.train_log()).ok().map(|data| data.len());
        let log_changed = size != log_size;
        if log_changed {
            look.log = tail(&layout.train_log());
            log_size = size;
        }
        let here = look.environment.as_ref().is_some_and(|environment| environment.machine == this_machine);
        if here && look.is_live() {
            let pid = look.summary.as_ref().and_then(|summary| summary.state.as_ref()).map(|state| state.pid);
            look.host_memory = pid.and_then(|pid| memory_of(&mut system, pid));
        }
        let mut said = false;
        while !records.is_empty() {
            let rest = records.split_off(records.len().min(CHUNK));
            if sender.send(News::Events(std::mem::replace(&mut records, rest))).is_err() {
                return;
            }
            said = true;
        }
        let pause = if look.is_live() || !look.exists { LIVELY } else { QUIET };
        // The log was taken out of the last look to save a copy.
        last.log.clone_from(&look.log);
        if first || log_changed || look != last {
            last.clone_from(&look);
            if sender.send(News::Look(Box::new(look))).is_err() {
                return;
            }
            said = true;
        }
        first = false;
        if said {
            context.request_repaint();
        }
        match orders.recv_timeout(pause) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn memory_of(system: &mut System, pid: u32) -> Option<u64> {
    let pid = Pid::from_u32(pid);
    let what = ProcessRefreshKind::nothing().with_memory();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, what);
    system.process(pid).map(sysinfo::Process::memory)
}

/// The last lines of a text file.
fn tail(path: &Path) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = std::fs::File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut text = Vec::new();
        file.take(TAIL).read_to_end(&mut text)?;
        Ok(text)
    };
    let text = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    if text.len() as u64 >= TAIL {
        // The first line is cut.
        text.split_once('\n').map_or_else(String::new, |(_, rest)| rest.to_owned())
    } else {
        text.into_owned()
    }
}
