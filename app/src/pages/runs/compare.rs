//! Several runs side by side: their curves overlaid, their scores, and how their recipes differ.

use std::path::PathBuf;

use crate::symbols as icon;
use egui::{Button, Context, Id, RichText, ScrollArea, Ui};
use egui_extras::{Column, TableBuilder};
use spanbert_core::{run::Curves, train::Recipe};

use super::detail::follow::{Follower, Look, News};
use crate::{
    library::RunEntry,
    pages::curves::{
        chart::{Across, Chart, Drawn, plain},
        series::{SMOOTHING, Series, smooth},
    },
    theme::{CAPTION_SIZE, GAP, TITLE_SIZE, Tokens},
    widgets::{card, count, duration, icon_button, percent, run_title, segmented},
};

/// A run of the comparison.
struct Compared {
    path: PathBuf,
    name: String,
    follower: Option<Follower>,
    curves: Curves,
    look: Option<Look>,
    loss: Series,
    f1: Series,
    /// What the series were made for.
    made: Option<(usize, usize, usize, Across, f64)>,
}

/// The comparison's state.
pub(super) struct Compare {
    runs: Vec<Compared>,
    across: Across,
    smoothing: f64,
}

/// What the user wants.
#[derive(Default)]
pub(super) struct Chosen {
    pub(super) back: bool,
    pub(super) open: Option<PathBuf>,
}

impl Compare {
    /// Starts to read the runs.
    pub(super) fn new(context: &Context, chosen: Vec<RunEntry>) -> Self {
        let compared = |run: RunEntry| Compared {
            follower: Follower::start(context, run.summary.path.clone()).ok(),
            name: run_title(&run.summary.name).to_owned(),
            path: run.summary.path,
            curves: Curves::default(),
            look: None,
            loss: Series::default(),
            f1: Series::default(),
            made: None,
        };
        let mut runs: Vec<Compared> = chosen.into_iter().map(compared).collect();
        // Runs of one name are told apart by their folders.
        let names: Vec<String> = runs.iter().map(|run| run.name.clone()).collect();
        for run in &mut runs {
            if names.iter().filter(|name| **name == run.name).count() > 1
                && let Some(folder) = run.path.file_name()
            {
                run.name = folder.to_string_lossy().into_owned();
            }
        }
        Self { runs, across: Across::Step, smoothing: 0.95 }
    }

    /// Takes in what the threads have read.
    pub(super) fn poll(&mut self, context: &Context) {
        for run in &mut self.runs {
            let Some(follower) = &run.follower else { continue };
            let mut chunks = 0;
            while chunks < 1
                && let Some(news) = follower.next()
            {
                match news {
                    News::Events(records) => {
                        records.into_iter().for_each(|record| run.curves.add(record));
                        chunks += 1;
                        context.request_repaint();
                    }
                    News::Look(look) => run.look = Some(*look),
                }
            }
        }
    }

    /// Draws the comparison.
    pub(super) fn ui(&mut self, ui: &mut Ui) -> Chosen {
        let mut chosen = Chosen::default();
        let muted = Tokens::of(ui).text_muted;
        ui.horizontal_wrapped(|ui| {
            chosen.back = icon_button(ui, icon::ARROW_LEFT, "Back to all runs").clicked();
            ui.label(RichText::new(format!("Compare {} runs", self.runs.len())).size(TITLE_SIZE).strong());
        });
        ui.add_space(6.0);
        ui.horizontal_wrapped(|ui| {
            segmented(ui, &mut self.across, &[(Across::Step, "Updates"), (Across::Time, "Time")]);
            ui.add_space(8.0);
            ui.label(RichText::new("Smoothing").size(CAPTION_SIZE).color(muted));
            ui.spacing_mut().slider_width = 110.0;
            SMOOTHING.show(ui, &mut self.smoothing);
        });
        ui.add_space(6.0);
        for run in &mut self.runs {
            run.make(self.across, self.smoothing);
        }
        ScrollArea::vertical().id_salt("compare").auto_shrink(false).show(ui, |ui| {
            ui.set_width(ui.available_width() - 8.0);
            self.charts_ui(ui);
            card(ui, "Scores", |ui| chosen.open = self.scores_ui(ui));
            ui.add_space(GAP / 2.0);
            card(ui, "Differences", |ui| self.differences_ui(ui));
        });
        chosen
    }

    fn charts_ui(&mut self, ui: &mut Ui) {
        let colors = Tokens::of(ui).series;
        let group = Id::new(("compared charts", self.across));
        let across = self.across;
        let lasts = self.runs.iter().filter_map(|run| run.loss.last()).map(|last| last[0]);
        let end = lasts.fold(0.0, f64::max);
        let base = |title, format: fn(f64) -> String, height| Chart {
            title,
            height,
            across,
            log: false,
            format,
            end,
            rules: &[],
            star: None,
            group,
        };
        let color = |index: usize| colors[index % colors.len()];
        let mut loss: Vec<Drawn<'_>> = Vec::new();
        let mut f1: Vec<Drawn<'_>> = Vec::new();
        for (index, run) in self.runs.iter_mut().enumerate() {
            let Compared { name, loss: run_loss, f1: run_f1, .. } = run;
            let drawn = |series, marked| Drawn { name, color: color(index), width: 2.0, marked, series };
            loss.push(drawn(run_loss, false));
            f1.push(drawn(run_f1, true));
        }
        card(ui, "Loss", |ui| base("Loss, smoothed", plain, 230.0).show(ui, &mut loss));
        ui.add_space(GAP / 2.0);
        card(ui, "F1", |ui| base("F1 on the development set", percent, 180.0).show(ui, &mut f1));
        ui.add_space(GAP / 2.0);
    }

    /// Gives the run whose name was clicked.
    fn scores_ui(&self, ui: &mut Ui) -> Option<PathBuf> {
        let tokens = Tokens::of(ui);
        let mut open = None;
        let table = TableBuilder::new(ui)
            .id_salt("compared scores")
            .vscroll(false)
            .cell_layout(egui::Layout::left_to_right(egui::Align::Center))
            .column(Column::remainder().at_least(120.0).clip(true))
            .columns(Column::exact(84.0), 5);
        let names = ["Run", "Best F1", "Best exact", "After update", "Updates", "Elapsed"];
        table
            .header(22.0, |mut header| {
                for name in names {
                    header.col(|ui| {
                        ui.label(RichText::new(name).size(CAPTION_SIZE).color(tokens.text_muted));
                    });
                }
            })
            .body(|mut body| {
                for (index, run) in self.runs.iter().enumerate() {
                    body.row(28.0, |mut row| {
                        row.col(|ui| {
                            let color = tokens.series[index % tokens.series.len()];
                            ui.label(RichText::new(icon::LINE_SEGMENT).color(color));
                            if ui.add(Button::new(&run.name).frame(false).truncate()).clicked() {
                                open = Some(run.path.clone());
                            }
                        });
                        let best = run.curves.best();
                        let last = run.curves.steps.last();
                        let score = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), percent);
                        for text in [
                            score(best.map(|best| best.scores.best_f1.unwrap_or(best.scores.f1))),
                            score(best.map(|best| best.scores.best_exact.unwrap_or(best.scores.exact))),
                            best.map_or_else(|| "–".to_owned(), |best| count(best.step)),
                            last.map_or_else(|| "–".to_owned(), |last| count(last.step)),
                            last.map_or_else(|| "–".to_owned(), |last| duration(last.elapsed_secs)),
                        ] {
                            row.col(|ui| {
                                ui.label(text);
                            });
                        }
                    });
                }
            });
        open
    }

    fn differences_ui(&self, ui: &mut Ui) {
        let tokens = Tokens::of(ui);
        ui.label(RichText::new("Where the recipes differ").size(CAPTION_SIZE).color(tokens.text_muted));
        let recipes: Vec<Option<&Recipe>> =
            self.runs.iter().map(|run| run.look.as_ref()?.recipe.as_ref()?.as_ref().ok()).collect();
        let mut fields: Vec<&'static str> = Vec::new();
        for pair in recipes.windows(2) {
            if let [Some(a), Some(b)] = pair {
                for difference in a.differences(b) {
                    if !fields.contains(&difference.field) {
                        fields.push(difference.field);
                    }
                }
            }
        }
        let devices: Vec<&str> = self
            .runs
            .iter()
            .map(|run| {
                run.look
                    .as_ref()
                    .and_then(|look| look.environment.as_ref())
                    .map_or("–", |found| &found.device)
            })
            .collect();
        let devices_differ = devices.windows(2).any(|pair| pair.first() != pair.last());
        if fields.is_empty() && !devices_differ {
            ui.label("They do not");
            return;
        }
        ScrollArea::horizontal().id_salt("differences").show(ui, |ui| {
            egui::Grid::new("differences").spacing([24.0, 5.0]).show(ui, |ui| {
                ui.label("");
                for run in &self.runs {
                    ui.label(RichText::new(&run.name).strong());
                }
                ui.end_row();
                for field in fields {
                    ui.label(RichText::new(field).monospace().color(tokens.text_muted));
                    for recipe in &recipes {
                        let values = recipe.map(Recipe::values).unwrap_or_default();
                        let value =
                            values.into_iter().find(|(name, _)| *name == field).and_then(|(_, value)| value);
                        ui.label(RichText::new(value.unwrap_or_else(|| "not set".to_owned())).monospace());
                    }
                    ui.end_row();
                }
                if devices_differ {
                    ui.label(RichText::new("device").color(tokens.text_muted));
                    for device in devices {
                        ui.label(device);
                    }
                    ui.end_row();
                }
            });
        });
    }
}

impl Compared {
    /// Makes the series anew if anything they follow from has changed.
    fn make(&mut self, across: Across, smoothing: f64) {
        let curves = &self.curves;
        let now = (curves.rewinds, curves.steps.len(), curves.evaluations.len(), across, smoothing);
        if self.made == Some(now) {
            return;
        }
        self.made = Some(now);
        let place = |step: usize, elapsed: f64| match across {
            Across::Step => step as f64,
            Across::Time => elapsed,
        };
        let losses: Vec<[f64; 2]> =
            curves.steps.iter().map(|step| [place(step.step, step.elapsed_secs), step.loss]).collect();
        self.loss.set(smooth(&losses, smoothing));
        let score = |done: &spanbert_core::run::Evaluated| done.scores.best_f1.unwrap_or(done.scores.f1);
        self.f1.set(
            curves
                .evaluations
                .iter()
                .map(|done| [place(done.step, done.elapsed_secs), score(done)])
                .collect(),
        );
    }
}
