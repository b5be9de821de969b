//! Evaluate: why a model scores what it scores.
//!
//! [`load`] reads an evaluation on a thread, [`live`] holds everything that follows the threshold, [`filter`] says which
//! questions are shown. [`choices`] is the row above; the [`view`] draws the [`curve`] and the [`confusion`] at the top, then
//! [`slices`], the [`questions`] table, and the [`passage`] of the chosen question with where the model looks ([`looking`]).
//! [`evaluating`] starts evaluations, [`export`] writes what is shown.

mod choices;
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
mod view;

use std::{
    path::PathBuf,
    sync::{Arc, mpsc::Receiver},
};

use crate::symbols as icon;
use egui::{Align, Context, Label, Layout, RichText, TextEdit, Ui};

use self::{
    evaluating::{Evaluated, Evaluating, Means},
    load::{Load, Source},
    looking::Looking,
    view::{Part, View},
};
use crate::{
    action::Action,
    command::Command,
    dialogs::Purpose,
    files,
    page_view::{Env, PageView},
    theme::{CAPTION_SIZE, GAP, Tokens},
    toasts::Toast,
    widgets::{
        Severity, busy, command_button, count, empty_state, labelled, notice, page_header, symbol_button,
        warnings_list,
    },
};

/// From this width on the slices, the questions and the passage are side by side.
const ALL_BESIDE: f32 = 1000.0;
/// From this width on the passage is beside one of the others; below, the parts are shown one at a time.
const TWO_BESIDE: f32 = 760.0;
/// Below this height the curve and the cells are a part too, and only their figures and the slider stay on top.
const LOW: f32 = 560.0;
/// What is said where there is no evaluation.
const NO_EVALUATIONS: &str = if cfg!(target_family = "wasm") {
    "Any checkpoint can be evaluated on any SQuAD file, here in the browser; an evaluation of the command line can be dropped as a folder. Scores, slices and predictions are shown here."
} else {
    "Every training evaluates its development set; any checkpoint can be evaluated on any SQuAD file. Scores, slices and predictions are shown here."
};
/// Height of the curve with its figures and the slider.
const CURVE: f32 = 190.0;

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
    /// The last evaluation that was started here, and what it said.
    evaluated: Option<Evaluated>,
    /// What evaluates; without it nothing can be started from here.
    means: Option<Means>,
    stored: Vec<PathBuf>,
    stored_in: PathBuf,
    export: Option<Receiver<Result<String, String>>>,
    looking: Looking,
    part: Part,
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
            evaluated: None,
            means: None,
            stored: Vec::new(),
            stored_in: PathBuf::new(),
            export: None,
            looking: Looking::new(context),
            part: Part::default(),
        }
    }

    /// The program that evaluates; without it nothing can be started from here.
    #[cfg(not(target_family = "wasm"))]
    #[must_use]
    pub fn with_trainer(mut self, trainer: crate::launch::Trainer) -> Self {
        self.means = Some(trainer);
        self
    }

    /// With Web Workers to evaluate in.
    #[cfg(target_family = "wasm")]
    #[must_use]
    pub fn with_workers(mut self) -> Self {
        self.means = Some(Means);
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
            self.view = Some(View::new(loaded, &env.settings.slices));
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

    fn loaded_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        let (Load::Done(loaded), Some(view)) = (&self.load, &mut self.view) else { return };
        if loaded.results.non_finite_windows > 0 {
            let windows = loaded.results.non_finite_windows;
            let text = format!(
                "{} window{} had results that are not numbers, so these scores mean nothing: the weights or the device are damaged",
                count(windows),
                if windows == 1 { "" } else { "s" }
            );
            notice(ui, Severity::Error, &text);
        }
        let shown = self.source.as_ref().map(Source::path);
        if let Some(said) = self.evaluated.as_ref().filter(|said| shown == Some(&said.folder)) {
            said.warnings.iter().for_each(|warning| notice(ui, Severity::Warning, warning));
            // What was decided is kept with the evaluation, and stands below.
            let decision = loaded.results.abstention.map(|decision| decision.to_string());
            let notes = said.notes.iter().filter(|note| Some(*note) != decision.as_ref());
            notes.for_each(|note| caption(ui, note));
        }
        if let Some(decision) = loaded.results.abstention {
            caption(ui, &capitalised(&decision.said()));
        }
        warnings_list(ui, " about the data", &loaded.warnings, "evaluated data");
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
            if files::ON_DISK {
                labelled(ui, "SQuAD file that was answered", |ui| {
                    ui.add(TextEdit::singleline(&mut self.data).desired_width(width))
                });
            } else {
                ui.label("SQuAD file that was answered");
            }
            if files::ON_DISK
                && ui.add_enabled(!self.data.trim().is_empty(), egui::Button::new("Use this file")).clicked()
            {
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

fn caption(ui: &mut Ui, text: &str) {
    let muted = Tokens::of(ui).text_muted;
    ui.add(Label::new(RichText::new(text).size(CAPTION_SIZE).color(muted)).wrap());
}

fn capitalised(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

fn column(ui: &mut Ui, width: f32, height: f32, content: impl FnOnce(&mut Ui)) {
    ui.allocate_ui_with_layout(egui::vec2(width, height), Layout::top_down(Align::Min), |ui| {
        ui.set_width(width);
        ui.spacing_mut().item_spacing.x = 8.0;
        content(ui);
    });
}

impl PageView for EvaluatePage {
    fn poll(&mut self, env: &mut Env<'_>) {
        if self.load.poll() {
            self.loaded(env);
        }
        if self.other.as_mut().is_some_and(|(_, load)| load.poll()) {
            self.other_loaded();
        }
        if let Some(evaluated) = self.evaluating.poll() {
            self.stored = evaluating::stored(&env.settings.runs_folder);
            self.show_folder(evaluated.folder.clone());
            self.evaluated = Some(evaluated);
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
                    empty_state(ui, icon::CHART_BAR, "No evaluations yet", NO_EVALUATIONS, |ui| {
                        if Command::StartDemo.is_offered()
                            && command_button(ui, Command::StartDemo, true).clicked()
                        {
                            env.ask(Action::Do(Command::StartDemo));
                        }
                        if symbol_button(ui, icon::EXAM, "New evaluation…", true).clicked() {
                            self.evaluating.open = true;
                        }
                    });
                    return;
                }
            }
        }
        page_header(ui, "Evaluate", "", |_| {});
        self.choices_ui(ui, env);
        ui.add_space(GAP / 2.0);
        self.evaluating.ui(ui, env, self.means.as_ref());
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
        if purpose == Purpose::Dropped {
            return self.evaluating.take_dropped(&path);
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

    #[cfg_attr(target_family = "wasm", allow(unused_variables, reason = "nothing to reveal"))]
    fn command(&mut self, command: Command, env: &mut Env<'_>) {
        match (command, &self.source, &mut self.view) {
            (Command::FocusInput, _, Some(view)) => view.table.focus(),
            #[cfg(not(target_family = "wasm"))]
            (Command::RevealRun, Some(source), _) => {
                if let Err(text) = files::open(&source.folder()) {
                    env.ask(Action::Say(Toast::error(text)));
                }
            }
            _ => {}
        }
    }
}
