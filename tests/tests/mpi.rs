//! `spanbert train --distributed` under MPI launchers, where there are any: Open MPI's or MPICH's.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]
#![cfg(unix)]

use std::{
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use spanbert_core::run::{Event, Layout, Lock, Outcome, Phase, RunState, read_events};
use spanbert_tests::{
    command::{Case, signal, succeeded},
    launchers::{Launcher, launchers, wait, workers_of},
    trace::Trace,
};

const CLI: &str = env!("CARGO_BIN_EXE_spanbert_cli");

fn begin(launcher: &Launcher, case: &Case, workers: usize, run: &str) -> Command {
    let mut command = case.begin(run);
    command.args(["--distributed", "--parts=4", "--resume-if-begun"]);
    launcher.launch(case, &[(workers, &command)])
}

fn resume(launcher: &Launcher, case: &Case, workers: usize, run: &str) -> Command {
    let mut command = case.resume(run);
    command.arg("--distributed");
    launcher.launch(case, &[(workers, &command)])
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
            let output = begin(&launcher, &case, workers, &run).output().unwrap();
            let text = succeeded(&output);
            println!("{} {workers}: {text}", launcher.name);
            assert_eq!(Trace::of(&case.layout(&run)), expected, "{} with {workers} workers", launcher.name);
            // Only the first speaks.
            let told = String::from_utf8_lossy(&output.stdout);
            assert_eq!(told.matches("trained after").count(), 1, "{told}");
            // A launcher may give its processes terminals; what it writes is a log.
            assert!(!told.contains('\u{1b}') && !text.contains('\u{1b}'), "{told:?} {text:?}");
            let shown = String::from_utf8(case.ask("show", &run).stdout).unwrap();
            assert!(shown.contains(launcher.name), "{shown}");
            // Whoever starts a complete run again has nothing to do.
            let again = begin(&launcher, &case, workers, &run).output().unwrap();
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
        succeeded(&begin(&launcher, &case, 1, "whole").output().unwrap());
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
            let mut child = begin(&launcher, &case, workers, "killed")
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
        succeeded(&begin(&launcher, &case, 4, "killed").output().unwrap());
        assert_eq!(Trace::of(&case.layout("killed")), Trace::of(&case.layout("whole")), "{}", launcher.name);
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
        assert_eq!(told.iter().filter(|record| is_told(&record.event)).count(), 1);
        while Lock::is_held(&case.layout("run")) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let shown = String::from_utf8(case.ask("show", "run").stdout).unwrap();
        assert!(
            shown.contains("status  failed") && shown.contains("error   the other workers did"),
            "{shown}"
        );
        assert!(shown.contains("resume  mpirun -n 2 spanbert train --distributed --resume run"), "{shown}");
        let mut resumed = resume(&launcher, &case, 1, "run");
        resumed.args(["--max-steps", "20"]);
        succeeded(&resumed.output().unwrap());
    }
}

/// The first worker alone writes the run folder; the next one says what has become of it.
#[test]
fn a_first_worker_that_hangs_is_recorded_by_the_next() {
    for launcher in launchers() {
        let case = Case::new(CLI, 400);
        let mut command = case.begin("run");
        command.args(["--distributed", "--worker-timeout=0.1"]);
        let mut started = launcher.launch(&case, &[(3, &command)]);
        let mut child = started.stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        case.wait_for("run", |state| state.step > 6);
        let first = RunState::read(&case.layout("run")).unwrap().pid;
        signal("STOP", &first.to_string());
        case.wait_for("run", |state| state.outcome.is_some());
        let failed = RunState::read(&case.layout("run")).unwrap();
        assert_eq!(failed.outcome, Some(Outcome::Failed));
        assert!(failed.error.unwrap().contains("did not answer within 6 s"));
        signal("KILL", &first.to_string());
        assert!(!wait(&mut child).success());
        while Lock::is_held(&case.layout("run")) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let mut resumed = resume(&launcher, &case, 2, "run");
        resumed.args(["--max-steps", "20"]);
        succeeded(&resumed.output().unwrap());
    }
}

#[test]
fn workers_are_paused_evaluated_and_stopped_from_another_terminal() {
    for launcher in launchers() {
        let case = Case::new(CLI, 400);
        let child =
            begin(&launcher, &case, 2, "run").stderr(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
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
        let stopped = child.wait_with_output().unwrap();
        let told = String::from_utf8(stopped.stdout).unwrap();
        assert!(stopped.status.success(), "{told}");
        assert!(told.contains("resume   mpirun -n 2 spanbert train --distributed --resume run"), "{told}");
        let state = RunState::read(&case.layout("run")).unwrap();
        assert_eq!(state.outcome, Some(Outcome::Stopped));
    }
}

/// Neither the launcher nor what has started it may take the run for a complete one.
#[test]
fn a_signal_to_any_worker_stops_all_and_is_their_exit_code() {
    for launcher in launchers() {
        let case = Case::new(CLI, 400);
        let mut child =
            begin(&launcher, &case, 2, "run").stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        case.wait_for("run", |state| state.step > 0);
        signal("TERM", &workers_of(&child)[1].to_string());
        let status = wait(&mut child);
        assert_eq!(status.code(), Some(143), "{}", launcher.name);
        let state = RunState::read(&case.layout("run")).unwrap();
        assert_eq!(state.outcome, Some(Outcome::Stopped));
        assert!(case.layout("run").checkpoint(state.step).join("progress.json").is_file());
    }
}

#[test]
fn a_process_that_never_comes_to_mpi_is_not_waited_for_beyond_the_deadline() {
    for launcher in launchers() {
        let case = Case::new(CLI, 1);
        let mut command = case.begin("run");
        command.args(["--distributed", "--worker-timeout=0.05"]);
        let mut other = Command::new("sleep");
        other.arg("120");
        let mut started = launcher.launch(&case, &[(1, &command), (1, &other)]);
        let mut child = started.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let began = Instant::now();
        assert!(!wait(&mut child).success());
        assert!(began.elapsed() < Duration::from_secs(100), "it was over only with the other process");
        let mut text = String::new();
        std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut text).unwrap();
        assert!(text.contains("error: the other workers did not answer within 3 s"), "{text}");
        assert!(!case.folder.path("run").exists());
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
            text.contains("error: worker 1 differs from worker 0 in its recipe (seed is 7, not 42)"),
            "{text}"
        );
        assert_eq!(text.matches("error: worker 1").count(), 1, "{text}");
        // Another folder in one, which would not be heeded.
        let mut elsewhere = case.begin("elsewhere");
        elsewhere.arg("--distributed");
        let text = failed(&launcher.launch(&case, &[(1, &one), (1, &elsewhere)]).output().unwrap());
        let told = "error: worker 1 differs from worker 0 in its folder for the run (elsewhere, not run)";
        assert_eq!(text.matches(told).count(), 1, "{text}");
        // Other bits in one.
        let mut portable = Command::new("env");
        portable.arg("SPANBERT_PORTABLE=1").arg(one.get_program()).args(one.get_args());
        let text = failed(&launcher.launch(&case, &[(1, &one), (1, &portable)]).output().unwrap());
        let told = "worker 1 differs from worker 0 in its portable mode, SPANBERT_PORTABLE (on, not off)";
        assert_eq!(text.matches(told).count(), 1, "{text}");
        // Fewer parts than workers.
        let few = begin(&["--distributed", "--parts=1"]);
        let text = failed(&launcher.launch(&case, &[(2, &few)]).output().unwrap());
        assert!(text.contains("try: start at most 1 worker, or add --parts 2"), "{text}");
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
        // One that another training is at work in is not to be resumed.
        std::fs::remove_dir_all(case.folder.path("run")).unwrap();
        succeeded(&begin(&["--max-steps=2"]).output().unwrap());
        let held = Lock::acquire(&case.layout("run")).unwrap();
        let text = failed(&resume(&launcher, &case, 2, "run").output().unwrap());
        assert!(text.contains("is in use by another training") && !text.contains("resume"), "{text}");
        drop(held);
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
    assert!(
        text.contains("torchrun started this process, and without NVIDIA GPUs gradients travel by MPI only"),
        "{text}"
    );
    assert!(!case.folder.path("run").exists());
    // A word about what may be several processes, and no more.
    let mut command = case.begin("run");
    command.envs([("SLURM_PROCID", "0"), ("SLURM_NTASKS", "2")]);
    let text = succeeded(&command.output().unwrap());
    assert!(text.contains("note: SLURM speaks of 2 processes"), "{text}");
}
