//! The chosen question with its passage: gold answers outlined, the prediction filled.

use std::ops::Range;

use crate::symbols as icon;
use egui::{Label, RichText, ScrollArea, Stroke, TextFormat, TextStyle, Ui, Vec2, text::LayoutJob};
use spanbert_core::breakdown::Case;

use super::{live::Live, load::Loaded, looking::Looking, questions::outcome_colors, slices::capital};
use crate::{
    action::Action,
    page_view::Env,
    theme::{CAPTION_SIZE, GAP, Tokens},
    widgets::{capped, card, empty_state, fact, pill, symbol_button},
};

/// Size of a figure with its name; one that does not fit goes to the next row whole.
const FIGURE: Vec2 = Vec2::new(72.0, 36.0);
/// Answers of the n-best list that are shown.
const SHOWN: usize = 8;

/// Draws the question and its passage.
pub(super) fn ui(
    ui: &mut Ui,
    loaded: &Loaded,
    live: &Live,
    selected: Option<usize>,
    looking: &mut Looking,
    env: &mut Env<'_>,
) {
    let chosen = selected.and_then(|place| Some((place, live.analysis.cases.get(place)?)));
    let Some((place, case)) = chosen else {
        empty_state(ui, icon::CURSOR_CLICK, "No question chosen", "Choose one in the table.", |_| {});
        return;
    };
    let tokens = Tokens::of(ui);
    let (passage, checkpoint) = (loaded.passage(case), loaded.checkpoint());
    ScrollArea::vertical().id_salt("passage").auto_shrink(false).show(ui, |ui| {
        card(ui, "Question", |ui| {
            capped(ui, "question", RichText::new(&case.question).size(16.0).strong(), 96.0);
            ui.add_space(4.0);
            let outcome = case.outcome(live.threshold);
            let (color, ground) = outcome_colors(outcome.group(), &tokens);
            ui.horizontal_wrapped(|ui| {
                pill(ui, &capital(outcome.name()), color, ground);
                let ready = checkpoint.is_some() && passage.is_some();
                let response = symbol_button(ui, icon::PENCIL_SIMPLE, "Edit and ask again", ready);
                let hint =
                    "Opens passage and question on the Ask page with this model: change them and ask again";
                if response
                    .on_hover_text(hint)
                    .on_disabled_hover_text("The checkpoint is not at hand")
                    .clicked()
                    && let (Some(checkpoint), Some(passage)) = (checkpoint.clone(), passage)
                {
                    let (passage, question) = (passage.to_owned(), case.question.clone());
                    env.ask(Action::AskAgain { checkpoint, passage, question });
                }
            });
            ui.add_space(4.0);
            facts(ui, place, case, live);
        });
        ui.add_space(GAP / 2.0);
        if let Some(passage) = passage {
            card(ui, "Passage", |ui| {
                ui.add(Label::new(job(ui, passage, case)).wrap());
                ui.add_space(4.0);
                legend(ui, case);
            });
            ui.add_space(GAP / 2.0);
        }
        if let (Some(checkpoint), Some(passage)) = (&checkpoint, passage) {
            looking.ui(ui, checkpoint, &env.settings.backend, passage, case);
            ui.add_space(GAP / 2.0);
        }
        nbest(ui, case, live);
    });
}

fn facts(ui: &mut Ui, place: usize, case: &Case, live: &Live) {
    let given = |case: &Case, threshold: f64| {
        if case.abstains(threshold) {
            let best = if case.prediction.is_empty() { "none" } else { &case.prediction };
            format!("No answer (best: {best})")
        } else {
            case.prediction.clone()
        }
    };
    fact(ui, "Prediction", &given(case, live.threshold));
    if let Some(compared) = &live.comparison
        && let Some(other) = compared.case(place)
    {
        fact(ui, "Other's prediction", &given(other, compared.threshold));
    }
    let gold = case.gold_texts();
    let gold = if gold.is_empty() { "No answer".to_owned() } else { gold.join("  ·  ") };
    fact(ui, "Gold", &gold);
    if let Some(plausible) = case.plausible_answers.first() {
        fact(ui, "Plausible but wrong", &plausible.text);
    }
    let figures = [
        ("Null odds", case.null_odds.map(|odds| format!("{odds:.3}"))),
        ("Probability", case.probability.map(|probability| format!("{probability:.3}"))),
        ("F1", Some(format!("{:.1}", case.scores(live.threshold).1 * 100.0))),
        ("Best of list", case.oracle_f1.last().map(|best| format!("{:.1}", best * 100.0))),
        ("Windows", case.known.windows.map(|windows| windows.to_string())),
    ];
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        for (name, value) in figures {
            let Some(value) = value else { continue };
            ui.allocate_ui(FIGURE, |ui| {
                ui.set_width(FIGURE.x);
                fact(ui, name, &value)
            });
        }
    });
}

/// The best answers with their probabilities as bars.
fn nbest(ui: &mut Ui, case: &Case, live: &Live) {
    let Some(list) = live.analysis.nbest.as_ref().and_then(|lists| lists.get(&case.id)) else { return };
    let tokens = Tokens::of(ui);
    card(ui, "Best answers", |ui| {
        ui.label(RichText::new("Best answers").size(CAPTION_SIZE).color(tokens.text_muted));
        for answer in list.iter().take(SHOWN) {
            let share = answer.probability.unwrap_or_default().clamp(0.0, 1.0);
            let is_span = !answer.text.is_empty() && !answer.is_stand_in();
            let (text, color) = (answer.shown(), if is_span { tokens.text } else { tokens.text_muted });
            ui.horizontal(|ui| {
                let (rect, _) = ui.allocate_exact_size(egui::vec2(56.0, 8.0), egui::Sense::hover());
                ui.painter().rect_filled(rect, 2.0, tokens.control);
                let filled = egui::Rect::from_min_size(
                    rect.min,
                    egui::vec2(rect.width() * share as f32, rect.height()),
                );
                ui.painter().rect_filled(filled, 2.0, tokens.series[0]);
                ui.label(
                    RichText::new(format!("{:.1} %", share * 100.0))
                        .size(CAPTION_SIZE)
                        .color(tokens.text_muted),
                );
                ui.add(Label::new(RichText::new(text).color(color)).truncate());
            });
        }
    });
}

fn legend(ui: &mut Ui, case: &Case) {
    let tokens = Tokens::of(ui);
    ui.horizontal_wrapped(|ui| {
        if case.known.span.is_some() {
            pill(ui, "Prediction", tokens.text, tokens.highlight);
        }
        if case.has_answer() {
            let text = RichText::new("Gold underlined").size(CAPTION_SIZE).color(tokens.success);
            ui.label(text);
        } else if !case.plausible_answers.is_empty() {
            let text = RichText::new("Plausible answer underlined").size(CAPTION_SIZE).color(tokens.warning);
            ui.label(text);
        }
    });
}

/// The passage with the prediction filled and gold answers underlined.
fn job(ui: &Ui, passage: &str, case: &Case) -> LayoutJob {
    let tokens = Tokens::of(ui);
    let ranges = |answers: &[spanbert_core::squad::Answer]| -> Vec<Range<usize>> {
        answers.iter().filter_map(|answer| bytes_of(passage, answer.answer_start?, &answer.text)).collect()
    };
    let (gold, plausible) = (ranges(&case.gold_answers), ranges(&case.plausible_answers));
    let prediction = case.known.span.clone();
    let mut cuts: Vec<usize> =
        gold.iter().chain(&plausible).chain(&prediction).flat_map(|range| [range.start, range.end]).collect();
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
        } else if plausible.iter().any(inside) {
            format.underline = Stroke::new(2.0, tokens.warning);
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
