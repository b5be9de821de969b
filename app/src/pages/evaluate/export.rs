//! What is shown, as files: in a folder `exports` beside the evaluation or, in a browser, among its downloads.

use std::{
    path::PathBuf,
    sync::{Arc, mpsc::Receiver},
};

use egui::Context;
use serde::Serialize;
use spanbert_core::{
    advice::Advice,
    breakdown::{Analysis, Case, Figure, Outcome, Slice, html},
};

use crate::{
    background,
    files::{self, Made},
};

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
    background::find(context, "export", move || write(&order)).ok()
}

fn write(order: &Order) -> Result<String, String> {
    let (what, made) = make(order)?;
    let place = files::save(&order.folder, &made)?;
    Ok(format!("{what} {place}"))
}

/// What is exported, in words, and its files.
fn make(order: &Order) -> Result<(String, Vec<Made>), String> {
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
        Export::Svg | Export::Png => {
            let figures = report()?.figures();
            let fonts = Arc::new(fonts());
            let chart = |figure: &Figure| {
                if order.export == Export::Svg {
                    return Ok(made(&format!("{}.svg", figure.id), figure.svg().into_bytes()));
                }
                Ok(made(&format!("{}.png", figure.id), png(figure, &fonts)?))
            };
            let charts = figures.iter().map(chart).collect::<Result<Vec<Made>, String>>()?;
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

/// The window's own font, so that a chart looks the same wherever it is drawn.
fn fonts() -> resvg::usvg::fontdb::Database {
    let mut database = resvg::usvg::fontdb::Database::new();
    let definitions = egui::FontDefinitions::default();
    if let Some(name) =
        definitions.families.get(&egui::FontFamily::Proportional).and_then(|names| names.first())
        && let Some(font) = definitions.font_data.get(name)
    {
        database.load_font_data(font.font.to_vec());
    }
    let family = database.faces().next().and_then(|face| Some(face.families.first()?.0.clone()));
    database.set_sans_serif_family(family.unwrap_or_default());
    database
}

/// A chart as a picture of twice its size, sharp on fine screens.
fn png(figure: &Figure, fonts: &Arc<resvg::usvg::fontdb::Database>) -> Result<Vec<u8>, String> {
    use resvg::{tiny_skia, usvg};
    const SCALE: f32 = 2.0;
    let options = usvg::Options { fontdb: Arc::clone(fonts), ..usvg::Options::default() };
    let tree = usvg::Tree::from_str(&figure.svg(), &options).map_err(|error| error.to_string())?;
    let size = tree.size().to_int_size();
    let scaled = size.scale_by(SCALE).ok_or("the chart is too large for a picture")?;
    let mut pixmap = tiny_skia::Pixmap::new(scaled.width(), scaled.height())
        .ok_or("the chart is too large for a picture")?;
    resvg::render(&tree, tiny_skia::Transform::from_scale(SCALE, SCALE), &mut pixmap.as_mut());
    pixmap.encode_png().map_err(|error| error.to_string())
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
