//! The table of questions: any number of rows, of which only the visible ones are drawn.

use egui::{Align, Color32, Key, Label, Layout, RichText, Sense, Ui, WidgetInfo, WidgetType};
use egui_extras::{Column, TableBuilder};
use spanbert_core::evaluate::{Record, Verdict};

use super::load::Loaded;
use crate::{
    theme::{CAPTION_SIZE, Tokens},
    widgets::{count, search_field},
};

const ROW: f32 = 24.0;

/// What decides the order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Order {
    /// As in the data set.
    #[default]
    Data,
    /// By F1.
    F1,
    /// By null score minus the answer's score.
    ScoreDiff,
}

/// What the rows follow from.
#[derive(Clone, Debug, Default, PartialEq)]
struct Query {
    words: String,
    verdict: Option<Verdict>,
    order: Order,
    descending: bool,
    revision: u64,
}

/// The table's state.
#[derive(Default)]
pub(super) struct QuestionsTable {
    query: Query,
    /// What the rows were made for.
    answered: Option<Query>,
    /// Indices of records.
    rows: Vec<usize>,
    /// How many questions have each verdict, in [`Verdict::ALL`]'s order.
    counts: [usize; 6],
    selected: Option<usize>,
    wants_focus: bool,
    scroll_to: Option<usize>,
}

impl QuestionsTable {
    /// The index of the chosen record.
    pub(super) fn selected(&self) -> Option<usize> {
        self.selected
    }

    /// Puts the cursor into the search field.
    pub(super) fn focus(&mut self) {
        self.wants_focus = true;
    }

    /// Draws filter and table.
    pub(super) fn ui(&mut self, ui: &mut Ui, loaded: &Loaded) {
        ui.vertical(|ui| {
            self.filter_ui(ui, loaded);
            self.query.revision = loaded.revision;
            if self.answered.as_ref() != Some(&self.query) {
                self.answer(loaded);
            }
            self.keys(ui);
            if self.rows.is_empty() {
                ui.add_space(24.0);
                ui.vertical_centered(|ui| {
                    ui.label(RichText::new("No question fits the filter").color(Tokens::of(ui).text_muted));
                });
                return;
            }
            self.table_ui(ui, loaded);
        });
    }

    fn filter_ui(&mut self, ui: &mut Ui, loaded: &Loaded) {
        ui.horizontal_wrapped(|ui| {
            let response = search_field(ui, &mut self.query.words, "Search questions and answers", 230.0);
            if std::mem::take(&mut self.wants_focus) {
                response.request_focus();
            }
            let all = format!("All {}", count(loaded.records.len()));
            ui.selectable_value(&mut self.query.verdict, None, all);
            for (verdict, number) in Verdict::ALL.into_iter().zip(self.counts) {
                let text = format!("{} {}", Loaded::verdict_name(verdict), count(number));
                let enabled = number > 0 || self.query.verdict == Some(verdict);
                let selected = self.query.verdict == Some(verdict);
                if ui.add_enabled(enabled, egui::Button::selectable(selected, text)).clicked() {
                    self.query.verdict = Some(verdict);
                }
            }
        });
        ui.add_space(4.0);
    }

    /// Finds the rows that the query asks for.
    fn answer(&mut self, loaded: &Loaded) {
        let words: Vec<String> = self.query.words.split_whitespace().map(str::to_lowercase).collect();
        self.counts = [0; 6];
        self.rows.clear();
        for (index, record) in loaded.records.iter().enumerate() {
            let verdict = record.verdict(loaded.threshold);
            if let Some(place) = Verdict::ALL.iter().position(|other| *other == verdict) {
                self.counts[place] += 1;
            }
            let fits = self.query.verdict.is_none_or(|wanted| wanted == verdict) && has_words(record, &words);
            if fits {
                self.rows.push(index);
            }
        }
        let key = |index: &usize| {
            let record = loaded.records.get(*index);
            match self.query.order {
                Order::Data => 0.0,
                Order::F1 => record.map_or(0.0, |record| record.f1_at(loaded.threshold)),
                Order::ScoreDiff => record.and_then(|record| record.score_diff).unwrap_or_default(),
            }
        };
        self.rows.sort_by(|a, b| key(a).total_cmp(&key(b)));
        if self.query.descending {
            self.rows.reverse();
        }
        if self.selected.is_none_or(|selected| !self.rows.contains(&selected)) {
            self.selected = self.rows.first().copied();
        }
        self.answered = Some(self.query.clone());
    }

    /// Arrow keys move through the rows while no field has the cursor.
    fn keys(&mut self, ui: &Ui) {
        if ui.ctx().text_edit_focused() {
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

    fn table_ui(&mut self, ui: &mut Ui, loaded: &Loaded) {
        let tokens = Tokens::of(ui);
        let height = ui.available_height();
        let mut table = TableBuilder::new(ui)
            .id_salt("questions")
            .striped(true)
            .cell_layout(Layout::left_to_right(Align::Center))
            .sense(Sense::click())
            .min_scrolled_height(height.max(120.0))
            .max_scroll_height(height)
            .auto_shrink(false)
            .column(Column::remainder().at_least(150.0).clip(true))
            .column(Column::initial(130.0).at_least(60.0).clip(true).resizable(true))
            .column(Column::exact(46.0))
            .column(Column::exact(62.0))
            .column(Column::exact(118.0));
        if let Some(row) = self.scroll_to.take() {
            table = table.scroll_to_row(row, None);
        }
        let table = table.header(22.0, |mut header| {
            for (name, order) in [
                ("Question", Order::Data),
                ("Answer", Order::Data),
                ("F1", Order::F1),
                ("Null diff", Order::ScoreDiff),
                ("Verdict", Order::Data),
            ] {
                header.col(|ui| self.header_ui(ui, name, order));
            }
        });
        let mut clicked = None;
        table.body(|body| {
            body.rows(ROW, self.rows.len(), |mut row| {
                let place = row.index();
                let Some((index, record)) =
                    self.rows.get(place).and_then(|index| Some((*index, loaded.records.get(*index)?)))
                else {
                    return;
                };
                row.set_selected(self.selected == Some(index));
                cells(&mut row, record, loaded.threshold, &tokens);
                let response = row.response();
                response.widget_info(|| {
                    WidgetInfo::selected(
                        WidgetType::SelectableLabel,
                        true,
                        self.selected == Some(index),
                        &record.question,
                    )
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
        let ordered = self.query.order == order;
        let mark = match (ordered, self.query.descending) {
            (false, _) => "",
            (true, false) => egui_phosphor::regular::CARET_UP,
            (true, true) => egui_phosphor::regular::CARET_DOWN,
        };
        let text = RichText::new(format!("{name}{mark}")).size(CAPTION_SIZE).color(tokens.text_muted);
        let response = ui.add(Label::new(text).sense(Sense::click())).on_hover_text("Sort");
        response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, format!("Sort by {name}")));
        if response.clicked() {
            // Up, down, and back to the data set's order.
            (self.query.order, self.query.descending) = match (ordered, self.query.descending) {
                (false, _) => (order, false),
                (true, false) => (order, true),
                (true, true) => (Order::Data, false),
            };
        }
    }
}

fn has_words(record: &Record, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let text = format!(
        "{} {} {}",
        record.question,
        record.prediction,
        record.gold_answers.iter().map(|answer| answer.text.as_str()).collect::<Vec<_>>().join(" ")
    )
    .to_lowercase();
    words.iter().all(|word| text.contains(word))
}

fn cells(row: &mut egui_extras::TableRow<'_, '_>, record: &Record, threshold: f64, tokens: &Tokens) {
    let verdict = record.verdict(threshold);
    let text = |ui: &mut Ui, text: &str, color: Color32| {
        ui.add(Label::new(RichText::new(text).color(color)).truncate().selectable(false));
    };
    let number = |ui: &mut Ui, text: String| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add(Label::new(text).selectable(false));
        });
    };
    row.col(|ui| text(ui, &record.question, tokens.text));
    row.col(|ui| {
        if record.abstains(threshold) {
            text(ui, "no answer", tokens.text_muted);
        } else {
            text(ui, &record.prediction, tokens.text);
        }
    });
    row.col(|ui| number(ui, format!("{:.0}", record.f1_at(threshold) * 100.0)));
    row.col(|ui| number(ui, record.score_diff.map_or_else(String::new, |value| format!("{value:.2}"))));
    row.col(|ui| text(ui, Loaded::verdict_name(verdict), verdict_color(verdict, tokens)));
}

/// Right, nearly so, or wrong.
pub(super) fn verdict_color(verdict: Verdict, tokens: &Tokens) -> Color32 {
    match verdict {
        Verdict::Exact | Verdict::RightlyAbstained => tokens.success,
        Verdict::Partial => tokens.warning,
        Verdict::Wrong | Verdict::WronglyAbstained | Verdict::AnsweredUnanswerable => tokens.error,
    }
}
