//! Opening a checkpoint on a device, with notices on standard error.

use std::path::{Path, PathBuf};

use spanbert_backends::{BackendError, DeviceChoice, DeviceInfo, Fusion, Precision};

use super::{
    error::CliError,
    flags::{CasingArgs, WindowArgs},
    output,
};
use spanbert_core::{
    features::WindowOptions,
    open::{self, Notice, OpenOptions},
    run::counted,
};
pub(super) use spanbert_core::{open::OpenedModel, user_folders::cache_folder};

/// Prints a notice; stages pass too quickly to be worth a line.
fn print(notice: Notice) -> bool {
    match notice {
        Notice::Stage(_) => {}
        Notice::Note(text) => output::note(text),
        Notice::Warning(text) => output::warn(text),
    }
    true
}

/// Loads a checkpoint folder and opens it on the chosen device.
pub(super) fn open_model(
    folder: &Path,
    choice: &DeviceChoice,
    casing: CasingArgs,
    precision: Precision,
) -> Result<OpenedModel, CliError> {
    Ok(OpenedModel::open(folder, choice, casing.do_lower_case, precision, &mut print)?)
}

/// Opens checkpoints that answer together; the first's settings are those of all.
pub(super) fn open_ensemble(
    (folder, others): (&Path, &[PathBuf]),
    choice: &DeviceChoice,
    casing: CasingArgs,
    precision: Precision,
    window: WindowArgs,
) -> Result<OpenedModel, CliError> {
    let options = OpenOptions { choice: choice.clone(), lower_case: casing.do_lower_case, precision };
    let windows = |stored| window.over(stored);
    Ok(OpenedModel::open_ensemble(folder, others, &options, &windows, &mut print)?)
}

/// How many windows are answered at once; a note if they are fewer than wanted.
pub(super) fn eval_batch(model: &OpenedModel, wanted: usize, windows: &WindowOptions) -> usize {
    let rows = model.eval_batch(wanted, windows);
    if rows < wanted {
        output::note(format_args!(
            "answering {} at once instead of {wanted}, to fit on the device",
            counted(rows, "window")
        ));
    }
    rows
}

/// [`open::configure_runtime`], with notices on standard error.
pub(super) fn configure_runtime() {
    open::configure_runtime(&mut print);
}

/// [`open::find_device`], with notices on standard error.
pub(super) fn find_device(choice: &DeviceChoice) -> Result<DeviceInfo, CliError> {
    Ok(open::find_device(choice, &mut print)?)
}

/// [`open::prove_device`], with notices on standard error.
pub(super) fn prove_device(device: &DeviceInfo, precision: Precision) -> Result<Fusion, BackendError> {
    open::prove_device(device, precision, &mut print)
}
