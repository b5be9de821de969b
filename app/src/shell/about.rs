//! The windows for shortcuts and licences.

use egui::{Context, Grid, Id, Modal, RichText, ScrollArea, Ui};

use crate::{
    TITLE,
    command::Command,
    theme::{CARD_TITLE_SIZE, GAP, Tokens},
    widgets::{about_text, primary_button},
};

/// What is shown over the pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Shown {
    #[default]
    Nothing,
    Shortcuts,
    About,
}

/// The state of these windows.
#[derive(Debug, Default)]
pub(super) struct About {
    shown: Shown,
}

impl About {
    pub(super) fn show_shortcuts(&mut self) {
        self.shown = Shown::Shortcuts;
    }

    pub(super) fn show_about(&mut self) {
        self.shown = Shown::About;
    }

    pub(super) fn ui(&mut self, context: &Context) {
        if self.shown == Shown::Nothing {
            return;
        }
        let response = Modal::new(Id::new("about")).show(context, |ui| {
            ui.set_width(420.0_f32.min(context.content_rect().width() - 48.0));
            match self.shown {
                Shown::Shortcuts => shortcuts(ui),
                _ => about(ui),
            }
            ui.add_space(GAP);
            primary_button(ui, "Close", true).clicked()
        });
        if response.inner || response.should_close() {
            self.shown = Shown::Nothing;
        }
    }
}

fn shortcuts(ui: &mut Ui) {
    ui.label(RichText::new("Keyboard shortcuts").size(CARD_TITLE_SIZE).strong());
    ui.add_space(GAP);
    ScrollArea::vertical().max_height(360.0).show(ui, |ui| {
        Grid::new("shortcuts").num_columns(2).spacing([32.0, 6.0]).show(ui, |ui| {
            for command in Command::offered().filter(|command| command.shortcut().is_some()) {
                ui.label(command.name());
                ui.label(RichText::new(command.keys(ui.ctx())).monospace().color(Tokens::of(ui).text_muted));
                ui.end_row();
            }
        });
    });
}

/// Version, licences, and what is not ours.
fn about(ui: &mut Ui) {
    ui.label(RichText::new(format!("{TITLE} {}", env!("SPANBERT_VERSION"))).size(CARD_TITLE_SIZE).strong());
    ui.add_space(GAP);
    about_text(ui);
}
