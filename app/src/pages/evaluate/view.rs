//! A loaded evaluation as it is drawn: its scores at the top, and the parts that share the room below.

use std::sync::Arc;

use egui::{Align, Layout, RichText, Ui};
use spanbert_core::breakdown::Query;

use super::{
    confusion,
    curve::Sweep,
    filter::Filter,
    live::{Live, SavedQuery},
    load::Loaded,
    questions::QuestionsTable,
    slices::SlicesPanel,
};
use crate::{
    page_view::Env,
    settings::SavedSlice,
    theme::{CAPTION_SIZE, GAP, Tokens},
    widgets::{card, count, segmented},
};

/// Width from which the four cells stand beside the curve.
const BESIDE: f32 = 520.0;

/// Width of the four cells, with a gap.
const BESIDE_CELLS: f32 = 320.0;
/// Height of the four cells, with a gap.
const CELLS: f32 = 150.0;
/// Least height of the curve above them.
const CURVE: f32 = 130.0;

/// Which part is shown where there is no room for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Part {
    Scores,
    Slices,
    #[default]
    Questions,
    Passage,
}

/// A loaded evaluation as it is drawn.
pub(super) struct View {
    pub(super) live: Live,
    sweep: Option<Sweep>,
    pub(super) filter: Filter,
    pub(super) table: QuestionsTable,
    slices: SlicesPanel,
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
    /// With the user's slices.
    pub(super) fn new(loaded: &Loaded, saved: &[SavedSlice]) -> Self {
        let queries = saved.iter().filter_map(|saved| {
            Some(SavedQuery { name: saved.name.clone(), query: saved.query.parse().ok()? })
        });
        Self {
            sweep: loaded.analysis.curve.as_ref().and_then(Sweep::new),
            live: Live::new(Arc::clone(&loaded.analysis), queries.collect()),
            filter: Filter::default(),
            table: QuestionsTable::default(),
            slices: SlicesPanel::default(),
        }
    }

    /// A choice of parts, and the chosen one unless it is the passage. In a low window the scores are one of them.
    pub(super) fn part_ui(
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
                self.scores_ui(ui, height);
            }
            Part::Slices => self.slices_ui(ui, env),
            Part::Questions => self.table.ui(ui, &self.live, &mut self.filter),
            Part::Passage => {}
        }
        shown
    }

    /// The scores in figures, and the slider.
    pub(super) fn strip_ui(&mut self, ui: &mut Ui) {
        if let Some(sweep) = &self.sweep {
            card(ui, "Scores at the threshold", |ui| sweep.strip(ui, &mut self.live));
        }
    }

    /// What the strip above does not show: the curve, beside the four cells or above them.
    fn scores_ui(&mut self, ui: &mut Ui, height: f32) {
        let Self { sweep: Some(sweep), live, filter, .. } = self else { return self.top_ui(ui, height) };
        card(ui, "Scores", |ui| {
            let wide = ui.available_width() >= BESIDE;
            let layout = if wide { Layout::left_to_right(Align::Min) } else { Layout::top_down(Align::Min) };
            ui.with_layout(layout, |ui| {
                let width = ui.available_width() - if wide { BESIDE_CELLS } else { 0.0 };
                let height = if wide { height } else { (height - CELLS).max(CURVE) };
                ui.allocate_ui_with_layout(egui::vec2(width, height), Layout::top_down(Align::Min), |ui| {
                    ui.set_width(width);
                    sweep.chart(ui, live, height);
                });
                ui.add_space(GAP);
                ui.vertical(|ui| {
                    confusion::ui(ui, live, filter);
                    compared_ui(ui, live);
                });
            });
        });
    }

    /// The curve beside the four cells or, in a narrow window, above them.
    pub(super) fn top_ui(&mut self, ui: &mut Ui, height: f32) {
        card(ui, "Scores", |ui| match &self.sweep {
            Some(sweep) if ui.available_width() < BESIDE => {
                sweep.ui(ui, &mut self.live, height);
                ui.add_space(GAP);
                confusion::ui(ui, &self.live, &mut self.filter);
                compared_ui(ui, &self.live);
            }
            Some(sweep) => {
                ui.horizontal_top(|ui| {
                    let width = (ui.available_width() - BESIDE_CELLS).max(180.0);
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
            let saved = self
                .live
                .queries()
                .iter()
                .map(|saved| SavedSlice { name: saved.name.clone(), query: saved.query.text().to_owned() });
            let saved: Vec<SavedSlice> = saved.collect();
            // A query that this version does not understand was never shown, so nobody has removed it.
            let unknown = |slice: &SavedSlice| slice.query.parse::<Query>().is_err();
            env.settings.slices.retain(unknown);
            env.settings.slices.extend(saved);
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
