//! What is shown, as files: in a folder `exports` beside the evaluation or, in a browser, among its downloads.

#[cfg_attr(target_family = "wasm", path = "painter/canvas.rs")]
#[cfg_attr(not(target_family = "wasm"), path = "painter/resvg.rs")]
mod painter;

use std::{
    path::PathBuf,
    sync::{Arc, mpsc::Receiver},
};

use egui::Context;
use serde::Serialize;
use spanbert_core::{
    advice::Advice,
    breakdown::{Analysis, Case, Outcome, Slice, html},
};

use self::painter::Painter;
use crate::{
    background,
    files::{self, Made},
};

/// Pixels of a picture for each unit of the drawing: sharp on fine screens.
const SCALE: f32 = 2.0;

/// What can be exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Export {
    Csv,
    Json,
    Html,
    Svg,
    Png,
}

impl Export {
    pub(super) const ALL: [Self; 5] = [Self::Csv, Self::Json, Self::Html, Self::Svg, Self::Png];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Csv => "Questions shown as CSV",
            Self::Json => "Questions shown as JSON",
            Self::Html => "Everything as a web page",
            Self::Svg => "Charts as SVG",
            Self::Png => "Charts as PNG",
        }
    }
}

/// What is written, and where.
pub(super) struct Order {
    pub(super) export: Export,
    pub(super) folder: PathBuf,
    pub(super) analysis: Arc<Analysis>,
    pub(super) threshold: f64,
    /// The user's slices.
    pub(super) queries: Vec<Slice>,
    /// Questions shown.
    pub(super) rows: Vec<usize>,
}

/// A question with what became of it.
#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    case: &'a Case,
    /// The threshold that decides; none without null odds.
    threshold: Option<f64>,
    outcome: Outcome,
}

/// Writes beside the frames; what comes back is a sentence for the user.
pub(super) fn start(context: &Context, order: Order) -> Option<Receiver<Result<String, String>>> {
    background::find_async(context, "export", async move { write(&order).await }).ok()
}

async fn write(order: &Order) -> Result<String, String> {
    let (what, made) = make(order).await?;
    let place = files::save(&order.folder, &made)?;
    Ok(format!("{what} {place}"))
}

/// What is exported, in words, and its files.
async fn make(order: &Order) -> Result<(String, Vec<Made>), String> {
    let made = |name: &str, content: Vec<u8>| Made { name: name.to_owned(), content };
    let cases = || order.rows.iter().filter_map(|row| order.analysis.cases.get(*row));
    let report =
        || order.analysis.report(order.threshold, &order.queries).map_err(|error| error.in_one_line());
    match order.export {
        Export::Csv => {
            let table = csv(cases(), &order.analysis, order.threshold).into_bytes();
            Ok((format!("{} questions", order.rows.len()), vec![made("questions.csv", table)]))
        }
        Export::Json => {
            let threshold = order.analysis.curve.is_some().then_some(order.threshold);
            let row = |case| Row { case, threshold, outcome: Case::outcome(case, order.threshold) };
            let cases: Vec<Row<'_>> = cases().map(row).collect();
            let json = serde_json::to_vec_pretty(&cases).map_err(|error| error.to_string())?;
            Ok((format!("{} questions", cases.len()), vec![made("questions.json", json)]))
        }
        Export::Html => {
            let page = html(&order.analysis, &report()?, None).into_bytes();
            Ok(("The page was".to_owned(), vec![made("breakdown.html", page)]))
        }
        Export::Svg => {
            let figures = report()?.figures();
            let charts =
                figures.iter().map(|figure| made(&format!("{}.svg", figure.id), figure.svg().into_bytes()));
            Ok((format!("{} charts", figures.len()), charts.collect()))
        }
        Export::Png => {
            let mut charts = Vec::new();
            let painter = Painter::default();
            for figure in report()?.figures() {
                let picture = painter.png(&figure.svg()).await?;
                charts.push(made(&format!("{}.png", figure.id), picture));
                background::pause().await;
            }
            Ok((format!("{} charts", charts.len()), charts))
        }
    }
}

/// The questions as RFC 4180 has it.
fn csv<'a>(cases: impl Iterator<Item = &'a Case>, analysis: &Analysis, threshold: f64) -> String {
    let mut out = String::from(
        "id,article,question,gold,prediction,answered,outcome,exact,f1,null_odds,probability,threshold\r\n",
    );
    let decides = analysis.curve.is_some().then_some(threshold);
    for case in cases {
        let (exact, f1) = case.scores(threshold);
        let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
        let fields = [
            case.id.clone(),
            analysis.articles.get(case.article).cloned().unwrap_or_default(),
            case.question.clone(),
            case.gold_texts().join(" | "),
            case.prediction.clone(),
            (!case.abstains(threshold)).to_string(),
            case.outcome(threshold).name().to_owned(),
            exact.to_string(),
            f1.to_string(),
            number(case.null_odds),
            number(case.probability),
            number(decides),
        ];
        out.push_str(&fields.map(|field| quoted(&field)).join(","));
        out.push_str("\r\n");
    }
    out
}

fn quoted(field: &str) -> String {
    // A spreadsheet runs what begins so as a formula; numbers begin with a minus, too.
    let runs =
        field.starts_with(['=', '+', '@']) || (field.starts_with('-') && field.parse::<f64>().is_err());
    let field = if runs { format!("'{field}") } else { field.to_owned() };
    if field.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn fields_survive_a_spreadsheet() {
        assert_eq!(quoted("a, \"b\"\nc"), "\"a, \"\"b\"\"\nc\"");
        assert_eq!(quoted("=1+1"), "'=1+1");
        assert_eq!(
            (quoted("-1.5"), quoted("-x"), quoted("plain")),
            ("-1.5".into(), "'-x".into(), "plain".into())
        );
    }
}
