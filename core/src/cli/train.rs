//! `spanbert train`: fine-tune a checkpoint.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use spanbert_backends::DeviceChoice;

use super::{
    data,
    error::CliError,
    flags::{DeviceArgs, JsonArgs},
    model,
    names::{DataArg, ModelArg},
    output,
    progress::{Progress, duration},
    runs::RUNS_FOLDER,
    scores_table,
    sources::{Data, Sources},
    supervisor,
    table::Paint,
};
use crate::{
    demo,
    engine::open_training,
    evaluate::ResultsFile,
    run::{Event, Layout, Lock, Outcome, RunFolder, RunState, read_events, run_name},
    train::{
        DataSource, DeviceLimits, Ending, ModelSource, Recipe, RecipeArgs, Start, TrainError, TrainJob,
        TrainOutcome, resume_command, run_training,
    },
};

/// Fine-tune a checkpoint on SQuAD 1.1 or 2.0, or go on with a run.
#[derive(Debug, Args)]
pub(super) struct TrainCommand {
    /// Checkpoint folder: config.json, vocab.txt or tokenizer.json, model.safetensors or pytorch_model.bin; or the name
    /// of a fetched model, such as spanbert-base.
    #[arg(long, value_name = "DIR", required_unless_present = "resume")]
    model: Option<ModelArg>,
    /// SQuAD file to learn from, or a fetched one such as squad2:train.
    #[arg(long, value_name = "FILE", required_unless_present = "resume")]
    train_file: Option<DataArg>,
    /// SQuAD file to choose the best weights by; without it only the last ones are kept.
    #[arg(long, value_name = "FILE")]
    dev_file: Option<DataArg>,
    /// The run folder to make.
    #[arg(long, value_name = "DIR", conflicts_with = "runs_dir")]
    output_dir: Option<PathBuf>,
    /// Make a new run folder, named after the time, in this folder.
    #[arg(long, value_name = "DIR", default_value = RUNS_FOLDER)]
    runs_dir: PathBuf,
    /// Name of the run in the runs folder.
    #[arg(long, value_name = "NAME", default_value = "squad")]
    name: String,
    /// Go on with a run where its newest checkpoint was written. Recipe, files and device are the run's; files that
    /// have moved are named again.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["output_dir", "preset", "recipe"])]
    resume: Option<PathBuf>,
    /// Go on although the recipe, the data or the checkpoint are not those the run began with.
    #[arg(long, requires = "resume")]
    force: bool,
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
        let outcome = match &self.resume {
            Some(run) => self.go_on(run)?,
            None => self.begin()?,
        };
        if self.output.json {
            return output::json(&Trained::from(&outcome));
        }
        if let Some(best) = &outcome.best {
            output::print(&best_scores(&outcome.layout, best.step, Paint::stdout())?)?;
        }
        output::print(&whereabouts(&outcome))
    }

    fn begin(&self) -> Result<TrainOutcome, CliError> {
        let (Some(model), Some(train_file)) = (&self.model, &self.train_file) else {
            return Err(CliError::new("a training needs a model and data", "add --model and --train-file"));
        };
        let (model, train_file) = (model.folder()?, train_file.file()?);
        let dev_file = DataArg::optional(self.dev_file.as_ref())?;
        let folder = self.output_dir.clone().unwrap_or_else(|| new_run(&self.runs_dir, &self.name));
        fine_tune(FineTuning {
            model: ModelSource::Directory(&model),
            train: DataSource::File(&train_file),
            dev: dev_file.as_deref().map(DataSource::File),
            recipe: self.recipe.resolve()?,
            folder: &folder,
            start: Start::New,
            choice: &self.device.backend,
            version_2_with_negative: self.version_2_with_negative,
        })
    }

    fn go_on(&self, run: &Path) -> Result<TrainOutcome, CliError> {
        let sources = Sources::of_run(run)?;
        let named = self.model.as_ref().map(ModelArg::folder).transpose()?;
        let train_file = DataArg::optional(self.train_file.as_ref())?;
        let dev_file = DataArg::optional(self.dev_file.as_ref())?;
        let model = match (&named, &sources.model) {
            (Some(model), _) | (None, Some(model)) => ModelSource::Directory(model),
            (None, None) => ModelSource::Ready(Box::new(demo::pretrained_model()?)),
        };
        let train = train_file.as_deref().map_or_else(|| sources.train.source(), DataSource::File);
        let dev = dev_file.as_deref().map(DataSource::File);
        let choice = match &self.device.backend {
            DeviceChoice::Auto => &sources.choice,
            choice => choice,
        };
        fine_tune(FineTuning {
            model,
            train,
            dev: dev.or_else(|| sources.dev.as_ref().map(Data::source)),
            recipe: self.recipe.apply(sources.recipe.clone()),
            folder: run,
            start: Start::Resume { force: self.force },
            choice,
            version_2_with_negative: self.version_2_with_negative,
        })
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
    /// The run folder to make, or to go on with.
    pub(super) folder: &'a Path,
    /// Whether it is made or resumed.
    pub(super) start: Start,
    /// Where to compute.
    pub(super) choice: &'a DeviceChoice,
    /// Whether the user says that the data is SQuAD 2.0.
    pub(super) version_2_with_negative: bool,
}

/// Trains, with progress on standard error. Ctrl-C ends it after the current step, with everything saved.
///
/// The work is done by a process of its own ([`supervisor`]): in that process this does not return a success.
pub(super) fn fine_tune(job: FineTuning<'_>) -> Result<TrainOutcome, CliError> {
    if let Some(folder) = supervisor::worker_folder() {
        let trained = train_here(FineTuning { folder: &folder, ..job });
        supervisor::end_worker(trained.map_or_else(|error| error.say(), |_| 0));
    }
    // Refused before anything slow is done.
    match job.start {
        Start::New => RunFolder::check(job.folder)?,
        Start::Resume { .. } => Lock::check(&Layout::new(job.folder))?,
    }
    supervisor::supervise(job.folder)?;
    outcome(job.folder)
}

/// Trains in this process.
fn train_here(job: FineTuning<'_>) -> Result<TrainOutcome, CliError> {
    let FineTuning { model, train, dev, recipe, folder, start, choice, version_2_with_negative } = job;
    let device = model::find_device(choice)?;
    let precision = recipe.precision.into();
    let mut progress = Progress::new();
    let result = run_training(TrainJob {
        model,
        train_data: train,
        dev_data: dev,
        recipe,
        output: folder,
        start,
        limits: DeviceLimits::from(&device),
        choice: &device.choice.to_string(),
        device: &device.name,
        version_2_with_negative,
        pieces: model::piece_cache().as_ref(),
        open: &|config, weights, optimizer| {
            let fusion = model::prove_device(&device, precision)?;
            open_training(&device.choice, fusion, config, weights, *optimizer, precision)
        },
        observer: &mut progress,
        stop: supervisor::stop_flag(),
        inject_fault: supervisor::injected_fault(),
    });
    progress.finish();
    result.map_err(|error| match error.device_fault() {
        Some((activity, fault)) => supervisor::after_fault(folder, activity, &fault.message),
        None => with_resume(error, folder),
    })
}

/// The error, with how to go on if the run has come to something.
fn with_resume(error: TrainError, folder: &Path) -> CliError {
    let can_be_resumed = !matches!(error, TrainError::Changed { .. } | TrainError::Complete { .. })
        && RunState::read(&Layout::new(folder)).is_ok_and(|state| state.step > 0);
    let error = CliError::from(error);
    if can_be_resumed {
        error.or_try(format_args!("then `{}` goes on from the last checkpoint", resume_command(folder)))
    } else {
        error
    }
}

/// What came of a training, read from its folder.
fn outcome(folder: &Path) -> Result<TrainOutcome, CliError> {
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
        layout,
    })
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
    let layout = &outcome.layout;
    let (ending, resume) = match outcome.ending {
        Ending::Completed => ("trained", String::new()),
        Ending::Stopped => ("stopped", format!("go on    {}\n", resume_command(layout.root()))),
    };
    let weights = if outcome.best.is_some() { layout.best() } else { layout.last() };
    format!(
        "{ending} after {} updates, {}\n{resume}run      {}\nweights  {}\nask      spanbert ask --model {} --passage FILE \"QUESTION\"\n",
        outcome.steps,
        duration(outcome.elapsed_secs),
        layout.root().display(),
        weights.display(),
        weights.display(),
    )
}
