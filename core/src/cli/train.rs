//! `spanbert train`: fine-tune a checkpoint.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use spanbert_backends::DeviceChoice;

use super::{
    data,
    error::CliError,
    flags::{DeviceArgs, JsonArgs},
    model, output,
    progress::{Progress, duration},
    runs::RUNS_FOLDER,
    scores_table,
    table::Paint,
};
use crate::{
    engine::open_training,
    evaluate::ResultsFile,
    run::{Layout, RunFolder, run_name},
    train::{
        DataSource, Ending, ModelSource, Recipe, RecipeArgs, StopFlag, TrainJob, TrainOutcome, run_training,
    },
};

/// Fine-tune a checkpoint on SQuAD 1.1 or 2.0.
#[derive(Debug, Args)]
pub(super) struct TrainCommand {
    /// Checkpoint folder: config.json, vocab.txt or tokenizer.json, model.safetensors or pytorch_model.bin.
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// SQuAD file to learn from.
    #[arg(long, value_name = "FILE")]
    train_file: PathBuf,
    /// SQuAD file to choose the best weights by; without it only the last ones are kept.
    #[arg(long, value_name = "FILE")]
    dev_file: Option<PathBuf>,
    /// The run folder to make.
    #[arg(long, value_name = "DIR", conflicts_with = "runs_dir")]
    output_dir: Option<PathBuf>,
    /// Make a new run folder, named after the time, in this folder.
    #[arg(long, value_name = "DIR", default_value = RUNS_FOLDER)]
    runs_dir: PathBuf,
    /// Name of the run in the runs folder.
    #[arg(long, value_name = "NAME", default_value = "squad")]
    name: String,
    /// Insist that the data is SQuAD 2.0; which it is, is recognised from the data.
    #[arg(long)]
    version_2_with_negative: bool,
    #[command(flatten)]
    device: DeviceArgs,
    #[command(flatten)]
    recipe: RecipeArgs,
    #[command(flatten)]
    output: JsonArgs,
}

impl TrainCommand {
    /// Runs the command.
    pub(super) fn run(&self) -> Result<(), CliError> {
        let recipe = self.recipe.resolve()?;
        let folder = self.output_dir.clone().unwrap_or_else(|| new_run(&self.runs_dir, &self.name));
        let outcome = fine_tune(FineTuning {
            model: ModelSource::Directory(&self.model),
            train: DataSource::File(&self.train_file),
            dev: self.dev_file.as_deref().map(DataSource::File),
            recipe,
            folder: &folder,
            choice: &self.device.backend,
            version_2_with_negative: self.version_2_with_negative,
        })?;
        if self.output.json {
            return output::json(&Trained::from(&outcome));
        }
        if let Some(best) = &outcome.best {
            output::print(&best_scores(&outcome.layout, best.step, Paint::stdout())?)?;
        }
        output::print(&whereabouts(&outcome))
    }
}

/// What `train`, `run_squad` and `demo` have in common.
pub(super) struct FineTuning<'a> {
    /// What to fine-tune.
    pub(super) model: ModelSource<'a>,
    /// What to learn from.
    pub(super) train: DataSource<'a>,
    /// What to choose the best weights by.
    pub(super) dev: Option<DataSource<'a>>,
    /// Every hyper-parameter.
    pub(super) recipe: Recipe,
    /// The run folder to make.
    pub(super) folder: &'a Path,
    /// Where to compute.
    pub(super) choice: &'a DeviceChoice,
    /// Whether the user says that the data is SQuAD 2.0.
    pub(super) version_2_with_negative: bool,
}

/// Trains, with progress on standard error. Ctrl-C ends it after the current step, with everything saved.
pub(super) fn fine_tune(job: FineTuning<'_>) -> Result<TrainOutcome, CliError> {
    let FineTuning { model, train, dev, recipe, folder, choice, version_2_with_negative } = job;
    // Refused before anything slow is done.
    RunFolder::check(folder)?;
    let device = model::find_device(choice)?;
    let mut progress = Progress::new();
    let outcome = run_training(TrainJob {
        model,
        train_data: train,
        dev_data: dev,
        recipe,
        output: folder,
        backend: device.kind,
        device: &device.name,
        version_2_with_negative,
        open: &|config, weights, optimizer| {
            let fusion = model::prove_device(&device)?;
            open_training(&device.choice, fusion, config, weights, *optimizer)
        },
        observer: &mut progress,
        stop: StopFlag::on_interrupt(),
    });
    progress.finish();
    Ok(outcome?)
}

/// The scores of the evaluation whose weights were kept.
fn best_scores(layout: &Layout, step: usize, paint: Paint) -> Result<String, CliError> {
    let path = layout.evaluation(step).join("results.json");
    let text = data::text(&path, "a run folder")?;
    let results: ResultsFile =
        serde_json::from_str(&text).map_err(|error| CliError::from(error).within(path.display()))?;
    Ok(scores_table::results(&results, paint))
}

/// The path of a new run.
pub(super) fn new_run(runs: &Path, name: &str) -> PathBuf {
    runs.join(run_name(jiff::Timestamp::now(), name))
}

#[derive(Serialize)]
struct Trained<'a> {
    run: &'a Path,
    completed: bool,
    steps: usize,
    best: Option<&'a crate::run::BestScore>,
    elapsed_secs: f64,
}

impl<'a> From<&'a TrainOutcome> for Trained<'a> {
    fn from(outcome: &'a TrainOutcome) -> Self {
        Self {
            run: outcome.layout.root(),
            completed: outcome.ending == Ending::Completed,
            steps: outcome.steps,
            best: outcome.best.as_ref(),
            elapsed_secs: outcome.elapsed_secs,
        }
    }
}

/// Where everything is, and how to go on.
pub(super) fn whereabouts(outcome: &TrainOutcome) -> String {
    let ending = match outcome.ending {
        Ending::Completed => "trained",
        Ending::Stopped => "stopped",
    };
    let layout = &outcome.layout;
    let weights = if outcome.best.is_some() { layout.best() } else { layout.last() };
    format!(
        "{ending} for {} updates in {}\nrun      {}\nweights  {}\nask      spanbert ask --model {} --passage FILE \"QUESTION\"\n",
        outcome.steps,
        duration(outcome.elapsed_secs),
        layout.root().display(),
        weights.display(),
        weights.display(),
    )
}
