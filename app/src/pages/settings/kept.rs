//! The models that a browser keeps for this page, and deleting them.

use egui::{Label, RichText, Ui};

use crate::{library::Library, theme::Tokens, widgets::bytes};

/// Draws them.
pub(super) fn ui(ui: &mut Ui, library: &Library) {
    let muted = Tokens::of(ui).text_muted;
    let text = "Checkpoints that you have had this browser keep, each with a button on the Ask page. They stay on this machine; the browser may delete them by itself where it runs out of room.";
    ui.add(Label::new(RichText::new(text).color(muted)).wrap());
    let kept = library.kept();
    if kept.is_empty() {
        ui.label("None is kept");
    }
    for model in kept {
        ui.horizontal_wrapped(|ui| {
            ui.add(Label::new(&model.name).truncate());
            ui.label(RichText::new(bytes(model.bytes)).color(muted));
            let button = ui.button("Delete");
            let name = format!("Delete {}", model.name);
            button.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Button, true, &name));
            if button.clicked() {
                library.forget(&model);
            }
        });
    }
}
