//! The top of a run's page: what it is called, how it stands, how far it is, and what can be done with it.

use crate::symbols as icon;
use egui::{Label, ProgressBar, RichText, Ui};
use spanbert_core::run::{Curves, Phase};

use super::follow::Look;
use crate::{
    pages::curves::{chart::plain, status_look},
    theme::{CAPTION_SIZE, TITLE_SIZE, Tokens},
    widgets::{best_score, bytes, count, duration, fact, icon_button, pill, run_title, score_name, time_ago},
};

/// A phase in words.
pub(super) fn phase_words(phase: Phase) -> &'static str {
    match phase {
        Phase::Loading => "Reading checkpoint and data",
        Phase::Tokenising => "Tokenising",
        Phase::Probing => "Trying the longest batch",
        Phase::Training => "Training",
        Phase::Evaluating => "Evaluating",
        Phase::Saving => "Saving",
        Phase::Paused => "Paused",
        Phase::Finished => "Finished",
    }
}

/// Draws name and status. Gives whether the user wants back to the list.
pub(super) fn title_ui(ui: &mut Ui, name: &str, look: Option<&Look>) -> bool {
    let tokens = Tokens::of(ui);
    ui.horizontal_wrapped(|ui| {
        let back = icon_button(ui, icon::ARROW_LEFT, "Back to all runs").clicked();
        ui.label(RichText::new(run_title(name)).size(TITLE_SIZE).strong());
        if let Some(summary) = look.and_then(|look| look.summary.as_ref()) {
            let (word, color, ground) = status_look(summary.status, &tokens);
            pill(ui, word, color, ground);
        }
        if let Some(started) = look.and_then(started) {
            let text = format!("started {}", time_ago(started));
            ui.label(RichText::new(text).size(CAPTION_SIZE).color(tokens.text_muted)).on_hover_text(name);
        }
        back
    })
    .inner
}

fn started(look: &Look) -> Option<&str> {
    let state = look.summary.as_ref()?.state.as_ref();
    look.environment
        .as_ref()
        .map(|environment| environment.started.as_str())
        .or(state.map(|state| state.started.as_str()))
}

/// Draws how far the run is and its figures.
pub(super) fn progress_ui(ui: &mut Ui, look: &Look, curves: &Curves) {
    let tokens = Tokens::of(ui);
    let Some(state) = look.summary.as_ref().and_then(|summary| summary.state.as_ref()) else { return };
    let last = curves.steps.last();
    let step = state.step.max(last.map_or(0, |last| last.step));
    if state.total_steps > 0 {
        let share = step as f32 / state.total_steps as f32;
        let bar = ProgressBar::new(share).desired_height(6.0).fill(tokens.accent);
        ui.add(bar);
    }
    let live = look.is_live();
    let phase = match &curves.phase {
        Some((phase, Some(detail))) if live => format!("{} ({detail})", phase_words(*phase)),
        _ if live => phase_words(state.phase).to_owned(),
        _ => "Ended".to_owned(),
    };
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = egui::vec2(26.0, 6.0);
        let mut told = |caption: &str, value: String| {
            cell(ui, caption, &value);
        };
        told("Phase", phase);
        if state.total_steps > 0 {
            told("Update", format!("{} of {}", count(step), count(state.total_steps)));
        }
        if let Some(last) = last {
            told("Epoch", format!("{}", last.epoch + 1));
            told("Elapsed", duration(last.elapsed_secs));
        }
        if live && let Some(eta) = state.eta_secs.or(last.and_then(|last| last.eta_secs)) {
            told("Remaining", duration(eta));
        }
        if let Some(last) = last {
            told("Loss", plain(last.loss));
            told(&format!("{}s per second", capital(last.row())), plain(last.windows_per_sec));
        }
        if let Some(best) = &state.best {
            told(&capital(&score_name(&best.metric)), best_score(best));
        }
        if let Some(memory) = last.and_then(|last| last.memory_bytes) {
            told("Device memory", bytes(memory));
        }
        if let Some(memory) = look.host_memory {
            told("Host memory", bytes(memory));
        }
        if let Some(environment) = &look.environment {
            told("Device", environment.device.clone());
            if let Some(workers) = &environment.workers {
                told("Workers", workers.count.to_string());
            }
        }
        if let Some(times) = last.and_then(|last| last.workers.as_ref()) {
            let waits: Vec<String> =
                times.wait_secs.iter().map(|secs| format!("{:.1}", secs * 1e3)).collect();
            told("Exchange", format!("{:.1} ms", times.exchange_secs * 1e3));
            told("Waits by worker", format!("{} ms", waits.join(", ")));
        }
    });
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

/// A figure under its caption, as wide as it needs.
fn cell(ui: &mut Ui, caption: &str, value: &str) {
    let longest = value.chars().count().max(caption.chars().count()) as f32;
    let width = (longest * 8.2 + 4.0).clamp(40.0, 280.0);
    ui.allocate_ui(egui::vec2(width, 36.0), |ui| {
        ui.set_max_width(width);
        if value.chars().count() > 34 {
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                let muted = Tokens::of(ui).text_muted;
                ui.label(RichText::new(caption).size(CAPTION_SIZE).color(muted));
                ui.add(Label::new(value).truncate());
            });
        } else {
            fact(ui, caption, value);
        }
    });
}
