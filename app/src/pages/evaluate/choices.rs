//! The row above an evaluation: which one is shown, what it is compared with, and what can be done with it.

use std::{path::Path, sync::Arc};

use crate::symbols as icon;
use egui::{ComboBox, Ui};
use spanbert_core::run::updates;

use super::{
    EvaluatePage,
    export::{self, Export, Order},
    load::{Loaded, Source},
};
use crate::{
    action::Action,
    files,
    page_view::Env,
    widgets::{short_path, symbol_button},
};

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
        const WIDTH: f32 = 170.0;
        wrap(ui, WIDTH);
        let response =
            ComboBox::new("compared", "").selected_text(shown).width(WIDTH).truncate().show_ui(ui, |ui| {
                if self.other.is_some() && ui.selectable_label(false, "Nothing").clicked() {
                    chosen = Some(None);
                }
                if let (Some(Source::Run(run, _)), Some(step)) = (&self.source, loaded.step()) {
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
        wrap(ui, 100.0);
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

fn label(response: &egui::Response, name: &str) {
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::ComboBox, true, name));
}

fn name(run: &Path) -> String {
    run.file_name().map_or_else(|| short_path(run, 40), |name| name.to_string_lossy().into_owned())
}

fn step_name(step: usize, best: Option<usize>) -> String {
    let mark = if best == Some(step) { " (best)" } else { "" };
    format!("After {}{mark}", updates(step))
}

/// Goes on in the next line if this one has less room: lists and menus would be cut off instead.
fn wrap(ui: &mut Ui, room: f32) {
    if ui.available_size_before_wrap().x < room {
        ui.end_row();
    }
}
