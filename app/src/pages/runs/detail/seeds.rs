//! The runs of a group that differ by their seed, with mean and deviation of their scores.

use std::path::{Path, PathBuf};

use egui::{Align, Button, Label, Layout, RichText, Ui};
use egui_extras::{Column, TableBuilder};
use spanbert_core::run::{GroupMember, GroupScores, ScoreSpread};

use crate::pages::curves::status_look;
use crate::{
    theme::{CAPTION_SIZE, Tokens},
    widgets::{count, percent},
};

/// A column's name and the key of its score, the more telling first.
const SCORES: [(&str, &str); 8] = [
    ("Best F1", "best_f1"),
    ("Best exact", "best_exact"),
    ("F1", "f1"),
    ("Exact match", "exact"),
    ("HasAns F1", "HasAns_f1"),
    ("NoAns F1", "NoAns_f1"),
    ("HasAns exact", "HasAns_exact"),
    ("NoAns exact", "NoAns_exact"),
];

/// A row of the table.
enum Row<'a> {
    Seed(u64, Option<&'a GroupMember>),
    Summary(&'static str, fn(&ScoreSpread) -> Option<f64>),
}

/// Draws the table; `shown` is the run the page is about. Gives the run the user wants to see.
pub(super) fn ui(ui: &mut Ui, group: &GroupScores, shown: &Path) -> Option<PathBuf> {
    let tokens = Tokens::of(ui);
    let has = |score: &str| {
        let mut scores = group.members.iter().filter_map(|member| member.scores.as_ref());
        scores.any(|scores| scores.get(score).is_some())
    };
    // Those for which there is no room are left out from the end.
    let room = ((ui.available_width() - 90.0 - 110.0 - 80.0) / 92.0).max(1.0) as usize;
    let columns: Vec<&(&str, &str)> = SCORES.iter().filter(|(_, score)| has(score)).take(room).collect();
    let member = |seed: u64| group.members.iter().find(|member| member.seed == seed);
    let mut rows: Vec<Row<'_>> = group.seeds.iter().map(|seed| Row::Seed(*seed, member(*seed))).collect();
    let complete = group.spread.first().map_or(0, |spread| spread.runs);
    if complete > 0 {
        rows.push(Row::Summary("Mean", |spread| Some(spread.mean)));
    }
    if complete > 1 {
        rows.push(Row::Summary("Deviation", |spread| spread.deviation));
    }
    let mut wanted = None;
    TableBuilder::new(ui)
        .id_salt("seeds")
        .striped(true)
        .cell_layout(Layout::left_to_right(Align::Center))
        .auto_shrink([false, true])
        .column(Column::exact(82.0))
        .column(Column::exact(104.0))
        .column(Column::exact(72.0))
        .columns(Column::exact(84.0), columns.len())
        .header(24.0, |mut header| {
            let names = ["Seed", "Status", "Best after"].into_iter();
            for name in names.chain(columns.iter().map(|(name, _)| *name)) {
                header.col(|ui| {
                    ui.label(RichText::new(name).size(CAPTION_SIZE).color(tokens.text_muted));
                });
            }
        })
        .body(|body| {
            body.rows(28.0, rows.len(), |mut row| match rows.get(row.index()) {
                Some(Row::Seed(seed, member)) => {
                    row.col(|ui| {
                        let text = seed.to_string();
                        match member {
                            Some(member) if member.path != shown => {
                                let button = ui.add(Button::new(text).frame(false));
                                if button.on_hover_text(format!("Open {}", member.name)).clicked() {
                                    wanted = Some(member.path.clone());
                                }
                            }
                            Some(_) => {
                                ui.label(RichText::new(text).strong());
                            }
                            None => {
                                ui.label(text);
                            }
                        }
                    });
                    row.col(|ui| {
                        let (word, color) = member.map_or(("Not begun", tokens.text_muted), |member| {
                            let (word, color, _) = status_look(member.status, &tokens);
                            (word, color)
                        });
                        ui.label(RichText::new(word).color(color));
                    });
                    row.col(|ui| {
                        ui.label(member.and_then(|member| member.step).map_or_else(String::new, count));
                    });
                    for (_, score) in &columns {
                        let value = member.and_then(|member| member.scores.as_ref()?.get(score));
                        row.col(|ui| {
                            ui.label(value.map_or_else(String::new, percent));
                        });
                    }
                }
                Some(Row::Summary(name, value)) => {
                    row.col(|ui| {
                        ui.label(RichText::new(*name).strong());
                    });
                    row.col(|_| {});
                    row.col(|_| {});
                    for (_, score) in &columns {
                        let spread = group.spread.iter().find(|spread| spread.score == *score);
                        row.col(|ui| {
                            let text = spread.and_then(value).map_or_else(String::new, percent);
                            ui.label(RichText::new(text).strong());
                        });
                    }
                }
                None => {}
            });
        });
    ui.add_space(6.0);
    let mut text = String::new();
    if complete < group.seeds.len() {
        text =
            format!("{complete} of {} runs are complete; only those count for the mean. ", group.seeds.len());
    }
    if complete > 1 {
        text.push_str("Deviation: that of a sample, in percentage points.");
    }
    ui.add(Label::new(RichText::new(text).size(CAPTION_SIZE).color(tokens.text_muted)).wrap());
    wanted
}
