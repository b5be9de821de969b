//! Settings: what is kept between starts.

use egui::{Context, Ui};

use crate::page::{Env, PageView};

/// The page's state.
pub struct SettingsPage {}

impl SettingsPage {
    /// Nothing edited.
    #[must_use]
    pub fn new(_context: &Context) -> Self {
        Self {}
    }
}

impl PageView for SettingsPage {
    fn ui(&mut self, ui: &mut Ui, _env: &mut Env<'_>) {
        ui.label("Settings");
    }
}
