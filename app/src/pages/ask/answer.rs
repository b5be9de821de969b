//! One model's answer: what it says, how sure it is, its alternatives, and the threshold that decides.

use std::ops::Range;

use crate::symbols as icon;
use egui::{
    Button, CollapsingHeader, Label, Pos2, ProgressBar, Rect, RichText, Shape, Stroke, TextStyle,
    TextWrapMode, Ui, WidgetText, pos2, vec2,
};
use spanbert_core::ask::{Answer, RankedAnswer, visible};

use super::asked::{Column, Outcome};
use crate::{
    theme::{CAPTION_SIZE, GAP, Tokens},
    widgets::{NumberSlider, Severity, busy, capped, card, duration, fact, heat, notice, pill},
};

/// How many answers are listed.
const SHOWN: usize = 7;

/// What is looked at in an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct View {
    /// The alternative that was clicked.
    pub(super) pinned: Option<usize>,
    /// The window whose heat is shown; none follows the best answer.
    pub(super) window: Option<usize>,
}

/// What the pointer is on, and what was asked for.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// An alternative or word under the pointer, in bytes of the passage.
    pub(super) hovered: Option<Range<usize>>,
    /// Scroll the passage here.
    pub(super) scroll_to: Option<usize>,
    /// Give the question up.
    pub(super) cancel: bool,
    /// The threshold was moved.
    pub(super) moved: bool,
}

/// Draws a model's answer.
pub(super) fn ui(ui: &mut Ui, passage: &str, column: &mut Column, view: &mut View, seen: &mut Seen) {
    let name = format!("Answer of {}", column.model);
    card(ui, &name, |ui| {
        let muted = Tokens::of(ui).text_muted;
        ui.add(Label::new(RichText::new(&column.model).size(CAPTION_SIZE).color(muted)).truncate());
        match &column.outcome {
            Outcome::Running { done, total } => running_ui(ui, *done, *total, seen),
            Outcome::Failed(message) => notice(ui, Severity::Error, message),
            Outcome::Cancelled => {
                ui.label("Stopped before the end");
            }
            Outcome::Answered(_) => answered_ui(ui, passage, column, view, seen),
        }
    });
}

fn running_ui(ui: &mut Ui, done: usize, total: Option<usize>, seen: &mut Seen) {
    ui.horizontal(|ui| {
        match total {
            Some(total) => busy(ui, &format!("Window {} of {total}", (done + 1).min(total))),
            None => busy(ui, "Reading the passage"),
        }
        seen.cancel |= ui.button("Cancel").clicked();
    });
    if let Some(total) = total.filter(|total| *total > 0) {
        ui.add(ProgressBar::new(done as f32 / total as f32).desired_height(4.0));
    }
}

fn answered_ui(ui: &mut Ui, passage: &str, column: &mut Column, view: &mut View, seen: &mut Seen) {
    let counts = column.counts();
    let Outcome::Answered(answered) = &column.outcome else { return };
    let answer = &answered.explained.answer;
    let tokens = Tokens::of(ui);
    match answer.answers.first() {
        Some(best) if counts => {
            let text = RichText::new(visible(&best.text)).size(19.0).strong().color(tokens.text);
            capped(ui, "best answer", text, 110.0);
        }
        _ => {
            ui.label(RichText::new("No answer in the passage").size(19.0).strong().color(tokens.warning));
        }
    }
    ui.add_space(2.0);
    ui.horizontal_wrapped(|ui| {
        if counts && let Some(best) = answer.answers.first() {
            pill(
                ui,
                &format!("probability {}", share(best.probability)),
                tokens.success,
                tokens.success_soft,
            );
        } else {
            let text = format!("no answer {}", share(answer.null_probability));
            pill(ui, &text, tokens.warning, tokens.warning_soft);
        }
        pill(ui, &format!("in {}", latency(answered.secs)), tokens.text_muted, tokens.control);
        let windows =
            if answer.windows == 1 { "1 window".to_owned() } else { format!("{} windows", answer.windows) };
        pill(ui, &windows, tokens.text_muted, tokens.control);
    });
    for note in answer.fitted.notes() {
        ui.add(Label::new(RichText::new(note).size(CAPTION_SIZE).color(tokens.warning)).wrap());
    }
    ui.add_space(GAP / 2.0);
    ui.scope(|ui| alternatives_ui(ui, answer, counts, view, seen));
    ui.add_space(GAP);
    seen.moved |= threshold_ui(ui, &mut column.threshold, column.stored, answer.score_diff);
    if !answered.explained.heat.is_empty() {
        CollapsingHeader::new("Where the model looked")
            .id_salt(("heat", column.slot))
            .default_open(true)
            .show(ui, |ui| {
                let looked = heat(ui, passage, &answered.explained, &mut view.window);
                seen.hovered = looked.hovered.or(seen.hovered.take());
                seen.scroll_to = looked.scroll_to.or(seen.scroll_to);
            });
    }
}

fn alternatives_ui(ui: &mut Ui, answer: &Answer, counts: bool, view: &mut View, seen: &mut Seen) {
    if answer.answers.is_empty() {
        ui.label("The passage has no span that could be an answer");
        return;
    }
    let tokens = Tokens::of(ui);
    ui.label(RichText::new("All answers").size(CAPTION_SIZE).color(tokens.text_muted));
    let no_answer = (answer.null_probability, None);
    let mut rows: Vec<(f64, Option<(usize, &RankedAnswer)>)> = answer
        .answers
        .iter()
        .enumerate()
        .map(|(rank, ranked)| (ranked.probability, Some((rank, ranked))))
        .collect();
    let place =
        rows.iter().position(|(probability, _)| *probability < answer.null_probability).unwrap_or(rows.len());
    rows.insert(place, no_answer);
    ui.spacing_mut().item_spacing.y = 2.0;
    for (probability, ranked) in rows.into_iter().take(SHOWN) {
        let (text, chosen) = match ranked {
            Some((rank, ranked)) => (visible(&ranked.text), counts && rank == 0),
            None => ("No answer".to_owned(), !counts),
        };
        let pinned = ranked.is_some_and(|(rank, _)| view.pinned == Some(rank));
        let response =
            row_ui(ui, probability, &text, chosen, pinned, answer.windows, ranked.map(|(_, ranked)| ranked));
        let Some((rank, ranked)) = ranked else { continue };
        if response.hovered() || response.has_focus() {
            seen.hovered = Some(ranked.bytes.clone());
        }
        if response.clicked() {
            view.pinned = (!pinned).then_some(rank);
            view.window = Some(ranked.window);
            seen.scroll_to = Some(ranked.bytes.start);
        }
    }
}

/// One answer with the bar of its probability behind it.
fn row_ui(
    ui: &mut Ui,
    probability: f64,
    text: &str,
    chosen: bool,
    pinned: bool,
    windows: usize,
    ranked: Option<&RankedAnswer>,
) -> egui::Response {
    let tokens = Tokens::of(ui);
    let mut shown = RichText::new(text);
    if chosen {
        shown = shown.strong();
    }
    if ranked.is_none() {
        shown = shown.italics();
    }
    let percent = share(probability);
    let button = Button::selectable(pinned, shown)
        .right_text(RichText::new(&percent).monospace().size(CAPTION_SIZE))
        .truncate()
        .min_size(vec2(ui.available_width(), 24.0));
    // The bar is drawn first, at the place the button will take.
    let place = ui.available_rect_before_wrap();
    let bar = vec2(place.width() * probability.clamp(0.0, 1.0) as f32, 24.0);
    let ground = if chosen { tokens.accent_soft } else { tokens.control };
    ui.painter().rect_filled(Rect::from_min_size(place.min, bar), 4.0, ground);
    let response = ui.add(button);
    let name = format!("{text}, {percent}");
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Button, true, &name));
    let Some(ranked) = ranked else { return response };
    response.on_hover_ui(|ui| {
        ui.label(text);
        let at = if windows > 1 { format!(" · window {}", ranked.window + 1) } else { String::new() };
        let text = format!("start logit {:.3} · end logit {:.3}{at}", ranked.start_logit, ranked.end_logit);
        ui.label(RichText::new(text).size(CAPTION_SIZE));
        ui.label(RichText::new("Click to mark it in the passage").size(CAPTION_SIZE));
    })
}

/// Draws the threshold and where the answer stands on its scale. Gives whether the user has changed it.
fn threshold_ui(ui: &mut Ui, threshold: &mut f64, stored: f64, difference: f64) -> bool {
    const HELP: &str = "The null score difference says how much the model prefers \u{201c}no answer\u{201d} to its best answer, in logits. Up to the threshold the answer counts; above it there is no answer. A higher threshold answers more questions and is wrong more often. The stored one scored best on the development set.";
    let tokens = Tokens::of(ui);
    if stored.is_infinite() {
        fact(ui, "Null score difference", &format!("{difference:+.3}"));
        let text = "The model was trained on SQuAD 1.1, so it answers every question";
        ui.add(Label::new(RichText::new(text).size(CAPTION_SIZE).color(tokens.text_muted)).wrap());
        return false;
    }
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 20.0;
        let shown = fact(ui, "Null score difference", &format!("{difference:+.3}")).on_hover_text(HELP);
        pointer(ui, shown.rect.right_center() + vec2(10.0, 3.0));
        fact(ui, "Stored threshold", &format!("{stored:+.3}")).on_hover_text(HELP);
    });
    let reach = ((difference - stored).abs() * 1.5).max(8.0);
    let (low, high) = (stored - reach, stored + reach);
    let mut changed = false;
    ui.add_space(10.0);
    ui.horizontal(|ui| {
        let muted = tokens.text_muted;
        ui.label(RichText::new("Threshold").size(CAPTION_SIZE).color(muted)).on_hover_text(HELP);
        let reset = *threshold != stored;
        // The number takes what its digits need.
        let digits = WidgetText::from(format!("{threshold:.3}"));
        let digits = digits.into_galley(ui, Some(TextWrapMode::Extend), f32::INFINITY, TextStyle::Button);
        let number = (digits.size().x + 2.0 * ui.spacing().button_padding.x + 14.0).max(74.0);
        ui.spacing_mut().slider_width =
            (ui.available_width() - number - if reset { 34.0 } else { 0.0 }).max(48.0);
        let slider = NumberSlider {
            name: "Threshold",
            range: low..=high,
            decimals: 3,
            step: None,
            suffix: "",
            limited: false,
        };
        let slid = slider.show(ui, threshold);
        changed = slid.changed;
        let response = slid.response.on_hover_text(HELP);
        let rail =
            Rect::from_min_size(response.rect.min, vec2(ui.spacing().slider_width, response.rect.height()));
        let at = |value: f64| {
            let share = ((value - low) / (high - low)).clamp(0.0, 1.0) as f32;
            rail.left() + 8.0 + share * (rail.width() - 16.0)
        };
        // Where this question stands on the same scale.
        pointer(ui, pos2(at(difference), rail.top() + 1.0));
        if reset
            && crate::widgets::icon_button(ui, icon::ARROW_COUNTER_CLOCKWISE, "Back to the stored threshold")
                .clicked()
        {
            *threshold = stored;
            changed = true;
        }
    });
    let verdict = if difference <= *threshold {
        "at or below the threshold: answered"
    } else {
        "above the threshold: no answer"
    };
    let text = format!("The difference is {verdict}");
    ui.add(Label::new(RichText::new(text).size(CAPTION_SIZE).color(tokens.text_muted)).wrap());
    changed
}

/// Paints the sign of the null score difference, which points to a place.
fn pointer(ui: &Ui, tip: Pos2) {
    let points = vec![tip + vec2(-4.0, -6.0), tip + vec2(4.0, -6.0), tip];
    ui.painter().add(Shape::convex_polygon(points, Tokens::of(ui).warning, Stroke::NONE));
}

/// A probability as people say it.
fn share(probability: f64) -> String {
    let percent = probability * 100.0;
    if percent > 0.0 && percent < 0.1 { "< 0.1 %".to_owned() } else { format!("{percent:.1} %") }
}

fn latency(secs: f64) -> String {
    if secs < 1.0 { format!("{:.0} ms", secs * 1000.0) } else { duration(secs) }
}
