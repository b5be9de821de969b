//! Launchers of processes that train together, and what they have started.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "helpers of tests fail like tests")]

use std::{
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use crate::command::Case;

/// A launcher that is here.
#[derive(Clone, Debug)]
pub struct Launcher {
    /// Of the MPI that it belongs to.
    pub name: &'static str,
    program: PathBuf,
    /// Where its library is, if the system does not know.
    libraries: Option<PathBuf>,
    oversubscribe: bool,
}

/// Those of Open MPI and MPICH that are here, else the word "skipped: …". `SPANBERT_TEST_MPICH` names a folder with `bin` and
/// `lib` of an MPICH that is not installed.
#[must_use]
pub fn launchers() -> Vec<Launcher> {
    let says = |program: &PathBuf, what: &str| {
        let output = Command::new(program).arg("--version").output();
        output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(what))
    };
    let mut found = Vec::new();
    let open_mpi = PathBuf::from("mpirun");
    if says(&open_mpi, "Open MPI") {
        found.push(Launcher { name: "Open MPI", program: open_mpi, libraries: None, oversubscribe: true });
    }
    let place = std::env::var_os("SPANBERT_TEST_MPICH").map(PathBuf::from);
    let program = place.as_ref().map_or("mpiexec.hydra".into(), |place| place.join("bin/mpiexec.hydra"));
    if says(&program, "HYDRA") {
        let libraries = place.map(|place| {
            // As Debian has them.
            let multiarch = place.join(format!("lib/{}-linux-gnu", std::env::consts::ARCH));
            if multiarch.is_dir() { multiarch } else { place.join("lib") }
        });
        found.push(Launcher { name: "MPICH", program, libraries, oversubscribe: false });
    }
    if found.is_empty() {
        println!("skipped: no mpirun of Open MPI and no mpiexec.hydra of MPICH");
    }
    found
}

impl Launcher {
    /// Workers that each run a command of the case.
    #[must_use]
    pub fn launch(&self, case: &Case, workers: &[(usize, &Command)]) -> Command {
        let mut started = Command::new(&self.program);
        started.env("XDG_CACHE_HOME", case.folder.path("cache"));
        started.current_dir(case.folder.path("")).stdin(Stdio::null());
        started.env("OMPI_ALLOW_RUN_AS_ROOT", "1").env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
        if let Some(libraries) = &self.libraries {
            let before = std::env::var("LD_LIBRARY_PATH").unwrap_or_default();
            started.env("LD_LIBRARY_PATH", format!("{}:{before}", libraries.display()));
        }
        if self.oversubscribe {
            started.arg("--oversubscribe");
        }
        for (index, (count, worker)) in workers.iter().enumerate() {
            if index > 0 {
                started.arg(":");
            }
            started.args(["-n", &count.to_string()]).arg(worker.get_program()).args(worker.get_args());
        }
        started
    }
}

/// The workers that a launcher has started: its children, or those of the processes between.
#[must_use]
pub fn workers_of(launcher: &Child) -> Vec<u32> {
    let listed = Command::new("ps").args(["-eo", "pid,ppid,comm"]).output().unwrap();
    let text = String::from_utf8(listed.stdout).unwrap();
    let all: Vec<(u32, u32, String)> = text
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?, words.next()?.to_owned()))
        })
        .collect();
    let mut below = vec![launcher.id()];
    let mut workers = Vec::new();
    while let Some(parent) = below.pop() {
        for (pid, _, name) in all.iter().filter(|(_, ppid, _)| *ppid == parent) {
            if name.starts_with("spanbert") { workers.push(*pid) } else { below.push(*pid) }
        }
    }
    workers.sort_unstable();
    workers
}

/// Waits for the end of a launcher.
pub fn wait(child: &mut Child) -> ExitStatus {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(began.elapsed() < Duration::from_secs(180), "the launcher does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
}
