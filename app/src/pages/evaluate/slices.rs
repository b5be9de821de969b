//! The slices: which groups of questions score better or worse than the rest. A click shows their questions.

use egui::{Align, Label, Layout, RichText, Sense, TextEdit, Ui, WidgetInfo, WidgetType};
use egui_extras::{Column, TableBuilder};
use spanbert_core::breakdown::{Dimension, SliceScores, statistics::FEWEST};

use super::{filter::Filter, live::Live};
use crate::{
    theme::{CAPTION_SIZE, Tokens},
    widgets::{count, icon_button, named},
};

const ROW: f32 = 24.0;

/// A line of the panel.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Entry {
    Heading(Dimension),
    /// Place of a slice.
    Slice(usize),
}

/// The panel's state.
#[derive(Default)]
pub(super) struct SlicesPanel {
    name: String,
    entries: Vec<Entry>,
    made_for: Option<usize>,
}

impl SlicesPanel {
    /// Draws the slices; `Some` if the user's own have changed.
    pub(super) fn ui(&mut self, ui: &mut Ui, live: &mut Live, filter: &mut Filter) -> bool {
        if self.made_for != Some(live.slices.len()) {
            self.entries = entries(live);
            self.made_for = Some(live.slices.len());
        }
        let mut removed = None;
        let save_height = 64.0;
        let height = (ui.available_height() - save_height).max(80.0);
        self.table(ui, live, filter, height, &mut removed);
        let saved = self.save_ui(ui, live, filter);
        if let Some(name) = &removed {
            live.remove_query(name);
            filter.slice = None;
        }
        saved || removed.is_some()
    }

    fn table(
        &self,
        ui: &mut Ui,
        live: &Live,
        filter: &mut Filter,
        height: f32,
        removed: &mut Option<String>,
    ) {
        let tokens = Tokens::of(ui);
        let compares = live.comparison.is_some();
        let table = TableBuilder::new(ui)
            .id_salt("slices")
            .cell_layout(Layout::left_to_right(Align::Center))
            .sense(Sense::click())
            .min_scrolled_height(height)
            .max_scroll_height(height)
            .auto_shrink(false)
            .column(Column::remainder().at_least(90.0).clip(true))
            .column(Column::exact(48.0))
            .column(Column::exact(42.0))
            .column(Column::exact(if compares { 54.0 } else { 66.0 }));
        let table = table.header(20.0, |mut header| {
            for (at, name) in
                ["Slice", "n", "F1", if compares { "Other" } else { "To rest" }].iter().enumerate()
            {
                header.col(|ui| {
                    let layout = if at == 0 { left() } else { right() };
                    ui.with_layout(layout, |ui| {
                        ui.label(RichText::new(*name).size(CAPTION_SIZE).color(tokens.text_muted));
                    });
                });
            }
        });
        table.body(|body| {
            body.rows(ROW, self.entries.len(), |mut row| match self.entries.get(row.index()) {
                Some(Entry::Heading(dimension)) => {
                    let name = capital(dimension.name());
                    row.col(|ui| {
                        let text = RichText::new(name).size(CAPTION_SIZE).strong().color(tokens.text_muted);
                        // Over the columns beside, which are empty in this row.
                        ui.set_clip_rect(ui.clip_rect().with_max_x(f32::INFINITY));
                        ui.add(Label::new(text).extend().selectable(false));
                    });
                    for _ in 0..3 {
                        row.col(|_| {});
                    }
                }
                Some(Entry::Slice(place)) => {
                    let Some(scores) = live.scores.get(*place) else { return };
                    let chosen = filter.slice == Some(*place);
                    row.set_selected(chosen);
                    slice_cells(&mut row, live, *place, scores, &tokens, removed);
                    let response = row.response();
                    let label = format!("{}: {}", scores.dimension.map_or("", Dimension::name), scores.label);
                    response.widget_info(|| {
                        WidgetInfo::selected(WidgetType::SelectableLabel, true, chosen, &label)
                    });
                    let response = response.on_hover_ui(|ui| hover(ui, scores));
                    if response.clicked() {
                        filter.slice = if chosen { None } else { Some(*place) };
                    }
                }
                None => {}
            });
        });
    }

    /// Keeps the query of the filter under a name.
    fn save_ui(&mut self, ui: &mut Ui, live: &mut Live, filter: &mut Filter) -> bool {
        let query = filter.query.trim().to_owned();
        let usable = !query.is_empty() && spanbert_core::breakdown::Query::parse(&query).is_ok();
        let mut saved = false;
        ui.add_space(6.0);
        ui.horizontal(|ui| {
            let width = (ui.available_width() - 118.0).max(60.0);
            let hint = if usable { "Name of the slice" } else { "Type a query to save it" };
            let field = TextEdit::singleline(&mut self.name).hint_text(hint).desired_width(width);
            let response = named(ui.add_enabled(usable, field), "Name of the slice");
            let entered = response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
            let clicked = ui.add_enabled(usable, egui::Button::new("Save slice")).clicked();
            if usable && (clicked || entered) {
                let name =
                    if self.name.trim().is_empty() { query.clone() } else { self.name.trim().to_owned() };
                // It was understood a moment ago.
                saved = live.add_query(&name, &query).is_ok();
                self.name.clear();
                filter.query.clear();
                filter.slice = live
                    .slices
                    .iter()
                    .position(|slice| slice.dimension == Dimension::Query && slice.label == name);
            }
        });
        saved
    }
}

fn slice_cells(
    row: &mut egui_extras::TableRow<'_, '_>,
    live: &Live,
    place: usize,
    scores: &SliceScores,
    tokens: &Tokens,
    removed: &mut Option<String>,
) {
    row.col(|ui| {
        if scores.dimension == Some(Dimension::Query)
            && icon_button(ui, crate::symbols::X, &format!("Forget {}", scores.label)).clicked()
        {
            *removed = Some(scores.label.clone());
        }
        let name = Label::new(capital(&scores.label)).truncate().selectable(false);
        ui.add(name);
    });
    let mut number = |text: String, color| {
        row.col(|ui| {
            ui.with_layout(right(), |ui| {
                ui.add(Label::new(RichText::new(text).color(color)).selectable(false));
            });
        });
    };
    number(count(scores.n), tokens.text_muted);
    number(format!("{:.1}", scores.f1), tokens.text);
    let (value, significant) = match &live.comparison {
        Some(compared) => {
            let found = compared.found.slices.get(place);
            (found.map(|found| found.difference), found.is_some_and(|found| found.significant))
        }
        None => (scores.difference, scores.significant),
    };
    // Coloured only where chance is not likely to be all of it.
    let color = match value {
        Some(value) if significant && value > 0.0 => tokens.success,
        Some(_) if significant => tokens.error,
        _ => tokens.text_muted,
    };
    number(value.map_or_else(String::new, |value| format!("{value:+.1}")), color);
}

fn hover(ui: &mut Ui, scores: &SliceScores) {
    ui.label(RichText::new(&scores.label).strong());
    if let Some(query) = &scores.query {
        ui.label(query);
    }
    ui.label(format!("{} questions, {:.1} % of all", count(scores.n), scores.share));
    let exact = scores.exact_interval;
    ui.label(format!("Exact {:.2} ({:.1} to {:.1})", scores.exact, exact.low, exact.high));
    match scores.intervals {
        Some(intervals) => {
            ui.label(format!("F1 {:.2} ({:.1} to {:.1})", scores.f1, intervals.f1.low, intervals.f1.high));
            if let (Some(value), Some(at)) = (scores.difference, intervals.difference) {
                ui.label(format!("Versus the rest {value:+.2} ({:+.1} to {:+.1})", at.low, at.high));
            } else if scores.difference.is_some() {
                ui.label(format!(
                    "Versus the rest: no interval from fewer than {FEWEST} questions on either side, or if all score the same"
                ));
            }
        }
        None => {
            ui.label(format!("F1 {:.2}", scores.f1));
        }
    }
    ui.label("Intervals: 95 %");
}

fn entries(live: &Live) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut last = None;
    // The user's own first: they are what the user is after.
    let own = |(_, slice): &(usize, &spanbert_core::breakdown::Slice)| slice.dimension == Dimension::Query;
    let places = live.slices.iter().enumerate();
    let ordered = places.clone().filter(own).chain(places.filter(|entry| !own(entry)));
    for (place, slice) in ordered {
        if last != Some(slice.dimension) {
            entries.push(Entry::Heading(slice.dimension));
            last = Some(slice.dimension);
        }
        entries.push(Entry::Slice(place));
    }
    entries
}

fn left() -> Layout {
    Layout::left_to_right(Align::Center)
}

fn right() -> Layout {
    Layout::right_to_left(Align::Center)
}

/// A label begins with a capital.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
