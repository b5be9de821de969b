//! Answerable and unanswerable questions against answered and not, and what became of them; all of it filters.

use egui::{Button, RichText, Ui, WidgetInfo, WidgetType};

use super::{
    filter::{Cell, Filter},
    live::Live,
};
use crate::{
    theme::{CAPTION_SIZE, Tokens},
    widgets::count,
};

/// Draws the four cells.
pub(super) fn ui(ui: &mut Ui, live: &Live, filter: &mut Filter) {
    let tokens = Tokens::of(ui);
    let confusion = live.at.confusion;
    let caption = |ui: &mut Ui, text: &str| {
        ui.label(RichText::new(text).size(CAPTION_SIZE).color(tokens.text_muted));
    };
    // The names of the rows and the gaps take the rest.
    let cell_width = ((ui.available_width() - 108.0) / 2.0).clamp(48.0, 86.0);
    egui::Grid::new("confusion").num_columns(3).spacing([6.0, 6.0]).show(ui, |ui| {
        caption(ui, "");
        caption(ui, "Answered");
        caption(ui, "Not answered");
        ui.end_row();
        let rows = [
            ("Answerable", true, confusion.has_ans_answered, confusion.has_ans_abstained),
            ("Unanswerable", false, confusion.no_ans_answered, confusion.no_ans_abstained),
        ];
        for (name, has_answer, answered, abstained) in rows {
            caption(ui, name);
            for (number, is_answered) in [(answered, true), (abstained, false)] {
                let cell = Cell { has_answer, answered: is_answered };
                let right = has_answer == is_answered;
                let (color, ground) = if right {
                    (tokens.success, tokens.success_soft)
                } else {
                    (tokens.error, tokens.error_soft)
                };
                let chosen = filter.cell == Some(cell);
                let stroke = egui::Stroke::new(if chosen { 2.0 } else { 0.0 }, color);
                let text = RichText::new(count(number)).strong().color(color);
                let button =
                    Button::new(text).fill(ground).stroke(stroke).min_size(egui::vec2(cell_width, 34.0));
                let response = ui.add(button);
                let what = if is_answered { "answered" } else { "not answered" };
                let label = format!("{name}, {what}: {}", count(number));
                response.widget_info(|| WidgetInfo::selected(WidgetType::Button, true, chosen, &label));
                if response.on_hover_text("Show these questions").clicked() {
                    filter.cell = if chosen { None } else { Some(cell) };
                }
            }
            ui.end_row();
        }
    });
}
