//! A slider with its number beside it that changes a value only when the user does.
//!
//! egui's own slider with a number of decimals writes the rounded value back as soon as it is drawn or its number is tabbed
//! through, clamps to its range, and rounds what is typed. Here the number is rounded for reading alone.

use std::ops::RangeInclusive;

use egui::{DragValue, Response, Slider, SliderClamping, Ui, WidgetInfo};

/// How a slider shows a number, and what the user may set it to.
#[derive(Clone, Debug)]
pub struct NumberSlider<'a> {
    /// Its name for assistive technology.
    pub name: &'a str,
    /// The ends of the rail. A value outside stays what it is; it stands at the end.
    pub range: RangeInclusive<f64>,
    /// Decimals that are shown, and to which the rail rounds. A typed number is taken as it is.
    pub decimals: usize,
    /// What the rail moves by, if that is coarser.
    pub step: Option<f64>,
    /// Stands after the number.
    pub suffix: &'a str,
    /// Whether a typed number is kept within the range.
    pub limited: bool,
}

/// A slider that was drawn.
#[derive(Debug)]
pub struct Slid {
    /// The rail and the number.
    pub response: Response,
    /// Whether the user has changed the value in this frame.
    pub changed: bool,
}

impl NumberSlider<'_> {
    /// Draws the rail, as wide as the style's `slider_width`, and the number.
    pub fn show(&self, ui: &mut Ui, value: &mut f64) -> Slid {
        let before = *value;
        let response = ui
            .horizontal(|ui| {
                let (rail, moved) = self.rail_ui(ui, before);
                let (number, typed) = self.number_ui(ui, moved.unwrap_or(before));
                *value = typed.or(moved).unwrap_or(before);
                rail.union(number)
            })
            .inner;
        Slid { response, changed: value.to_bits() != before.to_bits() }
    }

    /// Draws the rail. Gives where the user has moved it.
    fn rail_ui(&self, ui: &mut Ui, value: f64) -> (Response, Option<f64>) {
        let (low, high) = (*self.range.start(), *self.range.end());
        // What lies outside, or is not a number, has no place on the rail.
        let start = if value.is_nan() { low } else { value.clamp(low, high) };
        let mut place = start;
        let mut rail = Slider::new(&mut place, self.range.clone())
            .show_value(false)
            .max_decimals(self.decimals)
            .clamping(if self.limited { SliderClamping::Edits } else { SliderClamping::Never })
            // Rounding to even numbers would hold it in place when it is moved with the keys.
            .smart_aim(false);
        if let Some(step) = self.step {
            rail = rail.step_by(step);
        }
        let response = ui.add(rail);
        let moved = (place.to_bits() != start.to_bits()).then_some(place + 0.0);
        let (enabled, told) = (ui.is_enabled(), moved.unwrap_or(value));
        response.widget_info(|| WidgetInfo::slider(enabled, told, self.name));
        (super::named(response, self.name), moved)
    }

    /// Draws the number. Gives what the user has typed or dragged it to.
    fn number_ui(&self, ui: &mut Ui, value: f64) -> (Response, Option<f64>) {
        let shown = |value: f64| format!("{value:.*}", self.decimals);
        let own = shown(value);
        let (low, high) = (*self.range.start(), *self.range.end());
        let mut number = value;
        let drag = DragValue::new(&mut number)
            .speed(self.step.unwrap_or((high - low) / 300.0))
            .max_decimals(self.decimals)
            .suffix(self.suffix)
            .custom_formatter(|value, _| shown(value))
            // Whoever only passes through leaves the rounded text behind, which is not the value.
            .custom_parser(|text| match text.trim().trim_end_matches(self.suffix).trim() {
                text if text == own => Some(value),
                text => text.replace('\u{2212}', "-").parse().ok().filter(|number: &f64| number.is_finite()),
            });
        let response = super::named(ui.add(drag), self.name);
        let changed = number.to_bits() != value.to_bits() && !number.is_nan();
        (response, changed.then(|| if self.limited { number.clamp(low, high) } else { number }))
    }
}
