//! What the trainer told: its log, with warnings and errors above.

use crate::symbols as icon;
use egui::{FontId, Label, RichText, ScrollArea, TextStyle, Ui};
use spanbert_core::run::{Curves, Severity};

use crate::{
    theme::{CAPTION_SIZE, GAP, Tokens},
    widgets::{card, time_ago},
};

/// How many messages are shown above the log.
const SHOWN: usize = 6;

/// Draws messages and log.
pub(super) fn ui(ui: &mut Ui, curves: &Curves, log: &str) {
    let tokens = Tokens::of(ui);
    if !curves.messages.is_empty() {
        card(ui, "Messages", |ui| {
            for message in curves.messages.iter().rev().take(SHOWN) {
                let (symbol, color) = match message.severity {
                    Severity::Note => (icon::INFO, tokens.text_muted),
                    Severity::Warning => (icon::WARNING, tokens.warning),
                    Severity::Error => (icon::WARNING_CIRCLE, tokens.error),
                };
                ui.horizontal_top(|ui| {
                    ui.label(RichText::new(symbol).color(color));
                    let ago =
                        RichText::new(time_ago(&message.time)).size(CAPTION_SIZE).color(tokens.text_muted);
                    ui.label(ago).on_hover_text(&message.time);
                    ui.add(Label::new(RichText::new(&message.text).color(color)).wrap());
                });
            }
        });
        ui.add_space(GAP / 2.0);
    }
    if log.is_empty() {
        ui.label(RichText::new("The log is empty so far").color(tokens.text_muted));
        return;
    }
    let lines: Vec<&str> = log.lines().collect();
    let font = FontId::monospace(TextStyle::Small.resolve(ui.style()).size + 1.0);
    let row = ui.fonts_mut(|fonts| fonts.row_height(&font));
    card(ui, "Log", |ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        ScrollArea::both().id_salt("log").auto_shrink(false).stick_to_bottom(true).show_rows(
            ui,
            row,
            lines.len(),
            |ui, shown| {
                for line in lines.get(shown).unwrap_or_default() {
                    ui.add(Label::new(RichText::new(*line).font(font.clone())).extend());
                }
            },
        );
    });
}
