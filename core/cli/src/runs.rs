//! `spanbert runs`: trainings past and present.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    error::CliError,
    flags::JsonArgs,
    group_table, output,
    table::{Align, Paint, Table},
};
use spanbert_core::{
    run::{
        self, Environment, Event, GroupScores, Layout, Request, RunStatus, RunSummary, WorkerSummary,
        Workers, list, read_history, summarise,
    },
    score::{HeldOutScores, Scores},
    train::resume_command,
};

/// How long a request is watched: most steps are over by then.
const PATIENCE: Duration = Duration::from_secs(10);

/// Folder that trainings are put in unless told otherwise.
pub(super) const RUNS_FOLDER: &str = "runs";

/// List runs, show one, or pause, resume, stop or evaluate one that is running.
#[derive(Debug, Args)]
pub(super) struct RunsCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the run folders in a folder, the one that started last first.
    List {
        /// The folder that holds them.
        #[arg(value_name = "DIR", default_value = RUNS_FOLDER)]
        folder: PathBuf,
        /// List groups of runs that differ by their seed (`spanbert train --seeds`) instead, with mean and standard
        /// deviation of their scores; all of them, or the one of this name.
        #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true)]
        group: Option<Option<String>>,
        #[command(flatten)]
        output: JsonArgs,
    },
    /// Show one run: where it stands, its evaluations, and the table of its group if it is one of several seeds.
    Show {
        /// The run folder, or a folder that holds a group of runs.
        #[arg(value_name = "RUN")]
        run: PathBuf,
        #[command(flatten)]
        output: JsonArgs,
    },
    /// Pause a run after its current step; device memory stays allocated.
    Pause(Asked),
    /// Resume a paused run. (One that has ended is resumed with `spanbert train --resume RUN`.)
    Resume(Asked),
    /// Save and end a run after its current step.
    Stop(Asked),
    /// Evaluate the development set after the current step of a run.
    Evaluate(Asked),
}

/// A training that is asked for something.
#[derive(Debug, Args)]
struct Asked {
    /// The run folder.
    #[arg(value_name = "RUN")]
    run: PathBuf,
}

impl Asked {
    /// Leaves the request and waits a little for the trainer to take it.
    fn ask(&self, request: Request) -> Result<(), CliError> {
        let summary = summarise(&self.run).ok_or_else(|| no_run(&self.run))?;
        if !matches!(summary.status, RunStatus::Running | RunStatus::Paused) {
            let remedy = match summary.status {
                RunStatus::Completed => "see what came of it with `spanbert runs show`".to_owned(),
                _ => format!("resume it with `{}`", resume_command(&self.run)),
            };
            let cause =
                format_args!("no training is running in {} ({})", self.run.display(), status(summary.status));
            return Err(CliError::new(cause, remedy));
        }
        let layout = Layout::new(&self.run);
        run::request(&layout, request)?;
        let began = Instant::now();
        while layout.control().exists() {
            if began.elapsed() > PATIENCE {
                output::note(format_args!(
                    "asked to {}; the training does so after its current step or evaluation",
                    request.word()
                ));
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let done = match request {
            Request::Pause => "paused",
            Request::Resume => "resumes",
            Request::Stop => "is saving and ends",
            Request::Evaluate => "is evaluating",
        };
        output::note(format_args!("the training in {} {done}", self.run.display()));
        Ok(())
    }
}

impl RunsCommand {
    /// Runs the command.
    pub(super) fn run(&self) -> Result<(), CliError> {
        match &self.action {
            Action::List { folder, group, output } => {
                let runs = list(folder)?;
                if let Some(name) = group {
                    return groups(folder, &runs, name.as_deref(), output.json);
                }
                if output.json {
                    return output::json(&runs);
                }
                if runs.is_empty() {
                    output::note(format_args!("no runs in {}", folder.display()));
                    return Ok(());
                }
                output::print(&listing(&runs, Paint::stdout()))
            }
            Action::Pause(asked) => asked.ask(Request::Pause),
            Action::Resume(asked) => asked.ask(Request::Resume),
            Action::Stop(asked) => asked.ask(Request::Stop),
            Action::Evaluate(asked) => asked.ask(Request::Evaluate),
            Action::Show { run, output } => {
                let Some(summary) = summarise(run) else {
                    let runs = list(run)?;
                    if runs.iter().all(|run| run.group.is_none()) {
                        return Err(no_run(run));
                    }
                    return groups(run, &runs, None, output.json);
                };
                let recorded = Recorded::of(&Layout::new(run))?;
                let scores = group_of(run, &summary)?;
                if output.json {
                    let scores = scores.as_ref();
                    return output::json(&Shown { summary: &summary, recorded: &recorded, scores });
                }
                let paint = Paint::stdout();
                let group = scores
                    .map_or_else(String::new, |scores| format!("\n{}", group_table::render(&scores, paint)));
                output::print(&format!("{}{group}", details(&summary, &recorded, paint)))
            }
        }
    }
}

/// The groups in a folder, or the one of a name.
fn groups(folder: &Path, runs: &[RunSummary], name: Option<&str>, json: bool) -> Result<(), CliError> {
    let found = match name {
        None => GroupScores::of(runs),
        Some(name) => vec![GroupScores::named(runs, name).ok_or_else(|| {
            CliError::new(
                format_args!("no group of runs in {} is called {name:?}", folder.display()),
                "choose one that `spanbert runs list --group` shows",
            )
        })?],
    };
    if json {
        return output::json(&found);
    }
    if found.is_empty() {
        output::note(format_args!("no groups of runs in {}", folder.display()));
        return Ok(());
    }
    let tables: Vec<String> = found.iter().map(|group| group_table::render(group, Paint::stdout())).collect();
    output::print(&tables.join("\n"))
}

/// The group that a run belongs to, with its runs beside this one.
fn group_of(run: &Path, summary: &RunSummary) -> Result<Option<GroupScores>, CliError> {
    let Some(mark) = &summary.group else { return Ok(None) };
    let beside = std::path::absolute(run)
        .map_err(|error| CliError::unreadable(run, &error))?
        .parent()
        .map_or_else(PathBuf::new, Path::to_owned);
    Ok(GroupScores::named(&list(&beside)?, &mark.name))
}

fn no_run(run: &Path) -> CliError {
    CliError::new(
        format_args!("{} holds no run", run.display()),
        "name a run folder; `spanbert runs list` shows them",
    )
}

/// One evaluation of a run.
#[derive(Serialize)]
struct EvaluationLine {
    step: usize,
    epoch: usize,
    best: bool,
    scores: Scores,
}

/// One evaluation of a pre-training on held-out text.
#[derive(Serialize)]
struct HeldOutLine {
    step: usize,
    epoch: usize,
    best: bool,
    #[serde(flatten)]
    scores: HeldOutScores,
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    summary: &'a RunSummary,
    #[serde(flatten)]
    recorded: &'a Recorded,
    #[serde(skip_serializing_if = "Option::is_none")]
    scores: Option<&'a GroupScores>,
}

/// What a run's records say.
#[derive(Serialize)]
struct Recorded {
    evaluations: Vec<EvaluationLine>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    held_out: Vec<HeldOutLine>,
    /// Where several train together.
    #[serde(skip_serializing_if = "Option::is_none")]
    workers: Option<Workers>,
    /// What that takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    worker_times: Option<WorkerSummary>,
}

impl Recorded {
    fn of(layout: &Layout) -> Result<Self, CliError> {
        let (mut evaluations, mut held_out, mut steps) = (Vec::new(), Vec::new(), Vec::new());
        if layout.events().is_file() {
            for record in read_history(&layout.events())? {
                match record.event {
                    Event::Evaluation { step, epoch, scores, best, .. } => {
                        evaluations.push(EvaluationLine { step, epoch, best, scores });
                    }
                    Event::HeldOut { step, epoch, scores, best, .. } => {
                        held_out.push(HeldOutLine { step, epoch, best, scores });
                    }
                    Event::Step(step) => steps.push(step),
                    _ => {}
                }
            }
        }
        let workers = Environment::read(layout).ok().and_then(|environment| environment.workers);
        Ok(Self { evaluations, held_out, workers, worker_times: WorkerSummary::of(&steps) })
    }
}

/// The word for where a run stands.
pub(super) fn status(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Running => "running",
        RunStatus::Paused => "paused",
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
        ("started", Align::Left),
        ("updated", Align::Left),
    ]);
    for run in runs {
        let updated = run.state.as_ref().map_or_else(String::new, |state| state.updated.clone());
        let started = run.started.clone().unwrap_or_default();
        let status = status(run.status).to_owned();
        table.row([run.name.clone(), status, steps(run), best(run), started, updated]);
    }
    table.render(paint)
}

fn details(run: &RunSummary, recorded: &Recorded, paint: Paint) -> String {
    let Recorded { evaluations, held_out, workers, worker_times } = recorded;
    let mut out = format!(
        "{}\nstatus  {}\nsteps   {}\nbest    {}\n",
        paint.bold(&run.path.display().to_string()),
        status(run.status),
        steps(run),
        best(run)
    );
    if let Some(reason) = run.state.as_ref().and_then(|state| state.reason.as_ref()) {
        out.push_str(&format!("early   {}\n", reason.replace(char::is_control, " ")));
    }
    if let Some(error) = run.state.as_ref().and_then(|state| state.error.as_ref()) {
        // Files may hold anything, commands for the terminal as well.
        out.push_str(&format!("error   {}\n", error.replace(char::is_control, " ")));
    }
    if run.status == RunStatus::Interrupted {
        let whose = match workers {
            Some(workers) if workers.count > 1 => {
                "its processes ended without a word; their launcher may say why"
            }
            _ => "its process ended without a word: killed, out of memory, or the machine went down",
        };
        out.push_str(&format!("why     {whose}\n"));
    }
    if matches!(run.status, RunStatus::Stopped | RunStatus::Failed | RunStatus::Interrupted) {
        out.push_str(&format!("resume  {}\n", resume_command(&run.path)));
    }
    if let Some(Workers { count, connection, .. }) = workers {
        out.push_str(&format!("workers {count} by {}\n", connection.replace(char::is_control, " ")));
    }
    if let Some(times) = worker_times {
        out.push_str(&format!("        {}\n", times.describe()));
    }
    if !held_out.is_empty() {
        out.push('\n');
        out.push_str(&held_out_table(held_out, paint));
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

/// Losses in nats, accuracies in percent.
fn held_out_table(held_out: &[HeldOutLine], paint: Paint) -> String {
    let mut table = Table::new(&[
        ("step", Align::Right),
        ("epoch", Align::Right),
        ("loss", Align::Right),
        ("masked LM", Align::Right),
        ("perplexity", Align::Right),
        ("accuracy", Align::Right),
        ("boundaries", Align::Right),
        ("accuracy", Align::Right),
        ("", Align::Left),
    ]);
    for HeldOutLine { step, epoch, best, scores } in held_out {
        let optional = |value: Option<f64>, digits: usize| {
            value.map_or_else(String::new, |value| format!("{value:.digits$}"))
        };
        let mark = if *best { "kept as best" } else { "" };
        table.row([
            step.to_string(),
            (epoch + 1).to_string(),
            format!("{:.4}", scores.loss),
            format!("{:.4}", scores.mlm_loss),
            format!("{:.2}", scores.mlm_perplexity),
            format!("{:.2}", scores.mlm_accuracy),
            optional(scores.sbo_loss, 4),
            optional(scores.sbo_accuracy, 2),
            mark.to_owned(),
        ]);
    }
    table.render(paint)
}
