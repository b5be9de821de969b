//! A report as one page that needs nothing else: no network, no other file.

use std::fmt::Write;

use serde::Serialize;

use super::{
    Analysis, Bounded, Change, Comparison, Dimension, Report, SliceDifference, SliceScores, bounded,
    figure::{bar, escaped},
    statistics::FEWEST,
};

const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

/// A question as the page's script reads it.
#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    question: &'a str,
    gold: String,
    prediction: &'a str,
    outcome: &'static str,
    f1: f64,
    odds: Option<f64>,
    word: &'static str,
    article: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<&'static str>,
}

/// The page of a report, with its questions and, if given, its comparison with another evaluation.
#[must_use]
pub fn html(analysis: &Analysis, report: &Report, comparison: Option<&Comparison>) -> String {
    let mut out = String::with_capacity(1 << 20);
    let title = format!("{} on {}", report.name, report.data);
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{}</title><style>{STYLE}</style></head><body>\n<h1>{}</h1>\n<p class=\"muted\">{}</p>\n",
        escaped(&title),
        escaped(&title),
        summary(report),
    );
    thresholds(&mut out, report);
    outcomes(&mut out, report);
    out.push_str("<h2>Charts</h2>\n<div class=\"charts\">");
    for figure in report.figures() {
        out.push_str(&figure.svg());
    }
    out.push_str("</div>\n");
    slices(&mut out, report);
    if let Some(comparison) = comparison {
        compared(&mut out, comparison);
    }
    questions(&mut out, analysis, report, comparison);
    let _ = write!(out, "<script>{SCRIPT}</script>\n</body></html>\n");
    out
}

fn summary(report: &Report) -> String {
    let mut parts = vec![format!("{} questions", report.official.total)];
    if let Some(threshold) = report.threshold {
        parts.push(format!("everything below at threshold {threshold:.4}"));
    }
    if report.missing > 0 {
        parts.push(format!("{} without a prediction, counted as unanswered", report.missing));
    }
    parts.join(" · ")
}

fn thresholds(out: &mut String, report: &Report) {
    out.push_str("<h2>Scores</h2>\n<table><thead><tr><th>at</th><th class=\"n\">threshold</th><th class=\"n\">exact</th><th class=\"n\">F1</th><th class=\"n\">answerable exact</th><th class=\"n\">answerable F1</th><th class=\"n\">unanswerable</th><th class=\"n\">answered / not, answerable</th><th class=\"n\">answered / not, unanswerable</th></tr></thead><tbody>");
    for row in &report.thresholds {
        let confusion = row.confusion;
        let _ = write!(
            out,
            "<tr><td>{}</td>{}{}{}{}{}{}<td class=\"n\">{} / {}</td><td class=\"n\">{} / {}</td></tr>",
            row.name,
            cell(row.threshold, 4),
            cell(Some(row.exact), 2),
            cell(Some(row.f1), 2),
            cell(row.has_ans_exact, 2),
            cell(row.has_ans_f1, 2),
            cell(row.no_ans, 2),
            confusion.has_ans_answered,
            confusion.has_ans_abstained,
            confusion.no_ans_answered,
            confusion.no_ans_abstained,
        );
    }
    out.push_str("</tbody></table>\n");
}

fn outcomes(out: &mut String, report: &Report) {
    out.push_str("<h2>What became of the questions</h2>\n<table class=\"sortable\"><thead><tr><th>outcome</th><th class=\"n\">n</th><th class=\"n\">share</th><th class=\"n\">F1 points lost</th></tr></thead><tbody>");
    for count in &report.outcomes {
        let _ = write!(
            out,
            "<tr><td><button class=\"link\" data-outcome=\"{0}\">{0}</button></td><td class=\"n\">{1}</td>{2}{3}</tr>",
            count.outcome.name(),
            count.n,
            cell(Some(count.share), 1),
            cell(Some(count.lost_f1), 2),
        );
    }
    out.push_str("</tbody></table>\n<p class=\"muted\">");
    if let Some(plausible) = report.plausible {
        let _ = write!(
            out,
            "Of {} unanswerable questions with a plausible answer, {} were answered: {} with words of it, {} exactly so. ",
            plausible.n, plausible.answered, plausible.fell, plausible.fell_exactly
        );
    }
    for score in &report.oracle {
        let _ = write!(out, "Best of {}: answerable F1 {:.2}. ", score.k, score.f1);
    }
    if let Some(outside) = report.unreachable.outside_every_window {
        let _ = write!(out, "Answers outside every window: {outside}. ");
    }
    if let Some(longer) = report.unreachable.longer_than_max_answer_length {
        let _ = write!(out, "Answers longer than max_answer_length: {longer}. ");
    }
    out.push_str("</p>\n");
}

fn slices(out: &mut String, report: &Report) {
    const HEAD: &str = "<table class=\"sortable\"><thead><tr><th>dimension</th><th>slice</th><th class=\"n\">n</th><th class=\"n\">share</th><th class=\"n\">exact</th><th class=\"n\">interval</th><th class=\"n\">F1</th><th class=\"n\">interval</th><th></th><th class=\"n\">difference</th><th class=\"n\">interval</th></tr></thead><tbody>";
    let _ = write!(
        out,
        "<h2>Slices</h2>\n<p class=\"muted\">Difference: F1 minus that of the other questions that the dimension groups. Intervals: 95 %, bootstrap of 1,000 replicates (F1, difference) and Wilson (exact). A difference has an interval if both sides hold at least {FEWEST} questions that do not all score the same; elsewhere F1's is Wilson's, too. Coloured: the interval of the difference excludes 0.</p>\n",
    );
    tables(out, HEAD, &report.overall, &bounded(report.slices.iter()), slice_row);
}

/// The overall row and the groups shown in one table, the others of a large dimension folded away.
fn tables<T>(out: &mut String, head: &str, overall: &T, parts: &[Bounded<'_, T>], row: fn(&mut String, &T)) {
    out.push_str(head);
    row(out, overall);
    parts.iter().flat_map(|part| &part.shown).for_each(|group| row(out, group));
    out.push_str("</tbody></table>\n");
    for part in parts.iter().filter(|part| !part.others.is_empty()) {
        let _ = write!(
            out,
            "<details><summary>{} more groups of the dimension {}</summary>\n{head}",
            part.others.len(),
            part.dimension.map_or("", Dimension::name),
        );
        part.others.iter().for_each(|group| row(out, group));
        out.push_str("</tbody></table>\n</details>\n");
    }
}

/// The class of a cell with a difference.
fn class(significant: bool, difference: f64) -> &'static str {
    match significant {
        true if difference > 0.0 => "n better",
        true => "n worse",
        false => "n",
    }
}

fn slice_row(out: &mut String, row: &SliceScores) {
    let interval = |interval: Option<super::Interval>| {
        interval.map_or_else(String::new, |at| format!("{:.1} to {:.1}", at.low, at.high))
    };
    let difference = row.intervals.and_then(|intervals| intervals.difference);
    let class = class(row.significant, row.difference.unwrap_or_default());
    let _ = write!(
        out,
        "<tr><td>{}</td><td title=\"{}\">{}</td><td class=\"n\">{}</td>{}{}<td class=\"n muted\">{}</td>{}<td class=\"n muted\">{}</td><td>{}</td><td class=\"{class}\">{}</td><td class=\"n muted\">{}</td></tr>",
        row.dimension.map_or("", super::Dimension::name),
        escaped(row.query.as_deref().unwrap_or_default()),
        escaped(&row.label),
        row.n,
        cell(Some(row.share), 1),
        cell(Some(row.exact), 2),
        interval(Some(row.exact_interval)),
        cell(Some(row.f1), 2),
        interval(row.intervals.map(|intervals| intervals.f1)),
        bar(row),
        row.difference.map_or_else(String::new, |value| format!("{value:+.2}")),
        interval(difference),
    );
}

fn compared(out: &mut String, comparison: &Comparison) {
    const HEAD: &str = "<table class=\"sortable\"><thead><tr><th>dimension</th><th>slice</th><th class=\"n\">n</th><th class=\"n\">F1 of the first</th><th class=\"n\">F1 of the second</th><th class=\"n\">difference</th><th class=\"n\">interval</th><th class=\"n\">right → wrong</th><th class=\"n\">wrong → right</th><th class=\"n\">p</th></tr></thead><tbody>";
    let _ = write!(
        out,
        "<h2>Compared: {} → {}</h2>\n<p class=\"muted\">Both right {}, both wrong {}, right → wrong {}, wrong → right {}; McNemar's exact p {}. Intervals: 95 %, bootstrap of 1,000 replicates, of at least {FEWEST} questions that do not all change alike. Coloured: the interval excludes 0.</p>\n",
        escaped(&comparison.first),
        escaped(&comparison.second),
        comparison.both_right,
        comparison.both_wrong,
        comparison.right_to_wrong.len(),
        comparison.wrong_to_right.len(),
        escaped(&comparison.overall.mcnemar.p_text())
    );
    tables(out, HEAD, &comparison.overall, &bounded(comparison.slices.iter()), compared_row);
}

fn compared_row(out: &mut String, row: &SliceDifference) {
    let class = class(row.significant, row.difference);
    let _ = write!(
        out,
        "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td>{}{}<td class=\"{class}\">{:+.2}</td><td class=\"n muted\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\" data-value=\"{}\">{}</td></tr>",
        row.dimension.map_or("", super::Dimension::name),
        escaped(&row.label),
        row.n,
        cell(Some(row.f1.first), 2),
        cell(Some(row.f1.second), 2),
        row.difference,
        row.interval.map_or_else(String::new, |at| format!("{:+.1} to {:+.1}", at.low, at.high)),
        row.right_to_wrong,
        row.wrong_to_right,
        row.mcnemar.p_value,
        escaped(&row.mcnemar.p_text()),
    );
}

/// The questions, drawn by the script a page at a time.
fn questions(out: &mut String, analysis: &Analysis, report: &Report, comparison: Option<&Comparison>) {
    let threshold = report.threshold.unwrap_or(f64::INFINITY);
    let rows: Vec<Row<'_>> = analysis
        .cases
        .iter()
        .enumerate()
        .map(|(place, case)| Row {
            id: &case.id,
            question: &case.question,
            gold: case.gold_texts().join(" · "),
            prediction: analysis.shown_prediction(case),
            outcome: case.outcome(threshold).name(),
            f1: (case.scores(threshold).1 * 1000.0).round() / 10.0,
            odds: case.null_odds.map(|odds| (odds * 1000.0).round() / 1000.0),
            word: case.traits.question_word.name(),
            article: analysis.articles.get(case.article).map_or("", String::as_str),
            change: comparison.and_then(|comparison| comparison.change(place)).map(|change| match change {
                Change::RightToWrong => "right → wrong",
                Change::WrongToRight => "wrong → right",
            }),
        })
        .collect();
    // A closing tag within a text must not end the script.
    let json = serde_json::to_string(&rows).unwrap_or_else(|_| "[]".to_owned()).replace('<', "\\u003c");
    let _ = write!(
        out,
        "<h2 id=\"questions\">Questions</h2>\n<div class=\"filters\"><input id=\"search\" type=\"search\" placeholder=\"Search questions and answers\" aria-label=\"Search questions and answers\"><select id=\"outcome\" aria-label=\"Outcome\"></select><select id=\"word\" aria-label=\"Question word\"></select><select id=\"change\" aria-label=\"Change\"></select><span id=\"found\" class=\"muted\"></span></div>\n<table id=\"table\"><thead></thead><tbody></tbody></table>\n<div class=\"filters\"><button id=\"previous\">Previous</button><button id=\"next\">Next</button></div>\n<script id=\"data\" type=\"application/json\">{json}</script>\n"
    );
}

/// A cell with a number, sorted by its full value.
fn cell(value: Option<f64>, digits: usize) -> String {
    match value {
        Some(value) => format!("<td class=\"n\" data-value=\"{value}\">{value:.digits$}</td>"),
        None => "<td class=\"n muted\">–</td>".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::analysis, *};

    #[test]
    fn the_page_is_whole_and_safe() {
        let mut analysis = analysis();
        analysis.cases[0].question = "</script><script>alert(1)</script>".into();
        analysis.name = "<b>".into();
        let report = analysis.report(2.5, &[]).unwrap();
        let page = html(&analysis, &report, None);
        assert!(page.starts_with("<!doctype html>") && page.ends_with("</body></html>\n"));
        assert_eq!(page.matches("<script").count(), 2);
        assert_eq!(page.matches("</script>").count(), 2);
        assert!(page.contains("&lt;b&gt; on world.json") && !page.contains("<b>"));
        assert!(
            !page.contains("http://")
                || page.matches("http://").count() == page.matches("http://www.w3.org/2000/svg").count()
        );
        assert!(!page.contains("https://"));
        assert!(page.contains("fell for the plausible answer"));
    }
}
