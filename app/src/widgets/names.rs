//! Names and texts that users give, which may be of any length, in the room that there is. The whole is told on hovering, and to
//! assistive technology.

use egui::{
    Color32, ComboBox, FontId, Label, Response, RichText, ScrollArea, TextStyle, Ui, WidgetInfo, WidgetType,
    text::{LayoutJob, TextWrapping},
};

/// Widest that a button or an entry of a list is for its name's sake.
const WIDEST: f32 = 260.0;
/// Letters of a name within a sentence.
const LETTERS: usize = 40;

/// A name cut for a sentence.
#[must_use]
pub fn shortened(name: &str) -> String {
    let mut letters = name.chars();
    let beginning: String = letters.by_ref().take(LETTERS).collect();
    // The sign would take the place of a single letter.
    if letters.count() > 1 { format!("{}…", beginning.trim_end()) } else { name.to_owned() }
}

/// A text cut to a width, in one line.
#[must_use]
pub fn elided(ui: &Ui, text: &str, font: &FontId, width: f32) -> String {
    let mut job = LayoutJob::simple_singleline(text.to_owned(), font.clone(), Color32::PLACEHOLDER);
    job.wrap = TextWrapping::truncate_at_width(width.max(24.0));
    let galley = ui.painter().layout_job(job);
    match galley.rows.first() {
        Some(row) if galley.elided => row.text(),
        _ => text.to_owned(),
    }
}

/// The same in the font of buttons.
fn elided_on_button(ui: &Ui, text: &str, width: f32) -> String {
    elided(ui, text, &TextStyle::Button.resolve(ui.style()), width)
}

fn whole_on_hover(response: Response, whole: &str, shown: &str) -> Response {
    if whole == shown { response } else { response.on_hover_text(whole) }
}

/// A small button with a name, which never takes more than a line.
pub fn name_button(ui: &mut Ui, name: &str) -> Response {
    let room = ui.max_rect().width() - 2.0 * ui.spacing().button_padding.x;
    let shown = elided_on_button(ui, name, room.min(WIDEST));
    let response = ui.small_button(&shown);
    let enabled = ui.is_enabled();
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, enabled, name));
    whole_on_hover(response, name, &shown)
}

/// An entry of a list, with a name.
pub fn name_entry(ui: &mut Ui, selected: bool, name: &str) -> Response {
    let room = (ui.ctx().content_rect().width() - 80.0).min(1.5 * WIDEST);
    let shown = elided_on_button(ui, name, room);
    let response = ui.selectable_label(selected, &shown);
    response.widget_info(|| WidgetInfo::selected(WidgetType::SelectableLabel, true, selected, name));
    whole_on_hover(response, name, &shown)
}

/// A list that opens under what is chosen in it, as wide whatever that is; `name` is what assistive technology calls it.
pub fn name_list(
    ui: &mut Ui,
    salt: impl std::hash::Hash + std::fmt::Debug,
    (name, chosen): (&str, &str),
    width: f32,
    content: impl FnOnce(&mut Ui),
) -> Response {
    // Beside the padding stands the sign of a list.
    let room =
        width - 2.0 * ui.spacing().button_padding.x - ui.spacing().icon_width - ui.spacing().icon_spacing;
    let shown = elided_on_button(ui, chosen, room);
    let list = ComboBox::from_id_salt(salt).selected_text(shown.as_str()).width(width);
    let response = list.show_ui(ui, content).response;
    let enabled = ui.is_enabled();
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(WidgetType::ComboBox, enabled, name);
        info.current_text_value = Some(chosen.to_owned());
        info
    });
    whole_on_hover(response, chosen, &shown)
}

/// A text in lines, as high as they are, up to a height from which on they are scrolled.
pub fn capped(ui: &mut Ui, salt: &str, text: RichText, height: f32) {
    ScrollArea::vertical()
        .id_salt(salt)
        .max_height(height)
        // Also where the page around it, which is scrolled itself, has little room left.
        .min_scrolled_height(height)
        .auto_shrink([false, true])
        .show(ui, |ui| ui.add(Label::new(text).wrap()));
}

/// Goes on in the next line if this one has less room than something needs, where lines are wrapped: most widgets that are put
/// together of others would be cut off instead.
pub fn wrap_before(ui: &mut Ui, needed: f32) {
    let begun = ui.cursor().left() > ui.max_rect().left() + 1.0;
    if ui.layout().main_wrap() && begun && ui.available_size_before_wrap().x < needed {
        ui.end_row();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_cut_between_letters_and_only_if_that_helps() {
        assert_eq!(shortened("mine"), "mine");
        let just = "é".repeat(LETTERS + 1);
        assert_eq!(shortened(&just), just);
        assert_eq!(shortened(&"é".repeat(300)), format!("{}…", "é".repeat(LETTERS)));
    }

    #[test]
    fn a_text_is_cut_to_a_width() {
        let context = egui::Context::default();
        let mut shown = Vec::new();
        let _ = context.run_ui(egui::RawInput::default(), |ui| {
            shown =
                ["mine", &"m".repeat(300)].map(|name| elided(ui, name, &FontId::default(), 100.0)).to_vec();
        });
        assert_eq!(shown[0], "mine");
        assert!(shown[1].ends_with('…') && shown[1].chars().count() < 20, "{shown:?}");
    }
}
