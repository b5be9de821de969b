//! Models that a browser keeps, and a model at an address.

use std::path::Path;

use egui::{Margin, RichText, TextEdit, Ui};

use crate::{
    files,
    library::{Fetching, Library},
    theme::{CAPTION_SIZE, Tokens},
    widgets::{busy, bytes, checkpoint_name, named},
};

/// Draws the models that are kept, to be opened, and the field for an address.
pub(super) fn ui(ui: &mut Ui, library: &Library, address: &mut String) {
    let muted = Tokens::of(ui).text_muted;
    let caption = |ui: &mut Ui, text: &str| {
        ui.label(RichText::new(text).size(CAPTION_SIZE).color(muted));
    };
    let kept = library.kept();
    if !kept.is_empty() {
        ui.horizontal_wrapped(|ui| {
            caption(ui, "Kept in this browser");
            for model in kept {
                if ui.small_button(&model.name).on_hover_text(bytes(model.bytes)).clicked() {
                    library.open(&model.name);
                }
            }
        });
    }
    ui.horizontal_wrapped(|ui| {
        caption(ui, "Or fetch");
        let field = TextEdit::singleline(address)
            .hint_text("Address of a checkpoint's folder, or OWNER/NAME of the hub")
            .desired_width((ui.available_width() - 120.0).clamp(120.0, 420.0))
            .margin(Margin::symmetric(8, 3));
        named(ui.add(field), "Address of a checkpoint");
        match library.fetching() {
            None => {
                let ready = !address.trim().is_empty();
                if ui.add_enabled(ready, egui::Button::new("Fetch")).clicked() {
                    library.fetch(address.trim());
                }
            }
            Some(fetching) => {
                busy(ui, &progress(&fetching));
                if ui.button("Cancel fetching").clicked() {
                    library.cancel();
                }
            }
        }
    });
}

/// Draws the button that keeps a model, if it is not kept yet.
pub(super) fn keep_ui(ui: &mut Ui, library: &Library, folder: &Path) {
    let name = checkpoint_name(folder);
    if files::within(folder).is_empty() || library.kept().iter().any(|kept| kept.name == name) {
        return;
    }
    if library.is_keeping() {
        return busy(ui, "Keeping");
    }
    let hint = "Writes its files to the storage that this browser has for the page; the settings list and delete them";
    if ui.button("Keep in this browser").on_hover_text(hint).clicked() {
        library.keep(folder);
    }
}

fn progress(fetching: &Fetching) -> String {
    match fetching {
        Fetching { file, .. } if file.is_empty() => "Looking".to_owned(),
        Fetching { file, done, total: 0 } => format!("{file}: {}", bytes(*done)),
        Fetching { file, done, total } => format!("{file}: {} of {}", bytes(*done), bytes(*total)),
    }
}
