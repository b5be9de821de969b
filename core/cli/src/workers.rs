//! `--distributed`: one training or evaluation by the processes that a launcher has started.

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
    rc::Rc,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use clap::Args;
use serde::{Deserialize, Serialize};
use spanbert_backends::{
    DeviceChoice,
    collective::{self, CollectiveError, Joined, Joining, Ranks, World},
    fault::Fault,
    nvidia_gpus,
};

use super::{error::CliError, output};
use spanbert_core::{
    advice::Advice,
    engine::{EngineError, SharedRanks},
    interrupt,
    run::{Layout, RunFolder, record_failure},
    train::{Activity, Fit, TrainError, resume_command},
};

/// Names the library of MPI.
const MPI_LIBRARY: &str = "SPANBERT_MPI_LIBRARY";
/// Names the library of NCCL.
const NCCL_LIBRARY: &str = "SPANBERT_NCCL_LIBRARY";

/// How long a worker leaves each one before it the time to record what it knows.
const TURN: Duration = Duration::from_millis(300);
/// So many are waited for.
const LAST_TURN: usize = 10;

/// Whether several processes train together.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct WorkerArgs {
    /// Train along with the other processes that mpirun, torchrun or srun has started with this command: each computes its part of
    /// every batch and of every evaluation. Processes with an NVIDIA GPU each exchange gradients by NCCL, others by MPI (Open MPI,
    /// MPICH and what is compatible with it); both are loaded when they are needed, and SPANBERT_NCCL_LIBRARY or
    /// SPANBERT_MPI_LIBRARY names a library that is not found. With the same --parts any number of workers gives the same bits.
    #[arg(long, conflicts_with_all = ["seeds", "sweep_shard", "sweep_merge"])]
    pub(super) distributed: bool,
    #[command(flatten)]
    timeout: TimeoutArgs,
    /// Resume the run in --output-dir if it has begun, else begin it: for launchers that start the same command again.
    /// A complete run is a success.
    #[arg(long, requires = "output_dir", conflicts_with_all = ["runs_dir", "resume", "seeds", "sweep_shard", "sweep_merge"])]
    pub(super) resume_if_begun: bool,
}

/// How long another process is waited for.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct TimeoutArgs {
    /// With --distributed, give up if another worker does not answer for this long.
    #[arg(long, value_name = "MINUTES", default_value_t = 30.0, value_parser = minutes, requires = "distributed")]
    worker_timeout: f64,
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
    /// The device that this one computes on.
    pub(super) device: DeviceChoice,
    /// Where the run is, once that is known.
    folder: Arc<Mutex<Option<PathBuf>>>,
}

/// Refuses to do alone what a launcher has started several times, where that is certain; else says what it may mean. `does` is
/// what each process would do, `instead` what to do about it.
pub(super) fn check_alone(does: &str, instead: &str) -> Result<(), CliError> {
    let Some(world) = World::of_this_process().filter(|world| world.size > 1) else { return Ok(()) };
    let (launcher, size) = (world.launcher.name(), world.size);
    if world.is_certain() {
        return Err(CliError::new(
            format_args!("{launcher} started {size} processes, each of which would {does}"),
            instead,
        ));
    }
    if world.rank == 0 {
        output::note(format_args!("note: {launcher} speaks of {size} processes, each of which would {does}"));
    }
    Ok(())
}

impl WorkerArgs {
    /// Refuses to train alone what a launcher has started several times.
    pub(super) fn check_alone() -> Result<(), CliError> {
        check_alone("train for itself", "add --distributed to have them train together, or start one process")
    }

    /// See [`TimeoutArgs::join`].
    pub(super) fn join(self, choice: &DeviceChoice, run: &Path) -> Result<Workers, CliError> {
        self.timeout.join(choice, run, "train")
    }
}

impl TimeoutArgs {
    /// Joins the others, who all see the folder of `run`, to compute on the device of `choice`, or on their own of several GPUs.
    /// `does` says what they do.
    pub(super) fn join(self, choice: &DeviceChoice, run: &Path, does: &str) -> Result<Workers, CliError> {
        let world = World::of_this_process();
        let device = own_device(choice, world.as_ref(), nvidia_gpus)?;
        let library = |name| std::env::var_os(name).map(PathBuf::from);
        let (folder, rank) = (Arc::new(Mutex::new(None)), Arc::new(AtomicUsize::new(0)));
        let is_launched = world.is_some();
        let Joined { collective, not_by_nccl } = collective::join(Joining {
            world,
            gpu: if let DeviceChoice::Cuda(index) = device { Some(index) } else { None },
            run: run.to_owned(),
            mpi_library: library(MPI_LIBRARY),
            nccl_library: library(NCCL_LIBRARY),
            deadline: Duration::from_secs_f64(self.worker_timeout * 60.0),
            last_words: last_words(Arc::clone(&folder), Arc::clone(&rank)),
        })?;
        let ranks = Ranks::new(collective);
        rank.store(ranks.rank(), Ordering::Relaxed);
        if ranks.rank() > 0 {
            output::omit_notes();
        }
        if ranks.size() == 1 && !is_launched {
            output::note(format_args!(
                "note: no launcher has started this process, so it will {does} alone; mpirun, torchrun or srun start several"
            ));
        }
        if let Some(reason) = not_by_nccl {
            output::note(format_args!("note: gradients travel by MPI, not by NCCL: {reason}"));
        }
        Ok(Workers { ranks: Rc::new(RefCell::new(ranks)), device, folder })
    }
}

/// The device that a worker computes on: of several GPUs the one of its number on its machine, unless one was asked for by its
/// number. (`cuda` is `cuda:0`.)
fn own_device(
    choice: &DeviceChoice,
    world: Option<&World>,
    gpus: impl FnOnce() -> usize,
) -> Result<DeviceChoice, CliError> {
    let (DeviceChoice::Auto | DeviceChoice::Cuda(0)) = choice else { return Ok(choice.clone()) };
    let gpus = gpus();
    let local = world.map_or(0, |world| world.local_rank.unwrap_or(world.rank % gpus.max(1)));
    match gpus {
        0 => Ok(choice.clone()),
        1 => Ok(DeviceChoice::Cuda(0)),
        gpus if local < gpus => Ok(DeviceChoice::Cuda(local)),
        gpus => Err(CliError::new(
            format_args!("this machine has {gpus} NVIDIA GPUs, and this is its worker {}", local + 1),
            "start at most as many workers on a machine as it has GPUs",
        )),
    }
}

/// What is said and recorded before a process ends because another one is gone.
fn last_words(folder: Arc<Mutex<Option<PathBuf>>>, rank: Arc<AtomicUsize>) -> collective::LastWords {
    Arc::new(move |error| {
        // Another thread may hold it for ever.
        let folder = folder.try_lock().ok().and_then(|folder| folder.clone());
        if let Some(folder) = folder {
            // If it is the first that hangs, the next one records it.
            let turns = u32::try_from(rank.load(Ordering::Relaxed).min(LAST_TURN)).unwrap_or_default();
            std::thread::sleep(TURN * turns);
            record_failure(&Layout::new(&folder), &EngineError::from(error.clone()).in_one_line());
        }
        let _ = CliError::from(EngineError::from(error.clone())).say();
    })
}

/// The error that a worker ends with whose training failed, because of its device or not. After a fault of its device the run is
/// to be resumed with a smaller split of batches.
pub(super) fn after_failure(
    folder: &Path,
    leads: bool,
    device_fault: Option<(Activity, Fault)>,
    error: impl Into<CliError>,
    over: bool,
) -> CliError {
    let layout = Layout::new(folder);
    let error = error.into();
    if !leads || over || RunFolder::find(folder).is_err() {
        return error;
    }
    let smaller = device_fault.and_then(|(activity, _)| Fit::read(&layout)?.smaller(activity));
    let smaller = smaller.filter(|smaller| smaller.write(&layout).is_ok());
    let split = smaller.map_or_else(String::new, |smaller| format!(", {}", smaller.describe(layout.row())));
    error.or_try(format_args!("resume with `{}`{split}", resume_command(folder)))
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

    /// Refuses workers that differ from the first in something, by its name: of what they write or are told to do only the first
    /// one's counts, and what they compute has to be the same.
    pub(super) fn agree(&self, facts: &[(String, String)]) -> Result<(), CliError> {
        let own = serde_json::to_vec(facts).map_err(CliError::no_json)?;
        let all = self.ranks.borrow_mut().gather(&own).map_err(EngineError::from)?;
        let read = |text: &Vec<u8>| serde_json::from_slice::<Vec<(String, String)>>(text).unwrap_or_default();
        let all: Vec<Vec<(String, String)>> = all.iter().map(read).collect();
        let Some(first) = all.first() else { return Ok(()) };
        for (rank, facts) in all.iter().enumerate() {
            let differs = facts.iter().zip(first).find(|(own, other)| own != other);
            if let Some(((what, own), (_, other))) = differs {
                let what = format!("{what} ({own}, not {other})");
                return Err(TrainError::WorkerDiffers { rank, what }.into());
            }
            if facts.len() != first.len() {
                return Err(TrainError::WorkerDiffers { rank, what: "version of the program".into() }.into());
            }
        }
        Ok(())
    }

    /// The smallest number of all.
    pub(super) fn least(&self, own: usize) -> Result<usize, CliError> {
        let all = self.ranks.borrow_mut().numbers(own as u64).map_err(EngineError::from)?;
        Ok(all.into_iter().min().and_then(|least| usize::try_from(least).ok()).unwrap_or(own))
    }

    /// The signal that any of them has received.
    pub(super) fn signal(&self) -> Result<Option<u8>, CliError> {
        let own = u64::from(interrupt::last().unwrap_or(0).unsigned_abs());
        let signals = self.ranks.borrow_mut().numbers(own).map_err(EngineError::from)?;
        Ok(signals.into_iter().find(|signal| *signal > 0).and_then(|signal| u8::try_from(signal).ok()))
    }

    /// Where all train: the first one decides.
    pub(super) fn course(&self, own: impl FnOnce() -> Result<Course, CliError>) -> Result<Course, CliError> {
        let text =
            if self.leads() { serde_json::to_vec(&own()?).map_err(CliError::no_json)? } else { Vec::new() };
        let text = self.ranks.borrow_mut().broadcast(text).map_err(EngineError::from)?;
        let course: Course = serde_json::from_slice(&text).map_err(CliError::no_json)?;
        *self.folder.lock().unwrap_or_else(PoisonError::into_inner) = Some(course.folder.clone());
        Ok(course)
    }
}

#[cfg(test)]
mod tests {
    use spanbert_backends::collective::Launcher;

    use super::*;

    #[test]
    fn every_worker_has_a_gpu_of_its_own() {
        let world = |rank, local_rank| World {
            launcher: Launcher::Torchrun,
            rank,
            size: 4,
            local_rank,
            attempt: None,
            by_mpi: false,
        };
        let of = |choice: &str, world: &World, gpus: usize| {
            let own = own_device(&choice.parse().unwrap(), Some(world), || gpus);
            own.map(|own| own.to_string()).map_err(|error| error.to_string())
        };
        assert_eq!(of("cuda", &world(3, Some(1)), 2).unwrap(), "cuda:1");
        assert_eq!(of("auto", &world(3, None), 2).unwrap(), "cuda:1");
        // One that the launcher has left visible, none, one asked for by number, and something else.
        assert_eq!(of("cuda", &world(3, Some(3)), 1).unwrap(), "cuda:0");
        assert_eq!(of("auto", &world(3, Some(3)), 0).unwrap(), "auto");
        assert_eq!(of("cuda:1", &world(0, Some(0)), 2).unwrap(), "cuda:1");
        assert_eq!(of("wgpu", &world(3, Some(1)), 2).unwrap(), "wgpu");
        let many = of("cuda", &world(3, Some(3)), 2).unwrap_err();
        assert!(many.contains("2 NVIDIA GPUs, and this is its worker 4"), "{many}");
        assert_eq!(own_device(&DeviceChoice::Auto, None, || 2).unwrap(), DeviceChoice::Cuda(0));
    }
}
