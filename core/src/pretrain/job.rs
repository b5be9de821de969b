//! A whole pre-training, from text files to a checkpoint, in a run folder like that of a fine-tuning.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    time::Instant,
};

use super::{PretrainError, PretrainRecipe, begun::Begun, pretrainer::Pretrainer};
use crate::{
    advice::Advice,
    checkpoint::Weights,
    config::BertConfig,
    engine::{EngineError, OptimizerConfig, PretrainEngine},
    run::{Event, Layout, Outcome, Phase, RunFolder, RunState},
    tokenizer::TokenizerSettings,
    train::{Ending, Observer, Pace, Place, Recorder, StopFlag, TrainingCheckpoint},
};

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
        /// Hyper-parameters.
        recipe: PretrainRecipe,
    },
    /// The run in the folder, where its newest checkpoint was written.
    Resume,
}

/// Puts a model with these weights on a device.
pub type OpenPretrainer<'a> =
    dyn Fn(&BertConfig, Weights, OptimizerConfig) -> Result<Box<dyn PretrainEngine>, EngineError> + 'a;

/// A pre-training to be done.
pub struct PretrainJob<'a> {
    /// What is pre-trained.
    pub start: PretrainStart,
    /// The run folder, to be made or to be resumed.
    pub output: &'a Path,
    /// Texts are padded to a multiple of this.
    pub length_multiple: usize,
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
}

/// What came of a pre-training.
#[derive(Clone, Debug, PartialEq)]
pub struct PretrainOutcome {
    /// How it ended.
    pub ending: Ending,
    /// Where everything is; the weights are in `last/`.
    pub layout: Layout,
    /// Updates made.
    pub steps: usize,
    /// Seconds of the run.
    pub elapsed_secs: f64,
    /// Mean losses of the last updates (at most 100): of masked language modelling and of the span-boundary objective.
    pub losses: Option<(f64, f64)>,
}

/// Does a pre-training, or the rest of one.
///
/// # Errors
/// If anything given is unusable, the device fails, the loss is not finite, a file cannot be written, or the corpus of a
/// resumed run has changed.
pub fn run_pretraining(job: PretrainJob<'_>) -> Result<PretrainOutcome, PretrainError> {
    let PretrainJob { start, output, length_multiple, choice, device, open, observer, stop } = job;
    let loading = Event::Phase { phase: Phase::Loading, detail: None };
    observer.event(&loading);
    let reopened = match start {
        PretrainStart::New { .. } => RunFolder::check(output).map(|()| None)?,
        PretrainStart::Resume => Some(RunFolder::reopen(output)?),
    };
    let begun = Begun::read(start, reopened.as_ref().map(RunFolder::layout))?;
    begun.record.recipe.check()?;
    let texts = begun.texts()?;
    let saved = match &reopened {
        Some(folder) => {
            let (checkpoint, warnings) = TrainingCheckpoint::newest(folder.layout())?;
            if RunState::read(folder.layout()).is_ok_and(|state| state.outcome == Some(Outcome::Completed)) {
                return Err(PretrainError::Complete { run: output.to_owned() });
            }
            checkpoint.map(|checkpoint| (checkpoint, warnings))
        }
        None => None,
    };
    let (progress, weights, optimizer, warnings) = match saved {
        Some((saved, warnings)) => (Some(saved.progress), saved.weights, Some(saved.optimizer), warnings),
        None => (None, begun.weights()?, None, Vec::new()),
    };
    let mut engine = open(&begun.config, weights, begun.optimizer())?;
    if let Some(optimizer) = optimizer {
        engine.load_optimizer_state(optimizer)?;
    }
    let folder = reopened.map_or_else(|| RunFolder::create(output), Ok)?;
    let layout = folder.layout().clone();
    let environment = begun.environment(choice, device, &layout, progress.as_ref())?;
    environment.write(&layout)?;
    begun.write(&layout)?;
    let mut recorder = if progress.is_some() || matches!(RunState::read(&layout), Ok(state) if state.step > 0)
    {
        Recorder::resume(&layout, observer, &[loading], progress.as_ref(), device)?
    } else {
        Recorder::start(&layout, observer, &[loading])?
    };
    for warning in warnings {
        recorder.warn(warning)?;
    }
    let pieces: usize = texts.iter().map(|text| text.pieces.len()).sum();
    recorder.detailed_phase(Phase::Loading, format!("{} texts of {pieces} pieces", texts.len()))?;
    let earlier_secs = progress.as_ref().map_or(0.0, |progress| progress.elapsed_secs);
    let mut trainer = Pretrainer {
        lengths: texts.iter().map(|text| text.pieces.len()).collect(),
        total_steps: begun.total_steps(texts.len()),
        begun: &begun,
        texts,
        put_in: begun.put_in()?,
        layout: layout.clone(),
        length_multiple,
        recorder,
        stop,
        pace: Pace::new(Instant::now()).after(earlier_secs),
        place: progress.map_or_else(Place::default, |progress| progress.place),
        checkpointed: Instant::now(),
        pending: VecDeque::new(),
        recent: VecDeque::new(),
    };
    let ending = trainer.train(engine.as_mut()).and_then(|ending| {
        trainer.save_last(engine.as_mut())?;
        Ok(ending)
    });
    let elapsed_secs = trainer.pace.elapsed_secs(Instant::now());
    let ending = ending.inspect_err(|error| trainer.recorder.fail(&error.in_one_line(), elapsed_secs))?;
    let outcome = if ending == Ending::Completed { Outcome::Completed } else { Outcome::Stopped };
    let steps = trainer.place.step;
    trainer.recorder.record(Event::Finished { outcome, step: steps, elapsed_secs, reason: None })?;
    let count = trainer.recent.len() as f64;
    let sums = trainer.recent.iter().fold((0.0, 0.0), |(mlm, sbo), metrics| {
        (mlm + f64::from(metrics.mlm_loss), sbo + f64::from(metrics.sbo_loss))
    });
    let losses = (count > 0.0).then(|| (sums.0 / count, sums.1 / count));
    Ok(PretrainOutcome { ending, layout, steps, elapsed_secs, losses })
}
