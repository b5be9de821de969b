//! A whole pre-training, from text files to a checkpoint, in a run folder like that of a fine-tuning.

use std::{
    path::{Path, PathBuf},
    rc::Rc,
};

use pollster::block_on;
use spanbert_backends::Precision;

use super::{
    PretrainError, PretrainRecipe, Resumption,
    begun::Begun,
    corpus::Corpus,
    forecast::plan_for,
    masked_texts::MaskedTexts,
    task::{Pretraining, schedule},
};
use crate::{
    advice::Advice,
    checkpoint::Weights,
    config::BertConfig,
    engine::{EngineError, OptimizerConfig, PartedSum, PretrainEngine, SharedRanks},
    run::{Environment, Event, Layout, Phase, RunFolder, RunState, Workers, read_history},
    tokenizer::TokenizerSettings,
    train::{
        Beginning, DeviceLimits, Fit, Follower, Host, InjectedFault, Observer, Progress, Recorder, RunHost,
        Share, StopFlag, TrainError, TrainOutcome, Trained, Trainer, Training, TrainingCheckpoint,
        WorkersHost, record_failure, settle, shake_hands, share, train_ahead,
    },
};

/// Updates at the end whose losses are told.
const RECENT: usize = 100;

/// What is pre-trained.
#[derive(Clone, Debug)]
pub enum PretrainStart {
    /// A model of this architecture and vocabulary, in a new run folder.
    New {
        /// Its architecture; the vocabulary's size is taken from the vocabulary.
        config: Box<BertConfig>,
        /// Word pieces by id.
        vocab: Vec<String>,
        /// Whether text is lower-cased.
        settings: Box<TokenizerSettings>,
        /// Checkpoint whose encoder is begun with; without it weights are random.
        model: Option<PathBuf>,
        /// Files of the corpus.
        corpus: Vec<PathBuf>,
        /// Files of text that is only evaluated on.
        eval_corpus: Vec<PathBuf>,
        /// Hyper-parameters.
        recipe: Box<PretrainRecipe>,
    },
    /// The run in the folder, where its newest checkpoint was written.
    Resume(Box<Resumption>),
}

/// Puts a model with these weights on a device.
pub type OpenPretrainer<'a> = dyn Fn(&BertConfig, Weights, OptimizerConfig, Precision) -> Result<Box<dyn PretrainEngine>, EngineError>
    + 'a;

/// A pre-training to be done.
pub struct PretrainJob<'a> {
    /// What is pre-trained.
    pub start: PretrainStart,
    /// The run folder, to be made or to be resumed.
    pub output: &'a Path,
    /// What the device is and offers.
    pub limits: DeviceLimits,
    /// How the device is chosen, for the record.
    pub choice: &'a str,
    /// Its name, for the record.
    pub device: &'a str,
    /// Opens the device.
    pub open: &'a OpenPretrainer<'a>,
    /// Who watches.
    pub observer: &'a mut dyn Observer,
    /// Who may end it early.
    pub stop: StopFlag,
    /// For tests: when the device is made to fail.
    pub inject_fault: Option<InjectedFault>,
    /// The other workers that train with this one, if there are any. All call with the same job; the first one's folder becomes
    /// the run, the others write nothing.
    pub workers: Option<SharedRanks>,
}

/// Does a pre-training, or the rest of one. Everything given is checked, and the device opened, before the run folder is
/// made; a run that fails before its first step leaves nothing behind.
///
/// # Errors
/// If anything given is unusable, the device fails ([`PretrainError::device_fault`]), the loss is not finite, a file
/// cannot be written, or the run to be resumed began differently.
pub fn run_pretraining(job: PretrainJob<'_>) -> Result<TrainOutcome, PretrainError> {
    let workers = job.workers.clone();
    pretrain(job).inspect_err(|error| {
        if let Some(ranks) = &workers {
            ranks.borrow_mut().fail(&error.in_one_line());
        }
    })
}

fn pretrain(job: PretrainJob<'_>) -> Result<TrainOutcome, PretrainError> {
    let loading = Event::Phase { phase: Phase::Loading, detail: None };
    job.observer.event(&loading);
    let leads = job.workers.as_ref().is_none_or(|ranks| ranks.borrow().rank() == 0);
    let reopened = match job.start {
        PretrainStart::New { .. } if leads => RunFolder::check(job.output).map(|()| None)?,
        PretrainStart::Resume(_) if leads => Some(RunFolder::reopen(job.output)?),
        PretrainStart::New { .. } | PretrainStart::Resume(_) => None,
    };
    let force = matches!(&job.start, PretrainStart::Resume(resumption) if resumption.force);
    let resumes = matches!(&job.start, PretrainStart::Resume(_));
    let before = if resumes { Some(RunFolder::find(job.output)?) } else { None };
    let mut begun = Begun::read(job.start, before.as_ref())?;
    let (corpus, held_out) = begun.corpora()?;
    let mut environment = begun.environment(job.choice, job.device);
    if let Some(ranks) = &job.workers {
        begun.share_with(ranks)?;
        environment.workers = Some(Workers::of(&ranks.borrow()));
        begun.warnings.extend(shake_hands(ranks, &begun.facts(&environment, resumes))?);
    }
    let resumed = match &reopened {
        Some(folder) => Some(Resumed::read(folder.layout(), &mut environment, force)?),
        None => None,
    };
    let (checkpoint, fit, warnings) = match resumed {
        Some(Resumed { checkpoint, fit, warnings }) => {
            (checkpoint, fit.filter(|_| begun.same_split), warnings)
        }
        None => (None, None, Vec::new()),
    };
    let (progress, saved) = match checkpoint {
        Some(TrainingCheckpoint { progress, weights, optimizer }) => {
            (Some(progress), Some((weights, optimizer)))
        }
        None => (None, None),
    };
    let weights = if leads && saved.is_none() { begun.weights()? } else { Weights::new() };
    let own = Beginning { weights, saved, progress, fit };
    let Beginning { weights, saved, progress, fit } = match &job.workers {
        Some(ranks) => share(ranks, own)?,
        None => own,
    };
    let (weights, optimizer) = match saved {
        Some((weights, optimizer)) => (weights, Some(optimizer)),
        None => (weights, None),
    };
    let precision = begun.record.recipe.precision.into();
    let engine = (job.open)(&begun.config, weights, begun.optimizer(), precision);
    let mut engine = engine.map_err(TrainError::from)?;
    if let Some(optimizer) = optimizer {
        engine.load_optimizer_state(optimizer).map_err(TrainError::from)?;
    }
    if let Some(count) = begun.record.recipe.parts {
        engine.sum_in_parts(PartedSum { count, ranks: job.workers.clone() });
    }
    let run = Run {
        begun: &begun,
        corpus: &corpus,
        held_out: held_out.as_ref(),
        limits: job.limits,
        progress,
        before: fit,
        ranks: job.workers.clone(),
    };
    if let Some(ranks) = job.workers.as_ref().filter(|_| !leads) {
        let mut follower = Follower::new(job.stop);
        let mut host = WorkersHost::new(&mut follower, Rc::clone(ranks));
        let trained = run.go(engine.as_mut(), &mut host, job.inject_fault)?;
        return Ok(TrainOutcome::new(&Layout::new(job.output), trained));
    }
    let is_new = reopened.is_none();
    let folder = reopened.map_or_else(|| RunFolder::create(job.output), Ok)?;
    let layout = folder.layout();
    environment.write(layout)?;
    begun.write(layout)?;
    let recorder = if is_new {
        Recorder::start(layout, job.observer, &[loading])?
    } else {
        Recorder::resume(layout, job.observer, &[loading], run.progress.as_ref(), job.device)?
    };
    let mut host = RunHost::new(recorder, job.stop);
    for warning in begun.warnings.iter().chain(&warnings) {
        host.warn(warning.clone())?;
    }
    let result = match &job.workers {
        Some(ranks) => {
            let mut host = WorkersHost::new(&mut host, Rc::clone(ranks));
            run.go(engine.as_mut(), &mut host, job.inject_fault)
        }
        None => run.go(engine.as_mut(), &mut host, job.inject_fault),
    };
    let result = result.map(|trained| TrainOutcome::new(layout, trained));
    // After a fault of the device another process goes on in the folder.
    if let Err(error) = &result
        && is_new
        && error.device_fault().is_none()
        && RunState::read(layout).map_or(true, |state| state.step == 0)
    {
        folder.discard();
    }
    result
}

/// Mean losses of a run's last updates (at most 100): of masked language modelling and of the span-boundary objective.
///
/// # Errors
/// If its events cannot be read.
pub fn recent_losses(layout: &Layout) -> Result<Option<(f64, f64)>, PretrainError> {
    let history = read_history(&layout.events())?.into_iter().rev();
    let losses = history.filter_map(|record| match record.event {
        Event::Step(step) => step.mlm_loss.zip(step.sbo_loss),
        _ => None,
    });
    let mut losses: Vec<(f64, f64)> = losses.take(RECENT).collect();
    losses.reverse();
    let count = losses.len() as f64;
    let sums = losses.iter().fold((0.0, 0.0), |sums, losses| (sums.0 + losses.0, sums.1 + losses.1));
    Ok((count > 0.0).then(|| (sums.0 / count, sums.1 / count)))
}

/// A run that goes on.
struct Resumed {
    checkpoint: Option<TrainingCheckpoint>,
    /// How batches were split, if that still holds.
    fit: Option<Fit>,
    warnings: Vec<String>,
}

impl Resumed {
    /// Reads the run, and turns `environment` into that of its resumption.
    fn read(layout: &Layout, environment: &mut Environment, force: bool) -> Result<Self, PretrainError> {
        let (checkpoint, mut warnings) = TrainingCheckpoint::newest_or_none(layout, force)?;
        let mut before = Environment::read(layout)?;
        warnings.extend(before.other_bits(environment).filter(|_| checkpoint.is_some()));
        let same_device = before.device == environment.device && before.backend == environment.backend;
        let step = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.progress.place.step);
        before.resume(step, &environment.device);
        before.backend.clone_from(&environment.backend);
        before.portable = environment.portable;
        before.device.clone_from(&environment.device);
        *environment = before;
        Ok(Self { checkpoint, fit: Fit::read(layout).filter(|_| same_device), warnings })
    }
}

/// A run whose folder has been made.
struct Run<'a> {
    begun: &'a Begun,
    corpus: &'a Corpus,
    held_out: Option<&'a Corpus>,
    limits: DeviceLimits,
    progress: Option<Progress>,
    before: Option<Fit>,
    ranks: Option<SharedRanks>,
}

impl Run<'_> {
    fn go(
        self,
        engine: &mut (dyn PretrainEngine + 'static),
        host: &mut dyn Host,
        inject_fault: Option<InjectedFault>,
    ) -> Result<Trained, PretrainError> {
        let recipe = &self.begun.record.recipe;
        let texts = &self.corpus.texts;
        host.detailed_phase(Phase::Loading, self.corpus.size())?;
        if let Some(held_out) = self.held_out {
            host.detailed_phase(Phase::Loading, format!("held out: {}", held_out.size()))?;
            let shared = held_out.shared_with(self.corpus);
            if shared > 0 {
                host.warn(format!(
                    "{shared} of the documents to evaluate on are in the corpus too, so that the loss on them tells less"
                ))?;
            }
        }
        let put_in = self.begun.put_in()?;
        let mut data = MaskedTexts {
            texts,
            recipe,
            put_in: &put_in,
            frame: self.begun.frame(),
            length_multiple: self.limits.backend.length_multiple(),
            micro_batch: 1,
            share: None,
        };
        let fit = self.fit(engine, data, host);
        let fit = fit.inspect_err(|error| record_failure(host, error, 0.0))?;
        data.micro_batch = fit.micro_batch;
        data.share = recipe.parts.map(|count| {
            let (rank, workers) = self.ranks.as_ref().map_or((0, 1), |ranks| {
                let ranks = ranks.borrow();
                (ranks.rank(), ranks.size())
            });
            Share::of(rank, workers, count)
        });
        let schedule = schedule(recipe, texts.len());
        host.set_total_steps(schedule.steps());
        let held_out = self.held_out.map(|held_out| MaskedTexts {
            texts: &held_out.texts,
            micro_batch: fit.eval_batch,
            share: None,
            ..data
        });
        let task = Pretraining {
            config: &self.begun.config,
            tokenizer: &self.begun.tokenizer,
            corpus: self.corpus,
            data,
            held_out,
            schedule,
            latest: None,
            ranks: self.ranks.clone(),
        };
        let trainer = Trainer::new(task, host, self.progress.as_ref());
        let mut trainer = trainer.failing(inject_fault);
        let training = Training { index: 0, count: 1, left: 0, learning_rate: recipe.learning_rate };
        let from = self.progress.as_ref().map(|progress| progress.place);
        let ending = train_ahead(&mut trainer, engine, training, from).and_then(|ending| {
            block_on(trainer.save_last(engine))?;
            Ok(ending)
        });
        Ok(trainer.finish(ending)?)
    }

    /// Decides how batches are split, and tries it on a GPU.
    fn fit(
        &self,
        engine: &mut (dyn PretrainEngine + 'static),
        data: MaskedTexts<'_>,
        host: &mut dyn Host,
    ) -> Result<Fit, TrainError> {
        let recipe = data.recipe;
        let workers = self.ranks.as_ref().map_or(1, |ranks| ranks.borrow().size());
        let planned = plan_for(recipe, &self.begun.config, data.longest(), &self.limits, workers);
        let settled =
            settle(engine, planned, self.before, &self.limits, "text", host, |engine, micro_batch| {
                let longest = MaskedTexts { micro_batch, ..data }.longest_batch();
                // Two parts: the second one's gradients are added to the first one's.
                longest.micro_batches().chunks(1).take(2).try_for_each(|part| engine.accumulate(part))
            });
        block_on(settled)
    }
}
