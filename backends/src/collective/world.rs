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
}

/// A process's place among those that a launcher says it has started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct World {
    /// Who says so.
    pub launcher: Launcher,
    /// This process's number, from 0.
    pub rank: usize,
    /// How many processes there are.
    pub size: usize,
    /// Its number on its machine, where known.
    pub local_rank: Option<usize>,
}

/// Variables of rank, size and rank on the machine.
const VARIABLES: [(Launcher, [&str; 3]); 5] = [
    (Launcher::OpenMpi, ["OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"]),
    (Launcher::Pmi, ["PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID"]),
    (Launcher::Torchrun, ["RANK", "WORLD_SIZE", "LOCAL_RANK"]),
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
            (rank < size).then(|| Self { launcher, rank, size, local_rank: number(local) })
        })
    }

    /// Whether the processes are certain to be there. SLURM's variables are set in a batch script too, which runs once, and
    /// some platforms count machines in `WORLD_SIZE`.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        matches!(self.launcher, Launcher::OpenMpi | Launcher::Pmi | Launcher::Torchrun)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(variables: &[(&str, &str)]) -> Option<World> {
        World::of(|name| Some(variables.iter().find(|(other, _)| *other == name)?.1.to_owned()))
    }

    #[test]
    fn each_launcher_is_known_by_its_variables() {
        let of = |launcher, local_rank| Some(World { launcher, rank: 1, size: 4, local_rank });
        let open_mpi = [("OMPI_COMM_WORLD_RANK", "1"), ("OMPI_COMM_WORLD_SIZE", "4")];
        assert_eq!(world(&open_mpi), of(Launcher::OpenMpi, None));
        let hydra = [("PMI_RANK", "1"), ("PMI_SIZE", "4"), ("MPI_LOCALRANKID", "0")];
        assert_eq!(world(&hydra), of(Launcher::Pmi, Some(0)));
        let torch = [("RANK", "1"), ("WORLD_SIZE", "4"), ("LOCAL_RANK", "1"), ("TORCHELASTIC_RUN_ID", "x")];
        assert_eq!(world(&torch), of(Launcher::Torchrun, Some(1)));
        let slurm = [("SLURM_PROCID", "1"), ("SLURM_NTASKS", "4"), ("SLURM_LOCALID", "1")];
        assert_eq!(world(&slurm), of(Launcher::Slurm, Some(1)));
        assert_eq!(world(&torch[..3]), of(Launcher::Unknown, Some(1)));
        // The innermost counts.
        assert_eq!(world(&[&slurm[..], &torch, &open_mpi].concat()), of(Launcher::OpenMpi, None));
        assert_eq!(world(&[&slurm[..], &torch].concat()), of(Launcher::Torchrun, Some(1)));
    }

    #[test]
    fn only_what_launchers_alone_set_is_certain() {
        let certain = |variables: &[(&str, &str)]| world(variables).unwrap().is_certain();
        assert!(certain(&[("PMI_RANK", "0"), ("PMI_SIZE", "2")]));
        assert!(!certain(&[("SLURM_PROCID", "0"), ("SLURM_NTASKS", "2")]));
        assert!(!certain(&[("RANK", "0"), ("WORLD_SIZE", "2")]));
    }

    #[test]
    fn nonsense_is_no_world() {
        assert_eq!(world(&[]), None);
        assert_eq!(world(&[("PMI_RANK", "2"), ("PMI_SIZE", "2")]), None);
        assert_eq!(world(&[("PMI_RANK", "x"), ("PMI_SIZE", "2")]), None);
        assert_eq!(world(&[("PMI_RANK", "0")]), None);
    }
}
