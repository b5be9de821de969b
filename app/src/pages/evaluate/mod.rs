//! Evaluate: scores and predictions of a run's evaluations.
//!
//! [`load`] reads an evaluation on a thread, [`Loaded`](load::Loaded) is what the parts of the page draw:
//! [`scores`] at the top, the [`questions`] table, and the [`passage`] of the chosen question.

mod load;
mod passage;
mod questions;
mod scores;

use std::path::{Path, PathBuf};

use egui::{Align, ComboBox, Context, Layout, Ui};
use egui_phosphor::regular as icon;
use spanbert_core::run::Layout as RunLayout;

use self::{
    load::{Load, Loaded},
    questions::QuestionsTable,
};
use crate::{
    action::Action,
    command::Command,
    library::RunEntry,
    page::{Env, PageView},
    theme::GAP,
    widgets::{Severity, busy, command_button, empty_state, notice, page_header, short_path, symbol_button},
};

/// Below this width the passage is under the table, not beside it.
const SIDE_BY_SIDE: f32 = 860.0;

/// What is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Choice {
    run: PathBuf,
    step: Option<usize>,
}

/// The page's state.
pub struct EvaluatePage {
    context: Context,
    choice: Option<Choice>,
    load: Load,
    table: QuestionsTable,
}

impl EvaluatePage {
    /// Nothing chosen.
    #[must_use]
    pub fn new(context: &Context) -> Self {
        Self { context: context.clone(), choice: None, load: Load::Nothing, table: QuestionsTable::default() }
    }

    /// Shows the evaluation of a run after `step` updates, or its best.
    pub fn show(&mut self, run: PathBuf, step: Option<usize>) {
        self.load = Load::start(&self.context, run.clone(), step);
        self.choice = Some(Choice { run, step });
        self.table = QuestionsTable::default();
    }

    fn choices_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        let evaluated: Vec<&RunEntry> = env
            .library
            .runs()
            .iter()
            .filter(|run| run.summary.state.as_ref().is_some_and(|state| state.best.is_some()))
            .collect();
        let mut wanted = None;
        ui.horizontal_wrapped(|ui| {
            let shown = self.choice.as_ref().map_or("Choose a run".to_owned(), |choice| name(&choice.run));
            let combo = ComboBox::new("evaluated run", "").selected_text(shown).width(280.0).truncate();
            let response = combo.show_ui(ui, |ui| {
                for run in &evaluated {
                    let path = &run.summary.path;
                    let selected = self.choice.as_ref().is_some_and(|choice| choice.run == *path);
                    if ui.selectable_label(selected, &run.summary.name).clicked() {
                        wanted = Some(Choice { run: path.clone(), step: None });
                    }
                }
            });
            label(&response.response, "Run");
            if let (Some(choice), Load::Done(loaded)) = (&self.choice, &self.load) {
                let shown = step_name(loaded.step, loaded.best_step);
                let combo = ComboBox::new("evaluation", "").selected_text(shown).width(190.0);
                let response = combo.show_ui(ui, |ui| {
                    for step in &loaded.steps {
                        let text = step_name(*step, loaded.best_step);
                        if ui.selectable_label(*step == loaded.step, text).clicked() {
                            wanted = Some(Choice { run: choice.run.clone(), step: Some(*step) });
                        }
                    }
                });
                label(&response.response, "Evaluation");
                if symbol_button(ui, icon::LIST_DASHES, "Open run", true).clicked() {
                    env.ask(Action::OpenRun(choice.run.clone()));
                }
            }
        });
        if let Some(Choice { run, step }) = wanted {
            self.show(run, step);
        }
    }

    fn loaded_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        let Load::Done(loaded) = &mut self.load else { return };
        scores::ui(ui, loaded);
        ui.add_space(GAP / 2.0);
        if ui.available_width() < SIDE_BY_SIDE {
            let height = ui.available_height();
            let half = egui::vec2(ui.available_width(), (height * 0.52).max(160.0));
            ui.allocate_ui(half, |ui| {
                ui.set_max_height(half.y);
                self.table.ui(ui, loaded);
            });
            ui.separator();
            passage::ui(ui, loaded, self.table.selected(), env);
        } else {
            let (width, height) = (ui.available_width() - GAP, ui.available_height());
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing.x = GAP;
                let down = Layout::top_down(Align::Min);
                ui.allocate_ui_with_layout(egui::vec2(width * 0.6, height), down, |ui| {
                    ui.set_width(width * 0.6);
                    self.table.ui(ui, loaded);
                });
                ui.allocate_ui_with_layout(egui::vec2(width * 0.4, height), down, |ui| {
                    ui.set_width(width * 0.4);
                    passage::ui(ui, loaded, self.table.selected(), env);
                });
            });
        }
    }
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
    fn poll(&mut self, _env: &mut Env<'_>) {
        self.load.poll();
    }

    fn ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        if self.choice.is_none() {
            let best = env
                .library
                .runs()
                .iter()
                .find(|run| run.summary.state.as_ref().is_some_and(|state| state.best.is_some()));
            match best.map(|run| run.summary.path.clone()) {
                Some(run) => self.show(run, None),
                None => {
                    empty_state(
                        ui,
                        icon::CHART_BAR,
                        "No evaluations yet",
                        "Every training evaluates its development set. Its scores and predictions are shown here.",
                        |ui| {
                            if command_button(ui, Command::StartDemo, true).clicked() {
                                env.ask(Action::Do(Command::StartDemo));
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
        match &self.load {
            Load::Nothing => {}
            Load::Running(_) => busy(ui, "Reading the evaluation"),
            Load::Failed(message) => notice(ui, Severity::Error, message),
            Load::Done(_) => self.loaded_ui(ui, env),
        }
    }

    fn can(&self, command: Command, _env: &Env<'_>) -> bool {
        match command {
            Command::FocusInput => matches!(self.load, Load::Done(_)),
            Command::RevealRun => self.choice.is_some(),
            _ => false,
        }
    }

    fn command(&mut self, command: Command, env: &mut Env<'_>) {
        match (command, &self.choice) {
            (Command::FocusInput, _) => self.table.focus(),
            (Command::RevealRun, Some(choice)) => {
                let folder = RunLayout::new(&choice.run).evaluations();
                if let Err(error) = opener::open(&folder) {
                    let text = format!("{} could not be opened: {error}", folder.display());
                    env.ask(Action::Say(crate::toasts::Toast::error(text)));
                }
            }
            _ => {}
        }
    }
}

/// The contents of an evaluation, for tests and for other pages.
#[must_use]
pub fn verdict_name(verdict: spanbert_core::evaluate::Verdict) -> &'static str {
    Loaded::verdict_name(verdict)
}
