//! The two kinds of training, as the page sees them.

use std::{ffi::OsString, path::PathBuf};

use egui::{Context, Ui};
use spanbert_backends::DeviceInfo;
use spanbert_core::train::PastSpeed;

use crate::{dialogs::Purpose, page_view::Env};

/// Which of them is to be started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// On questions and their answers.
    #[default]
    FineTune,
    /// On running text.
    Pretrain,
}

/// What differs between them: sources, recipe and command. Device, name, estimate and start are the page's.
pub(super) trait Task {
    /// Takes in what threads have found.
    fn poll(&mut self, context: &Context);

    /// Puts what the last training was started with into the fields.
    fn restore(&mut self, context: &Context, env: &Env<'_>);

    /// Draws where model and data come from; of a run that is resumed, what may have moved.
    fn sources_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>);

    /// Draws the recipe.
    fn recipe_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>);

    /// Draws what the training will take.
    fn estimate_ui(&mut self, ui: &mut Ui, device: Option<&DeviceInfo>, speeds: &[PastSpeed]);

    /// What keeps it from starting, a phrase each.
    fn missing(&self, device: Option<&DeviceInfo>) -> Vec<String>;

    /// A word for the run's name.
    fn word(&self) -> &str;

    /// The command with its files, for a new run; what it is started with is remembered.
    fn command(&self, env: &mut Env<'_>) -> Vec<OsString>;

    /// The same for a run that is resumed, without the run.
    fn resuming(&self) -> Vec<OsString>;

    /// The recipe as a file's text.
    fn recipe(&self) -> String;

    /// A path that was chosen or dropped. Gives whether there was a use for it.
    fn take_path(&mut self, context: &Context, purpose: Purpose, path: PathBuf, env: &mut Env<'_>) -> bool;
}
