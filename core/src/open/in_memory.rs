//! A checkpoint in memory opened on a device without keeping the thread, as a browser asks for it.

use std::sync::Arc;

use spanbert_backends::{DeviceChoice, Precision};

use super::{LOOKING_FOR_DEVICE, Notice, Notices, OpenError, OpenedModel, Purpose, TestedDevices, tell};
use crate::checkpoint::{Files, LoadOptions, load_files};

impl OpenedModel {
    /// Loads a checkpoint from memory, which is given back before the model goes to the device, and opens it in f32 on the chosen
    /// device. With [`DeviceChoice::Auto`] a GPU that cannot be used is passed over, with a word why, for the processor.
    /// `lower_case` is the user's word on casing, else the checkpoint decides.
    ///
    /// # Errors
    /// If the files are no checkpoint, the device is not there or fails, or the callback gives up.
    pub async fn open_files(
        files: Files,
        choice: &DeviceChoice,
        lower_case: Option<bool>,
        devices: &mut TestedDevices,
        notices: Notices<'_>,
    ) -> Result<Self, OpenError> {
        let mut say = |notice| if notices(notice) { Ok(()) } else { Err(OpenError::Cancelled) };
        say(Notice::Stage("Reading the checkpoint".into()))?;
        let checkpoint = load_files(&files, LoadOptions { lower_case, ..LoadOptions::default() })?;
        let tokenizer = Arc::new(checkpoint.tokenizer()?);
        tell(&checkpoint, files.name(), &mut |notice| say(notice).is_ok())?;
        drop(files);
        say(Notice::Stage(LOOKING_FOR_DEVICE.into()))?;
        let mut notices = |notice| say(notice).is_ok();
        let (device, fusion) = devices.trusted(choice, Purpose::Answering, &mut notices).await?;
        say(Notice::Stage("Putting the model on the device".into()))?;
        Ok(Self::on_device(checkpoint, tokenizer, (device, fusion), Precision::F32)?)
    }
}
