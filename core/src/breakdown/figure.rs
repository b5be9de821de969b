//! The charts of a report, and how they are written as SVG.

use std::fmt::Write;

use serde::Serialize;

use super::{Report, SliceScores};

/// Colours of lines, tell-apart also for the colour-blind and on light and dark ground (after Okabe and Ito).
pub const COLORS: [&str; 5] = ["#0072b2", "#c46a00", "#008560", "#b04f8a", "#5c636d"];
/// Size of a chart in pixels.
const SIZE: (f64, f64) = (560.0, 340.0);
/// Space for the axes: left, right, top, bottom.
const MARGIN: (f64, f64, f64, f64) = (52.0, 16.0, 56.0, 44.0);
/// Lines keep at most two points for each of so many columns.
const COLUMNS: f64 = 500.0;

/// A chart of lines.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// Its name in file names.
    pub id: &'static str,
    /// What it shows.
    pub title: String,
    /// From left to right.
    pub x: Axis,
    /// From bottom to top.
    pub y: Axis,
    /// The lines.
    pub lines: Vec<Line>,
    /// A vertical rule with its name.
    pub rule: Option<(f64, String)>,
}

/// An axis.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Axis {
    /// What goes along it.
    pub label: String,
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// A line of a chart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// Its points from left to right.
    pub points: Vec<[f64; 2]>,
    /// Whether its points are marked and it is no more than a guide between them.
    pub marked: bool,
}

impl Report {
    /// The charts there is data for.
    #[must_use]
    pub fn figures(&self) -> Vec<Figure> {
        [self.sweep(), self.precision_recall_figure(), self.risk_figure()]
            .into_iter()
            .flatten()
            .chain(self.reliability_figures())
            .collect()
    }

    fn sweep(&self) -> Option<Figure> {
        let curve = self.curve.as_ref()?;
        let line = |name: &str, value: fn(&crate::score::ThresholdPoint) -> Option<f64>| Line {
            name: name.to_owned(),
            points: curve.points.iter().filter_map(|point| Some([point.threshold, value(point)?])).collect(),
            marked: false,
        };
        let (low, high) = (curve.points.first()?.threshold, curve.points.last()?.threshold);
        Some(Figure {
            id: "threshold",
            title: "Scores at every threshold".into(),
            x: Axis { label: "null odds above it mean \"no answer\"".into(), low, high },
            y: percent("%"),
            lines: vec![
                line("F1", |point| Some(point.f1)),
                line("exact match", |point| Some(point.exact)),
                line("answerable F1", |point| point.has_ans_f1),
                line("unanswerable", |point| point.no_ans_exact),
            ],
            rule: self.threshold.map(|at| (at, format!("{at:.3}"))),
        })
    }

    fn precision_recall_figure(&self) -> Option<Figure> {
        let curves = self.precision_recall.as_ref()?;
        let line = |name: &str, curve: &crate::score::PrecisionRecallCurve| Line {
            name: format!("{name} (AP {:.2})", curve.average_precision),
            points: curve
                .recalls
                .iter()
                .zip(&curve.precisions)
                .map(|(x, y)| [100.0 * x, 100.0 * y])
                .collect(),
            marked: false,
        };
        Some(Figure {
            id: "precision-recall",
            title: "Precision and recall".into(),
            x: percent("recall, %"),
            y: percent("precision, %"),
            lines: vec![
                line("F1", &curves.f1),
                line("exact match", &curves.exact),
                line("oracle", &curves.oracle),
            ],
            rule: None,
        })
    }

    fn risk_figure(&self) -> Option<Figure> {
        let line = |curve: &super::RiskCoverage| Line {
            name: format!("by {} (area {:.3})", curve.confidence, curve.area),
            points: curve.coverages.iter().zip(&curve.risks).map(|(x, y)| [100.0 * x, 100.0 * y]).collect(),
            marked: false,
        };
        (!self.risk_coverage.is_empty()).then(|| Figure {
            id: "risk-coverage",
            title: "Errors among the surest answers".into(),
            x: percent("questions answered, %"),
            y: percent("answers that are not exact, %"),
            lines: self.risk_coverage.iter().map(line).collect(),
            rule: None,
        })
    }

    fn reliability_figures(&self) -> Option<Figure> {
        let diagonal = Line { name: "ideal".into(), points: vec![[0.0, 0.0], [100.0, 100.0]], marked: false };
        let line = |reliability: &super::Reliability| Line {
            name: format!("{} (error {:.3})", reliability.of, reliability.calibration_error),
            points: reliability
                .bins
                .iter()
                .filter(|bin| bin.count > 0)
                .map(|bin| [100.0 * bin.probability, 100.0 * bin.share])
                .collect(),
            marked: true,
        };
        (!self.reliability.is_empty()).then(|| Figure {
            id: "reliability",
            title: "Can its probabilities be believed?".into(),
            x: percent("said to be so, %"),
            y: percent("is so, %"),
            lines: self.reliability.iter().map(line).chain([diagonal]).collect(),
            rule: None,
        })
    }
}

fn percent(label: &str) -> Axis {
    Axis { label: label.to_owned(), low: 0.0, high: 100.0 }
}

impl Figure {
    /// The chart as an SVG of its own.
    #[must_use]
    pub fn svg(&self) -> String {
        let (width, height) = SIZE;
        let (left, right, top, bottom) = MARGIN;
        let span = |axis: &Axis| if axis.high > axis.low { axis.high - axis.low } else { 1.0 };
        let (x_span, y_span) = (span(&self.x), span(&self.y));
        let x = |value: f64| left + (value - self.x.low) / x_span * (width - left - right);
        let y = |value: f64| height - bottom - (value - self.y.low) / y_span * (height - top - bottom);
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="sans-serif" font-size="12" color="#1b1f27" role="img" aria-label="{title}"><rect class="ground" width="100%" height="100%" fill="#ffffff"/><text x="{left}" y="20" font-size="14" font-weight="bold" fill="currentColor">{title}</text>"##,
            title = escaped(&self.title),
        );
        for tick in ticks(&self.y) {
            let at = y(tick);
            let _ = write!(
                out,
                r#"<line x1="{left}" x2="{}" y1="{at:.1}" y2="{at:.1}" stroke="currentColor" stroke-opacity="0.12"/><text x="{}" y="{:.1}" text-anchor="end" fill="currentColor" fill-opacity="0.7">{}</text>"#,
                width - right,
                left - 6.0,
                at + 4.0,
                number(tick)
            );
        }
        for tick in ticks(&self.x) {
            let at = x(tick);
            let _ = write!(
                out,
                r#"<text x="{at:.1}" y="{:.1}" text-anchor="middle" fill="currentColor" fill-opacity="0.7">{}</text>"#,
                height - bottom + 16.0,
                number(tick)
            );
        }
        let _ = write!(
            out,
            r#"<text x="{:.1}" y="{:.1}" text-anchor="middle" fill="currentColor" fill-opacity="0.7">{}</text><text x="14" y="{:.1}" text-anchor="middle" fill="currentColor" fill-opacity="0.7" transform="rotate(-90 14 {:.1})">{}</text>"#,
            (left + width - right) / 2.0,
            height - 8.0,
            escaped(&self.x.label),
            (top + height - bottom) / 2.0,
            (top + height - bottom) / 2.0,
            escaped(&self.y.label)
        );
        if let Some((at, name)) = &self.rule {
            let at = x(at.clamp(self.x.low, self.x.high));
            let _ = write!(
                out,
                r#"<line x1="{at:.1}" x2="{at:.1}" y1="{top}" y2="{}" stroke="currentColor" stroke-dasharray="4 3"/><text x="{:.1}" y="{:.1}" fill="currentColor" text-anchor="middle">{}</text>"#,
                height - bottom,
                at.clamp(left + 20.0, width - right - 20.0),
                top - 4.0,
                escaped(name)
            );
        }
        let mut legend = left;
        for (line, color) in self.lines.iter().zip(COLORS.iter().cycle()) {
            let points = thinned(&line.points, self.x.low, x_span);
            let mut path = String::new();
            for [px, py] in &points {
                let _ = write!(path, "{:.1},{:.1} ", x(*px), y(*py));
            }
            let dash = if line.marked { r#" stroke-opacity="0.5""# } else { "" };
            let _ = write!(
                out,
                r#"<polyline points="{}" fill="none" stroke="{color}" stroke-width="1.8"{dash}/>"#,
                path.trim_end()
            );
            for [px, py] in points.iter().filter(|_| line.marked) {
                let _ =
                    write!(out, r#"<circle cx="{:.1}" cy="{:.1}" r="3.2" fill="{color}"/>"#, x(*px), y(*py));
            }
            let _ = write!(
                out,
                r#"<rect x="{legend:.1}" y="31" width="12" height="4" fill="{color}"/><text x="{:.1}" y="37" fill="currentColor" font-size="11">{}</text>"#,
                legend + 16.0,
                escaped(&line.name)
            );
            legend += 30.0 + 5.7 * line.name.chars().count() as f64;
        }
        out.push_str("</svg>");
        out
    }
}

/// A slice's F1 as a bar with its interval, for tables.
pub(super) fn bar(row: &SliceScores) -> String {
    let mut out = format!(
        r#"<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect width="{:.1}" height="10" class="fill"/>"#,
        row.f1
    );
    if let Some(intervals) = row.intervals {
        let (low, high) = (intervals.f1.low, intervals.f1.high);
        let _ = write!(
            out,
            r#"<rect x="{low:.1}" y="4" width="{:.1}" height="2" class="interval"/>"#,
            (high - low).max(0.3)
        );
    }
    out.push_str("</svg>");
    out
}

/// Round values along an axis.
fn ticks(axis: &Axis) -> Vec<f64> {
    const WANTED: f64 = 5.0;
    let raw = (axis.high - axis.low) / WANTED;
    if !raw.is_finite() || raw <= 0.0 {
        return vec![axis.low];
    }
    let magnitude = libm::pow(10.0, libm::log10(raw).floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|unit| unit * magnitude).into_iter().find(|step| *step >= raw);
    let step = step.unwrap_or(10.0 * magnitude);
    let first = (axis.low / step).ceil() as i64;
    let last = (axis.high / step + 1e-9).floor() as i64;
    (first..=last).map(|index| index as f64 * step).collect()
}

fn number(value: f64) -> String {
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// The first and the last point of each column.
fn thinned(points: &[[f64; 2]], low: f64, span: f64) -> Vec<[f64; 2]> {
    let column = |x: f64| ((x - low) / span * COLUMNS).floor();
    let mut kept: Vec<[f64; 2]> = Vec::new();
    for group in points.chunk_by(|a, b| column(a[0]) == column(b[0])) {
        kept.extend(group.first());
        kept.extend(group.last().filter(|_| group.len() > 1));
    }
    kept
}

/// Text for XML.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML 1.0 has no other control characters.
            letter if letter.is_control() && !matches!(letter, '\n' | '\t') => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{super::tests::analysis, *};

    #[test]
    fn there_is_a_chart_for_everything_that_has_data() {
        let report = analysis().report(2.5, &[]).unwrap();
        let figures = report.figures();
        let ids: Vec<_> = figures.iter().map(|figure| figure.id).collect();
        assert_eq!(ids, ["threshold", "precision-recall", "risk-coverage", "reliability"]);
        for figure in &figures {
            let svg = figure.svg();
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"));
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
        assert!(figures[0].svg().contains("&quot;no answer&quot;"));
    }

    #[test]
    fn axes_have_round_values() {
        let axis = |low, high| ticks(&Axis { label: String::new(), low, high });
        assert_eq!(axis(0.0, 100.0), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(axis(-9.3, 4.1), [-5.0, 0.0]);
        assert_eq!(axis(1.0, 1.0), [1.0]);
        assert_eq!((number(0.5), number(-0.0), number(20.0)), ("0.5".into(), "0".into(), "20".into()));
    }
}
