//! `spanbert train --distributed` under MPI launchers, where there are any: Open MPI's or MPICH's. `SPANBERT_TEST_MPICH` names a
//! folder with `bin` and `lib` of an MPICH that is not installed.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]
#![cfg(unix)]

use std::{
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use spanbert_core::run::{Event, Layout, Lock, Phase, RunState, read_events};
use spanbert_tests::{
    command::{Case, signal, succeeded},
    trace::Trace,
};

const CLI: &str = env!("CARGO_BIN_EXE_spanbert_cli");

/// A launcher that is here.
#[derive(Clone, Debug)]
struct Launcher {
    name: &'static str,
    program: PathBuf,
    /// Where its library is, if the system does not know.
    libraries: Option<PathBuf>,
    oversubscribe: bool,
}

fn launchers() -> Vec<Launcher> {
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
    fn launch(&self, case: &Case, workers: &[(usize, &Command)]) -> Command {
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

    fn begin(&self, case: &Case, workers: usize, run: &str) -> Command {
        let mut command = case.begin(run);
        command.args(["--distributed", "--parts=4", "--resume-if-begun"]);
        self.launch(case, &[(workers, &command)])
    }

    fn resume(&self, case: &Case, workers: usize, run: &str) -> Command {
        let mut command = case.resume(run);
        command.arg("--distributed");
        self.launch(case, &[(workers, &command)])
    }
}

fn failed(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains("error: "), "{text}");
    text
}

#[test]
fn workers_under_mpi_give_the_bits_of_one_process() {
    for launcher in launchers() {
        let case = Case::new(CLI, 1);
        succeeded(&case.begin("alone").arg("--parts=4").output().unwrap());
        let expected = Trace::of(&case.layout("alone"));
        for workers in [1, 2, 4] {
            let run = format!("workers-{workers}");
            let output = launcher.begin(&case, workers, &run).output().unwrap();
            let text = succeeded(&output);
            println!("{} {workers}: {text}", launcher.name);
            assert_eq!(Trace::of(&case.layout(&run)), expected, "{} with {workers} workers", launcher.name);
            // Only the first speaks.
            let told = String::from_utf8_lossy(&output.stdout);
            assert_eq!(told.matches("trained after").count(), 1, "{told}");
            let shown = String::from_utf8(case.ask("show", &run).stdout).unwrap();
            assert!(shown.contains(launcher.name), "{shown}");
            // Whoever starts a complete run again has nothing to do.
            let again = launcher.begin(&case, workers, &run).output().unwrap();
            succeeded(&again);
            assert_eq!(again.stdout, output.stdout);
            assert_eq!(Trace::of(&case.layout(&run)), expected);
        }
    }
}

#[test]
fn a_worker_killed_at_any_moment_costs_nothing_but_time() {
    for launcher in launchers() {
        let kills: usize = std::env::var("SPANBERT_KILLS").map_or(3, |kills| kills.parse().unwrap());
        // Long enough that it is not over before all kills are made.
        let case = Case::new(CLI, 12 * (1 + kills));
        let began = Instant::now();
        succeeded(&launcher.begin(&case, 1, "whole").output().unwrap());
        // So long that all lives together would do about half of the run.
        let longest = u64::try_from(began.elapsed().as_millis()).unwrap() / (kills as u64 + 1);
        let mut random = 1_u64;
        let mut next = |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % below
        };
        let (mut made, mut steps) = (0, Vec::new());
        while made < kills {
            let workers = [1, 2, 4][made % 3];
            let mut child = launcher
                .begin(&case, workers, "killed")
                .stderr(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            std::thread::sleep(Duration::from_millis(200 + next(longest.max(400))));
            let pids = loop {
                let pids = workers_of(&child);
                if pids.len() == workers {
                    break pids;
                }
                assert!(child.try_wait().unwrap().is_none(), "over after {made} kills");
            };
            signal("KILL", &pids[usize::try_from(next(workers as u64)).unwrap()].to_string());
            assert!(!wait(&mut child).success(), "over after {made} kills");
            made += 1;
            steps.push(RunState::read(&case.layout("killed")).map_or(0, |state| state.step));
            while Lock::is_held(&case.layout("killed")) {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        println!("{}: {made} kills, at steps {steps:?}", launcher.name);
        succeeded(&launcher.begin(&case, 4, "killed").output().unwrap());
        assert_eq!(Trace::of(&case.layout("killed")), Trace::of(&case.layout("whole")), "{}", launcher.name);
    }
}

/// The workers that a launcher has started: its children, or those of the processes between.
fn workers_of(launcher: &Child) -> Vec<u32> {
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

fn wait(child: &mut Child) -> std::process::ExitStatus {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(began.elapsed() < Duration::from_secs(180), "the launcher does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_worker_that_hangs_is_given_up_within_the_deadline() {
    for launcher in launchers() {
        let case = Case::new(CLI, 400);
        let mut command = case.begin("run");
        command.args(["--distributed", "--worker-timeout=0.1"]);
        let mut started = launcher.launch(&case, &[(2, &command)]);
        let mut child = started.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        case.wait_for("run", |state| state.step > 6);
        let pids = workers_of(&child);
        signal("STOP", &pids[1].to_string());
        let status = wait(&mut child);
        signal("KILL", &pids[1].to_string());
        assert!(!status.success());
        let mut text = String::new();
        std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut text).unwrap();
        assert!(
            text.contains("error: the other workers did not answer within 6 s\n  try: look for"),
            "{text}"
        );
        let told = read_events(&case.layout("run").events()).unwrap();
        let is_told =
            |event: &Event| matches!(event, Event::Error { message } if message.contains("did not answer"));
        assert!(told.iter().any(|record| is_told(&record.event)));
        while Lock::is_held(&case.layout("run")) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let mut resumed = launcher.resume(&case, 1, "run");
        resumed.args(["--max-steps", "20"]);
        succeeded(&resumed.output().unwrap());
    }
}

#[test]
fn workers_are_paused_evaluated_and_stopped_from_another_terminal() {
    for launcher in launchers() {
        let case = Case::new(CLI, 400);
        let mut child =
            launcher.begin(&case, 2, "run").stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        case.wait_for("run", |state| state.step > 0);
        succeeded(&case.ask("pause", "run"));
        case.wait_for("run", |state| state.phase == Phase::Paused);
        let evaluations = |layout: &Layout| {
            let events = read_events(&layout.events()).unwrap();
            events.iter().filter(|record| matches!(record.event, Event::Evaluation { .. })).count()
        };
        let before = evaluations(&case.layout("run"));
        succeeded(&case.ask("evaluate", "run"));
        let began = Instant::now();
        while evaluations(&case.layout("run")) == before {
            assert!(began.elapsed() < Duration::from_secs(60));
            std::thread::sleep(Duration::from_millis(10));
        }
        succeeded(&case.ask("stop", "run"));
        assert!(wait(&mut child).success());
        let state = RunState::read(&case.layout("run")).unwrap();
        assert_eq!(state.outcome, Some(spanbert_core::run::Outcome::Stopped));
    }
}

#[test]
fn what_goes_wrong_is_told_once_and_clearly() {
    for launcher in launchers() {
        let case = Case::new(CLI, 1);
        let begin = |more: &[&str]| {
            let mut command = case.begin("run");
            command.args(more);
            command
        };
        // Not asked for.
        let text = failed(&launcher.launch(&case, &[(2, &begin(&[]))]).output().unwrap());
        assert!(text.contains("2 processes, each of which would train for itself"), "{text}");
        assert!(text.contains("try: add --distributed"), "{text}");
        // Another recipe in one.
        let (one, other) = (begin(&["--distributed"]), begin(&["--distributed", "--seed=7"]));
        let text = failed(&launcher.launch(&case, &[(1, &one), (1, &other)]).output().unwrap());
        assert!(
            text.contains("error: worker 1 has another recipe (seed is 7, not 42) than worker 0"),
            "{text}"
        );
        assert_eq!(text.matches("error: worker 1").count(), 1, "{text}");
        // No data in one.
        let mut missing = case.command(&["train", "--model=model", "--train-file=nowhere.json"]);
        missing.args(["--learning-rate=1e-3", "--output-dir=run", "--distributed", "--backend=cpu"]);
        missing.args(["--max-query-length=12", "--max-seq-length=32", "--doc-stride=8"]);
        let text = failed(&launcher.launch(&case, &[(1, &one), (1, &missing)]).output().unwrap());
        assert!(text.contains("error: worker 1 failed: nowhere.json: "), "{text}");
        assert!(!case.folder.path("run").exists());
        // A folder that is taken.
        std::fs::create_dir_all(case.folder.path("run/best")).unwrap();
        let text = failed(&launcher.launch(&case, &[(2, &one)]).output().unwrap());
        assert!(text.contains("already holds a run (best is there)"), "{text}");
    }
}

#[test]
fn without_mpi_there_is_one_clear_line() {
    let case = Case::new(CLI, 1);
    let begin = |library: Option<&str>, variables: &[(&str, &str)]| {
        let mut command = case.begin("run");
        command.arg("--distributed").envs(variables.iter().copied());
        match library {
            Some(library) => command.env("SPANBERT_MPI_LIBRARY", library),
            None => command.env_remove("SPANBERT_MPI_LIBRARY"),
        };
        failed(&command.output().unwrap())
    };
    let text = begin(Some("/nowhere/libmpi.so"), &[]);
    assert!(text.contains("error: no MPI library can be loaded (/nowhere/libmpi.so: cannot open"), "{text}");
    assert!(text.contains("try: install Open MPI or MPICH"), "{text}");
    let text = begin(Some("libm.so.6"), &[]);
    assert!(text.contains("lacks MPI_Get_library_version"), "{text}");
    let torch = [("RANK", "0"), ("WORLD_SIZE", "2"), ("TORCHELASTIC_RUN_ID", "x")];
    let text = begin(None, &torch);
    assert!(text.contains("torchrun started this process, and gradients travel by MPI only"), "{text}");
    assert!(!case.folder.path("run").exists());
    // A word about what may be several processes, and no more.
    let mut command = case.begin("run");
    command.envs([("SLURM_PROCID", "0"), ("SLURM_NTASKS", "2")]);
    let text = succeeded(&command.output().unwrap());
    assert!(text.contains("note: SLURM speaks of 2 processes"), "{text}");
}
