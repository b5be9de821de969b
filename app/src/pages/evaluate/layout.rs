//! How the page is laid out: what is chosen and started above, the evaluation below, side by side or a part at a time.

use std::path::PathBuf;

use egui::{Align, Label, Layout, RichText, ScrollArea, TextEdit, Ui};

use super::{
    EvaluatePage,
    load::{Load, Source},
    passage,
    view::{Part, View},
};
use crate::{
    action::Action,
    dialogs::Purpose,
    files,
    page_view::Env,
    theme::{CAPTION_SIZE, GAP, Tokens},
    widgets::{Severity, busy, count, labelled, notice, page_header, warnings_list},
};

/// From this width on the slices, the questions and the passage are side by side.
const ALL_BESIDE: f32 = 1000.0;
/// From this width on the passage is beside one of the others; below, the parts are shown one at a time.
const TWO_BESIDE: f32 = 760.0;
/// Below this height the curve and the cells are a part too, and only their figures and the slider stay on top.
const LOW: f32 = 560.0;
/// Height of the curve with its figures and the slider.
const CURVE: f32 = 190.0;
/// Least height of an evaluation where the page is scrolled.
const LEAST: f32 = 440.0;

impl EvaluatePage {
    /// Draws the page. In a small window it is scrolled, so that what stands above leaves room for the evaluation.
    pub(super) fn draw(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        if ui.available_width() >= TWO_BESIDE && ui.available_height() >= LOW {
            self.above_ui(ui, env);
            return self.evaluation_ui(ui, env);
        }
        let height = ui.available_height();
        ScrollArea::vertical().id_salt("evaluate").auto_shrink(false).show(ui, |ui| {
            self.above_ui(ui, env);
            let above = ui.cursor().top() - ui.max_rect().top();
            let size = egui::vec2(ui.available_width(), (height - above).max(LEAST));
            ui.allocate_ui_with_layout(size, Layout::top_down(Align::Min), |ui| {
                ui.set_width(size.x);
                self.evaluation_ui(ui, env);
            });
        });
    }

    fn above_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        page_header(ui, "Evaluate", "", |_| {});
        self.choices_ui(ui, env);
        ui.add_space(GAP / 2.0);
        self.evaluating.ui(ui, env, self.means.as_ref());
        if let Some(error) = &self.other_error {
            notice(ui, Severity::Warning, error);
        }
    }

    fn evaluation_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        match &self.load {
            Load::Nothing => {}
            Load::Running(_) => busy(ui, "Reading the evaluation"),
            Load::Failed(_) => self.failed_ui(ui, env),
            Load::Done(_) => self.loaded_ui(ui, env),
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
