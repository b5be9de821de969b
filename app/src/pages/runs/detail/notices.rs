//! What went wrong with a run, or is not there yet.

use std::time::Duration;

use crate::symbols as icon;
use egui::{RichText, Ui};
use spanbert_core::run::RunStatus;

use super::RunDetail;
use crate::{
    action::Action,
    launch::Ended,
    page::Page,
    page_view::Env,
    theme::{CAPTION_SIZE, GAP, Tokens},
    widgets::{Severity, busy, count, notice, short_path, symbol_button},
};

/// How long a run that was just opened may have no trainer without being called interrupted.
const STARTING: Duration = Duration::from_secs(10);

impl RunDetail {
    /// What is shown while the folder holds no run. Gives whether the user wants back to the list.
    pub(super) fn absent_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) -> bool {
        let mut back = false;
        if let Some(ended) = &self.ended {
            let text = format!("The training did not begin. The trainer said:\n\n{}", words_of(ended));
            notice(ui, Severity::Error, &text);
            ui.add_space(GAP);
            ui.horizontal(|ui| {
                if symbol_button(ui, icon::GRADUATION_CAP, "Back to the form", true).clicked() {
                    env.ask(Action::Go(Page::Train));
                }
                back = symbol_button(ui, icon::LIST_DASHES, "All runs", true).clicked();
            });
        } else if self.seen {
            let text = format!(
                "This run folder is gone: {} was moved or deleted while it was shown",
                short_path(&self.root, 90)
            );
            notice(ui, Severity::Warning, &text);
            ui.add_space(GAP);
            back = symbol_button(ui, icon::LIST_DASHES, "All runs", true).clicked();
        } else if self.opened.elapsed() < Duration::from_secs(30) {
            busy(ui, "Starting the trainer");
            let text = format!("Its folder will be {}", short_path(&self.root, 90));
            ui.label(RichText::new(text).size(CAPTION_SIZE).color(Tokens::of(ui).text_muted));
        } else {
            notice(ui, Severity::Warning, &format!("{} holds no run", short_path(&self.root, 90)));
        }
        back
    }

    /// Draws what the user should know before anything else.
    pub(super) fn notices_ui(&self, ui: &mut Ui) {
        let Some(look) = &self.look else { return };
        if self.resuming.is_some_and(|since| since.elapsed() < Duration::from_secs(60)) {
            busy(ui, "Starting the trainer");
            ui.add_space(GAP / 2.0);
            return;
        }
        let state = look.summary.as_ref().and_then(|summary| summary.state.as_ref());
        let text = match self.status() {
            Some(RunStatus::Failed) => {
                let why = state
                    .and_then(|state| state.error.clone())
                    .unwrap_or_else(|| "no reason was left".to_owned());
                Some((Severity::Error, format!("The training failed: {why}")))
            }
            Some(RunStatus::Interrupted)
                if self.opened.elapsed() < STARTING && self.curves.steps.is_empty() =>
            {
                ui.ctx().request_repaint_after(STARTING);
                None
            }
            Some(RunStatus::Interrupted) => {
                let from = match self.curves.checkpoint {
                    Some(step) => {
                        format!("nothing up to the checkpoint after update {} is lost", count(step))
                    }
                    None => "it begins again, as there is no checkpoint yet".to_owned(),
                };
                let text = format!(
                    "The trainer ended without a message: it was killed, or the machine went down. Resume it; {from}."
                );
                Some((Severity::Warning, text))
            }
            _ => None,
        };
        if let Some((severity, text)) = text {
            notice(ui, severity, &text);
            ui.add_space(GAP / 2.0);
        }
        if let Some(ended) = &self.ended {
            notice(ui, Severity::Error, &format!("The trainer could not continue:\n{}", words_of(ended)));
            ui.add_space(GAP / 2.0);
        }
        if let Some(error) = &look.error {
            notice(ui, Severity::Error, error);
            ui.add_space(GAP / 2.0);
        }
    }
}

/// The last words of a trainer.
fn words_of(ended: &Ended) -> String {
    if !ended.output.trim().is_empty() {
        return ended.output.clone();
    }
    ended.code.map_or_else(
        || "nothing: it was killed".to_owned(),
        |code| format!("nothing, and ended with code {code}"),
    )
}
