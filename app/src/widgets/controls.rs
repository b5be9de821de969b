//! Buttons and labelled fields.

use egui::{Button, Color32, Margin, Response, RichText, TextEdit, TextStyle, Ui, WidgetInfo, WidgetType};

use super::wrap_before;
use crate::{
    command::Command,
    theme::{CAPTION_SIZE, Tokens},
};

/// A button that shows only a symbol; `name` is its tooltip and what assistive technology calls it.
pub fn icon_button(ui: &mut Ui, symbol: &str, name: &str) -> Response {
    let button = Button::new(RichText::new(symbol).size(16.0)).frame_when_inactive(false);
    let response = ui.add(button).on_hover_text(name);
    let enabled = ui.is_enabled();
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, enabled, name));
    response
}

/// A button with a symbol before its text; assistive technology hears the text alone.
pub fn symbol_button(ui: &mut Ui, symbol: &str, text: &str, enabled: bool) -> Response {
    let response = ui.add_enabled(enabled, Button::new(format!("{symbol}  {text}")));
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, enabled, text));
    response
}

/// The button for what the page is there for.
pub fn primary_button(ui: &mut Ui, text: &str, enabled: bool) -> Response {
    primary(ui, "", text, enabled)
}

fn primary(ui: &mut Ui, symbol: &str, text: &str, enabled: bool) -> Response {
    let tokens = Tokens::of(ui);
    ui.scope(|ui| {
        let widgets = &mut ui.visuals_mut().widgets;
        widgets.inactive.weak_bg_fill = tokens.primary;
        for state in [&mut widgets.hovered, &mut widgets.active] {
            state.weak_bg_fill = tokens.primary_hovered;
        }
        let shown = if symbol.is_empty() { text.to_owned() } else { format!("{symbol}  {text}") };
        let response = ui.add_enabled(enabled, Button::new(RichText::new(shown).color(tokens.on_primary)));
        response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, enabled, text));
        response
    })
    .inner
}

/// A button for a command, with its symbol, tooltip and keys.
pub fn command_button(ui: &mut Ui, command: Command, enabled: bool) -> Response {
    with_tooltip(symbol_button(ui, command.icon(), command.name(), enabled), command)
}

/// The same as the page's main button.
pub fn primary_command_button(ui: &mut Ui, command: Command, enabled: bool) -> Response {
    with_tooltip(primary(ui, command.icon(), command.name(), enabled), command)
}

fn with_tooltip(response: Response, command: Command) -> Response {
    response.on_hover_ui(|ui| {
        let keys = command.keys(ui.ctx());
        let keys = if keys.is_empty() { keys } else { format!(" ({keys})") };
        ui.label(format!("{}{keys}", command.tooltip()));
    })
}

/// Least width of a field under its caption.
const FIELD: f32 = 110.0;

/// A field under its caption; the caption is the field's name for assistive technology.
pub fn labelled(ui: &mut Ui, caption: &str, field: impl FnOnce(&mut Ui) -> Response) -> Response {
    wrap_before(ui, FIELD);
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 3.0;
        let muted = Tokens::of(ui).text_muted;
        let label = ui.label(RichText::new(caption).size(CAPTION_SIZE).color(muted));
        field(ui).labelled_by(label.id)
    })
    .inner
}

/// Gives a field without a visible caption its name for assistive technology.
pub fn named(response: Response, name: &str) -> Response {
    response.ctx.accesskit_node_builder(response.id, |node| node.set_label(name));
    response
}

/// A field to search or filter with.
pub fn search_field(ui: &mut Ui, text: &mut String, name: &str, width: f32) -> Response {
    let field =
        TextEdit::singleline(text).hint_text(name).desired_width(width).margin(Margin::symmetric(8, 5));
    named(ui.add(field), name)
}

/// A box to tick without a text beside it. Gives whether it was changed.
pub fn tick(ui: &mut Ui, ticked: &mut bool, name: &str) -> bool {
    let tokens = Tokens::of(ui);
    ui.scope(|ui| {
        let widgets = &mut ui.visuals_mut().widgets;
        for state in [&mut widgets.inactive, &mut widgets.hovered, &mut widgets.active] {
            state.corner_radius = 3.into();
            state.bg_stroke = egui::Stroke::new(1.0, tokens.text_muted);
            state.fg_stroke.color = tokens.accent;
        }
        let response = ui.add(egui::Checkbox::without_text(ticked));
        let ticked = *ticked;
        response.widget_info(|| WidgetInfo::selected(WidgetType::Checkbox, true, ticked, name));
        response.changed()
    })
    .inner
}

/// One of a few values, side by side. Gives whether it was changed.
pub fn segmented<T: Copy + PartialEq>(ui: &mut Ui, value: &mut T, choices: &[(T, &str)]) -> bool {
    let before = *value;
    let font = TextStyle::Button.resolve(ui.style());
    let text = |name: &str| ui.painter().layout_no_wrap(name.to_owned(), font.clone(), Color32::PLACEHOLDER);
    let width = |(_, name): &(T, &str)| text(name).size().x + 2.0 * ui.spacing().button_padding.x + 2.0;
    let needed = choices.iter().map(width).sum();
    wrap_before(ui, needed);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        for (choice, name) in choices {
            ui.selectable_value(value, *choice, *name);
        }
    });
    *value != before
}
