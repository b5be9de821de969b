//! `spanbert runs`: trainings past and present.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    error::CliError,
    flags::JsonArgs,
    output,
    table::{Align, Paint, Table},
};
use crate::{
    run::{Event, Layout, RunStatus, RunSummary, list, read_events, summarise},
    score::Scores,
};

/// Folder that trainings are put in unless told otherwise.
pub(super) const RUNS_FOLDER: &str = "runs";

/// List trainings, or show one.
#[derive(Debug, Args)]
pub(super) struct RunsCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the run folders in a folder, newest first.
    List {
        /// The folder that holds them.
        #[arg(value_name = "DIR", default_value = RUNS_FOLDER)]
        folder: PathBuf,
        #[command(flatten)]
        output: JsonArgs,
    },
    /// Show one run: where it stands, and its evaluations.
    Show {
        /// The run folder.
        #[arg(value_name = "RUN")]
        run: PathBuf,
        #[command(flatten)]
        output: JsonArgs,
    },
}

impl RunsCommand {
    /// Runs the command.
    pub(super) fn run(&self) -> Result<(), CliError> {
        match &self.action {
            Action::List { folder, output } => {
                let runs = list(folder)?;
                if output.json {
                    return output::json(&runs);
                }
                if runs.is_empty() {
                    output::note(format_args!("no runs in {}", folder.display()));
                    return Ok(());
                }
                output::print(&listing(&runs, Paint::stdout()))
            }
            Action::Show { run, output } => {
                let summary = summarise(run).ok_or_else(|| {
                    CliError::new(
                        format_args!("{} holds no run", run.display()),
                        "name a run folder; `spanbert runs list` shows them",
                    )
                })?;
                let evaluations = evaluations(&Layout::new(run))?;
                if output.json {
                    output::json(&Shown { summary: &summary, evaluations: &evaluations })
                } else {
                    output::print(&details(&summary, &evaluations, Paint::stdout()))
                }
            }
        }
    }
}

/// One evaluation of a run.
#[derive(Serialize)]
struct EvaluationLine {
    step: usize,
    epoch: usize,
    best: bool,
    scores: Scores,
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    summary: &'a RunSummary,
    evaluations: &'a [EvaluationLine],
}

fn evaluations(layout: &Layout) -> Result<Vec<EvaluationLine>, CliError> {
    if !layout.events().is_file() {
        return Ok(Vec::new());
    }
    let records = read_events(&layout.events())?;
    let evaluation = |event| match event {
        Event::Evaluation { step, epoch, scores, best, .. } => {
            Some(EvaluationLine { step, epoch, best, scores })
        }
        _ => None,
    };
    Ok(records.into_iter().filter_map(|record| evaluation(record.event)).collect())
}

fn status(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Running => "running",
        RunStatus::Completed => "completed",
        RunStatus::Stopped => "stopped",
        RunStatus::Failed => "failed",
        RunStatus::Interrupted => "interrupted",
    }
}

fn steps(run: &RunSummary) -> String {
    run.state.as_ref().map_or_else(String::new, |state| format!("{} / {}", state.step, state.total_steps))
}

fn best(run: &RunSummary) -> String {
    let best = run.state.as_ref().and_then(|state| state.best.as_ref());
    best.map_or_else(String::new, |best| format!("{} {:.2} at step {}", best.metric, best.value, best.step))
}

fn listing(runs: &[RunSummary], paint: Paint) -> String {
    let mut table = Table::new(&[
        ("run", Align::Left),
        ("status", Align::Left),
        ("steps", Align::Right),
        ("best", Align::Left),
        ("updated", Align::Left),
    ]);
    for run in runs {
        let updated = run.state.as_ref().map_or_else(String::new, |state| state.updated.clone());
        table.row([run.name.clone(), status(run.status).to_owned(), steps(run), best(run), updated]);
    }
    table.render(paint)
}

fn details(run: &RunSummary, evaluations: &[EvaluationLine], paint: Paint) -> String {
    let mut out = format!(
        "{}\nstatus  {}\nsteps   {}\nbest    {}\n",
        paint.bold(&run.path.display().to_string()),
        status(run.status),
        steps(run),
        best(run)
    );
    if let Some(error) = run.state.as_ref().and_then(|state| state.error.as_ref()) {
        out.push_str(&format!("error   {error}\n"));
    }
    if evaluations.is_empty() {
        return out;
    }
    let mut table = Table::new(&[
        ("step", Align::Right),
        ("epoch", Align::Right),
        ("exact", Align::Right),
        ("F1", Align::Right),
        ("best exact", Align::Right),
        ("best F1", Align::Right),
        ("", Align::Left),
    ]);
    for evaluation in evaluations {
        let score =
            |name: &str| evaluation.scores.get(name).map_or_else(String::new, |value| format!("{value:.2}"));
        let mark = if evaluation.best { "kept as best" } else { "" };
        table.row([
            evaluation.step.to_string(),
            (evaluation.epoch + 1).to_string(),
            score("exact"),
            score("f1"),
            score("best_exact"),
            score("best_f1"),
            mark.to_owned(),
        ]);
    }
    out.push('\n');
    out.push_str(&table.render(paint));
    out
}
