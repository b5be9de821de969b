//! `spanbert pretrain`: SpanBERT's own objective on any text.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::{
    bench::architecture,
    data,
    error::CliError,
    flags::{DeviceArgs, JsonArgs},
    model::{find_device, prove_device},
    names::ModelArg,
    output,
    progress::{Progress, duration},
    runs::RUNS_FOLDER,
    train::{NewRun, new_run},
};
use spanbert_core::{
    checkpoint::{StoredTokenizer, config_file},
    config::BertConfig,
    engine::open_pretraining,
    pretrain::{
        MaskedUnit, PretrainJob, PretrainOutcome, PretrainRecipe, PretrainStart, documents, run_pretraining,
        train_vocab,
    },
    run::Layout,
    tokenizer::TokenizerSettings,
    train::{Ending, StopFlag, resume_command},
};

/// Pre-train a model on text with SpanBERT's objectives: predict masked spans of whole words, from all of the text and
/// from the pieces at their boundary alone.
#[derive(Debug, Args)]
pub(super) struct PretrainCommand {
    /// Text files, documents parted by blank lines, or SQuAD files, whose paragraphs are taken.
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
    /// Resume a run from its newest checkpoint.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["output_dir", "corpus", "config", "model", "vocab", "train_vocab"])]
    resume: Option<PathBuf>,
    /// Highest learning rate.
    #[arg(long, value_name = "X", default_value_t = PretrainRecipe::default().learning_rate)]
    learning_rate: f64,
    /// Share of the updates in which the learning rate rises.
    #[arg(long, value_name = "X", default_value_t = PretrainRecipe::default().warmup_proportion)]
    warmup_proportion: f64,
    /// Passes over the corpus, masked anew each time.
    #[arg(long, value_name = "N", default_value_t = PretrainRecipe::default().num_train_epochs)]
    num_train_epochs: usize,
    /// Stop after this many updates.
    #[arg(long, value_name = "N")]
    max_steps: Option<usize>,
    /// Texts per update.
    #[arg(long, value_name = "N", default_value_t = PretrainRecipe::default().train_batch_size)]
    train_batch_size: usize,
    /// Texts on the device at once; does not change the result.
    #[arg(long, value_name = "N", default_value_t = PretrainRecipe::default().micro_batch)]
    micro_batch: usize,
    /// Longest text in word pieces; without it 512, or as many as the model has positions.
    #[arg(long, value_name = "N")]
    max_seq_length: Option<usize>,
    /// Decay of weights.
    #[arg(long, value_name = "X", default_value_t = PretrainRecipe::default().weight_decay)]
    weight_decay: f64,
    /// What is masked: spans of whole words, or single pieces as in the first BERT, without the span-boundary objective.
    #[arg(long, value_enum, default_value = "spans")]
    masking: MaskedUnit,
    /// Share of the pieces that is masked; more teaches a small model faster (Wettig et al., 2023).
    #[arg(long, value_name = "X", default_value_t = PretrainRecipe::default().mask_share)]
    mask_share: f64,
    /// Leave the span-boundary objective out.
    #[arg(long)]
    no_span_boundary: bool,
    /// Seed of everything random.
    #[arg(long, value_name = "N", default_value_t = PretrainRecipe::default().seed)]
    seed: u64,
    /// Minutes between checkpoints to resume from.
    #[arg(long, value_name = "X", default_value_t = PretrainRecipe::default().checkpoint_minutes)]
    checkpoint_minutes: f64,
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
}

impl PretrainCommand {
    /// Runs the command. Ctrl-C ends it after the current update, with everything saved.
    pub(super) fn run(&self) -> Result<(), CliError> {
        let (start, folder) = match &self.resume {
            Some(run) => (PretrainStart::Resume, NewRun::At(run.clone())),
            None => {
                let start = self.new_model()?;
                let folder = match &self.output_dir {
                    Some(folder) => NewRun::At(folder.clone()),
                    None => new_run(&self.runs_dir, &self.name)?,
                };
                (start, folder)
            }
        };
        let device = find_device(&self.device.backend)?;
        spanbert_backends::fault::log_to(Layout::new(folder.path()).device_log());
        let mut progress = Progress::new();
        let result = run_pretraining(PretrainJob {
            start,
            output: folder.path(),
            length_multiple: device.kind.length_multiple(),
            choice: &device.choice.to_string(),
            device: &device.name,
            open: &|config, weights, optimizer| {
                let fusion = prove_device(&device, spanbert_backends::Precision::F32)?;
                open_pretraining(&device.choice, fusion, config, weights, optimizer)
            },
            observer: &mut progress,
            stop: StopFlag::on_interrupt(),
        });
        progress.finish();
        let outcome = result?;
        if self.output.json {
            return output::json(&Pretrained {
                run: outcome.layout.root(),
                completed: outcome.ending == Ending::Completed,
                steps: outcome.steps,
                elapsed_secs: outcome.elapsed_secs,
                mlm_loss: outcome.losses.map(|losses| losses.0),
                sbo_loss: outcome.losses.map(|losses| losses.1),
            });
        }
        output::print(&told(&outcome))
    }

    fn recipe(&self) -> PretrainRecipe {
        PretrainRecipe {
            learning_rate: self.learning_rate,
            warmup_proportion: self.warmup_proportion,
            num_train_epochs: self.num_train_epochs,
            max_steps: self.max_steps,
            train_batch_size: self.train_batch_size,
            micro_batch: self.micro_batch,
            weight_decay: self.weight_decay,
            masking: self.masking,
            mask_share: self.mask_share,
            // Single pieces have no boundaries to tell them from.
            span_boundary: self.masking == MaskedUnit::Spans && !self.no_span_boundary,
            seed: self.seed,
            checkpoint_minutes: self.checkpoint_minutes,
            ..PretrainRecipe::default()
        }
    }

    /// The recipe with a window length that suits the model: one that was asked for stays, and is refused if it is too
    /// long.
    fn recipe_for(&self, config: &BertConfig) -> PretrainRecipe {
        let recipe = self.recipe();
        let (usual, positions) = (recipe.max_seq_length, config.max_position_embeddings);
        let max_seq_length = self.max_seq_length.unwrap_or_else(|| usual.min(positions));
        if self.max_seq_length.is_none() && max_seq_length < usual {
            output::note(format_args!(
                "max_seq_length is {positions} instead of {usual}: the model has no more positions"
            ));
        }
        PretrainRecipe { max_seq_length, ..recipe }
    }

    fn new_model(&self) -> Result<PretrainStart, CliError> {
        // The run may be resumed from another folder.
        let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let corpus: Vec<PathBuf> = self.corpus.iter().map(absolute).collect();
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
                recipe: self.recipe_for(&config),
                config: Box::new(config),
                vocab,
                settings: Box::new(settings),
                model: Some(folder),
                corpus,
            });
        }
        let Some(config) = &self.config else {
            return Err(CliError::new("no model given", "add --config NAME or --model DIR"));
        };
        let config = architecture(config)?;
        let usual = TokenizerSettings::bert(self.do_lower_case);
        let (vocab, settings) = match (&self.vocab, self.train_vocab) {
            (Some(path), _) => {
                let stored = data::vocabulary(path, Some(self.do_lower_case))?;
                (stored.vocab, stored.settings)
            }
            (None, Some(size)) => {
                let mut all = Vec::new();
                for path in &corpus {
                    all.extend(documents(path)?);
                }
                let vocab = train_vocab(&all, size, self.do_lower_case)?;
                output::note(format_args!("a vocabulary of {} pieces was made from the corpus", vocab.len()));
                (vocab, usual)
            }
            (None, None) => {
                return Err(CliError::new("no vocabulary given", "add --vocab FILE or --train-vocab N"));
            }
        };
        Ok(PretrainStart::New {
            recipe: self.recipe_for(&config),
            config: Box::new(config),
            vocab,
            settings: Box::new(settings),
            model: None,
            corpus,
        })
    }
}

/// What came of it, and what to do with it.
fn told(outcome: &PretrainOutcome) -> String {
    let (run, weights) = (outcome.layout.root().display(), outcome.layout.last());
    let (ending, go_on) = match outcome.ending {
        Ending::Completed => ("pre-trained", String::new()),
        Ending::Stopped => ("stopped", format!("go on    {}\n", resume_command(outcome.layout.root()))),
    };
    let losses = outcome.losses.map_or_else(String::new, |(mlm, sbo)| {
        format!("loss     masked pieces {mlm:.4}, span boundaries {sbo:.4} (last updates)\n")
    });
    format!(
        "{ending} after {}, {}\n{losses}{go_on}run      {run}\nweights  {}\ntune     spanbert train --model {} --train-file FILE --dev-file FILE\n",
        spanbert_core::run::updates(outcome.steps),
        duration(outcome.elapsed_secs),
        weights.display(),
        weights.display(),
    )
}
