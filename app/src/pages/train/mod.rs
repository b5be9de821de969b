//! Train: device, checkpoint, data and recipe of a new run.

pub mod devices;

use std::path::Path;

use egui::{Context, Ui};

use crate::page::{Env, PageView};

/// The page's state.
pub struct TrainPage {}

impl TrainPage {
    /// An empty form.
    #[must_use]
    pub fn new(_context: &Context) -> Self {
        Self {}
    }

    /// Fills the form with a run's recipe and sources.
    pub fn fill_from(&mut self, _run: &Path) {}
}

impl PageView for TrainPage {
    fn ui(&mut self, ui: &mut Ui, _env: &mut Env<'_>) {
        ui.label("Train");
    }
}
