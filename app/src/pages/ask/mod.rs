//! Ask: a passage, a question, and what loaded checkpoints make of them.

use egui::{Context, Ui};

use crate::page::{Env, PageView};

/// The page's state.
pub struct AskPage {}

impl AskPage {
    /// No checkpoint, no passage.
    #[must_use]
    pub fn new(_context: &Context) -> Self {
        Self {}
    }
}

impl PageView for AskPage {
    fn ui(&mut self, ui: &mut Ui, _env: &mut Env<'_>) {
        ui.label("Ask");
    }
}
