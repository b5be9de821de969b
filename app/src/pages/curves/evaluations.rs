//! All evaluations of a run in a table.

use crate::symbols as icon;
use egui::{Align, Layout, RichText, ScrollArea, Ui};
use egui_extras::{Column, TableBuilder};
use spanbert_core::run::{Curves, Evaluated, HeldOut};

use crate::{
    theme::{CAPTION_SIZE, GAP, Tokens},
    widgets::{count, duration, percent},
};

/// A column's name and its score in percent.
type Score = (&'static str, fn(&Evaluated) -> Option<f64>);

/// The more telling first.
const SCORES: [Score; 6] = [
    ("Best F1", |done| done.scores.best_f1),
    ("Best exact", |done| done.scores.best_exact),
    ("F1", |done| Some(done.scores.f1)),
    ("Exact match", |done| Some(done.scores.exact)),
    ("HasAns F1", |done| done.scores.has_ans_f1),
    ("NoAns F1", |done| done.scores.no_ans_f1),
];

/// Draws the table, which is scrolled sideways where it is wider than the window. Gives the evaluation whose predictions the user wants
/// to see, by updates before it.
pub(crate) fn ui(ui: &mut Ui, curves: &Curves) -> Option<usize> {
    ScrollArea::horizontal()
        .id_salt("evaluations")
        .auto_shrink(false)
        .show(ui, |ui| table_ui(ui, curves))
        .inner
}

fn table_ui(ui: &mut Ui, curves: &Curves) -> Option<usize> {
    if !curves.held_out.is_empty() {
        held_out_ui(ui, &curves.held_out);
        return None;
    }
    let tokens = Tokens::of(ui);
    if curves.evaluations.is_empty() {
        ui.add_space(GAP);
        ui.label(RichText::new("The development set has not been evaluated yet").color(tokens.text_muted));
        return None;
    }
    let best = curves.best().map(|best| best.step);
    let mut wanted = None;
    // Those for which there is no room are left out from the end.
    let width = ui.available_width();
    let room = ((width - 110.0 - 150.0) / 92.0).max(2.0) as usize;
    let scored = |(_, score): &&Score| curves.evaluations.iter().any(|done| score(done).is_some());
    let columns: Vec<&Score> = SCORES.iter().filter(scored).take(room).collect();
    let timed = room > columns.len();
    let mut table = TableBuilder::new(ui)
        .id_salt("evaluations")
        .striped(true)
        .cell_layout(Layout::left_to_right(Align::Center))
        .auto_shrink(false)
        .column(Column::exact(110.0))
        .columns(Column::exact(84.0), columns.len());
    if timed {
        table = table.column(Column::exact(70.0));
    }
    let names = ["After update"].into_iter().chain(columns.iter().map(|(name, _)| *name));
    let names: Vec<&str> = names.chain(timed.then_some("Took")).chain([""]).collect();
    table
        .column(Column::remainder().at_least(130.0))
        .header(24.0, |mut header| {
            for name in &names {
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
                for (_, score) in &columns {
                    row.col(|ui| {
                        ui.label(strong(score(done).map_or_else(|| "–".to_owned(), percent)));
                    });
                }
                if timed {
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

/// Draws the evaluations of a pre-training, the newest first: losses in nats, accuracies in percent.
fn held_out_ui(ui: &mut Ui, held_out: &[HeldOut]) {
    let tokens = Tokens::of(ui);
    let names =
        ["After update", "Masked pieces", "Perplexity", "Accuracy", "Span boundaries", "Accuracy", "Took"];
    let best = held_out.iter().rposition(|done| done.best);
    TableBuilder::new(ui)
        .id_salt("held-out evaluations")
        .striped(true)
        .cell_layout(Layout::left_to_right(Align::Center))
        .auto_shrink(false)
        .columns(Column::exact(104.0), names.len() - 1)
        .column(Column::remainder().at_least(70.0))
        .header(24.0, |mut header| {
            for name in names {
                header.col(|ui| {
                    ui.label(RichText::new(name).size(CAPTION_SIZE).color(tokens.text_muted));
                });
            }
        })
        .body(|body| {
            body.rows(28.0, held_out.len(), |mut row| {
                let place = held_out.len() - 1 - row.index();
                let Some(done) = held_out.get(place) else { return };
                let is_best = best == Some(place);
                let scores = done.scores;
                let loss =
                    |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.4}"));
                let share = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), percent);
                let texts = [
                    count(done.step),
                    loss(Some(scores.mlm_loss)),
                    format!("{:.2}", scores.mlm_perplexity),
                    share(Some(scores.mlm_accuracy)),
                    loss(scores.sbo_loss),
                    share(scores.sbo_accuracy),
                    duration(done.secs),
                ];
                for (column, text) in texts.into_iter().enumerate() {
                    row.col(|ui| {
                        let text = RichText::new(text);
                        ui.label(if is_best { text.strong() } else { text });
                        if is_best && column == 0 {
                            ui.label(RichText::new(icon::STAR).color(tokens.warning))
                                .on_hover_text("Best so far");
                        }
                    });
                }
            });
        });
}
