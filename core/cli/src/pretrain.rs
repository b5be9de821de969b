//! `spanbert pretrain`: SpanBERT's own objective on any text.

use std::{
    path::{Path, PathBuf},
    rc::Rc,
};

use clap::Args;
use serde::Serialize;
use spanbert_backends::{DeviceChoice, fault};

use super::{
    bench::architecture,
    data,
    error::CliError,
    flags::{DeviceArgs, JsonArgs},
    model::{find_device, prove_device},
    names::{ModelArg, absolute},
    output,
    progress::{Progress, duration},
    runs::RUNS_FOLDER,
    supervisor::{self, First},
    trained::{NewRun, new_run, outcome},
    workers::{Course, TimeoutArgs, Workers, after_failure, check_alone},
};
use spanbert_core::{
    checkpoint::{StoredTokenizer, config_file},
    config::BertConfig,
    engine::open_pretraining,
    pretrain::{
        MaskedUnit, PretrainError, PretrainJob, PretrainRecipe, PretrainRecipeArgs, PretrainRecord,
        PretrainStart, Resumption, documents, recent_losses, run_pretraining, train_vocab,
    },
    run::{BestScore, Environment, Layout, Lock, RunFolder, updates},
    tokenizer::TokenizerSettings,
    train::{DeviceLimits, Ending, Silent, StopFlag, TrainError, TrainOutcome, resume_command},
};

/// Pre-train a model on text with SpanBERT's objectives: predict masked spans of whole words, from all of the text and
/// from the pieces at their boundary alone.
#[derive(Debug, Args)]
pub(super) struct PretrainCommand {
    /// Text files, documents separated by blank lines, or SQuAD files, whose paragraphs are taken. With --resume, where they
    /// are now if they have moved.
    #[arg(long, value_name = "FILE", num_args = 1.., required_unless_present = "resume")]
    corpus: Vec<PathBuf>,
    /// Architecture of a new model: base, large, minilm, or a config.json or its folder.
    #[arg(long, value_name = "NAME|FILE", conflicts_with = "model")]
    config: Option<String>,
    /// Checkpoint to start from: its encoder, vocabulary and casing.
    #[arg(long, value_name = "DIR")]
    model: Option<ModelArg>,
    /// The vocabulary of a new model, one word piece a line.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["model", "train_vocab"])]
    vocab: Option<PathBuf>,
    /// Train a vocabulary of N word pieces on the corpus, for a new model.
    #[arg(long, value_name = "N", conflicts_with = "model")]
    train_vocab: Option<usize>,
    /// Lower-case the text of a new model.
    #[arg(long, conflicts_with = "model")]
    do_lower_case: bool,
    /// The run folder to make.
    #[arg(long, value_name = "DIR", conflicts_with = "runs_dir")]
    output_dir: Option<PathBuf>,
    /// Make a new run folder, named after the time, in this folder.
    #[arg(long, value_name = "DIR", default_value = RUNS_FOLDER)]
    runs_dir: PathBuf,
    /// Name of the run in the runs folder.
    #[arg(long, value_name = "NAME", default_value = "pretrain")]
    name: String,
    /// Resume a run from its newest checkpoint. Recipe, files and device are the run's; what is given besides is changed.
    #[arg(
        long, value_name = "RUN",
        conflicts_with_all = ["output_dir", "config", "model", "vocab", "train_vocab", "do_lower_case"]
    )]
    resume: Option<PathBuf>,
    /// Resume although the recipe or the text is not what the run began with.
    #[arg(
        long, requires = "resume",
        conflicts_with_all = ["output_dir", "config", "model", "vocab", "train_vocab", "do_lower_case"]
    )]
    force: bool,
    /// Text files or SQuAD files to evaluate on, which the model never trains on: the loss of masked pieces and span
    /// boundaries, with the same masks every time. best/ then holds the weights with the lowest loss, last/ always those at
    /// the end. With --resume, where they are now if they have moved.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    eval_file: Vec<PathBuf>,
    /// Leave the span-boundary objective out.
    #[arg(long, conflicts_with = "span_boundary")]
    no_span_boundary: bool,
    /// Train along with the other processes that mpirun, torchrun or srun has started with this command, as `train --distributed`
    /// does. With the same --parts, and as many threads in each (RAYON_NUM_THREADS), any number of workers gives the same bits.
    #[arg(long)]
    distributed: bool,
    #[command(flatten)]
    timeout: TimeoutArgs,
    #[command(flatten)]
    recipe: PretrainRecipeArgs,
    #[command(flatten)]
    device: DeviceArgs,
    #[command(flatten)]
    output: JsonArgs,
}

#[derive(Serialize)]
struct Pretrained<'a> {
    run: &'a Path,
    completed: bool,
    steps: usize,
    elapsed_secs: f64,
    mlm_loss: Option<f64>,
    sbo_loss: Option<f64>,
    /// The evaluation on held-out text whose weights are in `best/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    best: Option<&'a BestScore>,
}

impl PretrainCommand {
    /// Runs the command. Ctrl-C ends it after the current update, with everything saved.
    ///
    /// The work is done by a process of its own ([`supervisor`]), as in fine-tuning.
    pub(super) fn run(&self) -> Result<(), CliError> {
        if self.distributed {
            return self.run_distributed();
        }
        if let Some(folder) = supervisor::worker_folder() {
            let trained = self.pretrain_here(&folder, None);
            supervisor::end_worker(trained.map_or_else(|error| error.say(), |_| 0));
        }
        check_alone(
            "pre-train for itself",
            "add --distributed to have them train together, or start one process",
        )?;
        // Refused before anything slow is done.
        let folder = match &self.resume {
            Some(run) => {
                Lock::check(&RunFolder::find(run)?)?;
                NewRun::At(run.clone())
            }
            None => {
                self.check_given()?;
                match &self.output_dir {
                    Some(folder) => NewRun::At(folder.clone()),
                    None => new_run(&self.runs_dir, &self.name)?,
                }
            }
        };
        if self.resume.is_none() {
            RunFolder::check(folder.path())?;
        }
        supervisor::supervise(folder.path(), First::AsTyped)?;
        self.tell(&outcome(folder.path())?)
    }

    /// Trains along with other processes.
    fn run_distributed(&self) -> Result<(), CliError> {
        let given = match (&self.resume, &self.output_dir) {
            (Some(place), _) | (None, Some(place)) => place.clone(),
            (None, None) => self.runs_dir.clone(),
        };
        let choice = self.resume.as_deref().map_or(self.device.backend.clone(), |run| self.choice_of(run));
        let (outcome, signal) = self.timeout.join(&choice, &given, "pre-train")?.finish(|workers| {
            workers.agree(&[("folder for the run".into(), given.display().to_string())])?;
            // Kept until the run is there: a reserved folder that stays empty is removed.
            let mut reserved = None;
            let course = workers.course(|| {
                let folder = match (&self.resume, &self.output_dir) {
                    (Some(folder), _) | (None, Some(folder)) => folder.clone(),
                    (None, None) => {
                        let run = new_run(&self.runs_dir, &self.name)?;
                        let folder = run.path().to_owned();
                        reserved = Some(run);
                        folder
                    }
                };
                Ok(Course { folder, resumes: self.resume.is_some(), is_done: false })
            })?;
            let outcome = self.pretrain_here(&course.folder, Some(workers))?;
            // Whichever of them was asked to stop.
            let signal = if outcome.ending == Ending::Stopped { workers.signal()? } else { None };
            Ok((workers.leads().then_some(outcome), signal))
        })?;
        outcome.map_or(Ok(()), |outcome| self.tell(&outcome))?;
        signal.map_or(Ok(()), |signal| Err(CliError::silent(signal.saturating_add(128))))
    }

    /// Prints what came of a pre-training.
    fn tell(&self, outcome: &TrainOutcome) -> Result<(), CliError> {
        let losses = recent_losses(&outcome.layout)?;
        if self.output.json {
            return output::json(&Pretrained {
                run: outcome.layout.root(),
                completed: outcome.ending == Ending::Completed,
                steps: outcome.steps,
                elapsed_secs: outcome.elapsed_secs,
                mlm_loss: losses.map(|losses| losses.0),
                sbo_loss: losses.map(|losses| losses.1),
                best: outcome.best.as_ref(),
            });
        }
        output::print(&told(outcome, losses))
    }

    /// Pre-trains in this process, alone or with others.
    fn pretrain_here(&self, folder: &Path, workers: Option<&Workers>) -> Result<TrainOutcome, CliError> {
        let (start, choice) = match &self.resume {
            Some(run) => (PretrainStart::Resume(Box::new(self.resumption(run)?)), self.choice_of(run)),
            None => (self.new_model()?, self.device.backend.clone()),
        };
        let device = find_device(workers.map_or(&choice, |workers| &workers.device))?;
        let leads = workers.is_none_or(Workers::leads);
        if leads {
            fault::log_to(Layout::new(folder).device_log());
        }
        let (mut progress, mut silent) = (leads.then(Progress::new), Silent);
        let result = run_pretraining(PretrainJob {
            start,
            output: folder,
            limits: DeviceLimits::from(&device),
            choice: &device.choice.to_string(),
            device: &device.name,
            open: &|config, weights, optimizer, precision| {
                let fusion = prove_device(&device, precision)?;
                open_pretraining(&device.choice, fusion, config, weights, optimizer, precision)
            },
            observer: match &mut progress {
                Some(progress) => progress,
                None => &mut silent,
            },
            // Launchers give standard input to one worker only, or to none.
            stop: if workers.is_some() { StopFlag::on_interrupt() } else { supervisor::stop_flag() },
            inject_fault: supervisor::injected_fault(),
            workers: workers.map(|workers| Rc::clone(&workers.ranks)),
        });
        if let Some(progress) = &mut progress {
            progress.finish();
        }
        result.map_err(|error| {
            let over = matches!(&error, PretrainError::Train(error) if error.leaves_the_run_alone());
            if workers.is_some() {
                return after_failure(folder, leads, error.device_fault(), error, over);
            }
            supervisor::after_failure(folder, error.device_fault(), error, over)
        })
    }

    /// The device of a run that is resumed, unless the user names another.
    fn choice_of(&self, run: &Path) -> DeviceChoice {
        let recorded = || Environment::read(&Layout::new(run)).ok()?.backend.parse().ok();
        match &self.device.backend {
            DeviceChoice::Auto => recorded().unwrap_or(DeviceChoice::Auto),
            choice => choice.clone(),
        }
    }

    /// Whether the flags name a model and a vocabulary.
    fn check_given(&self) -> Result<(), CliError> {
        if self.model.is_none() && self.config.is_none() {
            return Err(CliError::new("no model given", "add --config NAME or --model DIR"));
        }
        if self.model.is_none() && self.vocab.is_none() && self.train_vocab.is_none() {
            return Err(CliError::new("no vocabulary given", "add --vocab FILE or --train-vocab N"));
        }
        Ok(())
    }

    /// The recipe with a length that suits the model: one that was asked for stays, and is refused if it is too long.
    fn recipe_for(&self, config: &BertConfig) -> Result<PretrainRecipe, CliError> {
        let mut recipe = self.recipe_over(PretrainRecipe::default())?;
        if self.recipe.recipe.is_some() {
            return Ok(recipe);
        }
        // Single pieces have no boundaries to predict them from.
        if recipe.masking == MaskedUnit::Pieces && self.recipe.span_boundary.is_none() {
            recipe.span_boundary = false;
        }
        let (usual, positions) = (recipe.max_seq_length, config.max_position_embeddings);
        if self.recipe.max_seq_length.is_none() && positions < usual {
            recipe.max_seq_length = positions;
            output::note(format_args!(
                "max_seq_length is {positions} instead of {usual}: the model has no more positions"
            ));
        }
        Ok(recipe)
    }

    /// What the flags ask for, over a recipe.
    fn recipe_over(&self, base: PretrainRecipe) -> Result<PretrainRecipe, CliError> {
        let recipe = self.recipe.resolve_over(base).map_err(TrainError::from)?;
        Ok(PretrainRecipe { span_boundary: recipe.span_boundary && !self.no_span_boundary, ..recipe })
    }

    /// What a run is resumed with.
    fn resumption(&self, run: &Path) -> Result<Resumption, CliError> {
        let record = PretrainRecord::read(&RunFolder::find(run)?)?;
        Ok(Resumption {
            recipe: Some(self.recipe_over(record.recipe)?),
            corpus: self.corpus.iter().map(absolute).collect(),
            eval_corpus: self.eval_file.iter().map(absolute).collect(),
            force: self.force,
        })
    }

    fn new_model(&self) -> Result<PretrainStart, CliError> {
        let corpus: Vec<PathBuf> = self.corpus.iter().map(absolute).collect();
        let eval_corpus = self.eval_file.iter().map(absolute).collect();
        if let Some(model) = &self.model {
            let folder = absolute(&model.folder()?);
            let text = data::text(
                &config_file(&folder).unwrap_or_else(|| folder.join("config.json")),
                "a checkpoint folder",
            )?;
            let config = BertConfig::from_json(&text, &folder.display().to_string())?;
            let tokenizer = StoredTokenizer::from_folder(&folder, None)?;
            if let Some(note) = tokenizer.check(config.vocab_size)? {
                output::note(note);
            }
            output::note(format_args!("{}: {}", folder.display(), tokenizer.casing));
            tokenizer.warnings.iter().for_each(output::warn);
            let StoredTokenizer { vocab, settings, .. } = tokenizer;
            return Ok(PretrainStart::New {
                recipe: Box::new(self.recipe_for(&config)?),
                config: Box::new(config),
                vocab,
                settings: Box::new(settings),
                model: Some(folder),
                corpus,
                eval_corpus,
            });
        }
        self.check_given()?;
        let config = architecture(self.config.as_deref().unwrap_or_default())?;
        let usual = TokenizerSettings::bert(self.do_lower_case);
        let (vocab, settings) = match &self.vocab {
            Some(path) => {
                let stored = data::vocabulary(path, Some(self.do_lower_case))?;
                (stored.vocab, stored.settings)
            }
            None => {
                let mut all = Vec::new();
                for path in &corpus {
                    all.extend(documents(path)?);
                }
                let vocab = train_vocab(&all, self.train_vocab.unwrap_or_default(), self.do_lower_case)?;
                output::note(format_args!("a vocabulary of {} pieces was made from the corpus", vocab.len()));
                (vocab, usual)
            }
        };
        Ok(PretrainStart::New {
            recipe: Box::new(self.recipe_for(&config)?),
            config: Box::new(config),
            vocab,
            settings: Box::new(settings),
            model: None,
            corpus,
            eval_corpus,
        })
    }
}

/// What came of it, and what to do with it.
fn told(outcome: &TrainOutcome, losses: Option<(f64, f64)>) -> String {
    let run = outcome.layout.root().display();
    let weights = if outcome.best.is_some() { outcome.layout.best() } else { outcome.layout.last() };
    let best = outcome.best.as_ref().map_or_else(String::new, |best| {
        format!("best     loss {:.4} on held-out text at step {}\n", best.value, best.step)
    });
    let early =
        outcome.ended_early.as_ref().map_or_else(String::new, |reason| format!("early    {reason}\n"));
    let (ending, resume) = match outcome.ending {
        Ending::Completed => ("pre-trained", String::new()),
        Ending::Stopped => ("stopped", format!("resume   {}\n", resume_command(outcome.layout.root()))),
    };
    let losses = losses.map_or_else(String::new, |(mlm, sbo)| {
        format!("loss     masked pieces {mlm:.4}, span boundaries {sbo:.4} (last updates)\n")
    });
    format!(
        "{ending} after {}, {}\n{losses}{best}{early}{resume}run      {run}\nweights  {}\ntune     spanbert train --model {} --train-file FILE --dev-file FILE\n",
        updates(outcome.steps),
        duration(outcome.elapsed_secs),
        weights.display(),
        weights.display(),
    )
}
