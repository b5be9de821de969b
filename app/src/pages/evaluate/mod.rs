//! Evaluate: scores and predictions of a run's evaluations.

use std::path::PathBuf;

use egui::{Context, Ui};

use crate::page::{Env, PageView};

/// The page's state.
pub struct EvaluatePage {}

impl EvaluatePage {
    /// Nothing chosen.
    #[must_use]
    pub fn new(_context: &Context) -> Self {
        Self {}
    }

    /// Shows the evaluation of a run after `step` updates, or its best.
    pub fn show(&mut self, _run: PathBuf, _step: Option<usize>) {}
}

impl PageView for EvaluatePage {
    fn ui(&mut self, ui: &mut Ui, _env: &mut Env<'_>) {
        ui.label("Evaluate");
    }
}
