//! `spanbert train`: fine-tune a checkpoint.

use std::path::{Path, PathBuf};

use clap::Args;
use spanbert_backends::DeviceChoice;

use super::{
    error::CliError,
    fine_tune::{FineTuning, fine_tune},
    flags::{DeviceArgs, JsonArgs},
    names::{DataArg, ModelArg, locate_teacher},
    output,
    runs::RUNS_FOLDER,
    seeds,
    sources::{Data, Sources},
    supervisor, sweep,
    trained::{NewRun, Trained, new_run, outcome, print_outcome},
    workers::{Course, WorkerArgs, Workers},
};
use spanbert_core::{
    checkpoint::config_file,
    config::BertConfig,
    demo,
    evaluate::Shard,
    run::{Environment, Layout, Outcome, RunFolder, RunState},
    train::{DataSource, Ending, ModelSource, Recipe, RecipeArgs, Start, TrainError, TrainOutcome},
};

/// Fine-tune a checkpoint on SQuAD 1.1 or 2.0, or resume a run.
#[derive(Debug, Args)]
pub(super) struct TrainCommand {
    /// Checkpoint folder: config.json, vocab.txt or tokenizer.json, model.safetensors or pytorch_model.bin; or the name
    /// of a fetched model, such as spanbert-base.
    #[arg(long, value_name = "DIR", required_unless_present_any = ["resume", "sweep_merge"])]
    model: Option<ModelArg>,
    /// SQuAD file to train on, or a fetched one such as squad2:train.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["resume", "sweep_merge"])]
    train_file: Option<DataArg>,
    /// SQuAD file to select the best weights on; without it only the last ones are kept.
    #[arg(long, value_name = "FILE")]
    dev_file: Option<DataArg>,
    /// The run folder to make; with --seeds, the folder that holds the runs.
    #[arg(long, value_name = "DIR", conflicts_with = "runs_dir")]
    output_dir: Option<PathBuf>,
    /// Make a new run folder, named after the time, in this folder.
    #[arg(long, value_name = "DIR", default_value = RUNS_FOLDER)]
    runs_dir: PathBuf,
    /// Name of the run in the runs folder.
    #[arg(long, value_name = "NAME", default_value = "squad")]
    name: String,
    /// Resume a run from its newest checkpoint. Recipe, files and device are the run's; what is given besides is changed.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["output_dir", "preset"])]
    resume: Option<PathBuf>,
    /// Train once with each of these seeds, one after the other, a run folder each, and print mean and standard deviation
    /// of the scores. If it is interrupted, the same command again resumes with the unfinished runs. `spanbert runs list
    /// --group` prints the table again.
    #[arg(
        long, value_name = "N,N,…", value_delimiter = ',', conflicts_with_all = ["resume", "seed"],
        value_parser = seeds::seed
    )]
    seeds: Vec<u64>,
    /// Train only one of N parts of a sweep, into --output-dir, which all parts share: 2/4 is the second of four. What is divided
    /// are the seeds of --seeds, else the learning rates that are tried without --learning-rate. A part that is finished is not
    /// trained again, one that was interrupted is resumed. For job arrays; --sweep-merge puts the parts together.
    #[arg(long, value_name = "I/N", requires = "output_dir", conflicts_with_all = ["runs_dir", "resume"])]
    sweep_shard: Option<Shard>,
    /// Put the finished parts of this folder together, there or in --output-dir: learning rates to the run that one process would
    /// have made, seeds to their table.
    #[arg(
        long, value_name = "DIR",
        conflicts_with_all = ["sweep_shard", "resume", "model", "train_file", "dev_file", "seeds"]
    )]
    sweep_merge: Option<PathBuf>,
    /// Resume although the recipe, the data or the checkpoint are not those the run began with.
    #[arg(
        long, requires = "resume",
        conflicts_with_all = ["output_dir", "preset", "seeds", "sweep_shard", "sweep_merge"]
    )]
    force: bool,
    /// Fail unless the data is SQuAD 2.0 (the version is detected).
    #[arg(long)]
    version_2_with_negative: bool,
    #[command(flatten)]
    workers: WorkerArgs,
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
        if let Some(folder) = &self.sweep_merge {
            return sweep::merge(folder, self.output_dir.as_deref(), self.output);
        }
        if self.workers.distributed {
            return self.run_distributed();
        }
        if supervisor::worker_folder().is_none() && self.sweep_shard.is_none() {
            WorkerArgs::check_alone()?;
        }
        // Said first: the other sentences are about one training.
        if !self.seeds.is_empty() && supervisor::worker_folder().is_none() {
            let given = self.given()?;
            let place = match &self.output_dir {
                Some(folder) => seeds::Place::In(folder),
                None => seeds::Place::Named { runs: &self.runs_dir, name: &self.name },
            };
            return seeds::run(&self.seeds, self.sweep_shard, place, &given, self.output.json);
        }
        if let Some(folder) = self.done_before() {
            return self.tell(&outcome(folder)?);
        }
        let outcome = match (&self.resume, self.sweep_shard, &self.output_dir) {
            (Some(run), _, _) => self.go_on(run, None)?,
            (None, None, Some(folder)) if self.workers.resume_if_begun && RunFolder::find(folder).is_ok() => {
                self.go_on(folder, None)?
            }
            (None, Some(shard), Some(folder)) if supervisor::worker_folder().is_none() => {
                sweep::train_part(shard, folder, &self.given()?)?
            }
            _ => self.begin(None)?,
        };
        self.tell(&outcome)
    }

    /// Trains along with other processes.
    fn run_distributed(&self) -> Result<(), CliError> {
        let (device, place) = self.before_joining();
        let (outcome, signal) = self.workers.join(&device, &place)?.finish(|workers| {
            workers.agree(&[("folder for the run".into(), self.place_given())])?;
            // Kept until the run is there: a reserved folder that stays empty is removed.
            let mut reserved = None;
            let course = workers.course(|| {
                let begun = |folder: &Path| self.workers.resume_if_begun && RunFolder::find(folder).is_ok();
                let is_done = self.done_before().is_some();
                Ok(match (&self.resume, &self.output_dir) {
                    (Some(run), _) => Course { folder: run.clone(), resumes: true, is_done },
                    (None, Some(folder)) => {
                        Course { folder: folder.clone(), resumes: begun(folder), is_done }
                    }
                    (None, None) => {
                        let run = new_run(&self.runs_dir, &self.name)?;
                        let folder = run.path().to_owned();
                        reserved = Some(run);
                        Course { folder, resumes: false, is_done }
                    }
                })
            })?;
            if course.is_done {
                return Ok((workers.leads().then(|| outcome(&course.folder)).transpose()?, None));
            }
            let place = Place { folder: &course.folder, workers };
            let outcome = if course.resumes {
                self.go_on(&course.folder, Some(place))?
            } else {
                self.begin(Some(place))?
            };
            // Whichever of them was asked to stop.
            let signal = if outcome.ending == Ending::Stopped { workers.signal()? } else { None };
            Ok((workers.leads().then_some(outcome), signal))
        })?;
        outcome.map_or(Ok(()), |outcome| self.tell(&outcome))?;
        // A launcher, and what has launched it, must not take the run for a complete one.
        signal.map_or(Ok(()), |signal| Err(CliError::silent(signal.saturating_add(128))))
    }

    /// The run that the command names, one that is there or is to be.
    fn named_run(&self) -> Option<&PathBuf> {
        self.resume.as_ref().or(self.output_dir.as_ref())
    }

    /// The folder that the command names.
    fn place_given(&self) -> String {
        self.named_run().unwrap_or(&self.runs_dir).display().to_string()
    }

    /// The device that is asked for, by flag or by the run that is resumed, and where the run will be.
    fn before_joining(&self) -> (DeviceChoice, PathBuf) {
        let place = self.named_run().cloned().unwrap_or_else(|| self.runs_dir.join(&self.name));
        let resumes = self.resume.is_some() || self.workers.resume_if_begun;
        let recorded = || Environment::read(&Layout::new(&place)).ok()?.backend.parse().ok();
        let device = match &self.device.backend {
            DeviceChoice::Auto if resumes => recorded().unwrap_or(DeviceChoice::Auto),
            choice => choice.clone(),
        };
        (device, place)
    }

    /// The run that --resume-if-begun finds complete.
    fn done_before(&self) -> Option<&Path> {
        let folder = self.output_dir.as_deref().filter(|_| self.workers.resume_if_begun)?;
        if supervisor::worker_folder().is_some() {
            return None;
        }
        let state = RunState::read(&Layout::new(folder)).ok()?;
        (state.outcome == Some(Outcome::Completed)).then_some(folder)
    }

    /// Prints what came of a training.
    fn tell(&self, outcome: &TrainOutcome) -> Result<(), CliError> {
        if self.output.json {
            return output::json(&Trained::from(outcome));
        }
        print_outcome(outcome)
    }

    fn begin(&self, together: Option<Place<'_>>) -> Result<TrainOutcome, CliError> {
        let mut given = self.given()?;
        if let Some(seed) = supervisor::worker_seed() {
            given.recipe.seed = seed;
        }
        let folder = match (together, &self.output_dir) {
            (Some(place), _) => NewRun::At(place.folder.to_owned()),
            (None, Some(folder)) => NewRun::At(folder.clone()),
            (None, None) => new_run(&self.runs_dir, &self.name)?,
        };
        fine_tune(FineTuning {
            model: ModelSource::Directory(&given.model),
            train: DataSource::File(&given.train),
            dev: given.dev.as_deref().map(DataSource::File),
            recipe: given.recipe,
            notes: given.notes,
            folder: folder.path(),
            start: Start::New,
            choice: together.map_or(&self.device.backend, |place| &place.workers.device),
            version_2_with_negative: self.version_2_with_negative,
            workers: together.map(|place| place.workers),
        })
    }

    /// What a new training is made of.
    fn given(&self) -> Result<Given, CliError> {
        let (Some(model), Some(train_file)) = (&self.model, &self.train_file) else {
            return Err(CliError::new("a training needs a model and data", "add --model and --train-file"));
        };
        let (model, train) = (model.folder()?, train_file.file()?);
        let dev = DataArg::optional(self.dev_file.as_ref())?;
        let mut recipe = self.recipe.resolve()?;
        locate_teacher(&mut recipe)?;
        if recipe.learning_rate.is_none() && dev.is_none() {
            return Err(CliError::new(
                format_args!(
                    "without a learning rate {} are tried, and without --dev-file there is nothing to choose the best \
                     one by",
                    recipe.learning_rates().len()
                ),
                "add --learning-rate 2e-5, or --dev-file FILE to have them all tried",
            ));
        }
        let notes = fit_length(&mut recipe, &self.recipe, &model).into_iter().collect();
        Ok(Given { model, train, dev, recipe, notes })
    }

    fn go_on(&self, run: &Path, together: Option<Place<'_>>) -> Result<TrainOutcome, CliError> {
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
        let choice = together.map_or(choice, |place| &place.workers.device);
        let mut recipe = self.recipe.resolve_over(sources.recipe.clone()).map_err(TrainError::from)?;
        locate_teacher(&mut recipe)?;
        fine_tune(FineTuning {
            model,
            train,
            dev: dev.or_else(|| sources.dev.as_ref().map(Data::source)),
            recipe,
            notes: Vec::new(),
            folder: run,
            start: Start::Resume { force: self.force },
            choice,
            version_2_with_negative: self.version_2_with_negative,
            workers: together.map(|place| place.workers),
        })
    }
}

/// Where workers train together.
#[derive(Clone, Copy)]
struct Place<'a> {
    folder: &'a Path,
    workers: &'a Workers,
}

/// Model, data and recipe of a new training.
pub(super) struct Given {
    /// The starting model's folder.
    pub(super) model: PathBuf,
    /// Training data.
    pub(super) train: PathBuf,
    /// Development data.
    pub(super) dev: Option<PathBuf>,
    /// Every hyper-parameter.
    pub(super) recipe: Recipe,
    /// What has been decided on the way.
    pub(super) notes: Vec<String>,
}

/// Lowers a window length that the user has not asked for to the positions of the model, and says so. One that was asked
/// for stays, and is refused with the number to use when the model is loaded.
pub(super) fn fit_length(recipe: &mut Recipe, given: &RecipeArgs, model: &Path) -> Option<String> {
    if given.max_seq_length.is_some() || given.recipe.is_some() {
        return None;
    }
    // A checkpoint that cannot be read is refused for that in a moment.
    let config = BertConfig::from_path(&config_file(model)?).ok()?;
    recipe.fit_length(config.max_position_embeddings)
}
