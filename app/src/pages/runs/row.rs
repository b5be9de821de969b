//! A run's row of the table.

use crate::symbols as icon;
use egui::{Label, ProgressBar, RichText, Ui};
use egui_extras::TableRow;

use crate::pages::curves::status_look;
use crate::{
    library::RunEntry,
    theme::{CAPTION_SIZE, Tokens},
    widgets::{best_score, count, duration, pill, pill_width, run_title, score_name, time_ago},
};

/// As many tags as there is room for; those left out are counted.
fn tags_ui(ui: &mut Ui, tags: &[String]) {
    /// Width of the count.
    const COUNT: f32 = 24.0;
    let tokens = Tokens::of(ui);
    let gap = ui.spacing().item_spacing.x;
    for (index, tag) in tags.iter().enumerate() {
        let left = tags.len() - index;
        let room = ui.available_width() - if left > 1 { COUNT + gap } else { 0.0 };
        if pill_width(ui, tag) > room {
            if ui.available_width() >= COUNT {
                let count = RichText::new(format!("+{left}")).size(CAPTION_SIZE).color(tokens.text_muted);
                ui.add(Label::new(count).selectable(false)).on_hover_text(tags.join(", "));
            }
            return;
        }
        pill(ui, tag, tokens.text_muted, tokens.control);
    }
}

/// Draws a run's cells.
pub(super) fn cells(
    row: &mut TableRow<'_, '_>,
    run: &RunEntry,
    folder: &std::path::Path,
    with_progress: bool,
    with_start: bool,
) {
    let state = run.summary.state.as_ref();
    row.col(|ui| {
        let tokens = Tokens::of(ui);
        let name =
            Label::new(RichText::new(run_title(&run.summary.name)).strong()).selectable(false).truncate();
        ui.add(name).on_hover_text(run.summary.path.display().to_string());
        tags_ui(ui, &run.notes.tags);
        if run.summary.path.parent() != Some(folder) {
            let hint = RichText::new(icon::FOLDER_OPEN).color(tokens.text_muted);
            ui.label(hint).on_hover_text(format!("From elsewhere: {}", run.summary.path.display()));
        }
    });
    row.col(|ui| {
        let (word, color, ground) = status_look(run.summary.status, &Tokens::of(ui));
        pill(ui, word, color, ground);
    });
    if with_progress {
        row.col(|ui| {
            let Some(state) = state.filter(|state| state.total_steps > 0) else { return };
            let tokens = Tokens::of(ui);
            let share = state.step as f32 / state.total_steps as f32;
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 3.0;
                ui.add_space(5.0);
                let mut text = format!("{} of {}", count(state.step), count(state.total_steps));
                if run.is_live()
                    && let Some(eta) = state.eta_secs
                {
                    text.push_str(&format!(" · {} left", duration(eta)));
                }
                let label = RichText::new(text).size(CAPTION_SIZE).color(tokens.text_muted);
                ui.add(Label::new(label).selectable(false));
                let fill = if run.is_live() { tokens.success } else { tokens.accent };
                ui.add(ProgressBar::new(share).desired_height(4.0).desired_width(150.0).fill(fill));
            });
        });
    }
    row.col(|ui| {
        if let Some(best) = state.and_then(|state| state.best.as_ref()) {
            let muted = Tokens::of(ui).text_muted;
            ui.add(Label::new(RichText::new(best_score(best)).strong()).selectable(false));
            let metric = RichText::new(score_name(&best.metric)).size(CAPTION_SIZE).color(muted);
            ui.add(Label::new(metric).selectable(false));
        }
    });
    if with_start {
        row.col(|ui| {
            if let Some(state) = state {
                let label = Label::new(time_ago(&state.started)).selectable(false);
                ui.add(label).on_hover_text(&state.started);
            }
        });
    }
}
