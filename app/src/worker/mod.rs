//! Models that answer, on a thread of their own.
//!
//! A device's tensors are made, used and dropped on that one thread; the window sends requests and takes replies in, so a
//! frame never waits for a device. The thread starts with the first load: until then no device is opened.

mod inference;
mod model;

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
};

use egui::Context;
use spanbert_backends::{BackendKind, DeviceChoice, DeviceInfo};
use spanbert_core::{
    ask::Explained,
    checkpoint::{LoadReport, SpanbertMeta},
    features::WindowOptions,
};

pub use self::model::{Model, State};

/// The place of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub u64);

/// One loading of a checkpoint; a place sees several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadId(u64);

/// A model that is ready, in facts.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Its checkpoint folder.
    pub folder: PathBuf,
    /// Architecture, parameters, and how the weights were found.
    pub report: LoadReport,
    /// What was stored with it.
    pub meta: SpanbertMeta,
    /// Where it runs.
    pub device: DeviceInfo,
    /// Whether text is lower-cased.
    pub lower_case: bool,
    /// How passages are cut into windows.
    pub windows: WindowOptions,
    /// What was said while it was opened and needs a look.
    pub warnings: Vec<String>,
    /// What is good to know about the checkpoint.
    pub notes: Vec<String>,
    /// Seconds that loading took.
    pub load_secs: f64,
}

impl Facts {
    /// The null score difference above which there is "no answer": the stored one, else 0; infinite for a model trained on
    /// SQuAD 1.1, which answers every question.
    #[must_use]
    pub fn threshold(&self) -> f64 {
        spanbert_core::evaluate::Abstention::default_threshold(&self.meta)
    }
}

/// A question answered.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The answer, and where the model looked.
    pub explained: Explained,
    /// Seconds that it took.
    pub secs: f64,
}

/// What the thread has to say. A message is cause and remedy in one text.
#[derive(Debug)]
pub enum Reply {
    /// What loading is at.
    Stage {
        /// Which loading.
        load: LoadId,
        /// In words.
        text: String,
    },
    /// A model is ready.
    Loaded {
        /// Which loading.
        load: LoadId,
        /// About it.
        facts: Box<Facts>,
    },
    /// A model could not be loaded.
    LoadFailed {
        /// Which loading.
        load: LoadId,
        /// Why.
        message: String,
    },
    /// Loading was given up, as asked.
    LoadCancelled {
        /// Which loading.
        load: LoadId,
    },
    /// How far a question is.
    Progress {
        /// The model's place.
        slot: Slot,
        /// The question.
        id: u64,
        /// Windows done.
        done: usize,
        /// Windows in all.
        total: usize,
    },
    /// A question is answered.
    Answered {
        /// The model's place.
        slot: Slot,
        /// The question.
        id: u64,
        /// The answer.
        answered: Box<Answered>,
    },
    /// A question could not be answered.
    AskFailed {
        /// The model's place.
        slot: Slot,
        /// The question.
        id: u64,
        /// Why.
        message: String,
    },
    /// A question was given up, as asked.
    AskCancelled {
        /// The model's place.
        slot: Slot,
        /// The question.
        id: u64,
    },
    /// A device failed; its models are gone, and it is refused from now on.
    DeviceFailed {
        /// Its backend.
        kind: BackendKind,
        /// What happened and what to do.
        message: String,
        /// The models that were on it.
        dropped: Vec<Slot>,
    },
    /// The thread itself is gone or never started.
    Gone {
        /// Why, and what to do.
        message: String,
    },
}

/// What the thread is asked for.
enum Request {
    Load { slot: Slot, load: LoadId, folder: PathBuf, choice: DeviceChoice, cancel: Arc<AtomicBool> },
    Unload { slot: Slot },
    Ask { slot: Slot, id: u64, passage: Arc<str>, question: String, cancel: Arc<AtomicBool> },
}

/// The thread, seen from the window.
pub struct Worker {
    context: Context,
    thread: Option<(Sender<Request>, Receiver<Reply>)>,
    /// What is under way, to give it up.
    cancels: HashMap<Slot, Vec<Arc<AtomicBool>>>,
    failures: Vec<Reply>,
    /// Checkpoints loaded so far.
    loads: u64,
}

impl Worker {
    /// Starts no thread yet.
    #[must_use]
    pub fn new(context: &Context) -> Self {
        Self {
            context: context.clone(),
            thread: None,
            cancels: HashMap::new(),
            failures: Vec::new(),
            loads: 0,
        }
    }

    /// Loads a checkpoint into a place; a model that was there is dropped first. Replies about it carry the number given.
    pub fn load(&mut self, slot: Slot, folder: PathBuf, choice: DeviceChoice) -> LoadId {
        self.cancel(slot);
        self.loads += 1;
        let load = LoadId(self.loads);
        let cancel = self.cancellable(slot);
        self.send(Request::Load { slot, load, folder, choice, cancel });
        load
    }

    /// Drops a model.
    pub fn unload(&mut self, slot: Slot) {
        self.cancel(slot);
        if self.thread.is_some() {
            self.send(Request::Unload { slot });
        }
    }

    /// Asks a model; its answer carries `id`.
    pub fn ask(&mut self, slot: Slot, id: u64, passage: Arc<str>, question: String) {
        let cancel = self.cancellable(slot);
        self.send(Request::Ask { slot, id, passage, question, cancel });
    }

    /// Gives up what a model is asked for, and its loading.
    pub fn cancel(&mut self, slot: Slot) {
        for cancel in self.cancels.remove(&slot).into_iter().flatten() {
            cancel.store(true, Ordering::Relaxed);
        }
    }

    /// Replies since the last call; never waits.
    pub fn poll(&mut self) -> Vec<Reply> {
        let mut replies = std::mem::take(&mut self.failures);
        if let Some((_, receiver)) = &self.thread {
            replies.extend(receiver.try_iter());
        }
        replies
    }

    fn cancellable(&mut self, slot: Slot) -> Arc<AtomicBool> {
        let cancels = self.cancels.entry(slot).or_default();
        // Those that only this list still holds are over.
        cancels.retain(|cancel| Arc::strong_count(cancel) > 1);
        let cancel = Arc::new(AtomicBool::new(false));
        cancels.push(cancel.clone());
        cancel
    }

    fn send(&mut self, request: Request) {
        let (sender, _) = match &mut self.thread {
            Some(thread) => thread,
            empty => match start(&self.context) {
                Ok(thread) => empty.insert(thread),
                Err(error) => {
                    let message =
                        format!("the thread for models could not start: {error}; close other programs");
                    return self.failures.push(Reply::Gone { message });
                }
            },
        };
        if sender.send(request).is_err() {
            let message = "the thread for models has ended; start SpanBERT Studio again".to_owned();
            self.failures.push(Reply::Gone { message });
        }
    }
}

fn start(context: &Context) -> std::io::Result<(Sender<Request>, Receiver<Reply>)> {
    let (sender, requests) = channel();
    let (replies, receiver) = channel();
    let context = context.clone();
    let work = move || inference::serve(&requests, &replies, &context);
    std::thread::Builder::new().name("models".to_owned()).spawn(work)?;
    Ok((sender, receiver))
}
