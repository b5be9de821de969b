//! A whole training, from files to a finished run folder: what `train`, `run_squad`, `demo` and the app call.

use std::{collections::VecDeque, path::Path, time::Instant};

use spanbert_backends::BackendKind;

use super::{
    DataSource, Ending, Evaluator, Keeper, ModelSource, Observer, Pace, Place, Recipe, Recorder, StopFlag,
    TrainError, Trainer, Training, TrainingData,
    inputs::Inputs,
    optimizer::optimizer_config,
    prepare::{Prepared, prepare},
};
use crate::{
    checkpoint::Weights,
    config::BertConfig,
    engine::{EngineError, OptimizerConfig, TrainingEngine},
    run::{
        BestScore, Environment, Event, Layout, Outcome, Phase, RunError, RunFolder, RunState, write_atomic,
    },
};

/// Opens an engine on the chosen device.
pub type OpenEngine<'a> =
    dyn Fn(&BertConfig, Weights, &OptimizerConfig) -> Result<Box<dyn TrainingEngine>, EngineError> + 'a;

/// A training to be done.
pub struct TrainJob<'a> {
    /// What to fine-tune.
    pub model: ModelSource<'a>,
    /// What to learn from.
    pub train_data: DataSource<'a>,
    /// What to choose the best weights by; without it only the last are kept.
    pub dev_data: Option<DataSource<'a>>,
    /// Every hyper-parameter.
    pub recipe: Recipe,
    /// The run folder to be made.
    pub output: &'a Path,
    /// The kind of device.
    pub backend: BackendKind,
    /// Its name, for the record.
    pub device: &'a str,
    /// Whether the user says that the data is SQuAD 2.0; the data decides, this only checks.
    pub version_2_with_negative: bool,
    /// Opens the device; called once for each learning rate.
    pub open: &'a OpenEngine<'a>,
    /// Who watches.
    pub observer: &'a mut dyn Observer,
    /// Who may end it early.
    pub stop: StopFlag,
}

/// What came of a training.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainOutcome {
    /// How it ended.
    pub ending: Ending,
    /// Where everything is.
    pub layout: Layout,
    /// Updates made.
    pub steps: usize,
    /// The best evaluation, whose weights are in `best/`.
    pub best: Option<BestScore>,
    /// Seconds from the first step to the last file.
    pub elapsed_secs: f64,
}

/// Does a training. Everything given is checked, and the device opened, before the run folder is made; a run that
/// fails before its first step leaves nothing behind.
///
/// # Errors
/// If anything given is unusable, the device fails, the loss is not finite, or a file cannot be written.
pub fn run_training(job: TrainJob<'_>) -> Result<TrainOutcome, TrainError> {
    RunFolder::check(job.output)?;
    let loading = Event::Phase { phase: Phase::Loading, detail: None };
    job.observer.event(&loading);
    let (inputs, weights) = Inputs::read(job.model, job.train_data, job.dev_data, &job.recipe)?;
    inputs.check_version(job.version_2_with_negative, &job.recipe)?;
    let length_multiple = job.recipe.length_multiple_for(job.backend).min(job.recipe.max_seq_length);
    let recipe = Recipe {
        length_multiple: Some(length_multiple),
        do_lower_case: Some(inputs.tokenizer.do_lower_case()),
        ..job.recipe
    };
    let environment = Environment {
        checkpoint: inputs.files.clone(),
        train_data: Some(job.train_data.fingerprint()?),
        dev_data: job.dev_data.map(|data| data.fingerprint()).transpose()?,
        ..Environment::of_this_process(job.device)
    };
    let mut engines = Engines {
        open: job.open,
        config: inputs.training_config(&recipe),
        optimizer: optimizer_config(&recipe),
        weights,
        left: recipe.learning_rates().len(),
    };
    let first = engines.next()?;

    let folder = RunFolder::create(job.output)?;
    let layout = folder.layout();
    let run = Run { inputs: &inputs, recipe: &recipe, length_multiple, layout, stop: job.stop };
    let result =
        run.start(&environment, loading, job.observer).and_then(|recorder| run.go(recorder, engines, first));
    if result.is_err() && RunState::read(layout).map_or(true, |state| state.step == 0) {
        folder.discard();
    }
    result
}

/// Opens an engine for every training of a sweep, each from the same weights.
struct Engines<'a> {
    open: &'a OpenEngine<'a>,
    config: BertConfig,
    optimizer: OptimizerConfig,
    weights: Weights,
    left: usize,
}

impl Engines<'_> {
    fn next(&mut self) -> Result<Box<dyn TrainingEngine>, TrainError> {
        self.left = self.left.saturating_sub(1);
        // The last one takes the weights: they may be gigabytes.
        let weights = if self.left == 0 { std::mem::take(&mut self.weights) } else { self.weights.clone() };
        Ok((self.open)(&self.config, weights, &self.optimizer)?)
    }
}

/// A run whose folder has been made.
struct Run<'a> {
    inputs: &'a Inputs,
    recipe: &'a Recipe,
    length_multiple: usize,
    layout: &'a Layout,
    stop: StopFlag,
}

impl Run<'_> {
    fn start<'o>(
        &self,
        environment: &Environment,
        loading: Event,
        observer: &'o mut dyn Observer,
    ) -> Result<Recorder<'o>, TrainError> {
        write_atomic(&self.layout.recipe(), self.recipe.to_toml().as_bytes()).map_err(RunError::from)?;
        environment.write(self.layout)?;
        let mut recorder = Recorder::start(self.layout, observer, &[loading])?;
        for note in &self.inputs.notes {
            recorder.detailed_phase(Phase::Loading, note.clone())?;
        }
        for warning in &self.inputs.warnings {
            recorder.warn(warning.clone())?;
        }
        Ok(recorder)
    }

    fn go(
        &self,
        mut recorder: Recorder<'_>,
        engines: Engines<'_>,
        first: Box<dyn TrainingEngine>,
    ) -> Result<TrainOutcome, TrainError> {
        let prepared = prepare(self.inputs, self.recipe, self.length_multiple, &mut recorder);
        let prepared = prepared.inspect_err(|error| recorder.fail(&error.to_string(), 0.0))?;
        let Prepared { windows, question_ids, order, schedule, development } = &prepared;
        let rates = self.recipe.learning_rates();
        recorder.set_total_steps(schedule.steps() * rates.len());
        let (config, vocab) = (&self.inputs.config, self.inputs.tokenizer.vocab());
        let lower_case = self.inputs.tokenizer.do_lower_case();
        let version = self.inputs.train.version.to_string();
        let mut trainer = Trainer {
            recipe: self.recipe,
            schedule,
            data: TrainingData { windows, question_ids, order, length_multiple: self.length_multiple },
            layout: self.layout.clone(),
            keeper: Keeper::new(self.layout.clone(), config, vocab, lower_case, self.recipe, version),
            recorder,
            evaluator: development.as_ref().map(|set| Box::new(set) as Box<dyn Evaluator>),
            stop: self.stop.clone(),
            pace: Pace::new(Instant::now()),
            place: Place::default(),
            checkpointed: Instant::now(),
            pending: VecDeque::new(),
        };
        let began = Instant::now();
        let ending = sweep(&mut trainer, &rates, engines, first);
        let elapsed_secs = began.elapsed().as_secs_f64();
        let ending = ending.inspect_err(|error| trainer.recorder.fail(&error.to_string(), elapsed_secs))?;
        let outcome = match ending {
            Ending::Completed => Outcome::Completed,
            Ending::Stopped => Outcome::Stopped,
        };
        let step = trainer.place.step;
        trainer.recorder.record(Event::Finished { outcome, step, elapsed_secs })?;
        let best = trainer.keeper.best().cloned();
        Ok(TrainOutcome { ending, layout: self.layout.clone(), steps: step, best, elapsed_secs })
    }
}

/// Trains once for each learning rate, all sharing one best; `last/` holds the last training's weights.
fn sweep(
    trainer: &mut Trainer<'_, '_>,
    rates: &[f64],
    mut engines: Engines<'_>,
    first: Box<dyn TrainingEngine>,
) -> Result<Ending, TrainError> {
    let mut opened = Some(first);
    for (index, &learning_rate) in rates.iter().enumerate() {
        let mut engine = match opened.take() {
            Some(engine) => engine,
            None => engines.next()?,
        };
        let training = Training { index, count: rates.len(), learning_rate };
        let ending = trainer.train(engine.as_mut(), training)?;
        if ending == Ending::Stopped || index + 1 == rates.len() {
            trainer.save_last(engine.as_mut())?;
            return Ok(ending);
        }
    }
    Ok(Ending::Completed)
}
