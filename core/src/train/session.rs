//! A fine-tuning, from inputs read to the last weights, in whatever host.

use std::ops::Range;
#[cfg(feature = "native")]
use std::rc::Rc;

use super::{
    DeviceLimits, Ending, Evaluator, FineTuning, Fit, Host, InjectedFault, ModelSource, OpenEngine, Place,
    Progress, Recipe, Share, Teacher, TrainError, Trained, Trainer, Training, TrainingCheckpoint,
    engines::{Engines, Open},
    inputs::Inputs,
    optimizer::optimizer_config,
    prepare::{Preparation, prepare},
    probe,
    source::DataSource,
    trainer::record_failure,
};
use crate::{
    checkpoint::Weights,
    config::BertConfig,
    engine::{InferenceEngine, OptimizerConfig, OptimizerState, PartedSum, SharedRanks, TrainingEngine},
    run::{Event, Phase},
};

/// What is fine-tuned, on what, and how.
pub struct FineTuneJob<'a> {
    /// What to fine-tune.
    pub model: ModelSource<'a>,
    /// What to learn from.
    pub train_data: DataSource<'a>,
    /// What to choose the best weights by; without it only the last are kept.
    pub dev_data: Option<DataSource<'a>>,
    /// Every hyper-parameter.
    pub recipe: Recipe,
    /// What the device is and offers.
    pub limits: DeviceLimits,
    /// Its name, for the record of a resumption.
    pub device: &'a str,
    /// Opens the device; called once for each learning rate.
    pub open: &'a OpenEngine<'a>,
    /// Where to resume; it has to be a checkpoint of the same model, data and recipe.
    pub resume: Option<TrainingCheckpoint>,
}

/// Fine-tunes in a host without files, such as [`MemoryHost`](super::MemoryHost). `run_training` (native) does the same in a
/// run folder, with batches made on a thread of their own; the results are the same to the bit.
///
/// # Errors
/// If anything given is unusable, the device fails, the loss is not finite, or the host cannot keep something.
pub async fn fine_tune(job: FineTuneJob<'_>, host: &mut dyn Host) -> Result<Trained, TrainError> {
    host.phase(Phase::Loading)?;
    let FineTuneJob { model, train_data, dev_data, recipe, limits, device, open, resume } = job;
    let (mut session, weights) = Session::read(model, train_data, dev_data, recipe, limits, false)?;
    let (progress, saved) = match resume {
        Some(TrainingCheckpoint { progress, weights, optimizer }) => {
            (Some(progress), Some((weights, optimizer)))
        }
        None => (None, None),
    };
    let answering = |config: &BertConfig, weights| {
        let engine = open(config, weights, &OptimizerConfig::default())?;
        Ok(engine as Box<dyn InferenceEngine>)
    };
    let open = Open { student: open, teacher: &answering };
    let mut engines = session.engines(open, weights, saved, progress.as_ref());
    let first = engines.next()?;
    let teacher = engines.teacher(&session.recipe)?;
    if let Some(Progress { place, evaluations, .. }) = progress {
        let device = device.to_owned();
        host.record(Event::Resumed { step: place.step, evaluations, device })?;
    }
    session.tell(host)?;
    let before = Before { progress: progress.as_ref(), fit: None, inject_fault: None };
    let here = async |trainer: &mut Trainer<'_, FineTuning<'_>>,
                      engine: &mut (dyn TrainingEngine + 'static),
                      training: Training,
                      from: Option<Place>| {
        trainer.train(engine, training, from, |batches| batches).await
    };
    session.run(host, before, engines, (first, teacher), here).await
}

/// What a fine-tuning goes on from, and what a test wants of it.
#[derive(Clone, Copy, Default)]
pub(super) struct Before<'a> {
    /// Where it goes on; without it, it begins.
    pub progress: Option<&'a Progress>,
    /// How batches were split, if that still holds.
    pub fit: Option<Fit>,
    /// For tests: when the device is made to fail.
    pub inject_fault: Option<InjectedFault>,
}

/// A fine-tuning whose inputs have been read and checked.
pub(super) struct Session {
    pub inputs: Inputs,
    /// With what follows from inputs and device filled in.
    pub recipe: Recipe,
    /// Which of the recipe's learning rates are trained with: all, or a part of the sweep.
    pub trainings: Range<usize>,
    /// The other workers, if there are any.
    pub ranks: Option<SharedRanks>,
    length_multiple: usize,
    limits: DeviceLimits,
}

impl Session {
    /// Reads model and data; the weights come apart because the first engine takes them.
    pub fn read(
        model: ModelSource<'_>,
        train_data: DataSource<'_>,
        dev_data: Option<DataSource<'_>>,
        recipe: Recipe,
        limits: DeviceLimits,
        version_2_with_negative: bool,
    ) -> Result<(Self, Weights), TrainError> {
        let (mut inputs, weights) = Inputs::read(model, train_data, dev_data, &recipe)?;
        inputs.check_version(version_2_with_negative, &recipe)?;
        if recipe.early_stopping_patience.is_some() && inputs.dev.is_none() {
            return Err(TrainError::NothingToWaitFor);
        }
        inputs.warnings.extend(recipe.warnings());
        let length_multiple = recipe.length_multiple_for(limits.backend).min(recipe.max_seq_length);
        let recipe = Recipe {
            length_multiple: Some(length_multiple),
            do_lower_case: Some(inputs.tokenizer.do_lower_case()),
            teacher: recipe.teacher.as_deref().map(absolute),
            ..recipe
        };
        let trainings = 0..recipe.learning_rates().len();
        Ok((Self { inputs, recipe, trainings, ranks: None, length_multiple, limits }, weights))
    }

    /// The engines of all trainings that are left, the first of them with what was saved.
    pub fn engines<'e>(
        &mut self,
        open: Open<'e>,
        weights: Weights,
        saved: Option<(Weights, OptimizerState)>,
        progress: Option<&Progress>,
    ) -> Engines<'e> {
        let done = progress.map_or(self.trainings.start, |progress| progress.place.training);
        Engines {
            open,
            teacher: self.inputs.teacher.take(),
            others: 0,
            config: self.inputs.training_config(&self.recipe),
            optimizer: optimizer_config(&self.recipe),
            weights,
            saved,
            recompute: false,
            adversarial: self.recipe.adversarial_epsilon.map(|epsilon| epsilon as f32),
            parted: self.recipe.parts.map(|count| PartedSum { count, ranks: self.ranks.clone() }),
            left: self.trainings.end.saturating_sub(done),
        }
    }

    /// Trains along with others. Without a word about parts there are as many as workers.
    #[cfg(feature = "native")]
    pub fn share_with(&mut self, ranks: &SharedRanks) -> Result<(), TrainError> {
        let workers = ranks.borrow().size();
        if workers > 1 && self.recipe.parts.is_none() {
            self.recipe.parts = Some(workers);
            self.recipe.validate(&self.inputs.config)?;
        }
        let parts = self.recipe.parts.unwrap_or(1);
        if parts < workers {
            return Err(TrainError::TooFewParts { workers, parts });
        }
        self.ranks = Some(Rc::clone(ranks));
        let name = ranks.borrow().name();
        if workers > 1 {
            let note = format!("{workers} workers by {name}, gradients summed in {parts} parts");
            self.inputs.notes.push(note);
        }
        Ok(())
    }

    /// The part of every batch that is computed here; all of it, undivided, without one.
    fn share(&self) -> Option<Share> {
        let count = self.recipe.parts?;
        let (rank, workers) = self.ranks.as_ref().map_or((0, 1), |ranks| {
            let ranks = ranks.borrow();
            (ranks.rank(), ranks.size())
        });
        Some(Share::of(rank, workers, count))
    }

    /// Records what the inputs are to be known for.
    pub fn tell(&self, host: &mut dyn Host) -> Result<(), TrainError> {
        if !self.inputs.skipped.is_empty() {
            host.save_skipped(&self.inputs.skipped)?;
        }
        for note in &self.inputs.notes {
            host.detailed_phase(Phase::Loading, note.clone())?;
        }
        for warning in &self.inputs.warnings {
            host.warn(warning.clone())?;
        }
        Ok(())
    }

    /// Cuts the data into windows, decides how batches are split, and trains once for each learning rate; `train` has a
    /// trainer train.
    pub async fn run(
        &self,
        host: &mut dyn Host,
        before: Before<'_>,
        mut engines: Engines<'_>,
        (mut first, mut teacher): (Box<dyn TrainingEngine>, Option<Teacher>),
        train: impl AsyncFnMut(
            &mut Trainer<'_, FineTuning<'_>>,
            &mut (dyn TrainingEngine + 'static),
            Training,
            Option<Place>,
        ) -> Result<Ending, TrainError>,
    ) -> Result<Trained, TrainError> {
        let Self { inputs, recipe, .. } = self;
        let prepared = prepare(inputs, recipe, self.length_multiple, host);
        let mut prepared = prepared.inspect_err(|error| record_failure(host, error, 0.0))?;
        let share = self.share();
        let fit = self.fit(host, before.fit, &prepared, first.as_mut(), teacher.as_mut()).await;
        let (fit, others) = fit.inspect_err(|error| record_failure(host, error, 0.0))?;
        if let Some(development) = &mut prepared.development {
            development.set_batch_size(fit.eval_batch);
            development.share_with(self.ranks.clone());
        }
        engines.recompute = fit.recompute;
        engines.others = others;
        let Preparation { schedule, development, .. } = &prepared;
        let rates = recipe.learning_rates();
        host.set_total_steps(schedule.steps() * rates.len());
        let task = FineTuning {
            recipe,
            schedule,
            data: prepared.training_data(self.length_multiple, fit.micro_batch, share),
            evaluator: development.as_ref().map(|set| Box::new(set) as Box<dyn Evaluator>),
            config: &inputs.config,
            tokenizer: &inputs.tokenizer,
            dataset_version: inputs.train.version.to_string(),
            teacher,
            latest: before.progress.and_then(|progress| progress.latest.clone()),
        };
        let mut trainer = Trainer::new(task, host, before.progress).failing(before.inject_fault);
        let from = before.progress.map(|progress| progress.place);
        let trainings = (rates.as_slice(), self.trainings.clone());
        let ending = sweep(&mut trainer, trainings, from, engines, first, train).await;
        trainer.finish(ending)
    }

    /// Decides how batches are split, and tries it on a GPU. Gives the bytes that a teacher takes there, too.
    async fn fit(
        &self,
        host: &mut dyn Host,
        before: Option<Fit>,
        prepared: &Preparation,
        engine: &mut (dyn TrainingEngine + 'static),
        mut teacher: Option<&mut Teacher>,
    ) -> Result<(Fit, u64), TrainError> {
        let Self { recipe, length_multiple, limits, .. } = self;
        let data = prepared.training_data(*length_multiple, 1, None);
        let longest = data.windows.iter().map(|window| window.input_ids.len()).max().unwrap_or(0);
        let longest = recipe.padded_length(longest, *length_multiple);
        let workers = self.ranks.as_ref().map_or(1, |ranks| ranks.borrow().size());
        let kept = teacher.as_ref().map_or(0, |teacher| teacher.kept_bytes(data, recipe));
        let beside =
            |rows| teacher.as_ref().map_or(0, |teacher| teacher.bytes(rows, longest, limits.backend, kept));
        let planned = probe::plan_for(recipe, engine.config(), longest, limits, workers, &beside);
        let others = beside(before.unwrap_or(planned.0).micro_batch);
        if let Some(teacher) = &mut teacher {
            engine.share_device(others);
            teacher.share_device(planned.1.total.saturating_sub(planned.1.teacher));
        }
        let fit = probe::settle(engine, planned, before, limits, "window", host, |engine, rows| {
            probe::probe(engine, teacher, data, recipe, rows)
        });
        Ok((fit.await?, others))
    }
}

/// A folder's path for those who resume the run from elsewhere.
fn absolute(folder: &str) -> String {
    let path = std::path::absolute(folder).ok().and_then(|path| path.into_os_string().into_string().ok());
    path.unwrap_or_else(|| folder.to_owned())
}

/// Trains once for each learning rate of a range, all sharing one best; the last training's weights are kept as the last.
async fn sweep<'t>(
    trainer: &mut Trainer<'_, FineTuning<'t>>,
    (rates, trainings): (&[f64], Range<usize>),
    mut from: Option<Place>,
    mut engines: Engines<'_>,
    first: Box<dyn TrainingEngine>,
    mut train: impl AsyncFnMut(
        &mut Trainer<'_, FineTuning<'t>>,
        &mut (dyn TrainingEngine + 'static),
        Training,
        Option<Place>,
    ) -> Result<Ending, TrainError>,
) -> Result<Ending, TrainError> {
    let mut opened = Some(first);
    let done = from.map_or(trainings.start, |place| place.training);
    for (index, &learning_rate) in rates.iter().enumerate().take(trainings.end).skip(done) {
        let left = trainings.end.saturating_sub(index + 1);
        let mut engine = match opened.take() {
            Some(engine) => engine,
            None => engines.next()?,
        };
        let training = Training { index, count: rates.len(), left, learning_rate };
        let ending = train(trainer, engine.as_mut(), training, from.take()).await?;
        if ending == Ending::Stopped || left == 0 {
            trainer.save_last(engine.as_mut()).await?;
            return Ok(ending);
        }
    }
    Ok(Ending::Completed)
}
