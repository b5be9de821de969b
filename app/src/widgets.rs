//! Small parts that pages share.

use egui::{Color32, Frame, InnerResponse, Label, Margin, Response, RichText, Stroke, Ui, accesskit::Role};

use crate::theme::{CAPTION_SIZE, CARD_PADDING, CARD_RADIUS, Tokens};

/// A card over the full width, announced to assistive technology as a group with this name.
pub fn card<R>(ui: &mut Ui, name: &str, content: impl FnOnce(&mut Ui) -> R) -> InnerResponse<R> {
    let tokens = Tokens::of(ui);
    Frame::new()
        .fill(tokens.surface)
        .stroke(Stroke::new(1.0, tokens.border))
        .corner_radius(CARD_RADIUS)
        .inner_margin(Margin::same(CARD_PADDING))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.ctx().accesskit_node_builder(ui.unique_id(), |node| {
                node.set_role(Role::Group);
                node.set_label(name);
            });
            content(ui)
        })
}

/// A short word on a coloured ground.
pub fn pill(ui: &mut Ui, text: &str, color: Color32, ground: Color32) -> Response {
    Frame::new()
        .fill(ground)
        .corner_radius(u8::MAX)
        .inner_margin(Margin::symmetric(8, 2))
        .show(ui, |ui| {
            ui.add(Label::new(RichText::new(text).size(CAPTION_SIZE).color(color)).selectable(false))
        })
        .inner
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

/// Bytes as people say them: "15.6 GiB".
#[must_use]
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut unit = 0;
    // From 999.95 on, one decimal would round up to 1000.0.
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn bytes_are_said_in_binary_units() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1024), "1.0 KiB");
        assert_eq!(bytes(128 << 20), "128.0 MiB");
        assert_eq!(bytes(1000 << 20), "1.0 GiB");
        assert_eq!(bytes(16_777_216_000), "15.6 GiB");
        assert_eq!(bytes(u64::MAX), "16777216.0 TiB");
    }
}
