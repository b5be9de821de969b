//! A checkpoint's folder opened on a device of this machine.

use std::{path::Path, sync::Arc};

use spanbert_backends::{
    BackendError, BackendKind, DeviceChoice, DeviceInfo, Fusion, PORTABLE, Precision, runtime,
};

use super::{LOOKING_FOR_DEVICE, Notice, Notices, OpenError, OpenedModel, tell};
use crate::{
    advice::Advice,
    checkpoint::{LoadOptions, load},
    config::BertConfig,
    engine::memory::{Work, estimate},
    features::WindowOptions,
    selftest::{self, News},
    train::DeviceLimits,
    user_folders::cache_folder,
};

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
        say(Notice::Stage("Reading the checkpoint".into()))?;
        let options = LoadOptions { lower_case, ..LoadOptions::default() };
        let checkpoint = load(folder, options)?;
        let tokenizer = Arc::new(checkpoint.tokenizer()?);
        tell(&checkpoint, folder, &mut |notice| say(notice).is_ok())?;
        say(Notice::Stage(LOOKING_FOR_DEVICE.into()))?;
        let device = find_device(choice, &mut |notice| say(notice).is_ok())?;
        let fusion = prove_device(&device, precision, &mut |notice| say(notice).is_ok())?;
        say(Notice::Stage("Putting the model on the device".into()))?;
        Ok(Self::on_device(checkpoint, tokenizer, (device, fusion), precision)?)
    }

    /// How many windows are answered at once: as many as wanted, if they fit on the device.
    #[must_use]
    pub fn eval_batch(&self, wanted: usize, windows: &WindowOptions) -> usize {
        let limits = DeviceLimits::from(&self.device);
        let (own, length) = (self.engine.config(), windows.max_seq_length);
        if self.in_turn {
            let rows = |config: &BertConfig| limits.inference_rows(config, wanted, length);
            return self.others.iter().map(rows).fold(rows(own), usize::min);
        }
        let takes =
            |config: &BertConfig| estimate(config, wanted, length, limits.backend, Work::Inference).total;
        let others: u64 = self.others.iter().map(takes).sum();
        let memory_bytes = limits.memory_bytes.map(|bytes| bytes.saturating_sub(others));
        DeviceLimits { memory_bytes, ..limits }.inference_rows(own, wanted, length)
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
    if device.kind == BackendKind::Cpu && spanbert_backends::portable() {
        notices(Notice::Note(format!(
            "{PORTABLE} is set: results have the same bits on every processor, and take longer"
        )));
    }
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
    if device.kind == BackendKind::Cpu && !device.precisions.contains(&precision) {
        notices(Notice::Note(match precision {
            Precision::Int8 => {
                "this processor has no dot products of 8-bit integers: int8 runs in plain code, more slowly \
                than f32"
                    .to_owned()
            }
            _ => format!("imitating {precision} on the processor, which is slower than f32"),
        }));
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
