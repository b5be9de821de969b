//! A whole training, from files to a finished run folder: what `train`, `run_squad`, `demo` and the app call.

use std::{path::Path, rc::Rc};

use pollster::block_on;

use super::{
    Before, DataSource, DeviceLimits, Ending, Host, InjectedFault, ModelSource, Observer, Open, OpenEngine,
    OpenTeacher, Recipe, Recorder, RunHost, Session, StopFlag, SweepPart, TrainError, Trained,
    handshake::{Beginning, Facts, shake_hands, share},
    resume::Resumed,
    train_ahead,
    workers::{Follower, WorkersHost},
};
use crate::{
    advice::Advice,
    engine::SharedRanks,
    run::{
        BestScore, Environment, Event, Layout, Phase, RunError, RunFolder, RunState, Workers, write_atomic,
    },
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
    /// Opens the recipe's teacher there.
    pub open_teacher: &'a OpenTeacher<'a>,
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
    let workers = job.workers.clone();
    train(job).inspect_err(|error| {
        if let Some(ranks) = &workers {
            ranks.borrow_mut().fail(&error.in_one_line());
        }
    })
}

fn train(job: TrainJob<'_>) -> Result<TrainOutcome, TrainError> {
    let leads = job.workers.as_ref().is_none_or(|ranks| ranks.borrow().rank() == 0);
    let reopened = match job.start {
        Start::New if leads => RunFolder::check(job.output).map(|()| None)?,
        Start::Resume { .. } if leads => Some(RunFolder::reopen(job.output)?),
        Start::New | Start::Resume { .. } => None,
    };
    let loading = Event::Phase { phase: Phase::Loading, detail: None };
    job.observer.event(&loading);
    let model = job.model.directory();
    let (mut session, weights) = Session::read(
        job.model,
        job.train_data,
        job.dev_data,
        job.recipe,
        job.limits,
        job.version_2_with_negative,
    )?;
    session.inputs.notes.extend(job.notes);
    if let Some(part) = SweepPart::read(&Layout::new(job.output)) {
        session.trainings = part.shard.range(session.trainings.end);
    }
    let mut environment = Environment {
        backend: job.choice.to_owned(),
        model,
        checkpoint: session.inputs.files.clone(),
        teacher: session.inputs.teacher.as_ref().map(|teacher| teacher.files.clone()).unwrap_or_default(),
        train_data: Some(job.train_data.fingerprint()?),
        dev_data: job.dev_data.map(|data| data.fingerprint()).transpose()?,
        ..Environment::of_this_process(job.device)
    };
    if let Some(ranks) = &job.workers {
        session.share_with(ranks)?;
        environment.workers = Some(Workers::of(&ranks.borrow()));
        let resumes = matches!(job.start, Start::Resume { .. });
        let warning = shake_hands(ranks, &Facts::new(session.recipe.values(), &environment, resumes))?;
        session.inputs.warnings.extend(warning);
    }
    let mut resumed = match (&reopened, job.start) {
        (Some(folder), Start::Resume { force }) => {
            Some(Resumed::read(folder.layout(), &session.recipe, environment.clone(), force)?)
        }
        _ => None,
    };
    let own = Beginning {
        weights,
        saved: resumed.as_mut().and_then(Resumed::take_state),
        progress: resumed.as_ref().and_then(|resumed| resumed.progress.clone()),
        fit: resumed.as_ref().and_then(|resumed| resumed.fit),
    };
    let beginning = match &job.workers {
        Some(ranks) => share(ranks, own)?,
        None => own,
    };
    let Beginning { weights, saved, progress, fit } = beginning;
    let open = Open { student: job.open, teacher: job.open_teacher };
    let mut engines = session.engines(open, weights, saved, progress.as_ref());
    let first = engines.next()?;
    let teacher = engines.teacher(&session.recipe)?;
    let before = Before { progress: progress.as_ref(), fit, inject_fault: job.inject_fault };
    let run = |host: &mut dyn Host| {
        let engine = (first, teacher);
        block_on(session.run(host, before, engines, engine, async |trainer, engine, training, from| {
            train_ahead(trainer, engine, training, from)
        }))
    };
    if let Some(ranks) = job.workers.as_ref().filter(|_| !leads) {
        let mut follower = Follower::new(job.stop);
        let trained = run(&mut WorkersHost::new(&mut follower, Rc::clone(ranks)))?;
        return Ok(TrainOutcome::new(&Layout::new(job.output), trained));
    }

    let folder = reopened.map_or_else(|| RunFolder::create(job.output), Ok)?;
    let layout = folder.layout();
    let started = start(layout, &session, &environment, resumed.as_ref(), loading, job.observer);
    let result = started.and_then(|recorder| {
        let mut host = RunHost::new(recorder, job.stop);
        tell(&session, resumed.as_ref(), &mut host)?;
        match &job.workers {
            Some(ranks) => run(&mut WorkersHost::new(&mut host, Rc::clone(ranks))),
            None => run(&mut host),
        }
    });
    let result = result.map(|trained| TrainOutcome::new(layout, trained));
    // After a fault of the device another process goes on in the folder.
    if let (Start::New, Err(error)) = (job.start, &result)
        && error.device_fault().is_none()
        && RunState::read(layout).map_or(true, |state| state.step == 0)
    {
        folder.discard();
    }
    result
}

impl TrainOutcome {
    /// That of a training in a run folder.
    pub(crate) fn new(layout: &Layout, trained: Trained) -> Self {
        let Trained { ending, steps, best, elapsed_secs, ended_early } = trained;
        Self { ending, layout: layout.clone(), steps, best, elapsed_secs, ended_early }
    }
}

/// Writes what makes the folder a run, and opens its records.
fn start<'o>(
    layout: &Layout,
    session: &Session,
    environment: &Environment,
    resumed: Option<&Resumed>,
    loading: Event,
    observer: &'o mut dyn Observer,
) -> Result<Recorder<'o>, TrainError> {
    // The recipe comes last: from then on the folder holds a run that can be resumed.
    resumed.map_or(environment, |resumed| &resumed.environment).write(layout)?;
    write_atomic(&layout.recipe(), session.recipe.to_toml().as_bytes()).map_err(RunError::from)?;
    let device = &environment.device;
    Ok(match resumed {
        Some(resumed) => Recorder::resume(layout, observer, &[loading], resumed.progress.as_ref(), device)?,
        None => Recorder::start(layout, observer, &[loading])?,
    })
}

/// Records what inputs and resumption are to be known for.
fn tell(session: &Session, resumed: Option<&Resumed>, host: &mut dyn Host) -> Result<(), TrainError> {
    session.tell(host)?;
    for warning in resumed.iter().flat_map(|resumed| &resumed.warnings) {
        host.warn(warning.clone())?;
    }
    Ok(())
}
