//! What a page shows besides its content: its title, that it is empty, busy, or that something is wrong.

use crate::symbols as icon;
use egui::{Align, CollapsingHeader, Color32, Frame, Label, Layout, Margin, RichText, TextStyle, Ui};

use super::{count, wrap_before};
use crate::theme::{CAPTION_SIZE, CARD_RADIUS, GAP, TITLE_SIZE, Tokens};

/// How serious a [`notice`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Something to look at.
    Warning,
    /// Something failed.
    Error,
}

/// The page's title with a line under it, and buttons at the right, added from right to left.
pub fn page_header(ui: &mut Ui, title: &str, subtitle: &str, buttons: impl FnOnce(&mut Ui)) {
    let muted = Tokens::of(ui).text_muted;
    ui.horizontal(|ui| {
        ui.label(RichText::new(title).size(TITLE_SIZE).strong());
        ui.with_layout(Layout::right_to_left(Align::Center), buttons);
    });
    if !subtitle.is_empty() {
        ui.add(Label::new(RichText::new(subtitle).color(muted)).wrap());
    }
    ui.add_space(GAP);
}

/// A message in place, over the full width, with room for a button at its end.
pub fn notice(ui: &mut Ui, severity: Severity, text: &str) {
    let tokens = Tokens::of(ui);
    let (symbol, color, ground) = match severity {
        Severity::Info => (icon::INFO, tokens.accent, tokens.accent_soft),
        Severity::Warning => (icon::WARNING, tokens.warning, tokens.warning_soft),
        Severity::Error => (icon::WARNING_CIRCLE, tokens.error, tokens.error_soft),
    };
    let frame = Frame::new().fill(ground).corner_radius(CARD_RADIUS).inner_margin(Margin::symmetric(12, 8));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal_top(|ui| {
            ui.label(RichText::new(symbol).color(color).size(16.0));
            ui.vertical(|ui| {
                ui.set_width(ui.available_width());
                ui.add(Label::new(RichText::new(text).color(color)).wrap());
            });
        });
    });
}

/// How many warnings of one kind are listed.
const WARNINGS: usize = 8;

/// Warnings under a heading that counts them and unfolds; `salt` tells such lists apart.
pub fn warnings_list(ui: &mut Ui, about: &str, warnings: &[String], salt: &str) {
    if warnings.is_empty() {
        return;
    }
    let title = match warnings.len() {
        1 => format!("1 warning{about}"),
        several => format!("{} warnings{about}", count(several)),
    };
    let title = RichText::new(title).size(CAPTION_SIZE).color(Tokens::of(ui).warning);
    CollapsingHeader::new(title).id_salt(("warnings", salt)).show(ui, |ui| {
        for warning in warnings.iter().take(WARNINGS) {
            ui.add(Label::new(RichText::new(warning).size(CAPTION_SIZE)).wrap());
        }
        if warnings.len() > WARNINGS {
            let text = format!("and {} more", count(warnings.len() - WARNINGS));
            ui.label(RichText::new(text).size(CAPTION_SIZE));
        }
    });
}

/// Where content would be: what belongs here and how to get some. `actions` draws buttons below the text.
pub fn empty_state(ui: &mut Ui, symbol: &str, title: &str, text: &str, actions: impl FnOnce(&mut Ui)) {
    let tokens = Tokens::of(ui);
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.22).clamp(16.0, 140.0));
        ui.label(RichText::new(symbol).size(40.0).color(tokens.text_muted));
        ui.add_space(4.0);
        ui.label(RichText::new(title).size(17.0).strong());
        ui.allocate_ui(egui::vec2(ui.available_width().min(440.0), 0.0), |ui| {
            ui.vertical_centered(|ui| {
                ui.add(Label::new(RichText::new(text).color(tokens.text_muted)).wrap());
            });
        });
        ui.add_space(GAP);
        actions(ui);
    });
}

/// A turning sign with what is being done, in a line.
pub fn busy(ui: &mut Ui, text: &str) {
    let font = TextStyle::Body.resolve(ui.style());
    let width = ui.painter().layout_no_wrap(text.to_owned(), font, Color32::PLACEHOLDER).size().x;
    let needed = width + ui.spacing().interact_size.y + ui.spacing().item_spacing.x;
    wrap_before(ui, needed);
    ui.horizontal(|ui| {
        ui.spinner();
        ui.add(Label::new(text).truncate());
    });
}
