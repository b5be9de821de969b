//! The chosen question with its passage: gold answers outlined, the prediction filled.

use std::ops::Range;

use egui::{Label, RichText, ScrollArea, Stroke, TextFormat, TextStyle, Ui, text::LayoutJob};
use egui_phosphor::regular as icon;
use spanbert_core::{
    evaluate::{Record, Verdict},
    run::Layout,
};

use super::{load::Loaded, questions::verdict_color};
use crate::{
    action::Action,
    page::Env,
    theme::{GAP, Tokens},
    widgets::{Severity, card, empty_state, fact, notice, pill, symbol_button},
};

/// Draws the question and its passage.
pub(super) fn ui(ui: &mut Ui, loaded: &Loaded, selected: Option<usize>, env: &mut Env<'_>) {
    let Some(record) = selected.and_then(|index| loaded.records.get(index)) else {
        empty_state(ui, icon::CURSOR_CLICK, "No question chosen", "Choose one in the table.", |_| {});
        return;
    };
    let tokens = Tokens::of(ui);
    ScrollArea::vertical().id_salt("passage").auto_shrink(false).show(ui, |ui| {
        card(ui, "Question", |ui| {
            ui.add(Label::new(RichText::new(&record.question).size(16.0).strong()).wrap());
            ui.add_space(4.0);
            let verdict = record.verdict(loaded.threshold);
            let (color, ground) = match verdict {
                Verdict::Exact | Verdict::RightlyAbstained => (tokens.success, tokens.success_soft),
                Verdict::Partial => (tokens.warning, tokens.warning_soft),
                _ => (tokens.error, tokens.error_soft),
            };
            debug_assert_eq!(color, verdict_color(verdict, &tokens));
            ui.horizontal_wrapped(|ui| {
                pill(ui, Loaded::verdict_name(verdict), color, ground);
            });
            ui.add_space(4.0);
            facts(ui, record, loaded.threshold);
        });
        ui.add_space(GAP / 2.0);
        match (loaded.passage(record), &loaded.dataset) {
            (Some(passage), _) => {
                card(ui, "Passage", |ui| {
                    ui.add(Label::new(job(ui, passage, record)).wrap());
                    ui.add_space(4.0);
                    legend(ui, record);
                })
                .inner
            }
            (None, Err(reason)) => notice(ui, Severity::Warning, reason),
            (None, Ok(_)) => notice(ui, Severity::Warning, "The data file has changed since the evaluation"),
        }
        ui.add_space(GAP / 2.0);
        let layout = Layout::new(&loaded.run);
        let checkpoint = [layout.best(), layout.last()].into_iter().find(|path| path.is_dir());
        if symbol_button(ui, icon::CHAT_TEXT, "Ask this model", checkpoint.is_some()).clicked()
            && let Some(checkpoint) = checkpoint
        {
            env.ask(Action::AskWith(checkpoint));
        }
    });
}

fn facts(ui: &mut Ui, record: &Record, threshold: f64) {
    let prediction = if record.abstains(threshold) {
        format!(
            "No answer (best: {})",
            if record.prediction.is_empty() { "none" } else { &record.prediction }
        )
    } else {
        record.prediction.clone()
    };
    fact(ui, "Prediction", &prediction);
    let mut gold: Vec<&str> = record.gold_answers.iter().map(|answer| answer.text.as_str()).collect();
    gold.dedup();
    let gold = if gold.is_empty() { "No answer".to_owned() } else { gold.join("  ·  ") };
    fact(ui, "Gold", &gold);
    if let Some(plausible) = record.plausible_answers.first() {
        fact(ui, "Plausible but wrong", &plausible.text);
    }
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 24.0;
        if let Some(difference) = record.score_diff {
            fact(ui, "Null score difference", &format!("{difference:.3}"));
        }
        if let Some(probability) = record.probability {
            fact(ui, "Probability", &format!("{probability:.3}"));
        }
        fact(ui, "F1", &format!("{:.1}", record.f1_at(threshold) * 100.0));
        fact(ui, "Windows", &record.windows.to_string());
    });
}

fn legend(ui: &mut Ui, record: &Record) {
    let tokens = Tokens::of(ui);
    ui.horizontal_wrapped(|ui| {
        if record.span.is_some() {
            pill(ui, "Prediction", tokens.text, tokens.highlight);
        }
        if record.is_answerable() {
            let text =
                RichText::new("Gold underlined").size(crate::theme::CAPTION_SIZE).color(tokens.success);
            ui.label(text);
        }
    });
}

/// The passage with the prediction filled and gold answers underlined.
fn job(ui: &Ui, passage: &str, record: &Record) -> LayoutJob {
    let tokens = Tokens::of(ui);
    let gold: Vec<Range<usize>> = record
        .gold_answers
        .iter()
        .filter_map(|answer| bytes_of(passage, answer.answer_start, &answer.text))
        .collect();
    let prediction = record.span.as_ref().map(|span| span.bytes.clone());
    let mut cuts: Vec<usize> =
        gold.iter().chain(&prediction).flat_map(|range| [range.start, range.end]).collect();
    cuts.extend([0, passage.len()]);
    cuts.retain(|cut| passage.is_char_boundary(*cut));
    cuts.sort_unstable();
    cuts.dedup();
    let font = TextStyle::Body.resolve(ui.style());
    let mut job = LayoutJob::default();
    for part in cuts.windows(2) {
        let [start, end] = *part else { continue };
        let inside = |range: &Range<usize>| range.start <= start && end <= range.end;
        let mut format = TextFormat::simple(font.clone(), tokens.text);
        format.line_height = Some(font.size * 1.5);
        if prediction.as_ref().is_some_and(inside) {
            format.background = tokens.highlight;
        }
        if gold.iter().any(inside) {
            format.underline = Stroke::new(2.0, tokens.success);
        }
        if let Some(text) = passage.get(start..end) {
            job.append(text, 0.0, format);
        }
    }
    job
}

/// Where an answer stands, from its place in characters.
fn bytes_of(passage: &str, answer_start: usize, text: &str) -> Option<Range<usize>> {
    let start = passage.char_indices().nth(answer_start)?.0;
    passage.get(start..start + text.len()).filter(|found| *found == text)?;
    Some(start..start + text.len())
}
