//! Small parts that pages share.

mod about_text;
mod controls;
mod devices;
mod heat;
mod names;
mod number_slider;
mod numbers;
mod states;

use egui::{
    Color32, FontId, Frame, InnerResponse, Label, Margin, Response, RichText, Sense, Stroke, Ui, WidgetInfo,
    WidgetType, accesskit::Role,
};

#[cfg(not(target_family = "wasm"))]
pub use self::numbers::time_ago;
pub use self::{
    about_text::about_text,
    controls::{
        command_button, icon_button, labelled, named, primary_button, primary_command_button, search_field,
        segmented, symbol_button, tick,
    },
    devices::{choice_ui, chosen_device, facts_list_ui, sentences},
    heat::{HeatSeen, heat, heat_window},
    names::{capped, elided, name_button, name_entry, name_list, shortened, wrap_before},
    number_slider::{NumberSlider, Slid},
    numbers::{
        best_score, bytes, checkpoint_name, count, duration, percent, run_title, score_name, short_path,
    },
    states::{Severity, busy, empty_state, notice, page_header, warnings_list},
};
use crate::theme::{CAPTION_SIZE, CARD_PADDING, CARD_RADIUS, Tokens};

/// A card over the full width, announced to assistive technology as a group with this name.
pub fn card<R>(ui: &mut Ui, name: &str, content: impl FnOnce(&mut Ui) -> R) -> InnerResponse<R> {
    let tokens = Tokens::of(ui);
    let frame = Frame::new()
        .fill(tokens.surface)
        .stroke(Stroke::new(1.0, tokens.border))
        .corner_radius(CARD_RADIUS)
        .inner_margin(Margin::same(CARD_PADDING));
    let InnerResponse { inner: (id, inner), response } = frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        (ui.unique_id(), content(ui))
    });
    ui.ctx().accesskit_node_builder(id, |node| {
        let rect = response.rect;
        node.set_role(Role::Group);
        node.set_label(name);
        node.set_bounds(egui::accesskit::Rect {
            x0: rect.min.x.into(),
            y0: rect.min.y.into(),
            x1: rect.max.x.into(),
            y1: rect.max.y.into(),
        });
    });
    InnerResponse { inner, response }
}

/// Width of a [`pill`] with this text.
pub fn pill_width(ui: &Ui, text: &str) -> f32 {
    let font = FontId::proportional(CAPTION_SIZE);
    ui.painter().layout_no_wrap(text.to_owned(), font, Color32::PLACEHOLDER).size().x + PILL_PADDING.x
}

/// Around the text of a [`pill`], both sides together.
const PILL_PADDING: egui::Vec2 = egui::vec2(16.0, 6.0);

/// A short word on a coloured ground; a long one, as checkpoints may bring, is cut to a line.
pub fn pill(ui: &mut Ui, text: &str, color: Color32, ground: Color32) -> Response {
    let font = FontId::proportional(CAPTION_SIZE);
    let shown = elided(ui, text, &font, ui.max_rect().width() - PILL_PADDING.x);
    let galley = ui.painter().layout_no_wrap(shown, font, color);
    let (rect, response) = ui.allocate_exact_size(galley.size() + PILL_PADDING, Sense::hover());
    ui.painter().rect_filled(rect, rect.height() / 2.0, ground);
    ui.painter().galley(rect.center() - galley.size() / 2.0, galley, color);
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, text));
    response
}

/// A value under its caption.
pub fn fact(ui: &mut Ui, caption: &str, value: &str) -> Response {
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        let muted = Tokens::of(ui).text_muted;
        ui.label(RichText::new(caption).size(CAPTION_SIZE).color(muted));
        ui.add(Label::new(value).wrap())
    })
    .inner
}
