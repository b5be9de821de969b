//! A checkpoint in memory opened on a device without keeping the thread, as a browser asks for it.

use std::sync::Arc;

use spanbert_backends::{BackendError, DeviceChoice, DeviceInfo, Fusion, Precision, select};

use super::{LOOKING_FOR_DEVICE, Notice, Notices, OpenError, OpenedModel, tell};
use crate::{
    advice::Advice,
    checkpoint::{Checkpoint, Files, LoadOptions, load_files},
    engine::open_inference,
    selftest::check_answers,
};

impl OpenedModel {
    /// Loads a checkpoint from memory and opens it in f32 on the chosen device. With [`DeviceChoice::Auto`] a GPU that cannot be used
    /// is passed over, with a word why, for the processor. `lower_case` is the user's word on casing, else the checkpoint decides.
    ///
    /// # Errors
    /// If the files are no checkpoint, the device is not there or fails, or the callback gives up.
    pub async fn open_files(
        files: &Files,
        choice: &DeviceChoice,
        lower_case: Option<bool>,
        notices: Notices<'_>,
    ) -> Result<Self, OpenError> {
        let mut say = |notice| if notices(notice) { Ok(()) } else { Err(OpenError::Cancelled) };
        say(Notice::Stage("Reading the checkpoint".into()))?;
        let checkpoint = load_files(files, LoadOptions { lower_case, ..LoadOptions::default() })?;
        let tokenizer = Arc::new(checkpoint.tokenizer()?);
        tell(&checkpoint, files.name(), &mut |notice| say(notice).is_ok())?;
        let Checkpoint { config, weights, casing, report, stored, .. } = checkpoint;
        say(Notice::Stage(LOOKING_FOR_DEVICE.into()))?;
        let (device, fusion) = trusted_device(choice, &mut |notice| say(notice).is_ok()).await?;
        say(Notice::Stage("Putting the model on the device".into()))?;
        let engine = open_inference(&device.choice, fusion, &config, weights, Precision::F32)?;
        let do_lower_case = casing.do_lower_case;
        Ok(Self { engine, tokenizer, meta: stored.unwrap_or_default(), device, report, do_lower_case })
    }
}

/// The device that is meant, tested, and the kernels to use on it.
async fn trusted_device(
    choice: &DeviceChoice,
    notices: Notices<'_>,
) -> Result<(DeviceInfo, Fusion), OpenError> {
    let mut say = |notice| if notices(notice) { Ok(()) } else { Err(OpenError::Cancelled) };
    let may_fall_back = *choice == DeviceChoice::Auto;
    // Its obstacle is said again by `select`, where there is no way around it.
    if let Err(obstacle) = open_gpu(choice).await
        && may_fall_back
    {
        say(Notice::Note(format!("WebGPU is not used: {obstacle}")))?;
    }
    let device = select(choice)?;
    say(Notice::Note(format!("device: {} ({})", device.choice, device.name)))?;
    if device.software {
        say(Notice::Warning(format!("{} is a software rasteriser: right, but slow", device.name)))?;
    }
    if device.choice != DeviceChoice::Cpu {
        say(Notice::Stage("Comparing the GPU with the processor".into()))?;
    }
    match check_answers(&device).await.map_err(BackendError::from) {
        Ok(fusion) => Ok((device, fusion)),
        Err(error) if may_fall_back => {
            say(Notice::Warning(format!("the processor is used instead: {}", error.in_one_line())))?;
            Ok((select(&DeviceChoice::Cpu)?, Fusion::Fused))
        }
        Err(error) => Err(error.into()),
    }
}

/// Opens WebGPU if it may be meant.
#[cfg(all(feature = "wgpu", target_family = "wasm"))]
async fn open_gpu(choice: &DeviceChoice) -> Result<(), spanbert_backends::Obstacle> {
    match choice {
        DeviceChoice::Auto | DeviceChoice::Wgpu(_) => spanbert_backends::open_web_gpu().await.map(|_| ()),
        DeviceChoice::Cpu | DeviceChoice::Cuda(_) => Ok(()),
    }
}

/// Elsewhere devices need no opening.
#[cfg(not(all(feature = "wgpu", target_family = "wasm")))]
#[allow(clippy::unused_async, reason = "its twin for browsers waits")]
async fn open_gpu(_: &DeviceChoice) -> Result<(), spanbert_backends::Obstacle> {
    Ok(())
}
