//! `spanbert train --distributed`: one training by the processes that an MPI launcher has started.

use std::{
    cell::{Cell, RefCell},
    path::{Path, PathBuf},
    rc::Rc,
    time::Duration,
};

use clap::Args;
use serde::{Deserialize, Serialize};
use spanbert_backends::collective::{self, CollectiveError, Ranks, World};

use super::{error::CliError, output};
use spanbert_core::{
    advice::Advice,
    engine::{EngineError, SharedRanks},
    run::{Event, EventLog, Layout, RunFolder, TrainLog},
};

/// Names the library of MPI.
const LIBRARY: &str = "SPANBERT_MPI_LIBRARY";

/// Whether several processes train together.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct WorkerArgs {
    /// Train along with the other processes that mpirun, or srun --mpi=pmix, has started with this command: each computes its part
    /// of every batch and of every evaluation. MPI is loaded when it is needed (Open MPI, MPICH and what is compatible with it);
    /// SPANBERT_MPI_LIBRARY names a library that is not found. With the same --parts any number of workers gives the same bits.
    #[arg(long, conflicts_with_all = ["seeds", "sweep_shard", "sweep_merge"])]
    pub(super) distributed: bool,
    /// With --distributed, give up if another worker does not answer for this long.
    #[arg(long, value_name = "MINUTES", default_value_t = 30.0, value_parser = minutes, requires = "distributed")]
    worker_timeout: f64,
    /// Resume the run in --output-dir if it has begun, else begin it: for launchers that start the same command again.
    /// A complete run is a success.
    #[arg(long, requires = "output_dir", conflicts_with_all = ["runs_dir", "resume", "seeds", "sweep_shard", "sweep_merge"])]
    pub(super) resume_if_begun: bool,
}

fn minutes(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(minutes) if minutes > 0.0 && minutes <= 1e6 => Ok(minutes),
        _ => Err("give a number of minutes above 0".to_owned()),
    }
}

/// Where all workers train, by the first one's word.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Course {
    /// The run folder.
    pub(super) folder: PathBuf,
    /// Whether the run has begun.
    pub(super) resumes: bool,
    /// Whether it is complete, so that there is nothing to do.
    pub(super) is_done: bool,
}

/// This process among the workers.
pub(super) struct Workers {
    pub(super) ranks: SharedRanks,
    /// Where the run is, once that is known.
    folder: Rc<RefCell<Option<PathBuf>>>,
}

impl WorkerArgs {
    /// Refuses to train alone what a launcher has started several times, where that is certain; else says what it may mean.
    pub(super) fn check_alone(self) -> Result<(), CliError> {
        let Some(world) = World::of_this_process().filter(|world| world.size > 1) else { return Ok(()) };
        let (launcher, size) = (world.launcher.name(), world.size);
        if world.is_certain() {
            return Err(CliError::new(
                format_args!("{launcher} started {size} processes, each of which would train for itself"),
                "add --distributed to have them train together, or start one process",
            ));
        }
        if world.rank == 0 {
            output::note(format_args!(
                "note: {launcher} speaks of {size} processes; they train together only with --distributed"
            ));
        }
        Ok(())
    }

    /// Joins the others.
    pub(super) fn join(self) -> Result<Workers, CliError> {
        let world = World::of_this_process();
        let library = std::env::var_os(LIBRARY).map(PathBuf::from);
        let deadline = Duration::from_secs_f64(self.worker_timeout * 60.0);
        let folder = Rc::new(RefCell::new(None));
        let leads = Rc::new(Cell::new(false));
        let last_words = last_words(Rc::clone(&folder), Rc::clone(&leads));
        let joined = collective::mpi(library.as_deref(), world.as_ref(), deadline, last_words)?;
        let ranks = Ranks::new(joined);
        leads.set(ranks.rank() == 0);
        if ranks.rank() > 0 {
            output::omit_notes();
        }
        Ok(Workers { ranks: Rc::new(RefCell::new(ranks)), folder })
    }
}

/// What is said, and recorded by the first worker, before a process ends because another one is gone.
fn last_words(folder: Rc<RefCell<Option<PathBuf>>>, leads: Rc<Cell<bool>>) -> collective::LastWords {
    Box::new(move |error| {
        let folder = folder.borrow();
        if let Some(folder) = folder.as_deref().filter(|_| leads.get()) {
            record(folder, error);
        }
        let _ = CliError::from(EngineError::from(error.clone())).say();
    })
}

/// Puts an error into a run's records. If they cannot be written, it is only said.
fn record(folder: &Path, error: &CollectiveError) {
    let layout = Layout::new(folder);
    if RunFolder::find(folder).is_err() {
        return;
    }
    let message = EngineError::from(error.clone()).in_one_line();
    let event = Event::Error { message: message.clone() };
    let _ = EventLog::open(&layout.events()).and_then(|mut log| log.append(&event));
    let _ = TrainLog::open(&layout.train_log()).and_then(|mut log| log.line(&format!("error: {message}")));
}

impl Workers {
    /// Whether this is the first worker, the only one that speaks.
    pub(super) fn leads(&self) -> bool {
        self.ranks.borrow().rank() == 0
    }

    /// Does something with all, and takes leave of them. What ends one of them is told by the first, and by others only if the
    /// first cannot know of it.
    pub(super) fn finish<T>(self, work: impl FnOnce(&Self) -> Result<T, CliError>) -> Result<T, CliError> {
        let result = work(&self);
        let leads = self.leads();
        let mut ranks = self.ranks.borrow_mut();
        let result = result.map_err(|error| {
            let known = ranks.fail(&error.in_one_line());
            match known {
                CollectiveError::Peer { .. } if !leads => CliError::silent(1),
                _ => error,
            }
        });
        ranks.finish();
        result
    }

    /// Where all train: the first one decides.
    pub(super) fn course(&self, own: impl FnOnce() -> Result<Course, CliError>) -> Result<Course, CliError> {
        let text =
            if self.leads() { serde_json::to_vec(&own()?).map_err(CliError::no_json)? } else { Vec::new() };
        let text = self.ranks.borrow_mut().broadcast(text).map_err(EngineError::from)?;
        let course: Course = serde_json::from_slice(&text).map_err(CliError::no_json)?;
        self.folder.replace(Some(course.folder.clone()));
        Ok(course)
    }
}
