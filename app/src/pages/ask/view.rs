//! The page as it is drawn: models, passage, question, answers, and what was asked before.

use std::{collections::HashMap, path::PathBuf};

use crate::symbols as icon;
use egui::{
    Align, Key, Layout, Margin, Modifiers, RichText, ScrollArea, TextEdit, TextStyle, Ui, WidgetInfo,
    WidgetType, vec2,
};
use spanbert_core::ask::visible;

use super::{
    AskPage, Field,
    answer::{self, Seen, View},
    asked::Asked,
    examples::{self, samples},
    models::ModelSlot,
    passage::{Mark, Marks},
};
use crate::{
    action::Action,
    dialogs::Purpose,
    page_view::Env,
    theme::{CAPTION_SIZE, GAP, Tokens},
    widgets::{
        Severity, busy, bytes, capped, card, count, elided, empty_state, heat_window, named, notice,
        page_header, primary_button, short_path, symbol_button,
    },
    worker::Slot,
};

/// Below this width the answer is under the question, not beside it.
const SIDE_BY_SIDE: f32 = 820.0;
/// Narrowest column of an answer.
const COLUMN: f32 = 300.0;

impl AskPage {
    /// Draws the page: side by side, or one under the other where it is narrow.
    pub(super) fn draw(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        let backend = env.settings.backend.clone();
        let mut add = false;
        page_header(ui, "Ask", "", |ui| {
            let full = self.models.iter().all(|model| model.facts().is_some()) && !self.models.is_empty();
            let button = symbol_button(ui, icon::PLUS, "Add model", full);
            add = button.on_hover_text("Ask several checkpoints side by side").clicked();
        });
        if add {
            self.add_model(&backend);
        }
        let look_at_answers = std::mem::take(&mut self.look_at_answers);
        if ui.available_width() < SIDE_BY_SIDE {
            ScrollArea::vertical().id_salt("ask").auto_shrink(false).show(ui, |ui| {
                self.models_ui(ui, env);
                self.passage_ui(ui, env, 150.0);
                ui.add_space(GAP / 2.0);
                self.question_ui(ui);
                ui.add_space(GAP);
                let answers = ui.scope(|ui| self.answers_ui(ui)).response;
                if look_at_answers {
                    // They may begin below the window's end.
                    answers.scroll_to_me(Some(Align::Min));
                }
            });
            return;
        }
        self.models_ui(ui, env);
        ui.add_space(GAP / 2.0);
        let (width, height) = (ui.available_width() - GAP, ui.available_height());
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = GAP;
            let down = Layout::top_down(Align::Min);
            ui.allocate_ui_with_layout(vec2(width * 0.54, height), down, |ui| {
                ui.set_width(width * 0.54);
                let below = if self.problem.is_some() { 128.0 } else { 108.0 };
                self.passage_ui(ui, env, (height - below).max(120.0));
                ui.add_space(GAP / 2.0);
                self.question_ui(ui);
            });
            ui.allocate_ui_with_layout(vec2(width * 0.46, height), down, |ui| {
                ui.set_width(width * 0.46);
                ScrollArea::vertical().id_salt("answers").auto_shrink(false).show(ui, |ui| {
                    ui.set_width(width * 0.46 - 10.0);
                    self.answers_ui(ui);
                });
            });
        });
    }

    fn models_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        if self.models.is_empty() {
            let backend = env.settings.backend.clone();
            self.add_model(&backend);
        }
        let removable = self.models.len() > 1;
        let mut removed = None;
        for model in &mut self.models {
            if model.ui(ui, env, &mut self.worker, removable) {
                removed = Some(model.slot());
            }
            ui.add_space(GAP / 2.0);
        }
        self.models.retain(|model| Some(model.slot()) != removed);
        self.problem_ui(ui, Field::Model);
    }

    fn passage_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>, height: f32) {
        let tokens = Tokens::of(ui);
        let marks = self.marks(&tokens);
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new("Passage").strong());
            if ui.button("Open file…").clicked() {
                env.ask(Action::Browse(Purpose::Passage));
            }
            if let Some(sample) = examples::menu_ui(ui, || self.samples.get_or_insert_with(samples)) {
                self.take_sample(sample);
            }
            if !self.passage.is_blank() && ui.button("Clear").clicked() {
                self.passage.set(String::new());
            }
            let size = self.passage.text().len();
            if size > 0 {
                // Counting the words of megabytes in every frame would be felt.
                let text = if size < 100_000 {
                    format!("{} words", count(self.passage.text().split_whitespace().count()))
                } else {
                    bytes(size as u64)
                };
                ui.label(RichText::new(text).size(CAPTION_SIZE).color(tokens.text_muted));
            }
        });
        if let Some(path) = self.passage.reading() {
            busy(ui, &format!("Reading {}", short_path(path, 60)));
        }
        if let Some(error) = self.passage.error() {
            notice(ui, Severity::Error, error);
        }
        let changed = self.passage.ui(ui, height, &marks);
        if changed {
            self.problem = None;
        }
        self.problem_ui(ui, Field::Passage);
    }

    fn question_ui(&mut self, ui: &mut Ui) {
        ui.horizontal(|ui| {
            let width = ui.available_width() - 54.0;
            let field = TextEdit::singleline(&mut self.question)
                .hint_text("Ask a question about the passage")
                .desired_width(width)
                .margin(Margin::symmetric(10, 7));
            let response = named(ui.add(field), "Question");
            if std::mem::take(&mut self.focus_question) {
                response.request_focus();
            }
            if response.changed() {
                self.problem = self.problem.filter(|(field, _)| *field != Field::Question);
            }
            let entered =
                response.lost_focus() && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Enter));
            let button = primary_button(ui, "Ask", true);
            // The sidebar has a button of this name, too.
            button.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, "Ask the question"));
            if entered || button.clicked() {
                self.ask();
                // So that the next question can be typed at once; a keyboard on the screen would cover the answer.
                if !ui.input(egui::InputState::has_touch_screen) {
                    response.request_focus();
                }
            }
        });
        self.problem_ui(ui, Field::Question);
        if let Some(sample) = self.sample.as_ref().filter(|sample| sample.passage == *self.passage.text())
            && let Some(question) = examples::questions_ui(ui, sample, &self.question)
        {
            self.question = question;
            self.ask();
        }
    }

    fn problem_ui(&self, ui: &mut Ui, place: Field) {
        if let Some((field, text)) = self.problem
            && field == place
        {
            ui.label(RichText::new(text).color(Tokens::of(ui).error));
        }
    }

    fn answers_ui(&mut self, ui: &mut Ui) {
        let mut seen = Seen::default();
        let mut wanted = Wanted::default();
        let changed = self.history.shown().is_some_and(|asked| *asked.passage != *self.passage.text());
        match self.history.shown_mut() {
            None => {
                let text = "Load a model, give it a passage, and ask. Enter answers.";
                empty_state(ui, icon::CHAT_TEXT, "No question yet", text, |_| {});
            }
            Some(asked) => {
                capped(ui, "question", RichText::new(visible(&asked.question)).size(16.0).strong(), 96.0);
                if changed {
                    let muted = Tokens::of(ui).text_muted;
                    ui.label(RichText::new("The passage has changed since").size(CAPTION_SIZE).color(muted));
                }
                ui.add_space(4.0);
                wanted = columns_ui(ui, asked, &mut self.views, &mut seen);
            }
        }
        for (slot, folder, threshold) in wanted.thresholds {
            // The next question is decided by the threshold the user has set, unless another checkpoint took the place.
            let same = |model: &&mut ModelSlot| {
                model.slot() == slot && model.facts().is_some_and(|facts| facts.folder == folder)
            };
            if let Some(model) = self.models.iter_mut().find(same) {
                model.threshold = threshold;
            }
        }
        for slot in wanted.cancelled {
            self.worker.cancel(slot);
        }
        if self.hovered != seen.hovered {
            self.hovered = seen.hovered;
            ui.ctx().request_repaint();
        }
        if seen.scroll_to.is_some() && !changed {
            self.scroll_to = seen.scroll_to;
            ui.ctx().request_repaint();
        }
        self.history_ui(ui);
    }

    fn history_ui(&mut self, ui: &mut Ui) {
        if self.history.newest_first().len() < 2 {
            return;
        }
        ui.add_space(GAP / 2.0);
        let mut wanted = None;
        card(ui, "History", |ui| {
            let tokens = Tokens::of(ui);
            ui.label(RichText::new("History").size(CAPTION_SIZE).color(tokens.text_muted));
            let shown = self.history.shown().map(|asked| asked.id);
            let font = TextStyle::Button.resolve(ui.style());
            for asked in self.history.newest_first() {
                // The question has what the answer leaves of the line.
                let summary = elided(ui, &asked.summary(), &font, ui.available_width() * 0.45);
                let button = egui::Button::selectable(Some(asked.id) == shown, visible(&asked.question))
                    .right_text(RichText::new(summary).color(tokens.text_muted))
                    .truncate()
                    .min_size(vec2(ui.available_width(), 24.0));
                if ui.add(button).clicked() {
                    wanted = Some((asked.id, asked.passage.clone(), asked.question.clone()));
                }
            }
        });
        if let Some((id, passage, question)) = wanted {
            if *passage != *self.passage.text() {
                self.passage.set(passage.to_string());
            }
            self.question = question;
            self.views.clear();
            self.history.show(id);
            self.look_at_answer(id);
        }
    }

    /// What of the shown answer is to be seen in the passage.
    fn marks(&mut self, tokens: &Tokens) -> Marks {
        let mut marks = Marks { scroll_to: self.scroll_to.take(), ..Marks::default() };
        let Some(asked) = self.history.shown().filter(|asked| *asked.passage == *self.passage.text()) else {
            return marks;
        };
        for column in &asked.columns {
            let Some(answered) = column.answered() else { continue };
            let explained = &answered.explained;
            let view = self.views.get(&column.slot);
            let counted = explained.answer.answers.first().filter(|_| column.counts());
            marks
                .marks
                .extend(counted.map(|best| Mark { bytes: best.bytes.clone(), ground: tokens.highlight }));
            let pinned = view.and_then(|view| explained.answer.answers.get(view.pinned?));
            marks.marks.extend(
                pinned.map(|ranked| Mark { bytes: ranked.bytes.clone(), ground: tokens.highlight_weak }),
            );
            if explained.heat.len() > 1 && asked.columns.len() == 1 {
                let chosen = view.and_then(|view| view.window);
                let shown = explained.heat.get(heat_window(explained, chosen));
                marks.window = shown.map(|window| window.bytes.clone());
            }
        }
        let hovered = self.hovered.clone();
        marks.marks.extend(hovered.map(|bytes| Mark { bytes, ground: tokens.highlight_weak }));
        marks
    }
}

/// What the user wants of the models that were asked.
#[derive(Default)]
struct Wanted {
    /// Need not answer any more.
    cancelled: Vec<Slot>,
    /// Places, checkpoints and the thresholds they were given.
    thresholds: Vec<(Slot, PathBuf, f64)>,
}

/// Draws each model's answer, as many beside each other as fit.
fn columns_ui(ui: &mut Ui, asked: &mut Asked, views: &mut HashMap<Slot, View>, seen: &mut Seen) -> Wanted {
    let Asked { passage, columns, .. } = asked;
    let fit = ((ui.available_width() + GAP) / (COLUMN + GAP)).floor().max(1.0) as usize;
    let across = fit.min(columns.len().max(1)) as f32;
    let size = vec2((ui.available_width() - GAP * (across - 1.0)) / across, 0.0);
    let mut wanted = Wanted::default();
    for row in columns.chunks_mut(fit) {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = GAP;
            for column in row {
                ui.allocate_ui_with_layout(size, Layout::top_down(Align::Min), |ui| {
                    ui.set_width(size.x);
                    ui.push_id(column.slot, |ui| {
                        let view = views.entry(column.slot).or_default();
                        answer::ui(ui, passage, column, view, seen);
                    });
                });
                if std::mem::take(&mut seen.cancel) {
                    wanted.cancelled.push(column.slot);
                }
                if std::mem::take(&mut seen.moved) {
                    wanted.thresholds.push((column.slot, column.folder.clone(), column.threshold));
                }
            }
        });
        ui.add_space(GAP / 2.0);
    }
    wanted
}
