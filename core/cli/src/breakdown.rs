//! `spanbert breakdown`: why an evaluation scores what it scores.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::{
    breakdown_tables as tables, data,
    error::CliError,
    flags::{self, JsonArgs, LanguageArgs},
    names::DataArg,
    output,
    score::file_of,
    table::{Align, Paint, Table},
};
use spanbert_core::{
    breakdown::{
        Analysis, Answers, BreakdownError, Comparison, FIELDS, Missing, NbestLists, Query, Report, Slice,
        html,
    },
    evaluate::{Evaluation, EvaluationPlace},
    run::atomic::write_atomic,
    score::ScoreError,
    squad::Dataset,
};

/// How many questions `--list` prints in a table.
const LISTED: usize = 50;

/// Break an evaluation down: outcomes, slices with intervals, thresholds, n-best, risk, reliability; of any system.
///
/// Names a run, the folder of an evaluation, or, with --data and --predictions, any system's answers in the official
/// format. Queries for --slice and --list are such as `question_word = "why" and f1 < 0.5`; --fields lists what they may
/// name.
#[derive(Debug, Args)]
pub(super) struct BreakdownCommand {
    /// A run, or the folder of an evaluation (eval/step-N of a run, or what `evaluate --output-dir` wrote).
    #[arg(value_name = "EVAL_DIR", conflicts_with = "predictions")]
    evaluation: Option<PathBuf>,
    /// The gold answers, or - for standard input; an evaluation knows its own.
    #[arg(long, value_name = "FILE")]
    data: Option<DataArg>,
    /// JSON object from question ids to answers, "" for none.
    #[arg(long, value_name = "FILE", requires = "data")]
    predictions: Option<PathBuf>,
    /// JSON object from question ids to the odds of "no answer".
    #[arg(
        long,
        visible_alias = "na-prob-file",
        value_name = "FILE",
        requires = "predictions",
        conflicts_with = "evaluation"
    )]
    null_odds: Option<PathBuf>,
    /// JSON object from question ids to lists of answers with "text" and "probability".
    #[arg(long, value_name = "FILE", requires = "predictions", conflicts_with = "evaluation")]
    nbest: Option<PathBuf>,
    /// Count questions without a prediction as unanswered instead of refusing.
    #[arg(long)]
    allow_missing: bool,
    /// Null odds above this mean "no answer"; without it the one that `evaluate --threshold` was given, else the stored
    /// threshold, else the best on this set.
    #[arg(
        long, visible_alias = "na-prob-thresh", value_name = "X", allow_hyphen_values = true,
        value_parser = flags::threshold
    )]
    threshold: Option<f64>,
    /// A slice of your own; may be repeated.
    #[arg(long = "slice", value_name = "NAME=QUERY")]
    slices: Vec<String>,
    /// A TOML file of slices, one NAME = "QUERY" a line.
    #[arg(long = "slices", value_name = "FILE")]
    slices_file: Option<PathBuf>,
    /// List the questions that match a query instead of printing tables.
    #[arg(long, value_name = "QUERY")]
    list: Option<String>,
    /// List the fields a query may name.
    #[arg(long)]
    fields: bool,
    /// Another evaluation or predictions file on the same questions, to compare with.
    #[arg(long, value_name = "OTHER")]
    compare: Option<PathBuf>,
    /// Null odds of the predictions to compare with.
    #[arg(long, value_name = "FILE", requires = "compare")]
    compare_null_odds: Option<PathBuf>,
    /// Threshold of what is compared with; without it its own default.
    #[arg(
        long, value_name = "X", allow_hyphen_values = true, requires = "compare", value_parser = flags::threshold
    )]
    compare_threshold: Option<f64>,
    /// Show small slices, too: by default those of at least this many questions.
    #[arg(long, value_name = "N", default_value_t = 1)]
    min_n: usize,
    /// Write everything as one page for the browser.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    language: LanguageArgs,
    #[command(flatten)]
    output: JsonArgs,
}

#[derive(Serialize)]
struct Printed<'a> {
    #[serde(flatten)]
    report: &'a Report,
    #[serde(skip_serializing_if = "Option::is_none")]
    comparison: Option<&'a Comparison>,
}

impl BreakdownCommand {
    /// Runs the command.
    pub(super) fn run(&self) -> Result<(), CliError> {
        if self.fields {
            return fields();
        }
        // A mistake in a query is told before anything is read.
        let queries = self.queries()?;
        let list = self.list.as_deref().map(Query::parse).transpose()?;
        let dataset = match &self.data {
            Some(data) => {
                let path = data.input()?;
                self.check_output(Some(&path))?;
                let dataset = data::read(&path)?;
                data::warn_about_ids(&dataset);
                Some(dataset)
            }
            None => {
                self.check_output(None)?;
                None
            }
        };
        let (analysis, dataset) = self.analysis(dataset)?;
        if analysis.other_questions > 0 {
            output::warn(format_args!(
                "{} predictions are for questions that {} does not have; they are left out",
                analysis.other_questions, analysis.data
            ));
        }
        let threshold = self.threshold.unwrap_or_else(|| analysis.default_threshold());
        if self.threshold.is_some() && analysis.curve.is_none() {
            output::warn("without null odds a threshold decides nothing");
        }
        if let Some(query) = list {
            return self.list(&analysis, &query, threshold);
        }
        let slice = |(label, query): &(String, Query)| query.slice(label, &analysis, threshold);
        let slices: Vec<Slice> = queries.iter().map(slice).collect();
        let report = analysis.report(threshold, &slices)?;
        let comparison = match &self.compare {
            Some(path) => Some(self.compared(path, &analysis, threshold, &dataset, &slices)?),
            None => None,
        };
        if let Some(path) = &self.html {
            self.check_evaluations(path, &dataset)?;
            write_atomic(path, html(&analysis, &report, comparison.as_ref()).as_bytes())?;
        }
        if self.output.json {
            return output::json(&Printed { report: &report, comparison: comparison.as_ref() });
        }
        output::print(&tables::report(&report, self.min_n, Paint::stdout()))?;
        if let Some(comparison) = &comparison {
            output::print(&tables::comparison(comparison, self.min_n, Paint::stdout()))?;
        }
        if let Some(path) = &self.html {
            output::note(format_args!("wrote {}", path.display()));
        }
        Ok(())
    }

    /// Refuses a page that would replace one of the files it is made of.
    fn check_output(&self, data: Option<&Path>) -> Result<(), CliError> {
        let Some(html) = &self.html else { return Ok(()) };
        let files = [
            &self.predictions,
            &self.null_odds,
            &self.nbest,
            &self.slices_file,
            &self.compare,
            &self.compare_null_odds,
        ];
        output::not_onto(html, files.into_iter().flatten().map(PathBuf::as_path).chain(data))
    }

    /// Refuses a page that would replace a file of the evaluations it is made of, or the data set that they name.
    fn check_evaluations(&self, html: &Path, dataset: &Dataset) -> Result<(), CliError> {
        let evaluations = [&self.evaluation, &self.compare].into_iter().flatten();
        let places = evaluations.filter_map(|path| EvaluationPlace::find(path).ok());
        let files =
            places.flat_map(|place| Evaluation::FILES.iter().map(move |name| place.folder.join(name)));
        let read: Vec<PathBuf> = files.chain([PathBuf::from(&dataset.source_name)]).collect();
        output::not_onto(html, read.iter().map(PathBuf::as_path))
    }

    /// The evaluation or predictions named, and the data set.
    fn analysis(&self, dataset: Option<Dataset>) -> Result<(Analysis, Dataset), CliError> {
        match (&self.evaluation, &self.predictions, dataset) {
            (Some(folder), _, dataset) => {
                let found = EvaluationPlace::find(folder)?.analyse(dataset)?;
                Ok((found.analysis, found.dataset))
            }
            (None, Some(path), Some(dataset)) => {
                if !dataset.has_gold_answers() {
                    return Err(ScoreError::NoGoldAnswers { file: dataset.source_name }.into());
                }
                let answers = Answers {
                    language: self.language.language_for(&dataset),
                    ..answers(path, self.null_odds.as_deref(), self.nbest.as_deref(), self.missing())?
                };
                let analysis = Analysis::new(&dataset, answers).map_err(|error| {
                    let is_missing =
                        matches!(&error, BreakdownError::Score(ScoreError::MissingPredictions { .. }));
                    let file = match &error {
                        BreakdownError::Score(error) => {
                            file_of(error, path, self.null_odds.as_deref().unwrap_or(path))
                        }
                        _ => path,
                    };
                    let error = CliError::from(error).within(file.display());
                    if is_missing { error.or_try("or add --allow-missing") } else { error }
                })?;
                Ok((analysis, dataset))
            }
            _ => Err(CliError::new(
                "nothing to break down was named",
                "name a run or the folder of an evaluation, or --data FILE and --predictions FILE",
            )),
        }
    }

    fn missing(&self) -> Missing {
        if self.allow_missing { Missing::CountAsUnanswered } else { Missing::Refuse }
    }

    /// The user's slices: names and queries, checked.
    fn queries(&self) -> Result<Vec<(String, Query)>, CliError> {
        let mut queries = Vec::new();
        if let Some(path) = &self.slices_file {
            let text = data::text(path, "a TOML file of lines NAME = \"QUERY\"")?;
            let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
                CliError::new(
                    format_args!("{}: {}", path.display(), error.message()),
                    "write one NAME = 'QUERY' a line",
                )
            })?;
            for (name, value) in table {
                let toml::Value::String(query) = value else {
                    return Err(CliError::new(
                        format_args!("{}: the slice {name} is not a text", path.display()),
                        "write its query in quotes",
                    ));
                };
                let query = Query::parse(&query).map_err(|error| {
                    CliError::from(error).within(format_args!("{}: {name}", path.display()))
                })?;
                queries.push((name, query));
            }
        }
        for slice in &self.slices {
            // A query alone names itself; `=` within one is part of it unless a plain name stands before.
            let named = slice.split_once('=').filter(|(name, query)| {
                Query::parse(slice).is_err() && !name.trim().is_empty() && !is_value(query)
            });
            let (name, query) =
                named.map_or((slice.as_str(), slice.as_str()), |(name, query)| (name.trim(), query));
            queries.push((name.to_owned(), Query::parse(query)?));
        }
        Ok(queries)
    }

    fn compared(
        &self,
        path: &Path,
        first: &Analysis,
        threshold: f64,
        dataset: &Dataset,
        slices: &[Slice],
    ) -> Result<Comparison, CliError> {
        let second = if path.is_dir() {
            EvaluationPlace::find(path)?.analyse(Some(dataset.clone()))?.analysis
        } else {
            let answers = Answers {
                language: self.language.language(),
                ..answers(path, self.compare_null_odds.as_deref(), None, self.missing())?
            };
            Analysis::new(dataset, answers).map_err(|error| CliError::from(error).within(path.display()))?
        };
        let second_threshold = self.compare_threshold.unwrap_or_else(|| second.default_threshold());
        let slices: Vec<Slice> = first.slices.iter().chain(slices).cloned().collect();
        let mut comparison = Comparison::new((first, threshold), (&second, second_threshold), &slices)?;
        comparison.add_intervals(&slices);
        Ok(comparison)
    }

    fn list(&self, analysis: &Analysis, query: &Query, threshold: f64) -> Result<(), CliError> {
        let members = query.members(analysis, threshold);
        let cases = members.iter().filter_map(|index| analysis.cases.get(*index as usize));
        if self.output.json {
            return output::json(&cases.collect::<Vec<_>>());
        }
        let mut table = Table::new(&[
            ("id", Align::Left),
            ("F1", Align::Right),
            ("outcome", Align::Left),
            ("question", Align::Left),
            ("gold", Align::Left),
            ("prediction", Align::Left),
        ]);
        for case in cases.take(LISTED) {
            let short = |text: &str| {
                let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
                if text.chars().count() > 60 {
                    format!("{}…", text.chars().take(59).collect::<String>())
                } else {
                    text
                }
            };
            table.row([
                case.id.clone(),
                format!("{:.1}", 100.0 * case.scores(threshold).1),
                case.outcome(threshold).name().to_owned(),
                short(&case.question),
                short(case.gold_answers.first().map_or("–", |answer| answer.text.as_str())),
                short(analysis.shown_prediction(case)),
            ]);
        }
        output::print(&table.render(Paint::stdout()))?;
        let shown = members.len().min(LISTED);
        output::note(format_args!("{shown} of {} questions", members.len()));
        Ok(())
    }
}

/// Whether what stands after the first `=` is a value, so that the name before it was meant as a field.
fn is_value(text: &str) -> bool {
    text.trim_start().starts_with(['"', '\'', '-', '.', '='])
        || text.trim_start().starts_with(char::is_numeric)
}

/// A system's answers from files.
fn answers(
    predictions: &Path,
    null_odds: Option<&Path>,
    nbest: Option<&Path>,
    missing: Missing,
) -> Result<Answers, CliError> {
    let file = data::answer_file(predictions)?;
    let null_odds = match null_odds {
        Some(path) => Some(data::null_odds(path)?),
        None => file.null_odds,
    };
    let nbest = match nbest {
        Some(path) => {
            let text = data::text(path, "a JSON object from question ids to lists of answers")?;
            Some(NbestLists::from_json(&text, &path.display().to_string())?)
        }
        None => None,
    };
    let name = predictions.file_stem().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    Ok(Answers { name, predictions: file.predictions, null_odds, nbest, missing, ..Answers::default() })
}

fn fields() -> Result<(), CliError> {
    let mut table = Table::new(&[("field", Align::Left), ("holds", Align::Left), ("meaning", Align::Left)]);
    for field in &FIELDS {
        let values = field.values.map(|values| format!(" ({})", values.join(", "))).unwrap_or_default();
        table.row([
            field.name.to_owned(),
            field.kind.described().to_owned(),
            format!("{}{values}", field.help),
        ]);
    }
    output::print(&table.render(Paint::stdout()))?;
    output::line(
        "compare with = != < <= > >=, in (\"a\", \"b\"), contains \"text\"; join with and, or, not, ( )",
    )
}
