//! Short messages in the corner of the window.

use std::time::Duration;

use crate::symbols as icon;
use egui::{Align2, Area, Context, Frame, Id, Margin, Order, RichText, Stroke, Ui};

use crate::theme::{CARD_RADIUS, GAP, Tokens};

/// How long a message stays; one that reports an error stays until it is closed.
const STAY: Duration = Duration::from_secs(6);
/// Messages shown at once; older ones give way.
const MOST: usize = 4;
const WIDTH: f32 = 340.0;
/// What they leave free at the left of a narrow window.
const LEFT_FREE: f32 = 44.0;

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something went as asked.
    Done,
    /// Something to know.
    Info,
    /// Something failed.
    Error,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    /// What it is about.
    pub kind: Kind,
    /// What it says; for an error the cause and the remedy.
    pub text: String,
}

impl Toast {
    /// Something went as asked.
    #[must_use]
    pub fn done(text: impl Into<String>) -> Self {
        Self { kind: Kind::Done, text: text.into() }
    }

    /// Something to know.
    #[must_use]
    pub fn info(text: impl Into<String>) -> Self {
        Self { kind: Kind::Info, text: text.into() }
    }

    /// Something failed.
    #[must_use]
    pub fn error(text: impl Into<String>) -> Self {
        Self { kind: Kind::Error, text: text.into() }
    }
}

struct Shown {
    toast: Toast,
    /// When it goes, in the window's time; never for errors.
    until: Option<f64>,
    number: u64,
}

/// The messages shown now.
#[derive(Default)]
pub struct Toasts {
    shown: Vec<Shown>,
    next: u64,
}

impl Toasts {
    /// Shows a message; the same text is not shown twice at once.
    pub fn say(&mut self, context: &Context, toast: Toast) {
        self.shown.retain(|shown| shown.toast != toast);
        let now = context.input(|input| input.time);
        let until = (toast.kind != Kind::Error).then_some(now + STAY.as_secs_f64());
        self.shown.push(Shown { toast, until, number: self.next });
        self.next += 1;
        let surplus = self.shown.len().saturating_sub(MOST);
        self.shown.drain(..surplus);
    }

    /// Draws them, newest at the bottom.
    pub fn ui(&mut self, context: &Context) {
        let now = context.input(|input| input.time);
        self.shown.retain(|shown| shown.until.is_none_or(|until| until > now));
        let Some(next) = self.shown.iter().filter_map(|shown| shown.until).min_by(f64::total_cmp) else {
            return self.draw(context);
        };
        context.request_repaint_after(Duration::from_secs_f64((next - now).max(0.05)));
        self.draw(context);
    }

    fn draw(&mut self, context: &Context) {
        if self.shown.is_empty() {
            return;
        }
        let mut closed = None;
        let corner = egui::vec2(-GAP, -GAP);
        Area::new(Id::new("toasts"))
            .order(Order::Foreground)
            .anchor(Align2::RIGHT_BOTTOM, corner)
            .interactable(true)
            .show(context, |ui| {
                ui.spacing_mut().item_spacing.y = 8.0;
                for shown in &self.shown {
                    if toast_ui(ui, &shown.toast) {
                        closed = Some(shown.number);
                    }
                }
            });
        self.shown.retain(|shown| Some(shown.number) != closed);
    }
}

/// Draws one message; gives whether it was closed.
fn toast_ui(ui: &mut Ui, toast: &Toast) -> bool {
    let tokens = Tokens::of(ui);
    let (symbol, color) = match toast.kind {
        Kind::Done => (icon::CHECK_CIRCLE, tokens.success),
        Kind::Info => (icon::INFO, tokens.accent),
        Kind::Error => (icon::WARNING_CIRCLE, tokens.error),
    };
    Frame::new()
        .fill(tokens.surface)
        .stroke(Stroke::new(1.0, tokens.border))
        .corner_radius(CARD_RADIUS)
        .inner_margin(Margin::symmetric(12, 10))
        .shadow(ui.visuals().popup_shadow)
        .show(ui, |ui| {
            // The list of pages stays within reach.
            ui.set_width(WIDTH.min(ui.ctx().content_rect().width() - LEFT_FREE - 4.0 * GAP));
            ui.horizontal_top(|ui| {
                ui.label(RichText::new(symbol).color(color).size(18.0));
                let close = 28.0;
                ui.vertical(|ui| {
                    ui.set_width(ui.available_width() - close - 8.0);
                    ui.add(egui::Label::new(&toast.text).wrap());
                });
                crate::widgets::icon_button(ui, icon::X, "Close message").clicked()
            })
            .inner
        })
        .inner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_do_not_pile_up() {
        let context = Context::default();
        let mut toasts = Toasts::default();
        for text in ["a", "b", "a", "c", "d", "e"] {
            toasts.say(&context, Toast::info(text));
        }
        let texts: Vec<_> = toasts.shown.iter().map(|shown| shown.toast.text.as_str()).collect();
        assert_eq!(texts, ["a", "c", "d", "e"]);
    }
}
