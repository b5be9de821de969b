//! One chart of a run or of several: lines over updates or time, drawn by `egui_plot`.

use egui::{Color32, Id, RichText, Ui, WidgetInfo, WidgetType};
use egui_plot::{
    GridMark, HoverPosition, Line, LineStyle, MarkerShape, Plot, PlotMemory, Points, Text, VLine,
};

use super::series::Series;
use crate::{
    theme::{CAPTION_SIZE, Tokens},
    widgets::{count, duration},
};

/// What goes from left to right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Across {
    /// Updates.
    #[default]
    Step,
    /// Seconds since training began.
    Time,
}

/// A line of a chart.
pub(crate) struct Drawn<'a> {
    pub(crate) name: &'a str,
    pub(crate) color: Color32,
    pub(crate) width: f32,
    /// Whether its points are marked one by one.
    pub(crate) marked: bool,
    pub(crate) series: &'a mut Series,
}

/// What a chart looks like.
pub(crate) struct Chart<'a> {
    pub(crate) title: &'a str,
    pub(crate) height: f32,
    pub(crate) across: Across,
    /// Whether heights are logarithms, to base 10, of what is told.
    pub(crate) log: bool,
    pub(crate) format: fn(f64) -> String,
    /// Where the axis from left to right ends at least.
    pub(crate) end: f64,
    /// Places of light vertical lines.
    pub(crate) rules: &'a [f64],
    /// A point with a star and a word.
    pub(crate) star: Option<([f64; 2], String)>,
    /// Charts with the same group move together.
    pub(crate) group: Id,
}

impl Chart<'_> {
    /// Draws it; with several lines, their names are above.
    pub(crate) fn show(self, ui: &mut Ui, lines: &mut [Drawn<'_>]) {
        let tokens = Tokens::of(ui);
        ui.vertical(|ui| {
            ui.horizontal_wrapped(|ui| {
                ui.label(RichText::new(self.title).size(CAPTION_SIZE).color(tokens.text_muted));
                let named = lines.iter().filter(|line| !line.name.is_empty());
                if named.clone().count() > 1 {
                    for line in named {
                        ui.spacing_mut().item_spacing.x = 4.0;
                        let (rect, _) = ui.allocate_exact_size(egui::vec2(10.0, 10.0), egui::Sense::hover());
                        ui.painter().rect_filled(rect.shrink2(egui::vec2(0.0, 3.5)), 1.0, line.color);
                        ui.label(RichText::new(line.name).size(CAPTION_SIZE));
                        ui.add_space(6.0);
                    }
                }
            });
            self.plot(ui, &tokens, lines);
        });
    }

    fn plot(self, ui: &mut Ui, tokens: &Tokens, lines: &mut [Drawn<'_>]) {
        let id = ui.make_persistent_id(("chart", self.title));
        let width = ui.available_width();
        let columns = (width as usize).clamp(50, 4000);
        let (low, high) = range(ui, id, lines);
        let (log, format, across) = (self.log, self.format, self.across);
        let value = move |y: f64| if log { 10f64.powf(y) } else { y };
        let label = move |position: &HoverPosition<'_>| match position {
            HoverPosition::NearDataPoint { plot_name, position, .. } => {
                let name = if plot_name.is_empty() { String::new() } else { format!("{plot_name}\n") };
                Some(format!("{name}{}\n{}", format(value(position.y)), place(across, position.x)))
            }
            _ => None,
        };
        ui.visuals_mut().extreme_bg_color = tokens.surface;
        let plot = Plot::new(id)
            .id(id)
            .height(self.height)
            .width(width)
            .allow_scroll(false)
            .allow_zoom(false)
            .allow_drag(false)
            .allow_boxed_zoom(true)
            .boxed_zoom_pointer_button(egui::PointerButton::Primary)
            .allow_double_click_reset(true)
            .allow_axis_zoom_drag(false)
            .link_axis(self.group, [true, false])
            .link_cursor(self.group, [true, false])
            .show_background(false)
            .grid_color(tokens.grid)
            .include_x(0.0)
            .include_x(self.end)
            .set_margin_fraction(egui::vec2(0.01, if self.star.is_some() { 0.22 } else { 0.08 }))
            .y_axis_min_width(46.0)
            .x_axis_formatter(move |mark: GridMark, _: &_| place_short(across, mark.value))
            .y_axis_formatter(move |mark: GridMark, _: &_| format(value(mark.value)))
            .label_formatter(label);
        let mut told = Vec::new();
        let (rules, star) = (self.rules, self.star);
        let drawn: Vec<_> = lines
            .iter_mut()
            .map(|line| {
                if let Some([x, y]) = line.series.last() {
                    told.push(format!("{} {} {}", line.name, format(value(y)), place(across, x)));
                }
                let points = line.series.shown(low, high, columns).to_vec();
                (line.name.to_owned(), line.color, line.width, line.marked, points)
            })
            .collect();
        let muted = tokens.grid;
        let star_color = tokens.text;
        let response = plot.show(ui, move |plot| {
            for at in rules {
                let rule = VLine::new("", *at).color(muted).width(1.0).style(LineStyle::dashed_dense());
                plot.vline(rule.allow_hover(false));
            }
            for (name, color, width, marked, points) in drawn {
                if marked || points.len() == 1 {
                    let dots = Points::new(name.clone(), points.clone()).radius(3.0).color(color);
                    plot.points(dots.shape(MarkerShape::Circle));
                }
                plot.line(Line::new(name, points).color(color).width(width));
            }
            if let Some((at, word)) = star {
                let mark =
                    Points::new("Best", vec![at]).shape(MarkerShape::Asterisk).radius(7.0).color(star_color);
                plot.points(mark.allow_hover(false));
                let text = RichText::new(format!("{word}  ")).size(CAPTION_SIZE).color(star_color);
                let text = Text::new("Best", at.into(), text).anchor(egui::Align2::RIGHT_BOTTOM);
                plot.text(text.allow_hover(false));
            }
        });
        let name = format!("{} chart: {}", self.title, told.join(", "));
        response.response.widget_info(|| WidgetInfo::labeled(WidgetType::Image, true, &name));
    }
}

/// What is in sight from left to right: what was chosen with the pointer, else everything.
fn range(ui: &Ui, id: Id, lines: &[Drawn<'_>]) -> (f64, f64) {
    if let Some(memory) = PlotMemory::load(ui.ctx(), id)
        && !memory.auto_bounds.x
    {
        let bounds = memory.bounds();
        return (bounds.min()[0], bounds.max()[0]);
    }
    let firsts = lines.iter().filter_map(|line| line.series.points().first()).map(|point| point[0]);
    let lasts = lines.iter().filter_map(|line| line.series.last()).map(|point| point[0]);
    (firsts.fold(f64::INFINITY, f64::min), lasts.fold(f64::NEG_INFINITY, f64::max))
}

fn place(across: Across, x: f64) -> String {
    match across {
        Across::Step => format!("after update {}", count(x.max(0.0).round() as usize)),
        Across::Time => format!("after {}", duration(x)),
    }
}

fn place_short(across: Across, x: f64) -> String {
    match across {
        _ if x < 0.0 => String::new(),
        Across::Step if x >= 10_000.0 => format!("{}k", x / 1000.0),
        Across::Step => format!("{x}"),
        Across::Time => duration(x),
    }
}

/// A height of a chart whose unit is nothing in particular: three significant digits.
pub(crate) fn plain(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if !value.is_finite() => "–".to_owned(),
        0.0 => "0".to_owned(),
        0.001..10_000.0 => {
            let decimals = (2 - size.log10().floor() as i32).clamp(0, 5) as usize;
            let text = format!("{value:.decimals$}");
            if text.contains('.') {
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            } else {
                text
            }
        }
        _ => format!("{value:.2e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn heights_have_three_digits() {
        assert_eq!(
            [0.0, 0.5, 1.234_5, 98.76, 512.4, 12_345.0, 2e-5].map(plain),
            ["0", "0.5", "1.23", "98.8", "512", "1.23e4", "2.00e-5"]
        );
    }
}
