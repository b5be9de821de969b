//! Devices.

use egui::Ui;

use crate::probe::Probe;

/// Placeholder.
pub fn facts_list_ui(ui: &mut Ui, _probe: &Probe) {
    ui.label("Devices");
}
