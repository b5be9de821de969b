//! What is shown of a training wherever it is: its curves as charts, its evaluations in a table, and how it stands.

pub(crate) mod chart;
pub(crate) mod charts;
pub(crate) mod evaluations;
pub(crate) mod series;

use egui::Color32;
use spanbert_core::run::RunStatus;

use crate::theme::Tokens;

/// A status in a word, its colour and its ground.
pub(crate) fn status_look(status: RunStatus, tokens: &Tokens) -> (&'static str, Color32, Color32) {
    match status {
        RunStatus::Running => ("Running", tokens.success, tokens.success_soft),
        RunStatus::Paused => ("Paused", tokens.warning, tokens.warning_soft),
        RunStatus::Completed => ("Completed", tokens.accent, tokens.accent_soft),
        RunStatus::Stopped => ("Stopped", tokens.text_muted, tokens.control),
        RunStatus::Failed => ("Failed", tokens.error, tokens.error_soft),
        RunStatus::Interrupted => ("Interrupted", tokens.warning, tokens.warning_soft),
    }
}
