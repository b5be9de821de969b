//! What page and worker say to each other, as JSON. Contents of files travel beside it, in the order in which they are named.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use spanbert_backends::{BackendReport, DeviceChoice, DeviceInfo};
use spanbert_core::{
    ask::Explained, checkpoint::SpanbertMeta, evaluate::ResultsFile, features::WindowOptions, open::Notice,
};

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

/// What a worker says. Every request has one reply that is not [`Reply::Notice`] or [`Reply::Progress`], its last.
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
    /// The model is open.
    Opened(Box<Opened>),
    /// The answer.
    Answered(Box<Explained>),
    /// The evaluation.
    Evaluated(Box<Evaluated>),
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
