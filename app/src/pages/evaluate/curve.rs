//! The scores at every threshold: a chart whose rule is dragged, and the same as a slider.

use egui::{RichText, Ui, WidgetInfo, WidgetType};
use egui_plot::{Line, LineStyle, Plot, VLine};
use spanbert_core::score::{ThresholdCurve, ThresholdPoint};

use super::live::Live;
use crate::{
    theme::{CAPTION_SIZE, Tokens},
    widgets::{NumberSlider, named, percent, wrap_before},
};

/// Points of a line that are drawn at most.
const POINTS: usize = 800;
/// Decimals of a threshold: as many as `spanbert breakdown` prints.
const DECIMALS: usize = 4;

/// The curve, thinned once for drawing.
pub(super) struct Sweep {
    low: f64,
    high: f64,
    lines: [(&'static str, Vec<[f64; 2]>); 4],
}

impl Sweep {
    pub(super) fn new(curve: &ThresholdCurve) -> Option<Self> {
        // Null odds may be infinite; an axis may not.
        let mut finite = curve.points.iter().filter(|point| point.threshold.is_finite());
        let first = finite.next()?;
        let last = finite.next_back().unwrap_or(first);
        // A little beyond both ends: there nothing, or everything, counts as answered.
        let margin = ((last.threshold - first.threshold) * 0.02).max(1e-3);
        let every = curve.points.len().div_ceil(POINTS).max(1);
        let thin = |value: fn(&ThresholdPoint) -> Option<f64>| -> Vec<[f64; 2]> {
            let last = curve.points.len() - 1;
            let kept = curve.points.iter().enumerate().filter(|(at, _)| at % every == 0 || *at == last);
            let kept = kept.filter(|(_, point)| point.threshold.is_finite());
            kept.filter_map(|(_, point)| Some([point.threshold, value(point)?])).collect()
        };
        Some(Self {
            low: first.threshold - margin,
            high: last.threshold + margin,
            lines: [
                ("F1", thin(|point| Some(point.f1))),
                ("Exact", thin(|point| Some(point.exact))),
                ("HasAns F1", thin(|point| point.has_ans_f1)),
                ("NoAns", thin(|point| point.no_ans_exact)),
            ],
        })
    }

    /// Draws the chart and the slider; either moves the threshold.
    pub(super) fn ui(&self, ui: &mut Ui, live: &mut Live, height: f32) {
        let tokens = Tokens::of(ui);
        ui.vertical(|ui| {
            self.legend(ui, live, &tokens);
            let wanted = self.plot(ui, live.threshold, &tokens, (height - 62.0).max(70.0));
            if let Some(threshold) = wanted {
                live.set_threshold(threshold);
            }
            self.slider(ui, live);
        });
    }

    /// Draws the chart only, beside a [`Self::strip`].
    pub(super) fn chart(&self, ui: &mut Ui, live: &mut Live, height: f32) {
        if let Some(threshold) = self.plot(ui, live.threshold, &Tokens::of(ui), height) {
            live.set_threshold(threshold);
        }
    }

    /// Draws the figures and the slider only.
    pub(super) fn strip(&self, ui: &mut Ui, live: &mut Live) {
        self.legend(ui, live, &Tokens::of(ui));
        self.slider(ui, live);
    }

    fn legend(&self, ui: &mut Ui, live: &Live, tokens: &Tokens) {
        let at = &live.at;
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 5.0;
            let values = [Some(at.f1), Some(at.exact), at.has_ans_f1, at.no_ans];
            for (((name, _), value), color) in self.lines.iter().zip(values).zip(tokens.series) {
                // A figure stays with its name.
                wrap_before(ui, 110.0);
                let (rect, _) = ui.allocate_exact_size(egui::vec2(10.0, 10.0), egui::Sense::hover());
                ui.painter().rect_filled(rect.shrink2(egui::vec2(0.0, 3.0)), 1.0, color);
                ui.label(RichText::new(*name).size(CAPTION_SIZE).color(tokens.text_muted));
                ui.label(RichText::new(value.map_or_else(|| "–".to_owned(), percent)).strong());
                ui.add_space(8.0);
            }
        });
    }

    fn plot(&self, ui: &mut Ui, threshold: f64, tokens: &Tokens, height: f32) -> Option<f64> {
        ui.visuals_mut().extreme_bg_color = tokens.surface;
        let plot = Plot::new("threshold curve")
            .height(height)
            .width(ui.available_width())
            .allow_scroll(false)
            .allow_zoom(false)
            .allow_drag(false)
            .allow_boxed_zoom(false)
            .allow_double_click_reset(false)
            .show_background(false)
            .show_x(false)
            .show_y(false)
            .grid_color(tokens.grid)
            .include_x(self.low)
            .include_x(self.high)
            .include_y(0.0)
            .include_y(100.0)
            .set_margin_fraction(egui::vec2(0.0, 0.04))
            .y_axis_min_width(34.0);
        let shown = plot.show(ui, |plot| {
            for ((name, points), color) in self.lines.iter().zip(tokens.series) {
                let width = if *name == "F1" { 2.2 } else { 1.3 };
                plot.line(Line::new(*name, points.clone()).color(color).width(width).allow_hover(false));
            }
            let at = threshold.clamp(self.low, self.high);
            let rule = VLine::new("threshold", at).color(tokens.text).width(1.5);
            plot.vline(rule.style(LineStyle::dashed_loose()).allow_hover(false));
            let response = plot.response();
            let moved = response.is_pointer_button_down_on() || response.clicked();
            moved.then(|| plot.pointer_coordinate()).flatten().map(|point| point.x)
        });
        let response = shown.response.on_hover_cursor(egui::CursorIcon::ResizeHorizontal);
        response.widget_info(|| WidgetInfo::labeled(WidgetType::Other, true, "Threshold curve"));
        named(response, "Threshold curve");
        // What is shown is what is chosen.
        shown.inner.map(|at| egui::emath::round_to_decimals(at.clamp(self.low, self.high), DECIMALS))
    }

    fn slider(&self, ui: &mut Ui, live: &mut Live) {
        let mut threshold = live.threshold;
        let mut wanted = None;
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new("Threshold").color(Tokens::of(ui).text_muted));
            ui.spacing_mut().slider_width = (ui.available_width() - 330.0).clamp(80.0, 360.0);
            let slider = NumberSlider {
                name: "Threshold",
                range: self.low..=self.high,
                decimals: DECIMALS,
                step: None,
                suffix: "",
                limited: false,
            };
            let slid = slider.show(ui, &mut threshold);
            wanted = slid.changed.then_some(threshold);
            slid.response.on_hover_text(format!(
                "{threshold}\nA question counts as unanswered if its null odds are above: how much \"no answer\" scores higher than the best answer",
            ));
            for (name, at) in named_thresholds(live) {
                let button = ui.button(name).on_hover_text(format!("Threshold {at}"));
                if button.clicked() {
                    wanted = Some(at);
                }
            }
        });
        if let Some(threshold) = wanted {
            live.set_threshold(threshold);
        }
    }
}

/// The thresholds that have a name.
fn named_thresholds(live: &Live) -> Vec<(&'static str, f64)> {
    let best =
        live.analysis.curve.as_ref().and_then(ThresholdCurve::best_f1).map(|point| ("Best", point.threshold));
    let stored = live.analysis.stored_threshold.map(|threshold| ("Stored", threshold));
    let given = live.analysis.given_threshold.map(|threshold| ("Given", threshold));
    [Some(("Zero", 0.0)), stored, given, best].into_iter().flatten().collect()
}
