//! One fine-tuning: what `train`, `run_squad` and `demo` have in common.

use std::{path::Path, rc::Rc};

use spanbert_backends::{DeviceChoice, fault};

use super::{
    error::CliError,
    model, output,
    progress::Progress,
    supervisor::{self, First},
    trained::outcome,
    workers::{self as together, Workers},
};
use spanbert_core::{
    engine::{open_inference, open_training},
    run::{Layout, Lock, RunFolder},
    train::{
        DataSource, DeviceLimits, ModelSource, Recipe, Silent, Start, StopFlag, TrainJob, TrainOutcome,
        run_training,
    },
};

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
    /// What the run's records are to say besides.
    pub(super) notes: Vec<String>,
    /// The run folder to make, or to go on with.
    pub(super) folder: &'a Path,
    /// Whether it is made or resumed.
    pub(super) start: Start,
    /// Where to compute.
    pub(super) choice: &'a DeviceChoice,
    /// Whether the user says that the data is SQuAD 2.0.
    pub(super) version_2_with_negative: bool,
    /// The processes that train together, if there are several.
    pub(super) workers: Option<&'a Workers>,
}

/// Trains, with progress on standard error. Ctrl-C ends it after the current step, with everything saved.
///
/// The work is done by a process of its own ([`supervisor`]): in that process this does not return a success.
pub(super) fn fine_tune(job: FineTuning<'_>) -> Result<TrainOutcome, CliError> {
    if let Some(workers) = job.workers {
        // No process watches over this one: a second one that starts MPI under the same rank fails, and launchers start
        // workers again.
        if workers.leads() && job.start == Start::New {
            announce(&job.recipe, job.dev.is_some());
        }
        return train_here(job);
    }
    if let Some(folder) = supervisor::worker_folder() {
        let trained = train_here(FineTuning { folder: &folder, ..job });
        supervisor::end_worker(trained.map_or_else(|error| error.say(), |_| 0));
    }
    // Refused before anything slow is done.
    match job.start {
        Start::New => RunFolder::check(job.folder)?,
        Start::Resume { .. } => Lock::check(&Layout::new(job.folder))?,
    }
    if job.start == Start::New {
        announce(&job.recipe, job.dev.is_some());
    }
    supervisor::supervise(job.folder, First::AsTyped)?;
    outcome(job.folder)
}

/// Says what a user might not expect before any time is spent on it.
pub(super) fn announce(recipe: &Recipe, has_dev: bool) {
    let rates = recipe.learning_rates();
    let kept = if has_dev {
        "the best weights of all are kept"
    } else {
        "without development data those of the last one are kept"
    };
    if let [first, .., last] = rates[..] {
        output::note(format_args!(
            "no learning rate is given: as in the reference, {count} from {first:e} to {last:e} are tried one after the \
             other and {kept}; that takes about {count} times as long as one training (--learning-rate 2e-5 trains once)",
            count = rates.len(),
        ));
    }
}

/// Trains in this process.
fn train_here(job: FineTuning<'_>) -> Result<TrainOutcome, CliError> {
    let FineTuning {
        model,
        train,
        dev,
        recipe,
        notes,
        folder,
        start,
        choice,
        version_2_with_negative,
        workers,
    } = job;
    let device = model::find_device(choice)?;
    let precision = recipe.precision.into();
    let leads = workers.is_none_or(Workers::leads);
    if leads {
        fault::log_to(Layout::new(folder).device_log());
    }
    let (mut progress, mut silent) = (leads.then(Progress::new), Silent);
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
        notes,
        open: &|config, weights, optimizer| {
            let fusion = model::prove_device(&device, precision)?;
            open_training(&device.choice, fusion, config, weights, *optimizer, precision)
        },
        open_teacher: &|config, weights| {
            let fusion = model::prove_device(&device, precision)?;
            open_inference(&device.choice, fusion, config, weights, precision)
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
    if workers.is_some() {
        return result.map_err(|error| {
            let over = error.leaves_the_run_alone();
            together::after_failure(folder, leads, error.device_fault(), error, over)
        });
    }
    result.map_err(|error| {
        let over = error.leaves_the_run_alone();
        supervisor::after_failure(folder, error.device_fault(), error, over)
    })
}
