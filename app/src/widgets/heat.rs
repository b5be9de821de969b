//! Where a model looked: the words of a window, each with how likely the answer starts (above) and ends (below) there.

use std::ops::Range;

use crate::symbols as icon;
use egui::{
    Color32, FontId, Label, Rect, RichText, ScrollArea, Sense, TextStyle, Ui, WidgetInfo, WidgetType, pos2,
    vec2,
};
use spanbert_core::ask::{Explained, WindowHeat, WordHeat, visible};

use super::{elided, icon_button, shortened};
use crate::theme::{CAPTION_SIZE, Tokens};

/// Height of a bar.
const BAR: f32 = 4.0;

/// What the pointer is on in the strip, and where it leads, in bytes of the passage.
#[derive(Debug, Default)]
pub struct HeatSeen {
    /// The word under the pointer.
    pub hovered: Option<Range<usize>>,
    /// The start of the window just chosen.
    pub scroll_to: Option<usize>,
}

/// The window to show: the one chosen, else that of the best answer.
#[must_use]
pub fn heat_window(explained: &Explained, chosen: Option<usize>) -> usize {
    let best = explained.answer.answers.first().map_or(0, |best| best.window);
    chosen.unwrap_or(best).min(explained.heat.len().saturating_sub(1))
}

/// Draws the window's words with their bars, and the choice of the window.
pub fn heat(ui: &mut Ui, passage: &str, explained: &Explained, chosen: &mut Option<usize>) -> HeatSeen {
    let mut seen = HeatSeen::default();
    let shown = heat_window(explained, *chosen);
    let Some(window) = explained.heat.get(shown) else { return seen };
    let tokens = Tokens::of(ui);
    let (start_color, end_color) = (tokens.series[0], tokens.series[1]);
    ui.horizontal_wrapped(|ui| {
        let total = explained.heat.len();
        if total > 1 {
            ui.add_enabled_ui(shown > 0, |ui| {
                if icon_button(ui, icon::CARET_LEFT, "Window before").clicked() {
                    *chosen = Some(shown - 1);
                    seen.scroll_to = explained.heat.get(shown - 1).map(|window| window.bytes.start);
                }
            });
            ui.label(format!("Window {} of {total}", shown + 1));
            ui.add_enabled_ui(shown + 1 < total, |ui| {
                if icon_button(ui, icon::CARET_RIGHT, "Window after").clicked() {
                    *chosen = Some(shown + 1);
                    seen.scroll_to = explained.heat.get(shown + 1).map(|window| window.bytes.start);
                }
            });
        }
        for (color, name, null) in
            [(start_color, "start", window.null_start), (end_color, "end", window.null_end)]
        {
            let (rect, _) = ui.allocate_exact_size(vec2(14.0, 10.0), Sense::hover());
            ui.painter().rect_filled(Rect::from_center_size(rect.center(), vec2(14.0, BAR)), 1.0, color);
            let text = format!("{name} (no answer {:.1} %)", null * 100.0);
            ui.label(RichText::new(text).size(CAPTION_SIZE).color(tokens.text_muted));
        }
    });
    let text = RichText::new(summary(passage, window)).size(CAPTION_SIZE).color(tokens.text_muted);
    ui.add(Label::new(text).wrap());
    ui.add_space(2.0);
    ScrollArea::vertical().id_salt("heat").max_height(230.0).min_scrolled_height(230.0).show(ui, |ui| {
        seen.hovered = words_ui(ui, passage, explained, window, [start_color, end_color]);
    });
    seen
}

/// The likeliest start and end in words.
fn summary(passage: &str, window: &WindowHeat) -> String {
    let likeliest = |value: fn(&WordHeat) -> f32| {
        let best = window.words.iter().max_by(|a, b| value(a).total_cmp(&value(b)));
        best.map_or_else(String::new, |word| {
            let text = shortened(&visible(passage.get(word.bytes.clone()).unwrap_or_default()));
            format!("\u{201c}{text}\u{201d} {:.1} %", value(word) * 100.0)
        })
    };
    format!("Likeliest start {} · likeliest end {}", likeliest(|word| word.start), likeliest(|word| word.end))
}

fn words_ui(
    ui: &mut Ui,
    passage: &str,
    explained: &Explained,
    window: &WindowHeat,
    colors: [Color32; 2],
) -> Option<Range<usize>> {
    let tokens = Tokens::of(ui);
    let font = FontId::proportional(TextStyle::Body.resolve(ui.style()).size - 1.0);
    let best = explained.answer.answers.first().map(|best| best.bytes.clone());
    let (left, right) = (ui.max_rect().left(), ui.max_rect().left() + ui.available_width() - 4.0);
    let row = font.size * 1.35 + 2.0 * BAR + 6.0;
    let origin = ui.cursor().min;
    let (mut x, mut y) = (left, origin.y);
    let clip = ui.clip_rect();
    let mut under_pointer = None;
    let pointer = ui.ctx().pointer_hover_pos().filter(|at| clip.contains(*at));
    for word in &window.words {
        let Some(text) = passage.get(word.bytes.clone()).map(visible) else { continue };
        let in_answer =
            best.as_ref().is_some_and(|best| best.start < word.bytes.end && word.bytes.start < best.end);
        let mut galley = ui.painter().layout_no_wrap(text.clone(), font.clone(), tokens.text);
        if galley.size().x > right - left {
            // A word longer than a line is cut.
            let shown = elided(ui, &text, &font, right - left);
            galley = ui.painter().layout_no_wrap(shown, font.clone(), tokens.text);
        }
        let width = galley.size().x;
        if x + width > right && x > left {
            x = left;
            y += row;
        }
        let place = Rect::from_min_size(pos2(x, y), vec2(width, row - 4.0));
        if clip.intersects(place) {
            if in_answer {
                ui.painter().rect_filled(place.expand2(vec2(2.0, 0.0)), 3.0, tokens.highlight);
            }
            let middle = pos2(x, place.center().y - galley.size().y / 2.0);
            ui.painter().galley(middle, galley, tokens.text);
            for (value, color, top) in
                [(word.start, colors[0], place.top()), (word.end, colors[1], place.bottom() - BAR)]
            {
                let bar = Rect::from_min_size(pos2(x, top), vec2(width, BAR));
                // The root: a word with one percent is to be told from one with none.
                ui.painter().rect_filled(bar, 1.0, color.gamma_multiply(value.clamp(0.0, 1.0).sqrt()));
            }
            if pointer.is_some_and(|at| place.contains(at)) {
                under_pointer = Some((word, place, text));
            }
        }
        x += width + 6.0;
    }
    let area = Rect::from_min_max(pos2(left, origin.y), pos2(right, y + row));
    let response = ui.allocate_rect(area, Sense::hover());
    let name = summary(passage, window);
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, &name));
    let (word, place, text) = under_pointer?;
    let told =
        format!("{}\nstart {:.2} %\nend {:.2} %", shortened(&text), word.start * 100.0, word.end * 100.0);
    ui.interact(place, ui.id().with(word.bytes.start), Sense::hover()).on_hover_text(told);
    Some(word.bytes.clone())
}
