//! A whole training, from files to a finished run folder: what `train`, `run_squad`, `demo` and the app call.

use std::path::Path;

use super::{
    DataSource, DeviceLimits, Ending, Evaluator, FineTuning, InjectedFault, ModelSource, Observer, Place,
    Recipe, Recorder, StopFlag, TrainError, Trainer, Training,
    engines::{Engines, OpenEngine},
    inputs::Inputs,
    optimizer::optimizer_config,
    prepare::{Prepared, prepare},
    probe,
    resume::Resumed,
    trainer::record_failure,
};
use crate::{
    engine::TrainingEngine,
    features::SkippedQuestion,
    run::{BestScore, Environment, Event, Layout, Phase, RunError, RunFolder, RunState, write_atomic},
};

/// Where a training starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the first step, in a new run folder.
    New,
    /// At the newest checkpoint of a run folder; at the first step if there is none yet.
    Resume {
        /// Go on although recipe, data or checkpoint are not those the run began with.
        force: bool,
    },
}

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
    /// The run folder, to be made or to be resumed.
    pub output: &'a Path,
    /// Whether it is made or resumed.
    pub start: Start,
    /// What the device is and offers.
    pub limits: DeviceLimits,
    /// How the device is chosen, for the record and for resuming.
    pub choice: &'a str,
    /// Its name, for the record.
    pub device: &'a str,
    /// Whether the user says that the data is SQuAD 2.0; the data decides, this only checks.
    pub version_2_with_negative: bool,
    /// What the caller has decided and the run's records are to say, a sentence each.
    pub notes: Vec<String>,
    /// Opens the device; called once for each learning rate.
    pub open: &'a OpenEngine<'a>,
    /// Who watches.
    pub observer: &'a mut dyn Observer,
    /// Who may end it early.
    pub stop: StopFlag,
    /// For tests: when the device is made to fail.
    pub inject_fault: Option<InjectedFault>,
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
    /// Why it is complete although updates were left (early stopping).
    pub ended_early: Option<String>,
}

/// Does a training, or the rest of one. Everything given is checked, and the device opened, before the run folder is
/// made; a run that fails before its first step leaves nothing behind.
///
/// # Errors
/// If anything given is unusable, the device fails ([`TrainError::device_fault`]), the loss is not finite, a file cannot
/// be written, or the run to be resumed began differently.
pub fn run_training(job: TrainJob<'_>) -> Result<TrainOutcome, TrainError> {
    let reopened = match job.start {
        Start::New => RunFolder::check(job.output).map(|()| None)?,
        Start::Resume { .. } => Some(RunFolder::reopen(job.output)?),
    };
    let loading = Event::Phase { phase: Phase::Loading, detail: None };
    job.observer.event(&loading);
    let model = job.model.directory();
    let (mut inputs, weights) = Inputs::read(job.model, job.train_data, job.dev_data, &job.recipe)?;
    inputs.check_version(job.version_2_with_negative, &job.recipe)?;
    if job.recipe.early_stopping_patience.is_some() && inputs.dev.is_none() {
        return Err(TrainError::NothingToWaitFor);
    }
    inputs.notes.extend(job.notes);
    inputs.warnings.extend(job.recipe.warnings());
    let length_multiple = job.recipe.length_multiple_for(job.limits.backend).min(job.recipe.max_seq_length);
    let recipe = Recipe {
        length_multiple: Some(length_multiple),
        do_lower_case: Some(inputs.tokenizer.do_lower_case()),
        ..job.recipe
    };
    let environment = Environment {
        backend: job.choice.to_owned(),
        model,
        checkpoint: inputs.files.clone(),
        train_data: Some(job.train_data.fingerprint()?),
        dev_data: job.dev_data.map(|data| data.fingerprint()).transpose()?,
        ..Environment::of_this_process(job.device)
    };
    let mut resumed = match (&reopened, job.start) {
        (Some(folder), Start::Resume { force }) => {
            Some(Resumed::read(folder.layout(), &recipe, environment.clone(), force)?)
        }
        _ => None,
    };
    let place = resumed.as_ref().and_then(Resumed::place).unwrap_or_default();
    let mut engines = Engines {
        open: job.open,
        config: inputs.training_config(&recipe),
        optimizer: optimizer_config(&recipe),
        weights,
        saved: resumed.as_mut().and_then(Resumed::take_state),
        recompute: false,
        left: recipe.learning_rates().len().saturating_sub(place.training),
    };
    let first = engines.next()?;

    let folder = reopened.map_or_else(|| RunFolder::create(job.output), Ok)?;
    let layout = folder.layout();
    let run = Run {
        inputs: &inputs,
        recipe: &recipe,
        length_multiple,
        layout,
        limits: job.limits,
        stop: job.stop,
        inject_fault: job.inject_fault,
    };
    let result = run
        .start(&environment, resumed.as_ref(), loading, job.observer)
        .and_then(|recorder| run.go(recorder, resumed.as_ref(), engines, first));
    // After a fault of the device another process goes on in the folder.
    if let (Start::New, Err(error)) = (job.start, &result)
        && error.device_fault().is_none()
        && RunState::read(layout).map_or(true, |state| state.step == 0)
    {
        folder.discard();
    }
    result
}

/// A run whose folder has been made.
struct Run<'a> {
    inputs: &'a Inputs,
    recipe: &'a Recipe,
    length_multiple: usize,
    layout: &'a Layout,
    limits: DeviceLimits,
    stop: StopFlag,
    inject_fault: Option<InjectedFault>,
}

impl Run<'_> {
    fn start<'o>(
        &self,
        environment: &Environment,
        resumed: Option<&Resumed>,
        loading: Event,
        observer: &'o mut dyn Observer,
    ) -> Result<Recorder<'o>, TrainError> {
        // The recipe comes last: from then on the folder holds a run that can be resumed.
        resumed.map_or(environment, |resumed| &resumed.environment).write(self.layout)?;
        write_atomic(&self.layout.recipe(), self.recipe.to_toml().as_bytes()).map_err(RunError::from)?;
        let device = &environment.device;
        let mut recorder = match resumed {
            Some(resumed) => {
                Recorder::resume(self.layout, observer, &[loading], resumed.progress.as_ref(), device)?
            }
            None => Recorder::start(self.layout, observer, &[loading])?,
        };
        write_skipped(self.layout, &self.inputs.skipped)?;
        for note in &self.inputs.notes {
            recorder.detailed_phase(Phase::Loading, note.clone())?;
        }
        for warning in self.inputs.warnings.iter().chain(resumed.iter().flat_map(|resumed| &resumed.warnings))
        {
            recorder.warn(warning.clone())?;
        }
        Ok(recorder)
    }

    fn go(
        &self,
        mut recorder: Recorder<'_>,
        resumed: Option<&Resumed>,
        mut engines: Engines<'_>,
        mut first: Box<dyn TrainingEngine>,
    ) -> Result<TrainOutcome, TrainError> {
        let prepared = prepare(self.inputs, self.recipe, self.length_multiple, &mut recorder);
        let mut prepared = prepared.inspect_err(|error| record_failure(&mut recorder, error, 0.0))?;
        let data = prepared.training_data(self.length_multiple, 1);
        let longest = data.windows.iter().map(|window| window.input_ids.len()).max().unwrap_or(0);
        let longest = self.recipe.padded_length(longest, self.length_multiple);
        let planned = probe::plan_for(self.recipe, first.config(), longest, &self.limits);
        let before = resumed.and_then(|resumed| resumed.fit);
        let fit =
            probe::settle(first.as_mut(), planned, before, &self.limits, &mut recorder, |engine, rows| {
                probe::probe(engine, data, self.recipe, rows)
            });
        let fit = fit.inspect_err(|error| record_failure(&mut recorder, error, 0.0))?;
        if let Some(development) = &mut prepared.development {
            development.set_batch_size(fit.eval_batch);
        }
        engines.recompute = fit.recompute;
        let Prepared { schedule, development, .. } = &prepared;
        let rates = self.recipe.learning_rates();
        recorder.set_total_steps(schedule.steps() * rates.len());
        let progress = resumed.and_then(|resumed| resumed.progress.as_ref());
        let task = FineTuning {
            recipe: self.recipe,
            schedule,
            data: prepared.training_data(self.length_multiple, fit.micro_batch),
            evaluator: development.as_ref().map(|set| Box::new(set) as Box<dyn Evaluator>),
            layout: self.layout.clone(),
            config: &self.inputs.config,
            tokenizer: &self.inputs.tokenizer,
            dataset_version: self.inputs.train.version.to_string(),
            latest: progress.and_then(|progress| progress.latest.clone()),
        };
        let trainer = Trainer::new(task, recorder, self.stop.clone(), progress);
        let mut trainer = trainer.failing(self.inject_fault);
        let ending = sweep(&mut trainer, &rates, progress.map(|progress| progress.place), engines, first);
        trainer.finish(ending)
    }
}

/// Lists the questions left out, if there are any.
fn write_skipped(layout: &Layout, skipped: &[SkippedQuestion]) -> Result<(), TrainError> {
    if skipped.is_empty() {
        return Ok(());
    }
    let lines = skipped.iter().map(|question| {
        let line = serde_json::json!({
            "id": question.qas_id,
            "kind": question.reason.kind(),
            "place": question.place.to_string(),
            "answer": question.answer_text,
        });
        format!("{line}\n")
    });
    let lines: String = lines.collect();
    Ok(write_atomic(&layout.skipped(), lines.as_bytes()).map_err(RunError::from)?)
}

/// Trains once for each learning rate, all sharing one best; `last/` holds the last training's weights.
fn sweep(
    trainer: &mut Trainer<'_, FineTuning<'_>>,
    rates: &[f64],
    mut from: Option<Place>,
    mut engines: Engines<'_>,
    first: Box<dyn TrainingEngine>,
) -> Result<Ending, TrainError> {
    let mut opened = Some(first);
    let done = from.map_or(0, |place| place.training);
    for (index, &learning_rate) in rates.iter().enumerate().skip(done) {
        let mut engine = match opened.take() {
            Some(engine) => engine,
            None => engines.next()?,
        };
        let training = Training { index, count: rates.len(), learning_rate };
        let ending = trainer.train(engine.as_mut(), training, from.take())?;
        if ending == Ending::Stopped || index + 1 == rates.len() {
            trainer.save_last(engine.as_mut())?;
            return Ok(ending);
        }
    }
    Ok(Ending::Completed)
}
