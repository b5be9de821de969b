//! What came of a training, and where it went.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{data, error::CliError, output, progress::duration, scores_table, supervisor, table::Paint};
use spanbert_core::{
    evaluate::ResultsFile,
    run::{Event, Layout, Outcome, ReservedRun, RunState, read_events, reserve_run, updates},
    train::{Ending, TrainOutcome, resume_command},
};

/// What came of a training, read from its folder.
pub(super) fn outcome(folder: &Path) -> Result<TrainOutcome, CliError> {
    let layout = Layout::new(folder);
    let state = RunState::read(&layout)?;
    let elapsed =
        |event| if let Event::Finished { elapsed_secs, .. } = event { Some(elapsed_secs) } else { None };
    let elapsed_secs =
        read_events(&layout.events())?.into_iter().rev().find_map(|record| elapsed(record.event));
    let completed = state.outcome == Some(Outcome::Completed);
    Ok(TrainOutcome {
        ending: if completed { Ending::Completed } else { Ending::Stopped },
        steps: state.step,
        best: state.best,
        elapsed_secs: elapsed_secs.unwrap_or_default(),
        ended_early: state.reason,
        layout,
    })
}

/// Prints the best scores, and where everything is.
pub(super) fn print_outcome(outcome: &TrainOutcome) -> Result<(), CliError> {
    if let Some(best) = &outcome.best {
        output::print(&best_scores(&outcome.layout, best.step, Paint::stdout())?)?;
    }
    output::print(&whereabouts(outcome))
}

/// The scores of the evaluation whose weights were kept.
fn best_scores(layout: &Layout, step: usize, paint: Paint) -> Result<String, CliError> {
    let path = layout.evaluation(step).join("results.json");
    let text = data::text(&path, "a run folder")?;
    let results: ResultsFile = serde_json::from_str(&text).map_err(|error| {
        CliError::new(
            format_args!("{}: {error}", path.display()),
            "evaluate the checkpoint again with `spanbert evaluate`",
        )
    })?;
    Ok(scores_table::results(&results, paint))
}

/// Where a new run goes.
#[derive(Debug)]
pub(super) enum NewRun {
    /// Where the user, or the process that watches over this one, has said.
    At(PathBuf),
    /// Into a folder made for it, which is removed again if nothing comes of it.
    Reserved(ReservedRun),
}

impl NewRun {
    /// The run folder.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::At(path) => path,
            Self::Reserved(reserved) => reserved.path(),
        }
    }
}

/// A new run in a folder of runs, under a name that no other run has.
pub(super) fn new_run(runs: &Path, name: &str) -> Result<NewRun, CliError> {
    Ok(match supervisor::worker_folder() {
        Some(folder) => NewRun::At(folder),
        None => NewRun::Reserved(reserve_run(runs, name, "")?),
    })
}

/// A run for programs.
#[derive(Serialize)]
pub(super) struct Trained<'a> {
    run: &'a Path,
    completed: bool,
    steps: usize,
    best: Option<&'a spanbert_core::run::BestScore>,
    elapsed_secs: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_early: Option<&'a str>,
}

impl<'a> From<&'a TrainOutcome> for Trained<'a> {
    fn from(outcome: &'a TrainOutcome) -> Self {
        Self {
            run: outcome.layout.root(),
            completed: outcome.ending == Ending::Completed,
            steps: outcome.steps,
            best: outcome.best.as_ref(),
            elapsed_secs: outcome.elapsed_secs,
            ended_early: outcome.ended_early.as_deref(),
        }
    }
}

/// Where everything is, and how to go on.
pub(super) fn whereabouts(outcome: &TrainOutcome) -> String {
    let layout = &outcome.layout;
    let (ending, resume) = match outcome.ending {
        Ending::Completed => ("trained", String::new()),
        Ending::Stopped => ("stopped", format!("resume   {}\n", resume_command(layout.root()))),
    };
    let early =
        outcome.ended_early.as_ref().map_or_else(String::new, |reason| format!("early    {reason}\n"));
    let weights = if outcome.best.is_some() { layout.best() } else { layout.last() };
    format!(
        "{ending} after {}, {}\n{early}{resume}run      {}\nweights  {}\nask      spanbert ask --model {} --passage FILE \"QUESTION\"\n",
        updates(outcome.steps),
        duration(outcome.elapsed_secs),
        layout.root().display(),
        weights.display(),
        weights.display(),
    )
}
