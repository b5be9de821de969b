//! Who is who, by the variables that launchers set.

/// What has started a process along with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Launcher {
    /// Open MPI's `mpirun`.
    OpenMpi,
    /// The `mpirun` of MPICH, Intel MPI or another that speaks PMI; `srun --mpi=pmi2` too.
    Pmi,
    /// `torchrun`.
    Torchrun,
    /// SLURM's `srun`, or a batch script outside it.
    Slurm,
    /// Something that sets `RANK` and `WORLD_SIZE`.
    Unknown,
}

impl Launcher {
    /// Its name in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenMpi => "Open MPI's mpirun",
            Self::Pmi => "an mpirun of MPICH's kind",
            Self::Torchrun => "torchrun",
            Self::Slurm => "SLURM",
            Self::Unknown => "a launcher",
        }
    }

    /// The command that starts processes, where it is known.
    #[must_use]
    pub fn command(self) -> Option<&'static str> {
        match self {
            Self::OpenMpi | Self::Pmi => Some("mpirun"),
            Self::Torchrun => Some("torchrun"),
            Self::Slurm => Some("srun"),
            Self::Unknown => None,
        }
    }
}

/// A process's place among those that a launcher says it has started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct World {
    /// Who says so.
    pub launcher: Launcher,
    /// This process's number, from 0.
    pub rank: usize,
    /// How many processes there are.
    pub size: usize,
    /// Its number on its machine, where known.
    pub local_rank: Option<usize>,
    /// What tells this start of the processes from others, where the launcher says.
    pub attempt: Option<String>,
    /// Whether an MPI can find the other processes.
    pub by_mpi: bool,
}

/// Variables of rank, size and rank on the machine.
const VARIABLES: [(Launcher, [&str; 3]); 6] = [
    (Launcher::OpenMpi, ["OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"]),
    (Launcher::Pmi, ["PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID"]),
    (Launcher::Torchrun, ["RANK", "WORLD_SIZE", "LOCAL_RANK"]),
    // Of a step first: a step may have fewer tasks than its job.
    (Launcher::Slurm, ["SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID"]),
    (Launcher::Slurm, ["SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"]),
    (Launcher::Unknown, ["RANK", "WORLD_SIZE", "LOCAL_RANK"]),
];

impl World {
    /// What this process's environment says; `None` if nothing.
    #[must_use]
    pub fn of_this_process() -> Option<Self> {
        Self::of(|name| std::env::var(name).ok())
    }

    /// What variables say. The innermost launcher counts: `mpirun` inside a SLURM job is `mpirun`.
    #[must_use]
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let number = |name: &str| variable(name)?.trim().parse::<usize>().ok();
        VARIABLES.into_iter().find_map(|(launcher, [rank, size, local])| {
            if launcher == Launcher::Torchrun {
                variable("TORCHELASTIC_RUN_ID")?;
            }
            let (rank, size) = (number(rank)?, number(size)?);
            let by_mpi = match launcher {
                Launcher::OpenMpi | Launcher::Pmi => true,
                Launcher::Slurm => variable("PMIX_RANK").is_some(),
                Launcher::Torchrun | Launcher::Unknown => false,
            };
            let (local_rank, attempt) = (number(local), attempt(launcher, &variable));
            (rank < size).then_some(Self { launcher, rank, size, local_rank, attempt, by_mpi })
        })
    }

    /// Whether the processes are certain to be there. SLURM's variables are set in a batch script too, which runs once, and
    /// some platforms count machines in `WORLD_SIZE`.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        match self.launcher {
            Launcher::OpenMpi | Launcher::Pmi | Launcher::Torchrun => true,
            Launcher::Slurm => self.attempt.is_some(),
            Launcher::Unknown => false,
        }
    }
}

/// What tells a start of processes from others: job and step, and how often they were started again.
fn attempt(launcher: Launcher, variable: &impl Fn(&str) -> Option<String>) -> Option<String> {
    let names: &[&str] = match launcher {
        Launcher::OpenMpi | Launcher::Pmi => return None,
        Launcher::Torchrun => {
            &["TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT", "MASTER_ADDR", "MASTER_PORT"]
        }
        Launcher::Slurm => {
            // A batch script is no step, or has one of the highest numbers.
            variable("SLURM_STEP_ID")?.trim().parse::<u32>().ok().filter(|step| *step < 0xffff_fff0)?;
            &["SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_RESTART_COUNT"]
        }
        Launcher::Unknown => &["MASTER_ADDR", "MASTER_PORT"],
    };
    let values: Vec<String> = names.iter().map(|name| variable(name).unwrap_or_default()).collect();
    Some(format!("{}-{}", launcher.name(), values.join("-")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(variables: &[(&str, &str)]) -> Option<World> {
        World::of(|name| Some(variables.iter().find(|(other, _)| *other == name)?.1.to_owned()))
    }

    const OPEN_MPI: [(&str, &str); 2] = [("OMPI_COMM_WORLD_RANK", "1"), ("OMPI_COMM_WORLD_SIZE", "4")];
    const TORCH: [(&str, &str); 4] =
        [("RANK", "1"), ("WORLD_SIZE", "4"), ("LOCAL_RANK", "1"), ("TORCHELASTIC_RUN_ID", "x")];
    const SLURM: [(&str, &str); 3] = [("SLURM_PROCID", "1"), ("SLURM_NTASKS", "4"), ("SLURM_LOCALID", "1")];

    #[test]
    fn each_launcher_is_known_by_its_variables() {
        let is = |variables: &[(&str, &str)], launcher, local_rank| {
            let found = world(variables).unwrap();
            assert_eq!((found.launcher, found.rank, found.size), (launcher, 1, 4));
            assert_eq!(found.local_rank, local_rank);
        };
        is(&OPEN_MPI, Launcher::OpenMpi, None);
        let hydra = [("PMI_RANK", "1"), ("PMI_SIZE", "4"), ("MPI_LOCALRANKID", "0")];
        is(&hydra, Launcher::Pmi, Some(0));
        is(&TORCH, Launcher::Torchrun, Some(1));
        is(&SLURM, Launcher::Slurm, Some(1));
        is(&TORCH[..3], Launcher::Unknown, Some(1));
        // The innermost counts.
        is(&[&SLURM[..], &TORCH, &OPEN_MPI].concat(), Launcher::OpenMpi, None);
        is(&[&SLURM[..], &TORCH].concat(), Launcher::Torchrun, Some(1));
        // A step of four tasks in a job of eight.
        let step = [("SLURM_PROCID", "1"), ("SLURM_NTASKS", "8"), ("SLURM_STEP_NUM_TASKS", "4")];
        is(&step, Launcher::Slurm, None);
    }

    #[test]
    fn only_what_launchers_alone_set_is_certain() {
        let certain = |variables: &[(&str, &str)]| world(variables).unwrap().is_certain();
        assert!(certain(&[("PMI_RANK", "0"), ("PMI_SIZE", "2")]));
        assert!(!certain(&SLURM));
        assert!(certain(&[&SLURM[..], &[("SLURM_STEP_ID", "0")]].concat()));
        for batch in ["batch", "4294967291"] {
            assert!(!certain(&[&SLURM[..], &[("SLURM_STEP_ID", batch)]].concat()));
        }
        assert!(!certain(&[("RANK", "0"), ("WORLD_SIZE", "2")]));
    }

    #[test]
    fn every_start_has_a_name_of_its_own() {
        let named = |variables: &[(&str, &str)]| world(variables).unwrap().attempt;
        let again = [&TORCH[..], &[("TORCHELASTIC_RESTART_COUNT", "1")]].concat();
        assert!(named(&TORCH).is_some() && named(&again).is_some() && named(&TORCH) != named(&again));
        let step = |step| [&SLURM[..], &[("SLURM_JOB_ID", "7"), ("SLURM_STEP_ID", step)]].concat();
        assert_ne!(named(&step("0")), named(&step("1")));
        assert_eq!(named(&SLURM), None);
        assert_eq!(named(&OPEN_MPI), None);
    }

    #[test]
    fn mpi_finds_what_its_launchers_have_started() {
        let by_mpi = |variables: &[(&str, &str)]| world(variables).unwrap().by_mpi;
        assert!(by_mpi(&OPEN_MPI) && !by_mpi(&TORCH) && !by_mpi(&SLURM));
        assert!(by_mpi(&[&SLURM[..], &[("PMIX_RANK", "1")]].concat()));
    }

    #[test]
    fn nonsense_is_no_world() {
        assert_eq!(world(&[]), None);
        assert_eq!(world(&[("PMI_RANK", "2"), ("PMI_SIZE", "2")]), None);
        assert_eq!(world(&[("PMI_RANK", "x"), ("PMI_SIZE", "2")]), None);
        assert_eq!(world(&[("PMI_RANK", "0")]), None);
    }
}
