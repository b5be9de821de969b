//! Opening a checkpoint on a device, as every command that answers does.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use spanbert_backends::{BackendError, BackendKind, DeviceChoice, DeviceInfo, Fusion, Precision, runtime};

use super::{error::CliError, flags::CasingArgs, output};
use crate::{
    answers::AnswerOptions,
    checkpoint::{Checkpoint, LoadOptions, SpanbertMeta, load},
    engine::{InferenceEngine, open_inference},
    evaluate::EvaluateOptions,
    features::WindowOptions,
    piece_cache::PieceCache,
    selftest,
    tokenizer::BertTokenizer,
    train::{self, DeviceLimits},
};

/// A checkpoint on a device.
pub(super) struct OpenedModel {
    /// The model.
    pub(super) engine: Box<dyn InferenceEngine>,
    /// Its tokenizer.
    pub(super) tokenizer: Arc<BertTokenizer>,
    /// What was stored with it; empty for a checkpoint of another program.
    pub(super) meta: SpanbertMeta,
    /// Where it runs.
    pub(super) device: DeviceInfo,
}

impl OpenedModel {
    /// Loads a checkpoint folder and opens it on the chosen device.
    pub(super) fn open(
        folder: &Path,
        choice: &DeviceChoice,
        casing: CasingArgs,
        precision: train::Precision,
    ) -> Result<Self, CliError> {
        let options = LoadOptions { lower_case: casing.do_lower_case, ..LoadOptions::default() };
        let Checkpoint { config, weights, vocab, casing, report, stored } = load(folder, options)?;
        if let Some(warning) = &casing.warning {
            output::warn(warning);
        }
        if report.has_fresh_head() {
            output::warn(format_args!(
                "{} has no question-answering head, so its answers are random; fine-tune it with `spanbert train`",
                folder.display()
            ));
        }
        let tokenizer = Arc::new(BertTokenizer::from_vocab(vocab, casing.do_lower_case)?);
        let device = find_device(choice)?;
        let precision = precision.into();
        let fusion = prove_device(&device, precision)?;
        let engine = open_inference(&device.choice, fusion, &config, weights, precision)?;
        Ok(Self { engine, tokenizer, meta: stored.unwrap_or_default(), device })
    }

    /// Windows as the checkpoint was trained with, else the reference's, within the model's positions.
    pub(super) fn window_options(&self) -> WindowOptions {
        let default = WindowOptions::default();
        let longest = self.engine.config().max_position_embeddings;
        WindowOptions {
            max_seq_length: self.meta.max_seq_length.unwrap_or(default.max_seq_length.min(longest)),
            doc_stride: self.meta.doc_stride.unwrap_or(default.doc_stride),
            max_query_length: self.meta.max_query_length.unwrap_or(default.max_query_length),
        }
    }

    /// Answers as stored with the checkpoint, else the reference's.
    pub(super) fn answer_options(&self) -> AnswerOptions {
        let default = AnswerOptions::default();
        AnswerOptions {
            n_best_size: self.meta.n_best_size.unwrap_or(default.n_best_size),
            max_answer_length: self.meta.max_answer_length.unwrap_or(default.max_answer_length),
            ..default
        }
    }

    /// An evaluation as stored with the checkpoint.
    pub(super) fn evaluate_options(&self) -> EvaluateOptions {
        let answer = self.answer_options();
        EvaluateOptions {
            windows: self.window_options(),
            n_best_size: answer.n_best_size,
            max_answer_length: answer.max_answer_length,
            length_multiple: self.length_multiple(),
            stored_threshold: self.meta.threshold,
            ..EvaluateOptions::default()
        }
    }

    /// How many windows are answered at once: as many as wanted, if they fit on the device.
    pub(super) fn eval_batch(&self, wanted: usize, windows: &WindowOptions) -> usize {
        let limits = DeviceLimits::from(&self.device);
        let rows = limits.inference_rows(self.engine.config(), wanted, windows.max_seq_length);
        if rows < wanted {
            output::note(format_args!(
                "answering {rows} windows at once instead of {wanted}, to fit on the device"
            ));
        }
        rows
    }

    /// The multiple that lengths are padded to on this device.
    pub(super) fn length_multiple(&self) -> usize {
        crate::train::Recipe::default().length_multiple_for(self.device.kind)
    }
}

/// Where compiled kernels, verdicts about devices and word pieces are kept between runs.
pub(super) fn cache_folder() -> PathBuf {
    directories::ProjectDirs::from("", "", "spanbert").map_or_else(
        || std::env::temp_dir().join("spanbert"),
        |directories| directories.cache_dir().to_owned(),
    )
}

/// Where word pieces of large data sets are kept between runs; nowhere if `SPANBERT_NO_PIECE_CACHE` is set and not empty.
pub(super) fn piece_cache() -> Option<PieceCache> {
    let refused = std::env::var_os("SPANBERT_NO_PIECE_CACHE").is_some_and(|value| !value.is_empty());
    (!refused).then(|| PieceCache::new(cache_folder().join("pieces")))
}

/// Sets the GPU runtime up; the first thing to do before any tensor.
pub(super) fn configure_runtime() {
    // Without its cache a GPU only starts more slowly.
    if let Err(error) = runtime::configure(&cache_folder()) {
        output::warn(error);
    }
}

/// Finds the device and names it; opens nothing, so that bad input is refused before a GPU is started.
pub(super) fn find_device(choice: &DeviceChoice) -> Result<DeviceInfo, CliError> {
    let device = spanbert_backends::select(choice)?;
    if device.software {
        output::warn(format_args!("{} is a software rasteriser: right, but slow", device.name));
    }
    output::note(format_args!("device: {} ({})", device.choice, device.name));
    Ok(device)
}

/// Sets the runtime up and, before the first use of a GPU in a precision, has it prove itself. Gives the kernels to use.
pub(super) fn prove_device(device: &DeviceInfo, precision: Precision) -> Result<Fusion, BackendError> {
    device.check_precision(precision)?;
    if device.kind == BackendKind::Cpu && precision != Precision::F32 {
        output::note(format_args!("imitating {precision} on the processor, which is slower than f32"));
    }
    configure_runtime();
    let announce = |device: &DeviceInfo| {
        let with = if precision == Precision::F32 { String::new() } else { format!(" in {precision}") };
        output::note(format_args!("first use of {}{with}: comparing it with the processor…", device.name));
    };
    selftest::ensure(device, precision, &cache_folder(), announce)
        .map_err(|error| BackendError::Failed { choice: device.choice.clone(), reason: error.to_string() })
}
