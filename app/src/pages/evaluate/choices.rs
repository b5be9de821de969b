//! The row above an evaluation: which one is shown, what it is compared with, and what can be done with it.

use std::{path::Path, sync::Arc};

use crate::symbols as icon;
use egui::Ui;
use spanbert_core::run::updates;

use super::{
    EvaluatePage,
    export::{self, Export, Order},
    load::Source,
};
use crate::{
    action::Action,
    files,
    page_view::Env,
    widgets::{name_entry, name_list, short_path, symbol_button, wrap_before},
};

/// Width of the lists beside that of what can be shown.
const LIST: f32 = 170.0;

impl EvaluatePage {
    /// What can be chosen: runs with evaluations, then evaluations of their own.
    pub(super) fn sources(&self, env: &Env<'_>) -> Vec<Source> {
        let runs = env.library.evaluated_runs();
        runs.map(|run| Source::Run(run.to_owned(), None))
            .chain(self.stored.iter().cloned().map(Source::Folder))
            .collect()
    }

    pub(super) fn choices_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        let sources = self.sources(env);
        let (mut wanted, mut compared) = (None, None);
        let room = ui.available_width();
        ui.horizontal_wrapped(|ui| {
            // A button that does not fit goes to the next row whole.
            ui.style_mut().wrap_mode = Some(egui::TextWrapMode::Extend);
            let shown = self.source.as_ref().map_or(
                if files::ON_DISK { "Choose a run" } else { "Choose an evaluation" }.to_owned(),
                |source| name(source.path()),
            );
            name_list(ui, "evaluated run", ("Run", &shown), (room * 0.28).clamp(150.0, 230.0), |ui| {
                for source in &sources {
                    let selected = self.source.as_ref().is_some_and(|shown| shown.path() == source.path());
                    if name_entry(ui, selected, &name(source.path())).clicked() {
                        wanted = Some(source.clone());
                    }
                }
            });
            if let Some(Source::Run(run, _)) = &self.source {
                let step = self.steps_ui(ui);
                wanted = step.map(|step| Source::Run(run.clone(), Some(step))).or(wanted.take());
            }
            compared = self.compare_ui(ui, &sources);
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

    /// The evaluations of the run. Its place is there before they are known, so that nothing moves once they are. Gives the one that
    /// was chosen.
    fn steps_ui(&self, ui: &mut Ui) -> Option<usize> {
        let loaded = self.load.done();
        let shown = loaded.and_then(|loaded| Some((loaded, loaded.step()?)));
        let text = shown.map_or_else(String::new, |(loaded, step)| step_name(step, loaded.best_step));
        let mut chosen = None;
        wrap_before(ui, LIST);
        ui.add_enabled_ui(shown.is_some(), |ui| {
            name_list(ui, "evaluation", ("Evaluation", &text), LIST, |ui| {
                let Some((loaded, shown)) = shown else { return };
                for step in &loaded.steps {
                    if ui.selectable_label(*step == shown, step_name(*step, loaded.best_step)).clicked() {
                        chosen = Some(*step);
                    }
                }
            });
        });
        chosen
    }

    /// The evaluations that can be compared with; `Some(None)` ends a comparison. Its place is there before there is one to compare, so
    /// that nothing moves.
    fn compare_ui(&self, ui: &mut Ui, sources: &[Source]) -> Option<Option<Source>> {
        let mut chosen = None;
        let loaded = self.load.done();
        let shown = match &self.other {
            Some((Source::Run(run, Some(step)), _)) => format!("{} after {step}", name(run)),
            Some((source, _)) => name(source.path()),
            None => "Compare with…".to_owned(),
        };
        wrap_before(ui, LIST);
        ui.add_enabled_ui(loaded.is_some(), |ui| {
            name_list(ui, "compared", ("Compare with", &shown), LIST, |ui| {
                if self.other.is_some() && ui.selectable_label(false, "Nothing").clicked() {
                    chosen = Some(None);
                }
                if let (Some(Source::Run(run, _)), Some(loaded)) = (&self.source, loaded)
                    && let Some(step) = loaded.step()
                {
                    for other in loaded.steps.iter().filter(|other| **other != step) {
                        let text = format!("This run after {}", updates(*other));
                        if ui.selectable_label(false, text).clicked() {
                            chosen = Some(Some(Source::Run(run.clone(), Some(*other))));
                        }
                    }
                }
                let elsewhere =
                    |source: &&Source| Some(source.path()) != self.source.as_ref().map(Source::path);
                for source in sources.iter().filter(elsewhere) {
                    if name_entry(ui, false, &name(source.path())).clicked() {
                        chosen = Some(Some(source.clone()));
                    }
                }
            });
        });
        chosen
    }

    fn export_ui(&mut self, ui: &mut Ui) {
        let mut wanted = None;
        let ready = self.view.is_some() && self.export.is_none();
        wrap_before(ui, 100.0);
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
                folder: loaded.folder.clone(),
                analysis: Arc::clone(&view.live.analysis),
                threshold: view.live.threshold,
                queries: own.to_vec(),
                rows: view.table.rows().to_vec(),
            };
            self.export = export::start(&self.context, order);
        }
    }
}

fn name(run: &Path) -> String {
    run.file_name().map_or_else(|| short_path(run, 40), |name| name.to_string_lossy().into_owned())
}

fn step_name(step: usize, best: Option<usize>) -> String {
    let mark = if best == Some(step) { " (best)" } else { "" };
    format!("After {}{mark}", updates(step))
}
