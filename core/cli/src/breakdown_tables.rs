//! A breakdown as people read it.

use std::fmt::Write;

use super::{
    scores_table::percent,
    table::{Align, Paint, Table},
};
use spanbert_core::breakdown::{
    Bounded, Comparison, Dimension, Group, Interval, Report, SliceDifference, SliceScores, bounded,
    statistics::FEWEST,
};

/// All tables of a report; slices of fewer than `min_n` questions are left out.
pub(super) fn report(report: &Report, min_n: usize, paint: Paint) -> String {
    let mut out = String::new();
    let mut part = |title: &str, text: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{}\n{text}", paint.bold(title));
    };
    part(&format!("{} on {}", report.name, report.data), thresholds(report, paint));
    let at = report.threshold.map_or_else(String::new, |threshold| format!(", at threshold {threshold:.4}"));
    part(&format!("What became of the questions{at}"), outcomes(report, paint) + &asides(report));
    part("Slices", slices(report, min_n, paint));
    part("Confidence", confidence(report, paint));
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn thresholds(report: &Report, paint: Paint) -> String {
    let mut table = Table::new(&[
        ("at", Align::Left),
        ("threshold", Align::Right),
        ("exact", Align::Right),
        ("F1", Align::Right),
        ("answerable F1", Align::Right),
        ("unanswerable", Align::Right),
        ("answerable: answered / not", Align::Right),
        ("unanswerable: answered / not", Align::Right),
    ]);
    for row in &report.thresholds {
        let confusion = row.confusion;
        table.row([
            row.name.to_owned(),
            row.threshold.map_or_else(|| "–".to_owned(), |threshold| format!("{threshold:.4}")),
            percent(Some(row.exact)),
            percent(Some(row.f1)),
            percent(row.has_ans_f1),
            percent(row.no_ans),
            format!("{} / {}", confusion.has_ans_answered, confusion.has_ans_abstained),
            format!("{} / {}", confusion.no_ans_answered, confusion.no_ans_abstained),
        ]);
    }
    table.render(paint)
}

fn outcomes(report: &Report, paint: Paint) -> String {
    let mut table = Table::new(&[
        ("outcome", Align::Left),
        ("n", Align::Right),
        ("share", Align::Right),
        ("F1 points lost", Align::Right),
    ]);
    for count in report.outcomes.iter().filter(|count| count.n > 0) {
        table.row([
            count.outcome.name().to_owned(),
            count.n.to_string(),
            format!("{:.1}", count.share),
            format!("{:.2}", count.lost_f1),
        ]);
    }
    table.render(paint)
}

/// What fits in a line each.
fn asides(report: &Report) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        let _ = writeln!(out, "{text}");
    };
    if let Some(plausible) = report.plausible {
        line(format!(
            "of {} unanswerable questions with a plausible answer {} were answered: {} with words of it, {} exactly so",
            plausible.n, plausible.answered, plausible.fell, plausible.fell_exactly
        ));
    }
    if !report.oracle.is_empty() {
        let scores: Vec<_> =
            report.oracle.iter().map(|score| format!("{} {:.2}", score.k, score.f1)).collect();
        line(format!("answerable F1 of the best of the first k answers: {}", scores.join(", ")));
    }
    if let Some(outside) = report.unreachable.outside_every_window {
        line(format!("answers outside every window: {outside}"));
    }
    if let Some(longer) = report.unreachable.longer_than_max_answer_length {
        line(format!("answers longer than max_answer_length: {longer}"));
    }
    if report.missing > 0 {
        line(format!("questions without a prediction, counted as unanswered: {}", report.missing));
    }
    out
}

fn slices(report: &Report, min_n: usize, paint: Paint) -> String {
    let mut table = Table::new(&[
        ("dimension", Align::Left),
        ("slice", Align::Left),
        ("n", Align::Right),
        ("share", Align::Right),
        ("exact", Align::Right),
        ("95 %", Align::Right),
        ("F1", Align::Right),
        ("95 %", Align::Right),
        ("to the rest", Align::Right),
        ("95 %", Align::Right),
    ]);
    table.row(slice_cells("", &report.overall));
    let parts = bounded(report.slices.iter().filter(|row| row.n >= min_n));
    for part in &parts {
        for (name, row) in named(part) {
            table.row(slice_cells(name, row));
        }
        others(&mut table, part);
    }
    let difference = "to the rest: F1 minus that of the other questions the dimension groups";
    format!(
        "{}{difference}; {}{}",
        table.render(paint),
        mark_note("on either side that do not all score the same"),
        cut_note(&parts)
    )
}

/// The groups shown, the first with the dimension's name.
fn named<'a, T: Group>(part: &'a Bounded<'_, T>) -> impl Iterator<Item = (&'static str, &'a T)> {
    let name = part.dimension.map_or("", Dimension::name);
    part.shown.iter().enumerate().map(move |(at, row)| (if at == 0 { name } else { "" }, *row))
}

/// A row that stands for the groups left out.
fn others<T>(table: &mut Table, part: &Bounded<'_, T>) {
    if !part.others.is_empty() {
        table.row([String::new(), format!("and {} more groups", grouped(part.others.len()))]);
    }
}

/// What the mark means, and what questions an interval takes.
fn mark_note(questions: &str) -> String {
    format!(
        "* the interval excludes 0\nan interval of the difference takes at least {FEWEST} questions {questions}\n"
    )
}

/// Which groups were left out, and where they are.
fn cut_note<T>(parts: &[Bounded<'_, T>]) -> String {
    let cut = parts.iter().filter(|part| !part.others.is_empty()).map(|part| {
        format!(
            "{}: the {} of {} groups that matter most, by mark, then by n times the difference; --json has all\n",
            part.dimension.map_or("", Dimension::name),
            part.shown.len(),
            grouped(part.shown.len() + part.others.len()),
        )
    });
    cut.collect()
}

/// A count with its thousands apart.
fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn slice_cells(dimension: &str, row: &SliceScores) -> [String; 10] {
    let difference = row.intervals.and_then(|intervals| intervals.difference);
    let mark = if row.significant { "*" } else { "" };
    [
        dimension.to_owned(),
        row.label.clone(),
        row.n.to_string(),
        format!("{:.1}", row.share),
        percent(Some(row.exact)),
        interval(Some(row.exact_interval)),
        percent(Some(row.f1)),
        interval(row.intervals.map(|intervals| intervals.f1)),
        row.difference.map_or_else(String::new, |difference| format!("{difference:+.2}{mark}")),
        interval(difference),
    ]
}

fn confidence(report: &Report, paint: Paint) -> String {
    let mut table = Table::new(&[("measure", Align::Left), ("of", Align::Left), ("value", Align::Right)]);
    if let Some(curves) = &report.precision_recall {
        for (name, curve) in [("exact", &curves.exact), ("F1", &curves.f1), ("oracle", &curves.oracle)] {
            table.row(["average precision".into(), name.into(), format!("{:.2}", curve.average_precision)]);
        }
    }
    for curve in &report.risk_coverage {
        let of = format!("answers sorted by {}", curve.confidence);
        table.row(["area under risk and coverage".into(), of.clone(), format!("{:.4}", curve.area)]);
        for at in &curve.coverage_at {
            table.row([
                format!("answered with {} % right", at.accuracy),
                of.clone(),
                format!("{:.1} %", at.coverage),
            ]);
        }
    }
    for reliability in &report.reliability {
        let of = format!("that {}", reliability.of);
        table.row(["calibration error".into(), of.clone(), format!("{:.4}", reliability.calibration_error)]);
        table.row(["Brier score".into(), of, format!("{:.4}", reliability.brier)]);
    }
    let text = table.render(paint);
    if report.risk_coverage.is_empty() {
        "neither null odds nor probabilities are known; add --null-odds or --nbest\n".into()
    } else {
        text
    }
}

/// What changed from the first to the second system.
pub(super) fn comparison(comparison: &Comparison, min_n: usize, paint: Paint) -> String {
    let mut table = Table::new(&[
        ("dimension", Align::Left),
        ("slice", Align::Left),
        ("n", Align::Right),
        ("F1", Align::Right),
        ("other F1", Align::Right),
        ("difference", Align::Right),
        ("95 %", Align::Right),
        ("right to wrong", Align::Right),
        ("wrong to right", Align::Right),
        ("p", Align::Right),
    ]);
    table.row(difference_cells("", &comparison.overall));
    let parts = bounded(comparison.slices.iter().filter(|row| row.n >= min_n));
    for part in &parts {
        for (name, row) in named(part) {
            table.row(difference_cells(name, row));
        }
        others(&mut table, part);
    }
    let title = format!("Compared with {}", comparison.second);
    format!(
        "\n{}\nboth right {}, both wrong {}, right to wrong {}, wrong to right {}; McNemar's exact p {}\n{}{}{}",
        paint.bold(&title),
        comparison.both_right,
        comparison.both_wrong,
        comparison.right_to_wrong.len(),
        comparison.wrong_to_right.len(),
        comparison.overall.mcnemar.p_text(),
        table.render(paint),
        mark_note("that do not all change by the same"),
        cut_note(&parts),
    )
}

fn difference_cells(dimension: &str, row: &SliceDifference) -> [String; 10] {
    let mark = if row.significant { "*" } else { "" };
    [
        dimension.to_owned(),
        row.label.clone(),
        row.n.to_string(),
        percent(Some(row.f1.first)),
        percent(Some(row.f1.second)),
        format!("{:+.2}{mark}", row.difference),
        interval(row.interval),
        row.right_to_wrong.to_string(),
        row.wrong_to_right.to_string(),
        row.mcnemar.p_text(),
    ]
}

fn interval(interval: Option<Interval>) -> String {
    interval.map_or_else(String::new, |at| format!("{:.1}..{:.1}", at.low, at.high))
}
