//! Scores as people read them.

use super::table::{Align, Paint, Table};
use spanbert_core::{
    evaluate::ResultsFile,
    score::{NamedScores, ResultValue, Scores, ThresholdPoint},
};

/// The scores of an evaluation: the three thresholds for SQuAD 2.0, the official scores for SQuAD 1.1.
pub(super) fn results(results: &ResultsFile, paint: Paint) -> String {
    match &results.named {
        Some(scores) => {
            let unanswerable = results.official.no_ans_total.unwrap_or(0);
            #[allow(clippy::cast_precision_loss, reason = "counts of questions")]
            let baseline = 100.0 * unanswerable as f64 / results.official.total.max(1) as f64;
            named(scores, baseline, paint)
        }
        None => official(&results.official, paint),
    }
}

/// Scores at the three named thresholds, beside the baseline of leaving every question unanswered.
fn named(scores: &NamedScores, baseline: f64, paint: Paint) -> String {
    let mut table = Table::new(&[
        ("scores", Align::Left),
        ("threshold", Align::Right),
        ("exact", Align::Right),
        ("F1", Align::Right),
        ("answerable F1", Align::Right),
        ("unanswerable", Align::Right),
    ]);
    let baseline = percent(Some(baseline));
    table.row([
        "all unanswered".into(),
        String::new(),
        baseline.clone(),
        baseline,
        "0.00".into(),
        "100.00".into(),
    ]);
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
    if let Some(given) = &scores.given_threshold {
        point("at --threshold", given);
    }
    point("at the best threshold here", &scores.best_threshold);
    table.render(paint)
}

/// Scores under the official names.
pub(super) fn official(scores: &Scores, paint: Paint) -> String {
    let mut table = Table::new(&[("score", Align::Left), ("value", Align::Right)]);
    for (name, value) in scores.entries() {
        let text = match value {
            ResultValue::Float(value) => format!("{value:.4}"),
            ResultValue::Count(value) => value.to_string(),
            ResultValue::Text(text) => text,
        };
        table.row([name.to_owned(), text]);
    }
    table.render(paint)
}

/// A score in percent, a dash without one.
pub(super) fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.2}"))
}
