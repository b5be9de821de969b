//! All evaluations of a run in a table.

use egui::{Align, Layout, RichText, Ui};
use egui_extras::{Column, TableBuilder};
use egui_phosphor::regular as icon;
use spanbert_core::run::Curves;

use crate::{
    theme::{CAPTION_SIZE, GAP, Tokens},
    widgets::{count, duration, percent},
};

/// Draws the table. Gives the evaluation whose predictions the user wants to see, by updates before it.
pub(super) fn ui(ui: &mut Ui, curves: &Curves) -> Option<usize> {
    let tokens = Tokens::of(ui);
    if curves.evaluations.is_empty() {
        ui.add_space(GAP);
        ui.label(RichText::new("The development set has not been evaluated yet").color(tokens.text_muted));
        return None;
    }
    let best = curves.best().map(|best| best.step);
    let mut wanted = None;
    let wide = ui.available_width() > 700.0;
    let mut table = TableBuilder::new(ui)
        .id_salt("evaluations")
        .striped(true)
        .cell_layout(Layout::left_to_right(Align::Center))
        .auto_shrink(false)
        .column(Column::exact(110.0))
        .columns(Column::exact(84.0), 2);
    if wide {
        table = table.columns(Column::exact(84.0), 4).column(Column::exact(70.0));
    }
    let names: &[&str] = if wide {
        &["After update", "F1", "Exact match", "Best F1", "Best exact", "HasAns F1", "NoAns F1", "Took", ""]
    } else {
        &["After update", "F1", "Exact match", ""]
    };
    table
        .column(Column::remainder().at_least(130.0))
        .header(24.0, |mut header| {
            for name in names {
                header.col(|ui| {
                    ui.label(RichText::new(*name).size(CAPTION_SIZE).color(tokens.text_muted));
                });
            }
        })
        .body(|body| {
            body.rows(28.0, curves.evaluations.len(), |mut row| {
                // The newest first.
                let Some(done) = curves.evaluations.iter().rev().nth(row.index()) else { return };
                let is_best = best == Some(done.step);
                let strong =
                    |text: String| if is_best { RichText::new(text).strong() } else { RichText::new(text) };
                row.col(|ui| {
                    ui.label(strong(count(done.step)));
                    if is_best {
                        ui.label(RichText::new(icon::STAR).color(tokens.warning))
                            .on_hover_text("Best so far");
                    }
                });
                let scores = &done.scores;
                let mut figures = vec![Some(scores.f1), Some(scores.exact)];
                if wide {
                    figures.extend([scores.best_f1, scores.best_exact, scores.has_ans_f1, scores.no_ans_f1]);
                }
                for figure in figures {
                    row.col(|ui| {
                        ui.label(strong(figure.map_or_else(|| "–".to_owned(), percent)));
                    });
                }
                if wide {
                    row.col(|ui| {
                        ui.label(duration(done.secs));
                    });
                }
                row.col(|ui| {
                    let button = ui.small_button("Show predictions");
                    if button.clicked() {
                        wanted = Some(done.step);
                    }
                });
            });
        });
    wanted
}
