//! Models that a browser keeps, and a model at an address.

use std::path::Path;

use crate::symbols as icon;
use egui::{Margin, RichText, TextEdit, Ui, WidgetInfo, WidgetType};

use crate::{
    files,
    library::{Fetching, Library},
    theme::{CAPTION_SIZE, Tokens},
    widgets::{busy, bytes, checkpoint_name, name_button, named, shortened},
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
                let button = name_button(ui, &model.name).on_hover_text(bytes(model.bytes));
                // One that was dropped may have this name, too.
                let name = format!("{}, kept in this browser", model.name);
                button.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, &name));
                if button.clicked() {
                    library.open(&model.name);
                }
            }
        });
    }
    ui.horizontal_wrapped(|ui| {
        caption(ui, "Or fetch");
        let field = TextEdit::singleline(address)
            .hint_text("Address of a checkpoint's folder, or OWNER/NAME of the hub")
            .desired_width((ui.available_size_before_wrap().x - 20.0).clamp(100.0, 420.0))
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

/// Draws the button that keeps a model, if it is not kept yet. If another one has its name, the user decides which of them stays.
pub(super) fn keep_ui(ui: &mut Ui, library: &Library, folder: &Path) {
    let name = checkpoint_name(folder);
    if files::within(folder).is_empty() || library.keeps(folder) {
        return;
    }
    if library.is_keeping() {
        return busy(ui, "Keeping");
    }
    const KEEP: &str = "Keep in this browser";
    if !library.has(&name) {
        let hint = "Writes its files to the storage that this browser has for the page; the settings list and delete them";
        if ui.button(KEEP).on_hover_text(hint).clicked() {
            library.keep(folder, &name, false);
        }
        return;
    }
    let menu = ui.menu_button(format!("{KEEP}  {}", icon::CARET_DOWN), |ui| {
        let (shown, free) = (shortened(&name), library.free_name(&name));
        if ui.button(format!("Replace the kept {shown}")).clicked() {
            library.keep(folder, &name, true);
        }
        // The number is at the end, which a long name does not show.
        let number = free.strip_prefix(&name).unwrap_or_default();
        if ui.button(format!("Keep both, this one as {shown}{number}")).clicked() {
            library.keep(folder, &free, false);
        }
    });
    menu.response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, KEEP));
    menu.response.on_hover_text("Another checkpoint of this name is kept");
}

fn progress(fetching: &Fetching) -> String {
    match fetching {
        Fetching { file, .. } if file.is_empty() => "Looking".to_owned(),
        Fetching { file, done, total: 0 } => format!("{file}: {}", bytes(*done)),
        Fetching { file, done, total } => format!("{file}: {} of {}", bytes(*done), bytes(*total)),
    }
}
