//! Evaluate: why a model scores what it scores.
//!
//! [`load`] reads an evaluation on a thread, [`live`] holds everything that follows the threshold, [`filter`] says which
//! questions are shown. Drawn are the [`curve`] and the [`confusion`] at the top, then [`slices`], the [`questions`] table,
//! and the [`passage`] of the chosen question with where the model looks ([`looking`]). [`evaluating`] starts evaluations,
//! [`export`] writes what is shown.

mod confusion;
mod curve;
mod evaluating;
mod export;
mod filter;
mod live;
mod load;
mod looking;
mod passage;
mod questions;
mod slices;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, mpsc::Receiver},
};

use egui::{Align, ComboBox, Context, Layout, RichText, TextEdit, Ui};
use egui_phosphor::regular as icon;
use spanbert_core::run::Layout as RunLayout;

use self::{
    curve::Sweep,
    evaluating::Evaluating,
    export::{Export, Order},
    filter::Filter,
    live::{Live, SavedQuery},
    load::{Load, Loaded, Source},
    looking::Looking,
    questions::QuestionsTable,
    slices::SlicesPanel,
};
use crate::{
    action::Action,
    command::Command,
    dialogs::Purpose,
    launch::Trainer,
    library::RunEntry,
    page::{Env, PageView},
    theme::{CAPTION_SIZE, GAP, Tokens},
    toasts::Toast,
    widgets::{
        Severity, busy, card, command_button, count, empty_state, labelled, notice, page_header, segmented,
        short_path, symbol_button,
    },
};

/// From this width on the slices, the questions and the passage are side by side.
const ALL_BESIDE: f32 = 1000.0;
/// From this width on the passage is beside one of the others; below, the parts are shown one at a time.
const TWO_BESIDE: f32 = 760.0;
/// Below this height the curve and the cells are a part too, and only their figures and the slider stay on top.
const LOW: f32 = 560.0;
/// Height of the curve with its figures and the slider.
const CURVE: f32 = 190.0;

/// Which part is shown where there is no room for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    Scores,
    Slices,
    #[default]
    Questions,
    Passage,
}

/// The page's state.
pub struct EvaluatePage {
    context: Context,
    source: Option<Source>,
    load: Load,
    /// What is drawn, once it is loaded.
    view: Option<View>,
    /// The data set's path as typed, for an evaluation that does not know its own.
    data: String,
    other: Option<(Source, Load)>,
    other_error: Option<String>,
    evaluating: Evaluating,
    trainer: Option<Trainer>,
    stored: Vec<PathBuf>,
    stored_in: PathBuf,
    export: Option<Receiver<Result<String, String>>>,
    looking: Looking,
    part: Part,
}

/// A loaded evaluation as it is drawn.
struct View {
    live: Live,
    sweep: Option<Sweep>,
    filter: Filter,
    table: QuestionsTable,
    slices: SlicesPanel,
}

impl EvaluatePage {
    /// Nothing chosen.
    #[must_use]
    pub fn new(context: &Context) -> Self {
        Self {
            context: context.clone(),
            source: None,
            load: Load::Nothing,
            view: None,
            data: String::new(),
            other: None,
            other_error: None,
            evaluating: Evaluating::default(),
            trainer: None,
            stored: Vec::new(),
            stored_in: PathBuf::new(),
            export: None,
            looking: Looking::new(context),
            part: Part::default(),
        }
    }

    /// The program that evaluates; without it nothing can be started from here.
    #[must_use]
    pub fn with_trainer(mut self, trainer: Trainer) -> Self {
        self.trainer = Some(trainer);
        self
    }

    /// Shows the evaluation of a run after `step` updates, or its best.
    pub fn show(&mut self, run: PathBuf, step: Option<usize>) {
        self.open(Source::Run(run, step), None);
    }

    /// Shows the evaluation in a folder of its own.
    pub fn show_folder(&mut self, folder: PathBuf) {
        self.open(Source::Folder(folder), None);
    }

    fn open(&mut self, source: Source, data: Option<PathBuf>) {
        self.load = Load::start(&self.context, &source, data);
        self.source = Some(source);
        self.view = None;
        self.other = None;
        self.other_error = None;
    }

    /// Compares the evaluation shown with another.
    fn compare(&mut self, source: Option<Source>) {
        self.other_error = None;
        match source {
            Some(source) => {
                let load = Load::start(&self.context, &source, None);
                self.other = Some((source, load));
            }
            None => {
                self.other = None;
                if let Some(view) = &mut self.view {
                    // Nothing to compare with is always comparable.
                    let _ = view.live.compare_with(None);
                    view.filter.change = None;
                }
            }
        }
    }

    /// Takes in what was loaded.
    fn loaded(&mut self, env: &Env<'_>) {
        if let Some(loaded) = self.load.done() {
            let queries = env.settings.slices.iter().filter_map(|saved| {
                Some(SavedQuery { name: saved.name.clone(), query: saved.query.parse().ok()? })
            });
            self.view = Some(View {
                sweep: loaded.analysis.curve.as_ref().and_then(Sweep::new),
                live: Live::new(Arc::clone(&loaded.analysis), queries.collect()),
                filter: Filter::default(),
                table: QuestionsTable::default(),
                slices: SlicesPanel::default(),
            });
        }
    }

    fn other_loaded(&mut self) {
        let Some((_, load)) = &self.other else { return };
        let result = match load {
            Load::Done(loaded) => match &mut self.view {
                Some(view) => view.live.compare_with(Some(Arc::clone(&loaded.analysis))),
                None => Ok(()),
            },
            Load::Failed(failure) => Err(failure.message.clone()),
            _ => return,
        };
        if let Err(message) = result {
            self.other_error = Some(message);
            self.other = None;
        }
    }

    /// What can be chosen: runs with evaluations, then evaluations of their own.
    fn sources(&self, env: &Env<'_>) -> Vec<Source> {
        let evaluated =
            |run: &&RunEntry| run.summary.state.as_ref().is_some_and(|state| state.best.is_some());
        let runs = env.library.runs().iter().filter(evaluated);
        runs.map(|run| Source::Run(run.summary.path.clone(), None))
            .chain(self.stored.iter().cloned().map(Source::Folder))
            .collect()
    }

    fn choices_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        let sources = self.sources(env);
        let (mut wanted, mut compared) = (None, None);
        let room = ui.available_width();
        ui.horizontal_wrapped(|ui| {
            // A button that does not fit goes to the next row whole.
            ui.style_mut().wrap_mode = Some(egui::TextWrapMode::Extend);
            let shown = self.source.as_ref().map_or("Choose a run".to_owned(), |source| name(source.path()));
            let response = ComboBox::new("evaluated run", "")
                .selected_text(shown)
                .width((room * 0.28).clamp(150.0, 230.0))
                .truncate()
                .show_ui(ui, |ui| {
                    for source in &sources {
                        let selected =
                            self.source.as_ref().is_some_and(|shown| shown.path() == source.path());
                        if ui.selectable_label(selected, name(source.path())).clicked() {
                            wanted = Some(source.clone());
                        }
                    }
                });
            label(&response.response, "Run");
            if let Some(loaded) = self.load.done() {
                if let Some(step) = loaded.step() {
                    let shown = step_name(step, loaded.best_step);
                    let combo = ComboBox::new("evaluation", "").selected_text(shown).width(170.0);
                    let response = combo.show_ui(ui, |ui| {
                        for other in &loaded.steps {
                            let text = step_name(*other, loaded.best_step);
                            if ui.selectable_label(*other == step, text).clicked()
                                && let Some(source) = &self.source
                            {
                                wanted = Some(Source::Run(source.path().to_owned(), Some(*other)));
                            }
                        }
                    });
                    label(&response.response, "Evaluation");
                }
                compared = self.compare_ui(ui, loaded, &sources);
            }
            if symbol_button(ui, icon::EXAM, "New evaluation…", true).clicked() {
                self.evaluating.open = true;
            }
            self.export_ui(ui);
            if let Some(Source::Run(run, _)) = &self.source
                && symbol_button(ui, icon::LIST_DASHES, "Open run", true).clicked()
            {
                env.ask(Action::OpenRun(run.clone()));
            }
        });
        if let Some(source) = wanted {
            self.open(source, None);
        }
        if let Some(source) = compared {
            self.compare(source);
        }
    }

    /// The evaluations that can be compared with; `Some(None)` ends a comparison.
    fn compare_ui(&self, ui: &mut Ui, loaded: &Loaded, sources: &[Source]) -> Option<Option<Source>> {
        let mut chosen = None;
        let shown = match &self.other {
            Some((Source::Run(run, Some(step)), _)) => format!("{} after {step}", name(run)),
            Some((source, _)) => name(source.path()),
            None => "Compare with…".to_owned(),
        };
        let response =
            ComboBox::new("compared", "").selected_text(shown).width(170.0).truncate().show_ui(ui, |ui| {
                if self.other.is_some() && ui.selectable_label(false, "Nothing").clicked() {
                    chosen = Some(None);
                }
                if let (Some(Source::Run(run, _)), Some(step)) = (&self.source, loaded.step()) {
                    for other in loaded.steps.iter().filter(|other| **other != step) {
                        let text = format!("This run after {other} updates");
                        if ui.selectable_label(false, text).clicked() {
                            chosen = Some(Some(Source::Run(run.clone(), Some(*other))));
                        }
                    }
                }
                let elsewhere =
                    |source: &&Source| Some(source.path()) != self.source.as_ref().map(Source::path);
                for source in sources.iter().filter(elsewhere) {
                    if ui.selectable_label(false, name(source.path())).clicked() {
                        chosen = Some(Some(source.clone()));
                    }
                }
            });
        label(&response.response, "Compare with");
        chosen
    }

    fn export_ui(&mut self, ui: &mut Ui) {
        let mut wanted = None;
        let ready = self.view.is_some() && self.export.is_none();
        ui.add_enabled_ui(ready, |ui| {
            ui.menu_button(format!("{}  Export", icon::EXPORT), |ui| {
                for export in Export::ALL {
                    if ui.button(export.name()).clicked() {
                        wanted = Some(export);
                        ui.close();
                    }
                }
            });
        });
        if let (Some(export), Some(view), Some(loaded)) = (wanted, &self.view, self.load.done()) {
            let own = view.live.slices.get(view.live.analysis.slices.len()..).unwrap_or_default();
            let order = Order {
                export,
                folder: loaded.place.folder.clone(),
                analysis: Arc::clone(&view.live.analysis),
                threshold: view.live.threshold,
                queries: own.to_vec(),
                rows: view.table.rows().to_vec(),
            };
            self.export = export::start(&self.context, order);
        }
    }

    fn loaded_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        let (Load::Done(loaded), Some(view)) = (&self.load, &mut self.view) else { return };
        if loaded.results.non_finite_windows > 0 {
            let text = format!(
                "{} windows had results that are no numbers, so these scores mean nothing: the weights or the device are damaged",
                count(loaded.results.non_finite_windows)
            );
            notice(ui, Severity::Error, &text);
        }
        let low = ui.available_height() < LOW;
        if low {
            view.strip_ui(ui);
        } else {
            view.top_ui(ui, CURVE);
        }
        ui.add_space(GAP / 2.0);
        let (width, height) = (ui.available_width() - 2.0 * GAP, ui.available_height());
        let mut passage_ui = |ui: &mut Ui, view: &View, env: &mut Env<'_>| {
            passage::ui(ui, loaded, &view.live, view.table.selected(), &mut self.looking, env);
        };
        if width >= ALL_BESIDE {
            let left = (width * 0.25).clamp(250.0, 330.0);
            let right = (width * 0.31).clamp(290.0, 460.0);
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing.x = GAP;
                column(ui, left, height, |ui| {
                    view.part_ui(ui, &mut self.part, &[Part::Slices], low, env);
                });
                column(ui, width - left - right, height, |ui| {
                    view.table.ui(ui, &view.live, &mut view.filter);
                });
                column(ui, right, height, |ui| passage_ui(ui, view, env));
            });
        } else if width >= TWO_BESIDE {
            let right = (width * 0.42).clamp(290.0, 430.0);
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing.x = GAP;
                column(ui, width + GAP - right, height, |ui| {
                    view.part_ui(ui, &mut self.part, &[Part::Slices, Part::Questions], low, env);
                });
                column(ui, right, height, |ui| passage_ui(ui, view, env));
            });
        } else {
            let parts = [Part::Slices, Part::Questions, Part::Passage];
            if view.part_ui(ui, &mut self.part, &parts, low, env) == Part::Passage {
                passage_ui(ui, view, env);
            }
        }
    }

    /// What went wrong, and a field for the data set if that may help.
    fn failed_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        let Load::Failed(failure) = &self.load else { return };
        notice(ui, Severity::Error, &failure.message);
        if !failure.wants_data {
            return;
        }
        ui.add_space(GAP / 2.0);
        let mut wanted = None;
        ui.horizontal_wrapped(|ui| {
            let width = (ui.available_width() - 260.0).max(160.0);
            labelled(ui, "SQuAD file that was answered", |ui| {
                ui.add(TextEdit::singleline(&mut self.data).desired_width(width))
            });
            if ui.add_enabled(!self.data.trim().is_empty(), egui::Button::new("Use this file")).clicked() {
                wanted = Some(PathBuf::from(self.data.trim().trim_matches('"')));
            }
            if ui.button("Choose file…").clicked() {
                env.ask(Action::Browse(Purpose::AnsweredData));
            }
        });
        if let (Some(data), Some(source)) = (wanted, self.source.clone()) {
            self.open(source, Some(data));
        }
    }
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Scores => "Scores",
            Self::Slices => "Slices",
            Self::Questions => "Questions",
            Self::Passage => "Passage",
        }
    }
}

impl View {
    /// A choice of parts, and the chosen one unless it is the passage. In a low window the scores are one of them.
    fn part_ui(
        &mut self,
        ui: &mut Ui,
        chosen: &mut Part,
        parts: &[Part],
        low: bool,
        env: &mut Env<'_>,
    ) -> Part {
        let scores = low.then_some(Part::Scores);
        let offered: Vec<(Part, &str)> =
            scores.into_iter().chain(parts.iter().copied()).map(|part| (part, part.name())).collect();
        let mut shown = *chosen;
        if !offered.iter().any(|(part, _)| *part == shown) {
            // What was chosen has a place of its own in this window, and comes back in another.
            shown = parts.last().copied().unwrap_or_default();
        }
        if offered.len() > 1 {
            let before = shown;
            segmented(ui, &mut shown, &offered);
            if shown != before {
                *chosen = shown;
            }
        }
        match shown {
            Part::Scores => {
                let height = ui.available_height() - 40.0;
                self.top_ui(ui, height);
            }
            Part::Slices => self.slices_ui(ui, env),
            Part::Questions => self.table.ui(ui, &self.live, &mut self.filter),
            Part::Passage => {}
        }
        shown
    }

    /// The scores in figures, and the slider.
    fn strip_ui(&mut self, ui: &mut Ui) {
        if let Some(sweep) = &self.sweep {
            card(ui, "Scores at the threshold", |ui| sweep.strip(ui, &mut self.live));
        }
    }

    /// The curve beside the four cells.
    fn top_ui(&mut self, ui: &mut Ui, height: f32) {
        card(ui, "Scores", |ui| match &self.sweep {
            Some(sweep) => {
                ui.horizontal_top(|ui| {
                    let width = (ui.available_width() - 320.0).max(180.0);
                    ui.allocate_ui_with_layout(
                        egui::vec2(width, height),
                        Layout::top_down(Align::Min),
                        |ui| {
                            ui.set_width(width);
                            sweep.ui(ui, &mut self.live, height);
                        },
                    );
                    ui.add_space(GAP);
                    ui.vertical(|ui| {
                        confusion::ui(ui, &self.live, &mut self.filter);
                        compared_ui(ui, &self.live);
                    });
                });
            }
            None => {
                let at = &self.live.at;
                ui.label(format!(
                    "Exact match {:.2}   F1 {:.2}   {} questions; without null odds every answer counts",
                    at.exact,
                    at.f1,
                    count(self.live.analysis.cases.len())
                ));
                confusion::ui(ui, &self.live, &mut self.filter);
                compared_ui(ui, &self.live);
            }
        });
    }

    fn slices_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        if self.slices.ui(ui, &mut self.live, &mut self.filter) {
            let saved = self.live.queries().iter().map(|saved| crate::settings::SavedSlice {
                name: saved.name.clone(),
                query: saved.query.text().to_owned(),
            });
            env.settings.slices = saved.collect();
        }
    }
}

/// The comparison in two lines.
fn compared_ui(ui: &mut Ui, live: &Live) {
    let Some(compared) = &live.comparison else { return };
    let tokens = Tokens::of(ui);
    let all = &compared.found.overall;
    let interval =
        all.interval.map_or_else(String::new, |at| format!(" ({:+.1} to {:+.1})", at.low, at.high));
    ui.add_space(4.0);
    ui.label(
        RichText::new(format!("Other F1 {:.2}, {:+.2}{interval}", all.f1.second, all.difference)).strong(),
    );
    let text = format!(
        "Right to wrong {}, wrong to right {}, McNemar p {}",
        count(all.right_to_wrong),
        count(all.wrong_to_right),
        all.mcnemar.p_text()
    );
    ui.label(RichText::new(text).size(CAPTION_SIZE).color(tokens.text_muted));
}

fn column(ui: &mut Ui, width: f32, height: f32, content: impl FnOnce(&mut Ui)) {
    ui.allocate_ui_with_layout(egui::vec2(width, height), Layout::top_down(Align::Min), |ui| {
        ui.set_width(width);
        ui.spacing_mut().item_spacing.x = 8.0;
        content(ui);
    });
}

fn label(response: &egui::Response, name: &str) {
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::ComboBox, true, name));
}

fn name(run: &Path) -> String {
    run.file_name().map_or_else(|| short_path(run, 40), |name| name.to_string_lossy().into_owned())
}

fn step_name(step: usize, best: Option<usize>) -> String {
    let mark = if best == Some(step) { " (best)" } else { "" };
    format!("After {step} updates{mark}")
}

impl PageView for EvaluatePage {
    fn poll(&mut self, env: &mut Env<'_>) {
        if self.load.poll() {
            self.loaded(env);
        }
        if self.other.as_mut().is_some_and(|(_, load)| load.poll()) {
            self.other_loaded();
        }
        if let Some(folder) = self.evaluating.poll() {
            self.stored = evaluating::stored(&env.settings.runs_folder);
            self.show_folder(folder);
        }
        if self.stored_in != env.settings.runs_folder {
            self.stored_in.clone_from(&env.settings.runs_folder);
            self.stored = evaluating::stored(&self.stored_in);
        }
        if let Some(result) = self.export.as_ref().and_then(|receiver| receiver.try_recv().ok()) {
            self.export = None;
            env.ask(Action::Say(match result {
                Ok(text) => Toast::done(text),
                Err(text) => Toast::error(text),
            }));
        }
        self.looking.poll();
        if let Some(view) = &mut self.view {
            view.live.poll(&self.context);
        }
    }

    fn ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        if self.source.is_none() {
            match self.sources(env).into_iter().next() {
                Some(source) => self.open(source, None),
                None if self.evaluating.open => {}
                None => {
                    empty_state(
                        ui,
                        icon::CHART_BAR,
                        "No evaluations yet",
                        "Every training evaluates its development set; any checkpoint can be evaluated on any SQuAD file. Scores, slices and predictions are shown here.",
                        |ui| {
                            if command_button(ui, Command::StartDemo, true).clicked() {
                                env.ask(Action::Do(Command::StartDemo));
                            }
                            if symbol_button(ui, icon::EXAM, "New evaluation…", true).clicked() {
                                self.evaluating.open = true;
                            }
                        },
                    );
                    return;
                }
            }
        }
        page_header(ui, "Evaluate", "", |_| {});
        self.choices_ui(ui, env);
        ui.add_space(GAP / 2.0);
        self.evaluating.ui(ui, env, self.trainer.as_ref());
        if let Some(error) = &self.other_error {
            notice(ui, Severity::Warning, error);
        }
        match &self.load {
            Load::Nothing => {}
            Load::Running(_) => busy(ui, "Reading the evaluation"),
            Load::Failed(_) => self.failed_ui(ui, env),
            Load::Done(_) => self.loaded_ui(ui, env),
        }
    }

    fn take_path(&mut self, purpose: Purpose, path: PathBuf, _env: &mut Env<'_>) -> bool {
        if self.evaluating.take(purpose, &path) {
            return true;
        }
        if let (Purpose::AnsweredData, Some(source)) = (purpose, self.source.clone()) {
            self.open(source, Some(path));
            return true;
        }
        false
    }

    fn can(&self, command: Command, _env: &Env<'_>) -> bool {
        match command {
            Command::FocusInput => self.view.is_some(),
            Command::RevealRun => self.source.is_some(),
            _ => false,
        }
    }

    fn command(&mut self, command: Command, env: &mut Env<'_>) {
        match (command, &self.source, &mut self.view) {
            (Command::FocusInput, _, Some(view)) => view.table.focus(),
            (Command::RevealRun, Some(source), _) => {
                let folder = match source {
                    Source::Run(run, _) => RunLayout::new(run).evaluations(),
                    Source::Folder(folder) => folder.clone(),
                };
                if let Err(error) = opener::open(&folder) {
                    let text = format!("{} could not be opened: {error}", folder.display());
                    env.ask(Action::Say(Toast::error(text)));
                }
            }
            _ => {}
        }
    }
}
