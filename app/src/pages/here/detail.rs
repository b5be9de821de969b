//! A run that nobody works on: its curves, evaluations, recipe, messages and notes, to be looked at.

use std::path::{Path, PathBuf};

use crate::symbols as icon;
use egui::{Label, RichText, ScrollArea, Ui};
use spanbert_core::run::{RecordedRun, Severity as Told};

use crate::{
    action::Action,
    files,
    page_view::Env,
    pages::curves::{charts::Charts, evaluations, status_look},
    theme::{GAP, TITLE_SIZE, Tokens},
    widgets::{
        Severity, best_score, card, count, fact, icon_button, notice, pill, run_title, score_name, segmented,
        symbol_button,
    },
};

/// A part of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Tab {
    #[default]
    Curves,
    Evaluations,
    Recipe,
    Messages,
    Notes,
}

/// A run in detail.
pub(super) struct Detail {
    folder: PathBuf,
    run: RecordedRun,
    charts: Charts,
    tab: Tab,
}

impl Detail {
    pub(super) fn new(folder: PathBuf, run: RecordedRun) -> Self {
        Self { folder, run, charts: Charts::default(), tab: Tab::default() }
    }

    pub(super) fn run(&self) -> &RecordedRun {
        &self.run
    }

    /// Where its files are: what was dropped may hold the run's folder in it.
    fn root(&self) -> PathBuf {
        self.folder.join(self.run.folder.trim_end_matches('/'))
    }

    /// Draws the run. Gives whether the user wants back to the list.
    pub(super) fn ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) -> bool {
        let tokens = Tokens::of(ui);
        let mut back = false;
        ui.horizontal_wrapped(|ui| {
            back = icon_button(ui, icon::ARROW_LEFT, "Back to the runs").clicked();
            let title = RichText::new(run_title(&self.run.summary.name)).size(TITLE_SIZE).strong();
            ui.add(Label::new(title).truncate());
            let (word, color, ground) = status_look(self.run.summary.status, &tokens);
            pill(ui, word, color, ground);
        });
        ui.add_space(4.0);
        self.buttons_ui(ui, env);
        if !self.run.damaged.is_empty() {
            let text =
                format!("{} cannot be read and is left out; copy the run again", self.run.damaged.join(", "));
            notice(ui, Severity::Warning, &text);
        }
        if let Some(error) = self.run.summary.state.as_ref().and_then(|state| state.error.as_ref()) {
            notice(ui, Severity::Error, error);
        }
        card(ui, "Progress", |ui| self.facts_ui(ui));
        ui.add_space(GAP / 2.0);
        self.tabs_ui(ui, env);
        back
    }

    fn buttons_ui(&self, ui: &mut Ui, env: &mut Env<'_>) {
        let root = self.root();
        let checkpoint =
            ["best", "last"].map(|name| root.join(name)).into_iter().find(|path| files::is_checkpoint(path));
        ui.horizontal_wrapped(|ui| {
            let ask = symbol_button(ui, icon::CHAT_TEXT, "Ask this model", checkpoint.is_some());
            if ask.on_disabled_hover_text("Its folder best/ was not handed over").clicked()
                && let Some(checkpoint) = checkpoint
            {
                env.ask(Action::AskWith(checkpoint));
            }
            let evaluated = !self.run.evaluations.is_empty();
            if symbol_button(ui, icon::CHART_BAR, "Show evaluation", evaluated).clicked() {
                env.ask(Action::ShowEvaluation { run: root.clone(), step: None });
            }
        });
        ui.add_space(6.0);
    }

    fn facts_ui(&self, ui: &mut Ui) {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = egui::vec2(26.0, 6.0);
            let mut told = |caption: &str, value: String| {
                ui.allocate_ui(egui::vec2(150.0, 36.0), |ui| fact(ui, caption, &value));
            };
            if let Some(started) = &self.run.summary.started {
                told("Started", started.get(..16).unwrap_or(started).replace('T', " "));
            }
            if let Some(state) = &self.run.summary.state {
                told("Update", format!("{} of {}", count(state.step), count(state.total_steps)));
                if let Some(best) = &state.best {
                    told("Best score", format!("{} {}", score_name(&best.metric), best_score(best)));
                }
            }
            if let Some(environment) = &self.run.environment {
                told("Device", environment.device.clone());
            }
        });
    }

    fn tabs_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        let curves = &self.run.curves;
        let evaluations = format!("Evaluations {}", count(curves.evaluations.len() + curves.held_out.len()));
        let tabs = [
            (Tab::Curves, "Curves"),
            (Tab::Evaluations, evaluations.as_str()),
            (Tab::Recipe, "Recipe"),
            (Tab::Messages, "Messages"),
            (Tab::Notes, "Notes"),
        ];
        segmented(ui, &mut self.tab, &tabs);
        ui.add_space(6.0);
        match self.tab {
            Tab::Curves => self.charts.ui(ui, curves),
            Tab::Evaluations => {
                if let Some(step) = evaluations::ui(ui, curves) {
                    env.ask(Action::ShowEvaluation { run: self.root(), step: Some(step) });
                }
            }
            Tab::Recipe => {
                text_ui(ui, self.run.recipe.as_ref().map(|(_, text)| text.as_str()), "The run has no recipe")
            }
            Tab::Messages => self.messages_ui(ui),
            Tab::Notes => {
                let notes = &self.run.notes;
                let text = format!("{}\n{}", notes.tags.join(", "), notes.note);
                text_ui(ui, Some(text.trim()).filter(|text| !text.is_empty()), "There are no notes");
            }
        }
    }

    fn messages_ui(&self, ui: &mut Ui) {
        if self.run.curves.messages.is_empty() {
            return text_ui(ui, None, "Nothing was told");
        }
        ScrollArea::vertical().id_salt("messages").auto_shrink(false).show(ui, |ui| {
            for message in &self.run.curves.messages {
                let severity = match message.severity {
                    Told::Note => Severity::Info,
                    Told::Warning => Severity::Warning,
                    Told::Error => Severity::Error,
                };
                notice(ui, severity, &message.text);
                ui.add_space(4.0);
            }
        });
    }
}

fn text_ui(ui: &mut Ui, text: Option<&str>, otherwise: &str) {
    let Some(text) = text else {
        ui.label(RichText::new(otherwise).color(Tokens::of(ui).text_muted));
        return;
    };
    ScrollArea::vertical().id_salt("text").auto_shrink(false).show(ui, |ui| {
        card(ui, "Text", |ui| ui.add(Label::new(RichText::new(text).monospace()).wrap()));
    });
}

/// A folder's own name.
pub(super) fn name(folder: &Path) -> String {
    folder
        .file_name()
        .map_or_else(|| folder.display().to_string(), |name| name.to_string_lossy().into_owned())
}
