//! How processes find each other.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Alone, Collective, CollectiveError, LastWords, Launcher, World};

/// What a process knows of the others before it joins them.
pub struct Joining {
    /// What its launcher says.
    pub world: Option<World>,
    /// The NVIDIA GPU that it computes on, by its index.
    pub gpu: Option<usize>,
    /// The run folder, or any path in a folder that all processes can reach. Those that no MPI connects meet beside it.
    pub run: PathBuf,
    /// The library of MPI; without it that of the launcher, else any.
    pub mpi_library: Option<PathBuf>,
    /// The library of NCCL; without it the system's.
    pub nccl_library: Option<PathBuf>,
    /// How long another process is waited for.
    pub deadline: Duration,
    /// What is said before the process ends because another one is gone.
    pub last_words: LastWords,
}

/// A process that has joined the others.
pub struct Joined {
    /// What connects it with them.
    pub collective: Box<dyn Collective>,
    /// Why gradients do not travel by NCCL although processes have NVIDIA GPUs.
    pub not_by_nccl: Option<String>,
}

impl Joined {
    fn by(collective: impl Collective + 'static) -> Self {
        Self { collective: Box::new(collective), not_by_nccl: None }
    }
}

/// Joins the processes that a launcher has started. Those on NVIDIA GPUs exchange gradients by NCCL, which MPI connects where it can,
/// else a file beside the run folder; all others do so by MPI. Both libraries are looked for at run time. Whoever waits longer
/// than the deadline ends, with its last words or an error.
///
/// To be called, as everything that follows, from one thread.
///
/// # Errors
/// If there is no library for these processes, or it fails, or does not know the processes that the launcher has started.
pub fn join(joining: Joining) -> Result<Joined, CollectiveError> {
    let Some(world) = &joining.world else {
        // Something else may have started processes that an MPI knows.
        return match mpi(&joining) {
            Err(CollectiveError::Missing { .. }) if joining.mpi_library.is_none() => Ok(Joined::by(Alone)),
            joined => joined.map(|collective| Joined { collective, not_by_nccl: None }),
        };
    };
    let is_nameless_slurm = world.launcher == Launcher::Slurm && world.attempt.is_none();
    let by_mpi = match world.launcher {
        Launcher::Slurm => world.by_mpi || joining.gpu.is_none() || is_nameless_slurm,
        _ => world.by_mpi,
    };
    match joining.gpu {
        _ if by_mpi => over(mpi(&joining)?, joining),
        Some(gpu) => by_nccl(joining, gpu),
        None if world.size == 1 => Ok(Joined::by(Alone)),
        None => Err(CollectiveError::NotByMpi { launcher: world.launcher.name() }),
    }
}

#[cfg(unix)]
fn mpi(joining: &Joining) -> Result<Box<dyn Collective>, CollectiveError> {
    let library: Option<&Path> = joining.mpi_library.as_deref();
    super::mpi::join(library, joining.world.as_ref(), joining.deadline, joining.last_words.clone())
}

#[cfg(not(unix))]
fn mpi(joining: &Joining) -> Result<Box<dyn Collective>, CollectiveError> {
    let _ = (joining, None::<&Path>);
    Err(CollectiveError::Missing { tried: Vec::new() })
}

#[cfg(with_nccl)]
fn over(mpi: Box<dyn Collective>, joining: Joining) -> Result<Joined, CollectiveError> {
    use super::nccl::{Library, NcclOverMpi};

    let library = joining.gpu.map(|_| Library::load(joining.nccl_library.as_deref()));
    let times = (joining.deadline, joining.last_words);
    NcclOverMpi::over(mpi, library, joining.gpu, times)
}

#[cfg(not(with_nccl))]
#[allow(clippy::unnecessary_wraps, clippy::needless_pass_by_value, reason = "as its twin")]
fn over(collective: Box<dyn Collective>, _joining: Joining) -> Result<Joined, CollectiveError> {
    Ok(Joined { collective, not_by_nccl: None })
}

#[cfg(with_nccl)]
fn by_nccl(joining: Joining, gpu: usize) -> Result<Joined, CollectiveError> {
    use super::{
        meeting::Meeting,
        nccl::{Library, Nccl},
    };

    let library = Library::load(joining.nccl_library.as_deref())?;
    let place = joining.world.as_ref().map_or((0, 1), |world| (world.rank, world.size));
    let meeting = joining.world.filter(|world| world.size > 1).map(|world| {
        let launcher = world.launcher.name();
        let attempt = world.attempt.ok_or(CollectiveError::Nameless { launcher })?;
        Meeting::at(&joining.run, &attempt, world.rank, world.size)
    });
    let times = (joining.deadline, joining.last_words);
    Ok(Joined::by(Nccl::meet(library, gpu, meeting.transpose()?, place, times)?))
}

#[cfg(not(with_nccl))]
#[allow(clippy::needless_pass_by_value, reason = "as its twin")]
fn by_nccl(_joining: Joining, _gpu: usize) -> Result<Joined, CollectiveError> {
    Err(CollectiveError::NcclMissing { tried: vec!["this build leaves CUDA out".into()] })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn joining(variables: &[(&str, &str)], gpu: Option<usize>) -> Joining {
        Joining {
            world: World::of(|name| Some(variables.iter().find(|(other, _)| *other == name)?.1.to_owned())),
            gpu,
            run: "run".into(),
            mpi_library: Some("/nowhere/libmpi.so".into()),
            nccl_library: Some("/nowhere/libnccl.so".into()),
            deadline: Duration::from_secs(1),
            last_words: Arc::new(|_| {}),
        }
    }

    #[test]
    fn launcher_and_device_decide_what_connects() {
        let torch = |size| [("RANK", "0"), ("WORLD_SIZE", size), ("TORCHELASTIC_RUN_ID", "x")];
        let refused = |joining| join(joining).err().unwrap();
        assert!(matches!(refused(joining(&torch("2"), Some(0))), CollectiveError::NcclMissing { .. }));
        assert!(matches!(refused(joining(&torch("2"), None)), CollectiveError::NotByMpi { .. }));
        assert_eq!(join(joining(&torch("1"), None)).ok().unwrap().collective.name(), "one process");
        let open_mpi = [("OMPI_COMM_WORLD_RANK", "0"), ("OMPI_COMM_WORLD_SIZE", "2")];
        for gpu in [None, Some(0)] {
            assert!(matches!(refused(joining(&open_mpi, gpu)), CollectiveError::Missing { .. }));
        }
        // A step of SLURM's without PMIx, a step with it, and a batch script.
        let slurm = [("SLURM_PROCID", "0"), ("SLURM_NTASKS", "2")];
        let step = [&slurm[..], &[("SLURM_STEP_ID", "0")]].concat();
        assert!(matches!(refused(joining(&step, Some(0))), CollectiveError::NcclMissing { .. }));
        assert!(matches!(refused(joining(&step, None)), CollectiveError::Missing { .. }));
        let pmix = [&step[..], &[("PMIX_RANK", "0")]].concat();
        assert!(matches!(refused(joining(&pmix, Some(0))), CollectiveError::Missing { .. }));
        assert!(matches!(refused(joining(&slurm, Some(0))), CollectiveError::Missing { .. }));
        // A library that was named is to be there.
        assert!(matches!(refused(joining(&[], None)), CollectiveError::Missing { .. }));
    }
}
