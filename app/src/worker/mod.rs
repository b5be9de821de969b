//! Models that answer, on a thread of their own or, in a browser, in Web Workers.
//!
//! A device's tensors are made, used and dropped there; the window sends requests and takes replies in, so a frame never waits for
//! a device. The thread starts with the first load: until then no device is opened.

#[cfg(not(target_family = "wasm"))]
mod inference;
mod model;
#[cfg(not(target_family = "wasm"))]
mod thread;
#[cfg(target_family = "wasm")]
pub(crate) mod web;

use std::path::PathBuf;

use spanbert_backends::DeviceInfo;
use spanbert_core::{ask::Explained, checkpoint::SpanbertMeta, features::WindowOptions};

pub use self::model::{Model, State};
#[cfg(not(target_family = "wasm"))]
pub use self::thread::Worker;
#[cfg(target_family = "wasm")]
pub use self::web::Worker;

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
    /// Kind and sizes.
    pub architecture: String,
    /// Number of parameters.
    pub parameters: usize,
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

/// What the worker has to say. A message is cause and remedy in one text.
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
    /// Models are gone: their device has failed, or the Web Worker that held them has ended.
    Lost {
        /// What happened and what to do.
        message: String,
        /// Their places.
        slots: Vec<Slot>,
    },
    /// The worker itself is gone or never started.
    Gone {
        /// Why, and what to do.
        message: String,
    },
}
