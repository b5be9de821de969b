//! The scores at their thresholds.

use egui::{RichText, Slider, Ui};
use egui_extras::{Column, TableBuilder};
use spanbert_core::score::ThresholdPoint;

use super::load::Loaded;
use crate::{
    theme::{CAPTION_SIZE, Tokens},
    widgets::{Severity, card, count, notice, percent},
};

/// Draws the scores; the threshold that decides what counts as answered can be moved.
pub(super) fn ui(ui: &mut Ui, loaded: &mut Loaded) {
    if loaded.results.non_finite_windows > 0 {
        let text = format!(
            "{} windows had results that are no numbers, so these scores mean nothing: the weights or the device are damaged",
            count(loaded.results.non_finite_windows)
        );
        notice(ui, Severity::Error, &text);
    }
    card(ui, "Scores", |ui| match loaded.results.named {
        Some(named) => {
            let mut rows = vec![("Threshold 0", named.threshold_0)];
            rows.extend(named.stored_threshold.map(|point| ("Stored threshold", point)));
            rows.push(("Best threshold of this set", named.best_threshold));
            table(ui, &rows);
            ui.add_space(4.0);
            slider(ui, loaded);
        }
        None => {
            let scores = &loaded.results.official;
            ui.label(format!(
                "Exact match {}   F1 {}   {} questions",
                percent(scores.exact),
                percent(scores.f1),
                count(scores.total)
            ));
        }
    });
}

fn table(ui: &mut Ui, rows: &[(&str, ThresholdPoint)]) {
    const HEADERS: [&str; 7] = ["", "Threshold", "Exact", "F1", "HasAns F1", "NoAns", "Answered"];
    let tokens = Tokens::of(ui);
    let narrow = ui.available_width() < 720.0;
    let width = if narrow { 60.0 } else { 84.0 };
    TableBuilder::new(ui)
        .id_salt("scores")
        .vscroll(false)
        .cell_layout(egui::Layout::left_to_right(egui::Align::Center))
        .column(Column::remainder().at_least(96.0).clip(true))
        .columns(Column::exact(width), HEADERS.len() - 1)
        .header(20.0, |mut header| {
            for name in HEADERS {
                header.col(|ui| {
                    ui.with_layout(cell_layout(name.is_empty()), |ui| {
                        ui.label(RichText::new(name).size(CAPTION_SIZE).color(tokens.text_muted));
                    });
                });
            }
        })
        .body(|mut body| {
            for (name, point) in rows {
                body.row(22.0, |mut row| {
                    row.col(|ui| {
                        ui.add(egui::Label::new(*name).truncate());
                    });
                    let has_ans = point.has_ans_f1.map_or_else(|| "–".to_owned(), percent);
                    let no_ans = point.no_ans_exact.map_or_else(|| "–".to_owned(), percent);
                    let values = [
                        format!("{:.3}", point.threshold),
                        percent(point.exact),
                        percent(point.f1),
                        has_ans,
                        no_ans,
                        count(point.kept),
                    ];
                    for value in values {
                        row.col(|ui| {
                            ui.with_layout(cell_layout(false), |ui| {
                                ui.label(value);
                            });
                        });
                    }
                });
            }
        });
}

fn cell_layout(left: bool) -> egui::Layout {
    if left {
        egui::Layout::left_to_right(egui::Align::Center)
    } else {
        egui::Layout::right_to_left(egui::Align::Center)
    }
}

/// The threshold that the table of questions goes by.
fn slider(ui: &mut Ui, loaded: &mut Loaded) {
    let finite =
        loaded.records.iter().filter_map(|record| record.score_diff).filter(|value| value.is_finite());
    let (low, high) =
        finite.fold((-1.0_f64, 1.0_f64), |(low, high), value| (low.min(value), high.max(value)));
    // A little beyond both ends: there everything, or nothing, counts as answered.
    let margin = (high - low) * 0.02;
    let (low, high) = (low - margin, high + margin);
    let mut threshold = loaded.threshold.clamp(low, high);
    ui.horizontal_wrapped(|ui| {
        let label = ui.label(RichText::new("Threshold").color(Tokens::of(ui).text_muted));
        ui.spacing_mut().slider_width = (ui.available_width() - 120.0).clamp(100.0, 420.0);
        let slider = Slider::new(&mut threshold, low..=high).fixed_decimals(2);
        let response = ui.add(slider).labelled_by(label.id).on_hover_text(
            "A question counts as unanswered if \"no answer\" scores higher than the best answer by more than this",
        );
        if response.changed() {
            loaded.set_threshold(threshold);
        }
    });
}
