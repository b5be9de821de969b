//! Why processes cannot train together, or no longer.

use std::path::PathBuf;

/// Why processes cannot train together, or no longer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CollectiveError {
    /// No MPI library can be loaded.
    #[error("no MPI library can be loaded{}", listed(tried))]
    Missing {
        /// What was tried, and why it failed.
        tried: Vec<String>,
    },
    /// The library is neither Open MPI nor compatible with MPICH.
    #[error("{library} is an MPI of an unknown kind ({version})")]
    UnknownKind {
        /// The file.
        library: String,
        /// What it says of itself.
        version: String,
    },
    /// The library knows other processes than the launcher.
    #[error(
        "{launcher} started {started} processes, but {library} knows {known}: they are different implementations of MPI"
    )]
    OtherLauncher {
        /// The launcher.
        launcher: &'static str,
        /// Processes by the launcher.
        started: usize,
        /// The library.
        library: String,
        /// Processes by the library.
        known: usize,
    },
    /// The processes were started by something that is no MPI launcher, and have no NVIDIA GPUs.
    #[error("{launcher} started this process, and without NVIDIA GPUs gradients travel by MPI only")]
    NotByMpi {
        /// The launcher.
        launcher: &'static str,
    },
    /// A call failed.
    #[error("MPI failed in {call}: {message}")]
    Call {
        /// Which.
        call: &'static str,
        /// What it said.
        message: String,
    },
    /// No NCCL library can be loaded.
    #[error("no NCCL library can be loaded{}", listed(tried))]
    NcclMissing {
        /// What was tried, and why it failed.
        tried: Vec<String>,
    },
    /// The library lacks what is needed.
    #[error("{library} is NCCL {version}, {needed} is needed")]
    NcclTooOld {
        /// The file.
        library: String,
        /// Its version.
        version: String,
        /// The first version that will do.
        needed: String,
    },
    /// A call of NCCL failed.
    #[error("NCCL failed in {call}: {message}")]
    Nccl {
        /// Which.
        call: &'static str,
        /// What it said.
        message: String,
    },
    /// A call of the CUDA driver failed.
    #[error("the GPU failed in an exchange ({call}): {message}")]
    Gpu {
        /// Which.
        call: &'static str,
        /// What it said.
        message: String,
    },
    /// Processes have not come to where they meet.
    #[error("{} not come to {} within {seconds} s", those(absent), folder.display())]
    NotMet {
        /// Their ranks.
        absent: Vec<usize>,
        /// Where they meet.
        folder: PathBuf,
        /// How long was waited.
        seconds: u64,
    },
    /// The place where processes meet cannot be used.
    #[error("workers cannot meet in {}: {message}", folder.display())]
    MeetingFile {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        message: String,
    },
    /// Without MPI, processes that nobody can tell from others.
    #[error("{launcher} gives this start of the workers no name, and no MPI connects them")]
    Nameless {
        /// The launcher.
        launcher: &'static str,
    },
    /// A process did not come.
    #[error("the other workers did not answer within {seconds} s")]
    Deadline {
        /// How long was waited.
        seconds: u64,
    },
    /// Another process failed and said so.
    #[error("worker {rank} failed: {message}")]
    Peer {
        /// Its rank.
        rank: usize,
        /// Why.
        message: String,
    },
    /// Another process has ended.
    #[error("another worker has ended")]
    Gone,
    /// A process is at another operation than this one.
    #[error("worker {rank} does something else than this one ({theirs}, not {ours})")]
    OutOfStep {
        /// Its rank.
        rank: usize,
        /// What it does.
        theirs: u64,
        /// What this one does.
        ours: u64,
    },
}

impl CollectiveError {
    /// What to do about it: begins with a verb, one line.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Missing { .. } => {
                "install Open MPI or MPICH, or name its library in SPANBERT_MPI_LIBRARY".into()
            }
            Self::UnknownKind { .. } => "name the library of Open MPI or MPICH in SPANBERT_MPI_LIBRARY".into(),
            Self::OtherLauncher { launcher: "SLURM", .. } => {
                "start the workers with srun --mpi=pmix or mpirun, also within an sbatch script".into()
            }
            Self::OtherLauncher { .. } => {
                "use the launcher that belongs to the library, or name the launcher's library in SPANBERT_MPI_LIBRARY"
                    .into()
            }
            Self::NotByMpi { .. } => {
                "start the workers with mpirun, or with srun --mpi=pmix, or compute on NVIDIA GPUs".into()
            }
            Self::NcclMissing { .. } | Self::NcclTooOld { .. } => {
                "install NCCL 2 (libnccl.so.2, also in the Python package nvidia-nccl-cu12), or name its library in \
                 SPANBERT_NCCL_LIBRARY"
                    .into()
            }
            Self::Nccl { .. } | Self::Gpu { .. } => {
                "resume the run from its last checkpoint, with NCCL_DEBUG=WARN if it happens again".into()
            }
            Self::NotMet { .. } | Self::MeetingFile { .. } => {
                "start all workers with an output folder that all can reach".into()
            }
            Self::Nameless { .. } => "start the workers with srun, torchrun or mpirun".into(),
            Self::Call { .. } | Self::Gone => {
                "look at what the launcher says, and resume the run from its last checkpoint".into()
            }
            Self::Deadline { .. } => {
                "look for the worker that hangs, and resume the run from its last checkpoint".into()
            }
            Self::Peer { .. } => "correct that and start the workers again".into(),
            Self::OutOfStep { .. } => "report this as a defect of the program, with the command and its input".into(),
        }
    }
}

/// `worker 1 has`, `workers 1, 2 and 3 have`.
fn those(ranks: &[usize]) -> String {
    let ranks: Vec<String> = ranks.iter().map(usize::to_string).collect();
    match ranks.as_slice() {
        [one] => format!("worker {one} has"),
        [first @ .., last] => format!("workers {} and {last} have", first.join(", ")),
        [] => "no worker has".into(),
    }
}

/// `: libmpi.so.40: not found; …`.
fn listed(tried: &[String]) -> String {
    if tried.is_empty() { " on this system".into() } else { format!(" ({})", tried.join("; ")) }
}
