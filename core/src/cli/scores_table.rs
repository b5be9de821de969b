//! Scores as people read them.

use super::table::{Align, Paint, Table};
use crate::score::{NamedScores, Scores, ThresholdPoint};

/// Scores at the three named thresholds, beside the baseline of leaving every question unanswered.
pub(super) fn named(scores: &NamedScores, baseline: Option<f64>, paint: Paint) -> String {
    let mut table = Table::new(&[
        ("scores", Align::Left),
        ("threshold", Align::Right),
        ("exact", Align::Right),
        ("F1", Align::Right),
        ("answerable F1", Align::Right),
        ("unanswerable", Align::Right),
    ]);
    if let Some(baseline) = baseline {
        let percent = percent(Some(baseline));
        table.row(["all unanswered".into(), String::new(), percent.clone(), percent, "0.00".into(), "100.00".into()]);
    }
    let mut point = |name: &str, point: &ThresholdPoint| {
        table.row([
            name.into(),
            format!("{:.4}", point.threshold),
            percent(Some(point.exact)),
            percent(Some(point.f1)),
            percent(point.has_ans_f1),
            percent(point.no_ans_exact),
        ]);
    };
    point("at threshold 0", &scores.threshold_0);
    if let Some(stored) = &scores.stored_threshold {
        point("at the stored threshold", stored);
    }
    point("at the best threshold here", &scores.best_threshold);
    table.render(paint)
}

/// Scores under the official names.
pub(super) fn official(scores: &Scores, paint: Paint) -> String {
    let mut table = Table::new(&[("score", Align::Left), ("value", Align::Right)]);
    for (name, value) in scores.entries() {
        let text = match value {
            crate::score::ResultValue::Float(value) => format!("{value:.4}"),
            crate::score::ResultValue::Count(value) => value.to_string(),
        };
        table.row([name.to_owned(), text]);
    }
    table.render(paint)
}

fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.2}"))
}
