//! Ask: a passage, a question, and what loaded models make of them.
//!
//! [`models`] are loaded by the [`Worker`]'s thread; [`passage`] holds the text; [`asked`] keeps questions with their
//! outcomes, [`answer`] draws one model's.

mod answer;
mod asked;
mod examples;
mod long_text;
mod models;
mod passage;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use egui::{Align, Context, Key, Layout, Margin, Modifiers, RichText, ScrollArea, TextEdit, Ui, vec2};
use egui_phosphor::regular as icon;

use self::{
    answer::{Seen, View},
    asked::{Asked, Column, History, Outcome},
    examples::{Sample, Samples, samples},
    models::ModelSlot,
    passage::{Mark, Marks, Passage},
};
use crate::{
    action::Action,
    command::Command,
    dialogs::Purpose,
    page::{Env, PageView},
    theme::{CAPTION_SIZE, GAP, Tokens},
    widgets::{
        Severity, busy, bytes, card, checkpoint_name, count, empty_state, heat_window, named, notice,
        page_header, primary_button, short_path, symbol_button,
    },
    worker::{Reply, Slot, Worker},
};

/// Below this width the answer is under the question, not beside it.
const SIDE_BY_SIDE: f32 = 820.0;
/// Narrowest column of an answer.
const COLUMN: f32 = 300.0;

/// Which field a message belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Model,
    Passage,
    Question,
}

/// The page's state.
pub struct AskPage {
    context: Context,
    worker: Worker,
    models: Vec<ModelSlot>,
    next_slot: u64,
    passage: Passage,
    question: String,
    /// What kept the last question from being asked.
    problem: Option<(Field, &'static str)>,
    history: History,
    views: HashMap<Slot, View>,
    /// What the pointer was on in the last frame.
    hovered: Option<std::ops::Range<usize>>,
    scroll_to: Option<usize>,
    samples: Option<Samples>,
    /// The example that was taken last.
    sample: Option<Sample>,
    focus_question: bool,
    /// Whether the question is asked as soon as this checkpoint is loaded.
    ask_when_loaded: Option<PathBuf>,
}

impl AskPage {
    /// No model, no passage.
    #[must_use]
    pub fn new(context: &Context) -> Self {
        Self {
            context: context.clone(),
            worker: Worker::new(context),
            models: Vec::new(),
            next_slot: 0,
            passage: Passage::default(),
            question: String::new(),
            problem: None,
            history: History::default(),
            views: HashMap::new(),
            hovered: None,
            scroll_to: None,
            samples: None,
            sample: None,
            focus_question: false,
            ask_when_loaded: None,
        }
    }

    fn add_model(&mut self, backend: &str) -> &mut ModelSlot {
        self.next_slot += 1;
        self.models.push(ModelSlot::new(Slot(self.next_slot), backend));
        let last = self.models.len() - 1;
        &mut self.models[last]
    }

    /// Shows a passage and a question, and asks them of a checkpoint, which is loaded first if need be.
    pub fn ask_about(&mut self, checkpoint: &Path, backend: &str, passage: String, question: String) {
        self.passage.set(passage);
        self.question = question;
        self.sample = None;
        self.problem = None;
        self.focus_question = true;
        let loaded = |model: &ModelSlot| model.facts().is_some_and(|facts| facts.folder == checkpoint);
        if self.models.iter().any(loaded) {
            self.ask();
        } else {
            self.ask_when_loaded = Some(checkpoint.to_owned());
            self.load(checkpoint, backend);
        }
    }

    /// Loads a checkpoint where one of the same folder is, else into a free place, else in place of the first.
    fn load(&mut self, folder: &Path, backend: &str) {
        let same =
            self.models.iter().position(|model| model.facts().is_some_and(|facts| facts.folder == folder));
        let place = same.or_else(|| self.models.iter().position(ModelSlot::is_free));
        match place.or_else(|| (!self.models.is_empty()).then_some(0)) {
            Some(index) => self.models[index].load(folder, &mut self.worker),
            None => {
                self.add_model(backend);
                if let Some(model) = self.models.last_mut() {
                    model.load(folder, &mut self.worker);
                }
            }
        }
    }

    fn receive(&mut self, reply: Reply, env: &mut Env<'_>) {
        if let Reply::Loaded { facts, .. } = &reply {
            env.settings.remember_checkpoint(&facts.folder);
        }
        // The thread's end concerns every model.
        let ready: Vec<Slot> = self.models.iter_mut().filter_map(|model| model.receive(&reply)).collect();
        for slot in ready {
            self.became_ready(slot);
        }
        if let Some(id) = self.history.receive(reply) {
            self.look_at_answer(id);
        }
    }

    /// A first example for the demonstration's model, and the question that waited for this checkpoint.
    fn became_ready(&mut self, slot: Slot) {
        let model = self.models.iter().find(|model| model.slot() == slot);
        let Some(facts) = model.and_then(ModelSlot::facts) else { return };
        let is_demo = facts.report.architecture == demo_architecture();
        let awaited = self.ask_when_loaded.take_if(|wanted| *wanted == facts.folder).is_some();
        self.problem = self.problem.filter(|(field, _)| *field != Field::Model);
        if is_demo && self.passage.is_blank() {
            let samples = self.samples.get_or_insert_with(samples);
            if let Some(first) = samples.invented.first().cloned() {
                self.take_sample(first);
            }
        }
        self.focus_question = true;
        if awaited {
            self.ask();
        }
    }

    /// Scrolls the passage to an answer that has just come.
    fn look_at_answer(&mut self, id: u64) {
        let Some(asked) = self.history.shown().filter(|asked| asked.id == id) else { return };
        let answered = asked.columns.iter().filter(|column| column.counts()).find_map(Column::answered);
        let best = answered.and_then(|answered| answered.explained.answer.answers.first());
        self.scroll_to = best.map(|best| best.bytes.start);
    }

    /// Shows an example with its first question.
    fn take_sample(&mut self, sample: Sample) {
        self.passage.set(sample.passage.clone());
        self.question = sample.questions.first().map_or_else(String::new, |first| first.text.clone());
        self.sample = Some(sample);
        self.problem = None;
    }

    /// Asks all models that are ready, or says what is missing.
    fn ask(&mut self) {
        let question = self.question.trim().to_owned();
        let ready: Vec<&ModelSlot> = self.models.iter().filter(|model| model.facts().is_some()).collect();
        let missing = if ready.is_empty() {
            Some((Field::Model, "Load a model first"))
        } else if self.passage.is_blank() {
            Some((Field::Passage, "There is no passage; paste or open a text that may answer the question"))
        } else if question.is_empty() {
            Some((Field::Question, "There is no question; type one"))
        } else {
            None
        };
        self.problem = missing;
        if missing.is_some() {
            return;
        }
        let column = |model: &&ModelSlot| {
            let facts = model.facts()?;
            Some(Column {
                slot: model.slot(),
                model: checkpoint_name(&facts.folder),
                stored: facts.threshold(),
                threshold: model.threshold,
                outcome: Outcome::Running { done: 0, total: None },
            })
        };
        let columns: Vec<Column> = ready.iter().filter_map(column).collect();
        let slots: Vec<Slot> = columns.iter().map(|column| column.slot).collect();
        let passage = self.passage.shared();
        let id = self.history.push(passage.clone(), question.clone(), columns);
        self.views.clear();
        for slot in slots {
            self.worker.ask(slot, id, passage.clone(), question.clone());
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
            if entered || button.clicked() {
                self.ask();
                // So that the next question can be typed at once.
                response.request_focus();
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
        let mut cancelled = Vec::new();
        let changed = self.history.shown().is_some_and(|asked| *asked.passage != *self.passage.text());
        match self.history.shown_mut() {
            None => {
                let text = "Load a model, give it a passage, and ask. Enter answers.";
                empty_state(ui, icon::CHAT_TEXT, "No question yet", text, |_| {});
            }
            Some(asked) => {
                ui.add(egui::Label::new(RichText::new(&asked.question).size(16.0).strong()).wrap());
                if changed {
                    let muted = Tokens::of(ui).text_muted;
                    ui.label(RichText::new("The passage has changed since").size(CAPTION_SIZE).color(muted));
                }
                ui.add_space(4.0);
                let fit = ((ui.available_width() + GAP) / (COLUMN + GAP)).floor().max(1.0) as usize;
                let Asked { passage, columns, .. } = asked;
                let width = {
                    let across = fit.min(columns.len().max(1)) as f32;
                    (ui.available_width() - GAP * (across - 1.0)) / across
                };
                for row in columns.chunks_mut(fit) {
                    ui.horizontal_top(|ui| {
                        ui.spacing_mut().item_spacing.x = GAP;
                        for column in row {
                            ui.allocate_ui_with_layout(
                                vec2(width, 0.0),
                                Layout::top_down(Align::Min),
                                |ui| {
                                    ui.set_width(width);
                                    ui.push_id(column.slot, |ui| {
                                        let view = self.views.entry(column.slot).or_default();
                                        answer::ui(ui, passage, column, view, &mut seen);
                                    });
                                },
                            );
                            if std::mem::take(&mut seen.cancel) {
                                cancelled.push(column.slot);
                            }
                        }
                    });
                    ui.add_space(GAP / 2.0);
                }
                for column in columns {
                    if let Some(model) = self.models.iter_mut().find(|model| model.slot() == column.slot) {
                        // The next question is decided by the threshold the user has set.
                        model.threshold = column.threshold;
                    }
                }
            }
        }
        for slot in cancelled {
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
            for asked in self.history.newest_first() {
                let button = egui::Button::selectable(Some(asked.id) == shown, &asked.question)
                    .right_text(RichText::new(asked.summary()).color(tokens.text_muted))
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
}

/// What the demonstration's checkpoints are told by.
fn demo_architecture() -> String {
    spanbert_core::checkpoint::architecture(&spanbert_core::demo::start::config())
}

impl PageView for AskPage {
    fn poll(&mut self, env: &mut Env<'_>) {
        for reply in self.worker.poll() {
            self.receive(reply, env);
        }
        self.passage.poll();
    }

    fn ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
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
        if ui.available_width() < SIDE_BY_SIDE {
            ScrollArea::vertical().id_salt("ask").auto_shrink(false).show(ui, |ui| {
                self.models_ui(ui, env);
                self.passage_ui(ui, env, 150.0);
                ui.add_space(GAP / 2.0);
                self.question_ui(ui);
                ui.add_space(GAP);
                self.answers_ui(ui);
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

    fn take_path(&mut self, purpose: Purpose, path: PathBuf, env: &mut Env<'_>) -> bool {
        match purpose {
            Purpose::AskCheckpoint => {}
            Purpose::Passage => {
                self.passage.read(&self.context, path);
                return true;
            }
            Purpose::Dropped if path.join("config.json").is_file() => {}
            Purpose::Dropped if path.is_file() && path.extension().is_none_or(|kind| kind != "json") => {
                self.passage.read(&self.context, path);
                return true;
            }
            _ => return false,
        }
        let backend = env.settings.backend.clone();
        self.load(&path, &backend);
        true
    }

    fn can(&self, command: Command, _env: &Env<'_>) -> bool {
        match command {
            Command::FocusInput => true,
            Command::Ask => self.models.iter().any(|model| model.facts().is_some()),
            _ => false,
        }
    }

    fn command(&mut self, command: Command, _env: &mut Env<'_>) {
        match command {
            Command::FocusInput => self.focus_question = true,
            Command::Ask => self.ask(),
            _ => {}
        }
    }
}
