//! Opening a checkpoint on a device, as everything that answers does.
//!
//! What a person should know on the way goes to a callback, so that a terminal can print it and a window show it.

use std::{path::Path, sync::Arc};

use spanbert_backends::{BackendError, BackendKind, DeviceChoice, DeviceInfo, Fusion, Precision, runtime};

use crate::{
    advice::Advice,
    answers::AnswerOptions,
    checkpoint::{Checkpoint, CheckpointError, LoadOptions, LoadReport, SpanbertMeta, load},
    engine::{EngineError, InferenceEngine, open_inference},
    evaluate::{Abstention, EvaluateOptions},
    features::WindowOptions,
    selftest::{self, News},
    tokenizer::{BertTokenizer, TokenizerError},
    train::DeviceLimits,
    user_folders::cache_folder,
};

/// The stage whose notes are about the device, up to the next stage.
pub const LOOKING_FOR_DEVICE: &str = "Looking for the device";

/// Something to know while a checkpoint is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// What is being done now.
    Stage(&'static str),
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
}

impl OpenedModel {
    /// Loads a checkpoint folder and opens it on the chosen device. `lower_case` is the user's word on casing, else the
    /// checkpoint decides.
    ///
    /// # Errors
    /// If the folder is no checkpoint, the device is not there or fails, or the callback gives up.
    pub fn open(
        folder: &Path,
        choice: &DeviceChoice,
        lower_case: Option<bool>,
        precision: Precision,
        notices: Notices<'_>,
    ) -> Result<Self, OpenError> {
        let mut say = |notice| if notices(notice) { Ok(()) } else { Err(OpenError::Cancelled) };
        say(Notice::Stage("Reading the checkpoint"))?;
        let options = LoadOptions { lower_case, ..LoadOptions::default() };
        let checkpoint = load(folder, options)?;
        for note in checkpoint.notes.iter().chain(&checkpoint.report.notes) {
            say(Notice::Note(note.clone()))?;
        }
        for warning in &checkpoint.warnings {
            say(Notice::Warning(warning.clone()))?;
        }
        let tokenizer = Arc::new(checkpoint.tokenizer()?);
        let Checkpoint { config, weights, casing, report, stored, .. } = checkpoint;
        if report.has_fresh_head() {
            let head: Vec<&str> = report.missing.iter().map(String::as_str).collect();
            let lacks = match &head[..] {
                [part] => format!("lacks {part} of the question-answering head, so its answers are doubtful"),
                _ => "has no question-answering head, so its answers are random".to_owned(),
            };
            say(Notice::Warning(format!(
                "{} {lacks}; fine-tune it with `spanbert train`",
                folder.display()
            )))?;
        }
        say(Notice::Stage(LOOKING_FOR_DEVICE))?;
        let device = find_device(choice, &mut |notice| say(notice).is_ok())?;
        let fusion = prove_device(&device, precision, &mut |notice| say(notice).is_ok())?;
        say(Notice::Stage("Putting the model on the device"))?;
        let engine = open_inference(&device.choice, fusion, &config, weights, precision)?;
        let do_lower_case = casing.do_lower_case;
        Ok(Self { engine, tokenizer, meta: stored.unwrap_or_default(), device, report, do_lower_case })
    }

    /// Windows as the checkpoint was trained with, else the reference's, within the model's positions.
    #[must_use]
    pub fn window_options(&self) -> WindowOptions {
        self.wanted_window_options().within(self.engine.config().max_position_embeddings)
    }

    /// [`Self::window_options`] without regard to the model's positions.
    #[must_use]
    pub fn wanted_window_options(&self) -> WindowOptions {
        let default = WindowOptions::default();
        WindowOptions {
            max_seq_length: self.meta.max_seq_length.unwrap_or(default.max_seq_length),
            doc_stride: self.meta.doc_stride.unwrap_or(default.doc_stride),
            max_query_length: self.meta.max_query_length.unwrap_or(default.max_query_length),
        }
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

    /// How many windows are answered at once: as many as wanted, if they fit on the device.
    #[must_use]
    pub fn eval_batch(&self, wanted: usize, windows: &WindowOptions) -> usize {
        let limits = DeviceLimits::from(&self.device);
        limits.inference_rows(self.engine.config(), wanted, windows.max_seq_length)
    }

    /// The multiple that lengths are padded to on this device.
    #[must_use]
    pub fn length_multiple(&self) -> usize {
        self.device.kind.length_multiple()
    }
}

/// Sets the GPU runtime up; the first thing to do before any tensor.
pub fn configure_runtime(notices: Notices<'_>) {
    // Without its cache a GPU only starts more slowly.
    if let Err(error) = runtime::configure(&cache_folder()) {
        notices(Notice::Warning(error.in_one_line()));
    }
}

/// Finds the device and names it; opens nothing, so that bad input is refused before a GPU is started.
///
/// # Errors
/// If there is no such device.
pub fn find_device(choice: &DeviceChoice, notices: Notices<'_>) -> Result<DeviceInfo, BackendError> {
    let device = spanbert_backends::select(choice)?;
    // A training that takes an hour there takes days elsewhere.
    if *choice == DeviceChoice::Auto
        && device.kind != BackendKind::Cuda
        && let Some(obstacle) = spanbert_backends::passed_over()
    {
        notices(Notice::Warning(format!("the NVIDIA GPU is not used: {obstacle}; {}", obstacle.remedy)));
    }
    if device.software {
        notices(Notice::Warning(format!("{} is a software rasteriser: right, but slow", device.name)));
    }
    notices(Notice::Note(format!("device: {} ({})", device.choice, device.name)));
    Ok(device)
}

/// Sets the runtime up and, before the first use of a GPU in a precision, has it prove itself. Gives the kernels to use.
///
/// # Errors
/// If the device lacks the precision, or computes something else than the processor.
pub fn prove_device(
    device: &DeviceInfo,
    precision: Precision,
    notices: Notices<'_>,
) -> Result<Fusion, BackendError> {
    device.check_precision(precision)?;
    if device.kind == BackendKind::Cpu && precision != Precision::F32 {
        let text = format!("imitating {precision} on the processor, which is slower than f32");
        notices(Notice::Note(text));
    }
    configure_runtime(notices);
    let mut tell = |news: News| {
        let with = if precision == Precision::F32 { String::new() } else { format!(" in {precision}") };
        let first = if news == News::Begins { "first use of " } else { "" };
        notices(Notice::Note(format!("{first}{}{with}: {news}", device.name)));
    };
    let (fusion, warning) = selftest::ensure(device, precision, &cache_folder(), &mut tell)?;
    if let Some(warning) = warning {
        notices(Notice::Warning(warning));
    }
    Ok(fusion)
}
