//! The table of questions: any number of rows, of which only the visible ones are drawn.

use egui::{Align, Color32, Key, Label, Layout, RichText, Sense, Ui, WidgetInfo, WidgetType};
use egui_extras::{Column, TableBuilder};
use spanbert_core::advice::Advice;
use spanbert_core::breakdown::{Case, Change, OutcomeGroup, Query};

use super::{filter::Filter, live::Live, slices::capital};
use crate::{
    theme::{CAPTION_SIZE, Tokens},
    widgets::{count, search_field},
};

const ROW: f32 = 24.0;
/// A table wider than this has room for the longest outcome.
const WIDE: f32 = 640.0;
/// A table narrower than this has no room for the null odds.
const NARROW: f32 = 430.0;
/// A table narrower than this has none for the outcome either, which the colour of the F1 tells then.
const NARROWEST: f32 = 360.0;
/// Width from which two fields are side by side.
const TWO_FIELDS: f32 = 320.0;

/// Which columns there is room for, besides questions, answers and F1.
#[derive(Clone, Copy)]
struct Room {
    null_odds: bool,
    outcome: bool,
}

/// What decides the order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Order {
    /// As in the data set.
    #[default]
    Data,
    F1,
    NullOdds,
}

/// What the rows follow from.
#[derive(Clone, Debug, Default, PartialEq)]
struct Asked {
    filter: Filter,
    order: Order,
    descending: bool,
    revision: u64,
}

/// The table's state.
#[derive(Default)]
pub(super) struct QuestionsTable {
    order: Order,
    descending: bool,
    /// What the rows were made for.
    answered: Option<Asked>,
    /// Indices of questions.
    rows: Vec<usize>,
    selected: Option<usize>,
    wants_focus: bool,
    scroll_to: Option<usize>,
}

impl QuestionsTable {
    /// The chosen question.
    pub(super) fn selected(&self) -> Option<usize> {
        self.selected
    }

    /// The questions that fit, in the order shown.
    pub(super) fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// Puts the cursor into the search field.
    pub(super) fn focus(&mut self) {
        self.wants_focus = true;
    }

    /// Draws filter and table.
    pub(super) fn ui(&mut self, ui: &mut Ui, live: &Live, filter: &mut Filter) {
        ui.vertical(|ui| {
            self.filter_ui(ui, live, filter);
            let asked = Asked {
                filter: filter.clone(),
                order: self.order,
                descending: self.descending,
                revision: live.revision,
            };
            if self.answered.as_ref() != Some(&asked) {
                self.answer(live, asked);
            }
            self.keys(ui);
            if self.rows.is_empty() {
                ui.add_space(24.0);
                ui.vertical_centered(|ui| {
                    ui.label(
                        RichText::new("No question matches the filter").color(Tokens::of(ui).text_muted),
                    );
                    if ui.button("Show all").clicked() {
                        *filter = Filter::default();
                    }
                });
                return;
            }
            self.table_ui(ui, live);
        });
    }

    fn filter_ui(&mut self, ui: &mut Ui, live: &Live, filter: &mut Filter) {
        ui.horizontal_wrapped(|ui| {
            let all = ui.available_width() - 16.0;
            // One under the other where they would not show what they are for.
            let width = if all < TWO_FIELDS { all } else { ((all - 8.0) / 2.0 - 8.0).max(80.0) };
            let response = search_field(ui, &mut filter.words, "Search questions and answers", width);
            if std::mem::take(&mut self.wants_focus) {
                response.request_focus();
            }
            search_field(ui, &mut filter.query, "Query, such as f1 < 0.5 and negation", width);
        });
        if !filter.query.trim().is_empty()
            && let Err(error) = Query::parse(&filter.query)
        {
            let text = RichText::new(error.in_one_line()).size(CAPTION_SIZE).color(Tokens::of(ui).warning);
            ui.add(Label::new(text).wrap());
        }
        ui.horizontal_wrapped(|ui| {
            let all = format!("All {}", count(live.analysis.cases.len()));
            if ui.selectable_label(filter.is_empty(), all).clicked() {
                *filter = Filter::default();
            }
            for group in OutcomeGroup::ALL {
                let own = live.outcomes.iter().filter(|count| count.outcome.group() == group);
                let number: usize = own.map(|count| count.n).sum();
                let selected = filter.group == Some(group);
                let text = format!("{} {}", capital(group.name()), count(number));
                let button = egui::Button::selectable(selected, text);
                if ui.add_enabled(number > 0 || selected, button).clicked() {
                    filter.group = if selected { None } else { Some(group) };
                }
            }
            if let Some(compared) = &live.comparison {
                for (change, number) in [
                    (Change::RightToWrong, compared.found.right_to_wrong.len()),
                    (Change::WrongToRight, compared.found.wrong_to_right.len()),
                ] {
                    let selected = filter.change == Some(change);
                    let text = format!("{} {}", capital(change.name()), count(number));
                    if ui.selectable_label(selected, text).clicked() {
                        filter.change = if selected { None } else { Some(change) };
                    }
                }
            }
            for (name, rest) in filter.parts(live) {
                let text = format!("{}  {}", capital(&name), crate::symbols::X);
                let response = ui.button(RichText::new(text).size(CAPTION_SIZE));
                let label = format!("Without {name}");
                response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, &label));
                if response.clicked() {
                    *filter = rest;
                }
            }
        });
        ui.add_space(4.0);
    }

    /// Finds the rows that are asked for.
    fn answer(&mut self, live: &Live, asked: Asked) {
        self.rows = asked.filter.rows(live);
        let cases = &live.analysis.cases;
        let key = |index: &usize| {
            let case = cases.get(*index);
            match asked.order {
                Order::Data => 0.0,
                Order::F1 => case.map_or(0.0, |case| case.scores(live.threshold).1),
                Order::NullOdds => case.and_then(|case| case.null_odds).unwrap_or_default(),
            }
        };
        if asked.order != Order::Data {
            self.rows.sort_by(|a, b| key(a).total_cmp(&key(b)));
            if asked.descending {
                self.rows.reverse();
            }
        }
        if self.selected.is_none_or(|selected| !self.rows.contains(&selected)) {
            self.selected = self.rows.first().copied();
        }
        self.answered = Some(asked);
    }

    /// Arrow keys move through the rows while nothing else has the keyboard.
    fn keys(&mut self, ui: &Ui) {
        if ui.ctx().text_edit_focused() || ui.memory(|memory| memory.focused().is_some()) {
            return;
        }
        let (down, up) =
            ui.input(|input| (input.key_pressed(Key::ArrowDown), input.key_pressed(Key::ArrowUp)));
        if !down && !up {
            return;
        }
        let place = self.rows.iter().position(|row| Some(*row) == self.selected).unwrap_or(0);
        let place =
            (place + usize::from(down)).saturating_sub(usize::from(up)).min(self.rows.len().max(1) - 1);
        self.selected = self.rows.get(place).copied();
        self.scroll_to = Some(place);
    }

    fn table_ui(&mut self, ui: &mut Ui, live: &Live) {
        let tokens = Tokens::of(ui);
        let height = ui.available_height();
        let answers = if live.comparison.is_some() { 2 } else { 1 };
        let wide = ui.available_width() > WIDE;
        // A second answer takes as much as what is left out first.
        let left = ui.available_width() - if answers == 2 { 70.0 } else { 0.0 };
        let room = Room { null_odds: left >= NARROW, outcome: left >= NARROWEST };
        let answer_width = (ui.available_width() * if answers == 2 { 0.16 } else { 0.2 }).clamp(70.0, 220.0);
        // With two answers there is no room for more than its first word.
        let outcome_width = if wide {
            172.0
        } else if answers == 2 || !room.null_odds {
            86.0
        } else {
            130.0
        };
        let mut table = TableBuilder::new(ui)
            .id_salt("questions")
            .striped(true)
            .cell_layout(Layout::left_to_right(Align::Center))
            .sense(Sense::click())
            .min_scrolled_height(height.max(120.0))
            .max_scroll_height(height)
            .auto_shrink(false)
            .column(Column::remainder().at_least(if answers == 2 { 84.0 } else { 94.0 }).clip(true));
        for _ in 0..answers {
            table = table.column(Column::initial(answer_width).at_least(50.0).clip(true).resizable(true));
        }
        table = table.column(Column::exact(38.0));
        if room.null_odds {
            table = table.column(Column::exact(62.0));
        }
        if room.outcome {
            table = table.column(Column::exact(outcome_width).clip(true));
        }
        if let Some(row) = self.scroll_to.take() {
            table = table.scroll_to_row(row, None);
        }
        let table = table.header(22.0, |mut header| {
            let mut names = vec![("Question", Order::Data), ("Answer", Order::Data)];
            if answers == 2 {
                names.push(("Other's answer", Order::Data));
            }
            names.push(("F1", Order::F1));
            names.extend(room.null_odds.then_some(("Null odds", Order::NullOdds)));
            names.extend(room.outcome.then_some(("Outcome", Order::Data)));
            for (name, order) in names {
                header.col(|ui| self.header_ui(ui, name, order));
            }
        });
        let mut clicked = None;
        table.body(|body| {
            body.rows(ROW, self.rows.len(), |mut row| {
                let place = row.index();
                let Some((index, case)) =
                    self.rows.get(place).and_then(|index| Some((*index, live.analysis.cases.get(*index)?)))
                else {
                    return;
                };
                let selected = self.selected == Some(index);
                row.set_selected(selected);
                cells(&mut row, (index, case), live, room, &tokens);
                let response = row.response();
                response.widget_info(|| {
                    WidgetInfo::selected(WidgetType::SelectableLabel, true, selected, &case.question)
                });
                if response.clicked() {
                    clicked = Some(index);
                }
            });
        });
        self.selected = clicked.or(self.selected);
    }

    fn header_ui(&mut self, ui: &mut Ui, name: &str, order: Order) {
        let tokens = Tokens::of(ui);
        if order == Order::Data {
            ui.label(RichText::new(name).size(CAPTION_SIZE).color(tokens.text_muted));
            return;
        }
        let ordered = self.order == order;
        let mark = match (ordered, self.descending) {
            (false, _) => "",
            (true, false) => crate::symbols::CARET_UP,
            (true, true) => crate::symbols::CARET_DOWN,
        };
        let text = RichText::new(format!("{name}{mark}")).size(CAPTION_SIZE).color(tokens.text_muted);
        // Over the figures, which are flush right.
        let response = ui
            .with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.add(Label::new(text).sense(Sense::click()))
            })
            .inner
            .on_hover_text("Sort");
        response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, format!("Sort by {name}")));
        if response.clicked() {
            // Up, down, and back to the data set's order.
            (self.order, self.descending) = match (ordered, self.descending) {
                (false, _) => (order, false),
                (true, false) => (order, true),
                (true, true) => (Order::Data, false),
            };
        }
    }
}

fn cells(
    row: &mut egui_extras::TableRow<'_, '_>,
    (place, case): (usize, &Case),
    live: &Live,
    room: Room,
    tokens: &Tokens,
) {
    let threshold = live.threshold;
    let outcome = case.outcome(threshold);
    let text = |ui: &mut Ui, text: &str, color: Color32| {
        ui.add(Label::new(RichText::new(text).color(color)).truncate().selectable(false));
    };
    let answer = |ui: &mut Ui, case: &Case, threshold: f64| {
        if case.abstains(threshold) {
            text(ui, "no answer", tokens.text_muted);
        } else {
            text(ui, &case.prediction, tokens.text);
        }
    };
    let number = |ui: &mut Ui, text: String, color: Color32| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add(Label::new(RichText::new(text).color(color)).selectable(false));
        });
    };
    row.col(|ui| text(ui, &case.question, tokens.text));
    row.col(|ui| answer(ui, case, threshold));
    if let Some(compared) = &live.comparison {
        row.col(|ui| {
            if let Some(other) = compared.case(place) {
                answer(ui, other, compared.threshold);
            }
        });
    }
    let color = outcome_colors(outcome.group(), tokens).0;
    let f1 = format!("{:.0}", case.scores(threshold).1 * 100.0);
    row.col(|ui| number(ui, f1, if room.outcome { tokens.text } else { color }));
    if room.null_odds {
        let odds = case.null_odds.map_or_else(String::new, |value| format!("{value:.2}"));
        row.col(|ui| number(ui, odds, tokens.text));
    }
    if room.outcome {
        row.col(|ui| text(ui, &capital(outcome.name()), color));
    }
}

/// Right, nearly so, or wrong: text and ground.
pub(super) fn outcome_colors(group: OutcomeGroup, tokens: &Tokens) -> (Color32, Color32) {
    match group {
        OutcomeGroup::Correct | OutcomeGroup::CorrectlyAbstained => (tokens.success, tokens.success_soft),
        OutcomeGroup::Partial => (tokens.warning, tokens.warning_soft),
        OutcomeGroup::WrongSpan | OutcomeGroup::WronglyAbstained | OutcomeGroup::AnsweredUnanswerable => {
            (tokens.error, tokens.error_soft)
        }
    }
}
