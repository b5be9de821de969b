//! Colours, spacing and corner radii: the only place that names them.

use egui::{Color32, Context, CornerRadius, Stroke, TextStyle, Theme, ThemePreference, Visuals};
use serde::{Deserialize, Serialize};

use crate::fonts;

/// Width that lines of text and cards keep to, in points.
pub const CONTENT_WIDTH: f32 = 920.0;
/// Distance between a card's border and its content.
pub const CARD_PADDING: i8 = 16;
/// Distance between cards.
pub const GAP: f32 = 12.0;
/// Corner radius of cards.
pub const CARD_RADIUS: u8 = 8;
/// Size of page titles.
pub const TITLE_SIZE: f32 = 22.0;
/// Size of card titles.
pub const CARD_TITLE_SIZE: f32 = 15.5;
/// Size of captions and pills.
pub const CAPTION_SIZE: f32 = 12.0;

/// Dark, light, or what the system says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThemeChoice {
    /// What the system says.
    #[default]
    System,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

impl From<ThemeChoice> for ThemePreference {
    fn from(choice: ThemeChoice) -> Self {
        match choice {
            ThemeChoice::System => Self::System,
            ThemeChoice::Light => Self::Light,
            ThemeChoice::Dark => Self::Dark,
        }
    }
}

/// What a colour is for, in one theme.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tokens {
    /// Window background.
    pub background: Color32,
    /// Cards and bars.
    pub surface: Color32,
    /// Buttons and fields at rest.
    pub control: Color32,
    /// Buttons under the pointer.
    pub control_hovered: Color32,
    /// Hairlines around and between surfaces.
    pub border: Color32,
    /// Text.
    pub text: Color32,
    /// Captions and secondary text.
    pub text_muted: Color32,
    /// Selection, links, and what the product points at.
    pub accent: Color32,
    /// Background of accented text.
    pub accent_soft: Color32,
    /// Text of a warning.
    pub warning: Color32,
    /// Background of a warning.
    pub warning_soft: Color32,
    /// Text of an error.
    pub error: Color32,
    /// Background of an error.
    pub error_soft: Color32,
    /// Text of a success, and what is at work.
    pub success: Color32,
    /// Background of a success.
    pub success_soft: Color32,
    /// Ground of the main button of a page.
    pub primary: Color32,
    /// The same under the pointer.
    pub primary_hovered: Color32,
    /// Text on it.
    pub on_primary: Color32,
    /// Ground of an answer in its passage.
    pub highlight: Color32,
    /// Ground of an alternative under the pointer.
    pub highlight_weak: Color32,
    /// Lines of a chart, tell-apart also for the colour-blind (after Okabe and Ito).
    pub series: [Color32; 8],
    /// Grid of a chart.
    pub grid: Color32,
}

const DARK: Tokens = Tokens {
    background: Color32::from_rgb(0x14, 0x16, 0x1a),
    surface: Color32::from_rgb(0x1d, 0x20, 0x26),
    control: Color32::from_rgb(0x2a, 0x2e, 0x36),
    control_hovered: Color32::from_rgb(0x36, 0x3b, 0x45),
    border: Color32::from_rgb(0x30, 0x35, 0x3e),
    text: Color32::from_rgb(0xe8, 0xea, 0xed),
    text_muted: Color32::from_rgb(0x9d, 0xa5, 0xb2),
    accent: Color32::from_rgb(0x7f, 0xb4, 0xff),
    accent_soft: Color32::from_rgb(0x1c, 0x2f, 0x4c),
    warning: Color32::from_rgb(0xe9, 0xbd, 0x6f),
    warning_soft: Color32::from_rgb(0x3a, 0x2f, 0x1a),
    error: Color32::from_rgb(0xff, 0x93, 0x8a),
    error_soft: Color32::from_rgb(0x40, 0x20, 0x1f),
    success: Color32::from_rgb(0x6f, 0xd0, 0x9a),
    success_soft: Color32::from_rgb(0x18, 0x35, 0x27),
    primary: Color32::from_rgb(0x2b, 0x6c, 0xc9),
    primary_hovered: Color32::from_rgb(0x24, 0x5f, 0xb4),
    on_primary: Color32::WHITE,
    highlight: Color32::from_rgb(0x6b, 0x53, 0x12),
    highlight_weak: Color32::from_rgb(0x2b, 0x43, 0x66),
    series: [
        Color32::from_rgb(0x5a, 0xb4, 0xf0),
        Color32::from_rgb(0xf0, 0xa4, 0x30),
        Color32::from_rgb(0x35, 0xc0, 0x95),
        Color32::from_rgb(0xe0, 0x8f, 0xc0),
        Color32::from_rgb(0xf0, 0xe4, 0x6a),
        Color32::from_rgb(0xe8, 0x7a, 0x4a),
        Color32::from_rgb(0x7f, 0x9a, 0xf5),
        Color32::from_rgb(0xb8, 0xbd, 0xc6),
    ],
    grid: Color32::from_rgb(0x2a, 0x2e, 0x36),
};

const LIGHT: Tokens = Tokens {
    background: Color32::from_rgb(0xf5, 0xf6, 0xf8),
    surface: Color32::from_rgb(0xff, 0xff, 0xff),
    control: Color32::from_rgb(0xec, 0xee, 0xf2),
    control_hovered: Color32::from_rgb(0xe0, 0xe4, 0xea),
    border: Color32::from_rgb(0xdb, 0xdf, 0xe6),
    text: Color32::from_rgb(0x1b, 0x1f, 0x27),
    text_muted: Color32::from_rgb(0x59, 0x62, 0x6f),
    accent: Color32::from_rgb(0x1a, 0x57, 0xb0),
    accent_soft: Color32::from_rgb(0xe1, 0xec, 0xfb),
    warning: Color32::from_rgb(0x80, 0x53, 0x00),
    warning_soft: Color32::from_rgb(0xfb, 0xf0, 0xd9),
    error: Color32::from_rgb(0xb3, 0x26, 0x1e),
    error_soft: Color32::from_rgb(0xfc, 0xe8, 0xe6),
    success: Color32::from_rgb(0x1c, 0x6e, 0x42),
    success_soft: Color32::from_rgb(0xdf, 0xf3, 0xe7),
    primary: Color32::from_rgb(0x1a, 0x57, 0xb0),
    primary_hovered: Color32::from_rgb(0x15, 0x48, 0x94),
    on_primary: Color32::WHITE,
    highlight: Color32::from_rgb(0xff, 0xe2, 0x8f),
    highlight_weak: Color32::from_rgb(0xd3, 0xe4, 0xfb),
    series: [
        Color32::from_rgb(0x00, 0x72, 0xb2),
        Color32::from_rgb(0xc4, 0x6a, 0x00),
        Color32::from_rgb(0x00, 0x85, 0x60),
        Color32::from_rgb(0xb0, 0x4f, 0x8a),
        Color32::from_rgb(0x8a, 0x7a, 0x00),
        Color32::from_rgb(0xc2, 0x40, 0x14),
        Color32::from_rgb(0x4a, 0x5b, 0xc8),
        Color32::from_rgb(0x5c, 0x63, 0x6d),
    ],
    grid: Color32::from_rgb(0xe6, 0xe9, 0xee),
};

impl Tokens {
    /// The colours of a theme.
    #[must_use]
    pub fn of_theme(theme: Theme) -> Self {
        match theme {
            Theme::Dark => DARK,
            Theme::Light => LIGHT,
        }
    }

    /// The colours in use.
    #[must_use]
    pub fn of(ui: &egui::Ui) -> Self {
        Self::of_theme(ui.theme())
    }

    fn visuals(self, theme: Theme) -> Visuals {
        let mut visuals = match theme {
            Theme::Dark => Visuals::dark(),
            Theme::Light => Visuals::light(),
        };
        visuals.panel_fill = self.background;
        visuals.window_fill = self.surface;
        visuals.window_stroke = Stroke::new(1.0, self.border);
        visuals.faint_bg_color = self.surface;
        visuals.extreme_bg_color = self.surface;
        visuals.weak_text_color = Some(self.text_muted);
        visuals.hyperlink_color = self.accent;
        visuals.warn_fg_color = self.warning;
        visuals.error_fg_color = self.error;
        visuals.selection.bg_fill = self.accent_soft;
        visuals.selection.stroke = Stroke::new(1.0, self.accent);
        let widgets = &mut visuals.widgets;
        for state in [
            &mut widgets.noninteractive,
            &mut widgets.inactive,
            &mut widgets.hovered,
            &mut widgets.active,
            &mut widgets.open,
        ] {
            state.fg_stroke = Stroke::new(1.0, self.text);
            state.bg_stroke = Stroke::NONE;
            state.bg_fill = self.control;
            state.weak_bg_fill = self.control;
            state.corner_radius = CornerRadius::same(6);
            state.expansion = 0.0;
        }
        widgets.noninteractive.bg_stroke = Stroke::new(1.0, self.border);
        // Around fields, whose ground is that of the card they are on.
        widgets.inactive.bg_stroke = Stroke::new(1.0, self.border);
        widgets.hovered.bg_stroke = Stroke::new(1.0, self.border);
        widgets.open.bg_stroke = Stroke::new(1.0, self.border);
        widgets.hovered.weak_bg_fill = self.control_hovered;
        widgets.hovered.bg_fill = self.control_hovered;
        widgets.active.weak_bg_fill = self.control_hovered;
        widgets.active.bg_fill = self.control_hovered;
        // The frame around what the keyboard would press.
        widgets.active.bg_stroke = Stroke::new(1.0, self.accent);
        visuals
    }
}

/// Gives both themes our colours, spacing and symbols. Which of them is shown stays the user's or the system's choice.
pub fn install(context: &Context) {
    context.set_fonts(fonts::definitions());
    for theme in [Theme::Dark, Theme::Light] {
        context.set_visuals_of(theme, Tokens::of_theme(theme).visuals(theme));
    }
    context.all_styles_mut(|style| {
        style.spacing.item_spacing = egui::vec2(8.0, 6.0);
        style.spacing.button_padding = egui::vec2(10.0, 5.0);
        style.spacing.interact_size.y = 28.0;
        for (text, size) in
            [(TextStyle::Body, 14.0), (TextStyle::Button, 14.0), (TextStyle::Small, CAPTION_SIZE)]
        {
            if let Some(font) = style.text_styles.get_mut(&text) {
                font.size = size;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance (WCAG 2.2).
    fn luminance(color: Color32) -> f64 {
        let linear = |byte: u8| {
            let value = f64::from(byte) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(color.r()) + 0.7152 * linear(color.g()) + 0.0722 * linear(color.b())
    }

    fn contrast(first: Color32, second: Color32) -> f64 {
        let (first, second) = (luminance(first), luminance(second));
        (first.max(second) + 0.05) / (first.min(second) + 0.05)
    }

    /// Lines need less contrast than text (WCAG 2.2, 1.4.11).
    #[test]
    fn lines_of_charts_stand_out() {
        for theme in [Theme::Dark, Theme::Light] {
            let tokens = Tokens::of_theme(theme);
            for color in tokens.series {
                let contrast = contrast(color, tokens.surface);
                assert!(contrast >= 3.0, "{theme:?}: {color:?} has contrast {contrast:.2}");
            }
        }
    }

    #[test]
    fn text_is_readable_in_both_themes() {
        for theme in [Theme::Dark, Theme::Light] {
            let tokens = Tokens::of_theme(theme);
            let pairs = [
                (tokens.text, tokens.background),
                (tokens.text, tokens.surface),
                (tokens.text, tokens.control_hovered),
                (tokens.text_muted, tokens.background),
                (tokens.text_muted, tokens.surface),
                (tokens.text_muted, tokens.control),
                (tokens.accent, tokens.accent_soft),
                (tokens.accent, tokens.surface),
                (tokens.warning, tokens.warning_soft),
                (tokens.error, tokens.surface),
                (tokens.error, tokens.background),
                (tokens.error, tokens.error_soft),
                (tokens.success, tokens.success_soft),
                (tokens.success, tokens.surface),
                (tokens.on_primary, tokens.primary),
                (tokens.on_primary, tokens.primary_hovered),
                (tokens.text, tokens.highlight),
                (tokens.text, tokens.highlight_weak),
            ];
            for (text, ground) in pairs {
                let contrast = contrast(text, ground);
                assert!(contrast >= 4.5, "{theme:?}: {text:?} on {ground:?} has contrast {contrast:.2}");
            }
        }
    }
}
