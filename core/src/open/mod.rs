//! Opening a checkpoint on a device, as everything that answers does.
//!
//! What a person should know on the way goes to a callback, so that a terminal can print it and a window show it.

#[cfg(feature = "native")]
mod ensemble;
mod in_memory;
#[cfg(feature = "native")]
mod native;
mod tested_devices;

use std::{borrow::Cow, path::Path, sync::Arc};

use serde::{Deserialize, Serialize};
use spanbert_backends::{BackendError, DeviceInfo, Fusion, Precision};

use crate::{
    advice::Advice,
    answers::AnswerOptions,
    ask::AskOptions,
    checkpoint::{Checkpoint, CheckpointError, LoadReport, SpanbertMeta},
    config::BertConfig,
    engine::{EngineError, InferenceEngine, open_inference},
    evaluate::{Abstention, EvaluateOptions},
    features::WindowOptions,
    tokenizer::{BertTokenizer, TokenizerError},
};

#[cfg(feature = "native")]
pub use ensemble::{EnsembleError, OpenOptions};
#[cfg(feature = "native")]
pub use native::{configure_runtime, find_device, prove_device};
pub use tested_devices::{Purpose, TestedDevices};

/// The stage whose notes are about the device, up to the next stage.
pub const LOOKING_FOR_DEVICE: &str = "Looking for the device";

/// Something to know while a checkpoint is opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// What is being done now.
    Stage(Cow<'static, str>),
    /// Good to know.
    Note(String),
    /// Something to look at.
    Warning(String),
}

/// Takes notices; `false` asks to give up.
pub type Notices<'a> = &'a mut dyn FnMut(Notice) -> bool;

/// Why a checkpoint could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Its vocabulary.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The device.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The model on the device.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The checkpoints do not go together.
    #[cfg(feature = "native")]
    #[error(transparent)]
    Ensemble(#[from] EnsembleError),
    /// The callback asked to give up.
    #[error("the checkpoint was not opened, as asked")]
    Cancelled,
}

impl Advice for OpenError {
    fn remedy(&self) -> String {
        match self {
            Self::Checkpoint(error) => error.remedy(),
            Self::Tokenizer(error) => error.remedy(),
            Self::Backend(error) => error.remedy(),
            Self::Engine(error) => error.remedy(),
            #[cfg(feature = "native")]
            Self::Ensemble(error) => error.remedy(),
            Self::Cancelled => "open it again".into(),
        }
    }
}

/// A checkpoint on a device.
pub struct OpenedModel {
    /// The model.
    pub engine: Box<dyn InferenceEngine>,
    /// Its tokenizer.
    pub tokenizer: Arc<BertTokenizer>,
    /// What was stored with it; empty for a checkpoint of another program.
    pub meta: SpanbertMeta,
    /// Where it runs.
    pub device: DeviceInfo,
    /// How its weights were found.
    pub report: LoadReport,
    /// Whether text is lower-cased.
    pub do_lower_case: bool,
    /// The kernels that it runs on.
    pub fusion: Fusion,
    /// The other members of an ensemble.
    pub others: Vec<BertConfig>,
    /// Whether the device does not hold the members together.
    pub in_turn: bool,
}

/// Windows as a checkpoint was trained with, else the reference's.
fn windows_of(meta: &SpanbertMeta) -> WindowOptions {
    let default = WindowOptions::default();
    WindowOptions {
        max_seq_length: meta.max_seq_length.unwrap_or(default.max_seq_length),
        doc_stride: meta.doc_stride.unwrap_or(default.doc_stride),
        max_query_length: meta.max_query_length.unwrap_or(default.max_query_length),
    }
}

impl OpenedModel {
    /// Puts a checkpoint that has been read on a device that has passed its test.
    fn on_device(
        checkpoint: Checkpoint,
        tokenizer: Arc<BertTokenizer>,
        (device, fusion): (DeviceInfo, Fusion),
        precision: Precision,
    ) -> Result<Self, EngineError> {
        let Checkpoint { config, weights, casing, report, stored, .. } = checkpoint;
        Ok(Self {
            engine: open_inference(&device.choice, fusion, &config, weights, precision)?,
            tokenizer,
            meta: stored.unwrap_or_default(),
            device,
            report,
            do_lower_case: casing.do_lower_case,
            fusion,
            others: Vec::new(),
            in_turn: false,
        })
    }

    /// Windows as the checkpoint was trained with, else the reference's, within the model's positions.
    #[must_use]
    pub fn window_options(&self) -> WindowOptions {
        self.wanted_window_options().within(self.engine.config().max_position_embeddings)
    }

    /// [`Self::window_options`] without regard to the model's positions.
    #[must_use]
    pub fn wanted_window_options(&self) -> WindowOptions {
        windows_of(&self.meta)
    }

    /// Answers as stored with the checkpoint, else the reference's.
    #[must_use]
    pub fn answer_options(&self) -> AnswerOptions {
        let default = AnswerOptions::default();
        AnswerOptions {
            n_best_size: self.meta.n_best_size.unwrap_or(default.n_best_size),
            max_answer_length: self.meta.max_answer_length.unwrap_or(default.max_answer_length),
            ..default
        }
    }

    /// Questions as stored with the checkpoint: the threshold too, and none where the model may not abstain. Windows longer than the
    /// model takes are lowered when a question is asked.
    #[must_use]
    pub fn ask_options(&self) -> AskOptions {
        let answer = self.answer_options();
        AskOptions {
            windows: self.wanted_window_options(),
            n_best_size: answer.n_best_size,
            max_answer_length: answer.max_answer_length,
            threshold: Abstention::default_threshold(&self.meta),
            length_multiple: self.length_multiple(),
            ..AskOptions::default()
        }
    }

    /// An evaluation as stored with the checkpoint.
    #[must_use]
    pub fn evaluate_options(&self) -> EvaluateOptions {
        let answer = self.answer_options();
        EvaluateOptions {
            windows: self.window_options(),
            n_best_size: answer.n_best_size,
            max_answer_length: answer.max_answer_length,
            length_multiple: self.length_multiple(),
            abstention: Abstention::of_checkpoint(&self.meta),
            stored_threshold: self.meta.threshold,
            ..EvaluateOptions::default()
        }
    }

    /// The multiple that lengths are padded to on this device.
    #[must_use]
    pub fn length_multiple(&self) -> usize {
        self.device.kind.length_multiple()
    }
}

/// Tells what a person should know about a checkpoint; `name` is what it is called.
fn tell(checkpoint: &Checkpoint, name: &Path, notices: Notices<'_>) -> Result<(), OpenError> {
    let mut say = |notice| if notices(notice) { Ok(()) } else { Err(OpenError::Cancelled) };
    for note in checkpoint.notes.iter().chain(&checkpoint.report.notes) {
        say(Notice::Note(note.clone()))?;
    }
    for warning in &checkpoint.warnings {
        say(Notice::Warning(warning.clone()))?;
    }
    if checkpoint.report.has_fresh_head() {
        let head: Vec<&str> = checkpoint.report.missing.iter().map(String::as_str).collect();
        let lacks = match &head[..] {
            [part] => format!("lacks {part} of the question-answering head, so its answers are doubtful"),
            _ => "has no question-answering head, so its answers are random".to_owned(),
        };
        say(Notice::Warning(format!("{} {lacks}; fine-tune it with `spanbert train`", name.display())))?;
    }
    Ok(())
}
