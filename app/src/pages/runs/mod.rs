//! Runs: the list, and one run in detail.

use std::path::PathBuf;

use egui::{Context, Ui};

use crate::{
    launch::Ended,
    page::{Env, PageView},
};

/// The page's state.
pub struct RunsPage {}

impl RunsPage {
    /// Nothing selected.
    #[must_use]
    pub fn new(_context: &Context) -> Self {
        Self {}
    }

    /// Shows a run in detail.
    pub fn open(&mut self, _run: PathBuf) {}

    /// A trainer of this window ended without a word in its run folder.
    pub fn trainer_failed(&mut self, _ended: &Ended) {}
}

impl PageView for RunsPage {
    fn ui(&mut self, ui: &mut Ui, _env: &mut Env<'_>) {
        ui.label("Runs");
    }
}
