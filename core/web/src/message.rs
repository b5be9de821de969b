//! What page and worker say to each other, as JSON. Contents of files travel beside it, in the order in which they are named.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use spanbert_backends::{BackendReport, DeviceChoice, DeviceInfo};
use spanbert_core::{
    ask::Explained,
    checkpoint::SpanbertMeta,
    evaluate::ResultsFile,
    features::WindowOptions,
    open::Notice,
    run::{self, EventRecord, Phase, RecordedRun},
    train,
};

/// Bytes of files that a request may carry. A module for browsers has 4 GiB of memory, and a checkpoint in half precision takes
/// five times its size while it is opened: as a file, as values of 32 bits, and once more in the model.
pub const MOST_BYTES: u64 = 700_000_000;

/// From the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToWorker {
    /// Do this, after what was asked before.
    Do {
        /// Comes back with every reply; no two requests have the same.
        id: u32,
        /// What to do.
        request: Request,
    },
    /// Give up a request, if it is not done yet.
    Cancel {
        /// The request.
        id: u32,
    },
    /// Ask something of a training that goes on.
    Steer {
        /// The request that began it.
        id: u32,
        /// What.
        request: run::Request,
    },
}

/// What a worker does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Request {
    /// Opens a model, in place of the one before.
    Open {
        /// Which.
        model: ModelSource,
        /// Where it is to run.
        #[serde(default)]
        device: DeviceChoice,
        /// Whether text is lower-cased; without it the checkpoint decides.
        #[serde(default)]
        lower_case: Option<bool>,
    },
    /// Puts a question about a passage to the open model.
    Ask {
        /// The passage.
        passage: String,
        /// The question.
        question: String,
        /// A null score difference above it means "no answer"; without it the model's own.
        #[serde(default)]
        threshold: Option<f64>,
    },
    /// Has the open model answer a file of questions, which is attached, and breaks its answers down.
    Evaluate {
        /// The file's name.
        file: String,
        /// The threshold of the breakdown; without it the model's own, else the best on the file.
        #[serde(default)]
        threshold: Option<f64>,
    },
    /// Fine-tunes the demonstration's pre-trained model, in place of the open one.
    Train {
        /// What it learns from, and how.
        #[serde(default)]
        training: Box<train::Demonstration>,
        /// Where it is to run.
        #[serde(default)]
        device: DeviceChoice,
    },
    /// Reads the files of a run folder, which are attached. The open model stays open.
    OpenRun {
        /// What they lie in, if their names do not begin with the run's folder.
        name: String,
        /// The files' names, from that folder on.
        files: Vec<String>,
    },
    /// Closes the model.
    Close,
    /// Looks for devices; WebGPU is opened for it.
    Devices,
}

/// A model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelSource {
    /// The demonstration's, which is part of the program.
    BuiltIn,
    /// Files that are attached.
    Files {
        /// What the model is called.
        name: String,
        /// The files' names.
        files: Vec<String>,
    },
}

/// To the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FromWorker {
    /// The request that it is about; none for [`Reply::Ready`] and [`Reply::Panicked`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u32>,
    /// What is said.
    pub reply: Reply,
}

/// What a worker says. Every request has one reply that is not [`Reply::Notice`], [`Reply::Progress`], [`Reply::Happened`] or
/// [`Reply::Working`], its last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Requests are taken from now on.
    Ready,
    /// Something to know.
    Notice(Notice),
    /// How many windows are done, and how many there are.
    Progress {
        /// Done.
        done: usize,
        /// Of how many.
        total: usize,
    },
    /// Something happened in a training: what its run folder's log would hold.
    Happened(Box<EventRecord>),
    /// How far a training is in what it is busy with.
    Working {
        /// What with.
        phase: Phase,
        /// Parts done.
        done: usize,
        /// Of how many.
        total: usize,
    },
    /// The model is open.
    Opened(Box<Opened>),
    /// The answer.
    Answered(Box<Explained>),
    /// The evaluation.
    Evaluated(Box<Evaluated>),
    /// The training is over, and its model open.
    Trained(Box<Trained>),
    /// The run.
    Run(Box<RecordedRun>),
    /// The model is closed.
    Closed,
    /// The devices, by backend.
    Devices(Vec<BackendReport>),
    /// The request was given up.
    Cancelled,
    /// It was not to be done.
    Failed(Failure),
    /// The worker has ended: start another one.
    Panicked {
        /// What it said at last.
        message: String,
    },
}

/// A model that answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    /// What it is called.
    pub name: String,
    /// Where it runs.
    pub device: DeviceInfo,
    /// Kind and sizes.
    pub architecture: String,
    /// Number of parameters.
    pub parameters: usize,
    /// Whether text is lower-cased.
    pub do_lower_case: bool,
    /// Its own threshold; none if it always answers.
    pub threshold: Option<f64>,
    /// How passages are cut into windows.
    pub windows: WindowOptions,
    /// What was stored with it.
    pub meta: SpanbertMeta,
}

/// A file of questions, answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluated {
    /// The scores.
    pub results: ResultsFile,
    /// The breakdown, as `spanbert breakdown --json` prints it.
    pub report: Value,
    /// What is to be said about the data.
    pub warnings: Vec<String>,
    /// Names of the evaluation's files, which are attached, as `spanbert evaluate --output-dir` writes them.
    pub files: Vec<String>,
}

/// A training that is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trained {
    /// How it ended, and its best evaluation.
    pub trained: train::Trained,
    /// The model that is open: of the best evaluation, else of the end.
    pub opened: Opened,
    /// Names of a run folder's files, which are attached: records, the newest evaluation, and in `best/` and `last/` the weights.
    pub files: Vec<String>,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The cause, in one line.
    pub cause: String,
    /// What to do about it.
    pub remedy: String,
    /// Whether a device has failed: the model is closed, and the worker is to be replaced.
    pub device_failed: bool,
}
