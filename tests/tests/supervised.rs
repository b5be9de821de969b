//! Trainings by the command line, killed, faulted and asked for things: nothing is lost, nothing diverges.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::Value;
use spanbert_core::run::{Event, Layout, Lock, Phase, RunState, read_events};
use spanbert_tests::{
    command::{Case, as_a_group, kill_all, succeeded},
    small::steps,
    trace::{Trace, close_weights},
};

#[cfg(unix)]
use std::os::unix::process::ExitStatusExt;

#[cfg(unix)]
use spanbert_tests::command::{interrupt, signal};

const CLI: &str = env!("CARGO_BIN_EXE_spanbert_cli");

fn case(epochs: usize) -> Case {
    Case::new(CLI, epochs)
}

/// Numbers for moments; not for anything that has to be random.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

/// `SPANBERT_KILLS` and `SPANBERT_KILL_BACKEND` make a longer test of it: see tests/kill_and_resume.sh.
#[test]
fn a_training_killed_at_random_moments_is_resumed_bitwise() {
    let setting = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.into());
    let kills: usize = setting("SPANBERT_KILLS", "3").parse().unwrap();
    let case = Case { backend: setting("SPANBERT_KILL_BACKEND", "cpu"), ..case(4 + kills) };
    succeeded(&case.begin("whole").output().unwrap());
    let whole = steps(&case.layout("whole")).len();
    // All lives together nearly do the whole run; its last two epochs belong to the last.
    let (longest, latest) = (whole * 3 / 2 / (kills + 1), whole - 48);
    let mut seed: u64 = setting("SPANBERT_KILL_SEED", "1").parse().unwrap();
    let layout = case.layout("killed");
    let done = || if layout.events().is_file() { steps(&layout).len() } else { 0 };
    // A run that was killed before its recipe was written has not begun.
    let next_life = || if layout.recipe().is_file() { case.resume("killed") } else { case.begin("killed") };
    let mut killed_at = Vec::new();
    for _ in 0..kills {
        let mut command = next_life();
        let mut child =
            as_a_group(&mut command).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        // What earlier lives have done counts: a short life ends before its first step.
        let life = usize::try_from(next(&mut seed)).unwrap() % longest;
        let end = latest.min(done() + life);
        while done() < end && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(5));
        }
        // Anywhere in a step.
        std::thread::sleep(Duration::from_millis(next(&mut seed) % 50));
        if child.try_wait().unwrap().is_some() {
            let output = child.wait_with_output().unwrap();
            panic!("over after kills at steps {killed_at:?}: {output:?}");
        }
        kill_all(child);
        // The system takes a moment to end a killed process.
        while Lock::is_held(&layout) {
            std::thread::sleep(Duration::from_millis(5));
        }
        killed_at.push(done());
    }
    succeeded(&next_life().output().unwrap());
    println!("killed after steps {killed_at:?} of {whole}");
    compare(&case, "killed", "whole");
}

/// Bitwise on the processor; GPUs may round differently from one process to the next.
fn compare(case: &Case, run: &str, other: &str) {
    let (ours, theirs) = (Trace::of(&case.layout(run)), Trace::of(&case.layout(other)));
    assert_eq!(ours.updates.len(), theirs.updates.len());
    if case.backend == "cpu" {
        assert_eq!(ours.updates, theirs.updates);
        assert_eq!(ours.evaluations, theirs.evaluations);
        for (file, bytes) in &theirs.files {
            assert!(ours.files.get(file) == Some(bytes), "{file} differs");
        }
        assert_eq!(ours.files.len(), theirs.files.len());
        return;
    }
    close_weights(&case.layout(run).last(), &case.layout(other).last(), 1e-4);
    for (ours, theirs) in ours.updates.iter().zip(&theirs.updates) {
        assert!((ours.2 - theirs.2).abs() <= 1e-4 * theirs.2.abs().max(1.0), "{ours:?} {theirs:?}");
    }
}

#[test]
fn a_fault_of_the_device_halves_the_micro_batch_and_loses_nothing() {
    let case = case(2);
    succeeded(&case.begin("whole").output().unwrap());
    let text = succeeded(&case.begin("faulted").env("SPANBERT_INJECT_FAULT", "18").output().unwrap());
    assert!(text.contains("going on from the last checkpoint, training on 4 windows at once"), "{text}");
    assert!(text.contains("resuming after step 15"), "{text}");

    let layout = case.layout("faulted");
    let fit: Value = serde_json::from_slice(&std::fs::read(layout.fit()).unwrap()).unwrap();
    assert_eq!((&fit["micro_batch"], &fit["faults"]), (&4.into(), &1.into()));
    let events: Vec<Event> =
        read_events(&layout.events()).unwrap().into_iter().map(|record| record.event).collect();
    let fault = events.iter().position(|event| matches!(event, Event::Fault { .. })).unwrap();
    // Between the fault and the resumption nothing was recorded, let alone saved.
    let after = events[fault + 1..].iter().find(|event| !matches!(event, Event::Phase { .. })).unwrap();
    assert!(matches!(after, Event::Resumed { step: 15, .. }), "{after:?}");

    let (ours, theirs) = (Trace::of(&layout), Trace::of(&case.layout("whole")));
    assert_eq!(ours.updates[..15], theirs.updates[..15]);
    assert_eq!(ours.updates.len(), theirs.updates.len());
    for (ours, theirs) in ours.updates.iter().zip(&theirs.updates) {
        // Halves are summed in another order.
        assert!((ours.2 - theirs.2).abs() <= 1e-4 * theirs.2, "{ours:?} {theirs:?}");
    }
    close_weights(&layout.last(), &case.layout("whole").last(), 2e-4);
}

#[test]
fn a_fault_in_an_evaluation_halves_its_batches() {
    let case = case(2);
    succeeded(&case.begin("whole").output().unwrap());
    let begun = case.begin("faulted").env("SPANBERT_INJECT_FAULT", "evaluation:24").output().unwrap();
    let text = succeeded(&begun);
    assert!(text.contains("training on 8 windows at once, evaluating 8 windows at once"), "{text}");
    assert!(text.contains("resuming after step 20"), "{text}");
    let (ours, theirs) = (Trace::of(&case.layout("faulted")), Trace::of(&case.layout("whole")));
    assert_eq!(ours.updates, theirs.updates);
    assert_eq!(ours.evaluations, theirs.evaluations);
    close_weights(&case.layout("faulted").last(), &case.layout("whole").last(), 0.0);
}

#[test]
fn a_training_is_paused_evaluated_and_stopped_from_another_terminal() {
    let case = case(400);
    let child = case.begin("run").stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    case.wait_for("run", |state| state.step > 0);

    let refused = case.resume("run").output().unwrap();
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && text.contains("in use by another training"), "{text}");

    assert!(succeeded(&case.ask("pause", "run")).contains("paused"));
    case.wait_for("run", |state| state.phase == Phase::Paused);
    let listed = case.command(&["runs", "list", "."]).output().unwrap();
    assert!(String::from_utf8_lossy(&listed.stdout).contains("paused"));
    let evaluated = |layout: &Layout| {
        let records = read_events(&layout.events()).unwrap();
        records.iter().filter(|record| matches!(record.event, Event::Evaluation { .. })).count()
    };
    let before = evaluated(&case.layout("run"));
    assert!(succeeded(&case.ask("evaluate", "run")).contains("evaluating"));
    let began = Instant::now();
    while evaluated(&case.layout("run")) == before {
        assert!(began.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(20));
    }
    case.wait_for("run", |state| state.phase == Phase::Paused);
    let at = RunState::read(&case.layout("run")).unwrap().step;
    assert!(succeeded(&case.ask("resume", "run")).contains("resumes"));
    case.wait_for("run", |state| state.step > at);
    assert!(succeeded(&case.ask("stop", "run")).contains("is saving and ends"));
    let output = child.wait_with_output().unwrap();
    succeeded(&output);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("stopped after") && told.contains("spanbert train --resume run"), "{told}");

    let text = String::from_utf8_lossy(&case.ask("pause", "run").stderr).into_owned();
    assert!(
        text.contains("no training is running") && text.contains("spanbert train --resume run"),
        "{text}"
    );
}

// Wine sends no such event to a group of processes.
#[cfg(unix)]
#[test]
fn ctrl_c_finishes_the_step_and_saves() {
    let case = case(400);
    let mut command = case.begin("run");
    let child = as_a_group(&mut command).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    case.wait_for("run", |state| state.step > 0);
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    assert!(succeeded(&output).contains("finishing the step"));
    let step = RunState::read(&case.layout("run")).unwrap().step;
    assert!(case.layout("run").checkpoint(step).join("progress.json").is_file());
    succeeded(&case.resume("run").args(["--max-steps", &(step + 5).to_string()]).output().unwrap());
}

#[cfg(unix)]
#[test]
fn a_second_ctrl_c_ends_at_once() {
    let case = case(400);
    let mut command = case.begin("run");
    let mut child = as_a_group(&mut command).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    case.wait_for("run", |state| state.step > 5);
    // A paused training does not notice the end of its step: the second one finds it alive.
    succeeded(&case.ask("pause", "run"));
    case.wait_for("run", |state| state.phase == Phase::Paused);
    stop_worker(&case.layout("run"));
    interrupt(&child);
    std::thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().unwrap().is_none());
    interrupt(&child);
    let status = child.wait().unwrap();
    assert_eq!((status.code(), status.signal()), (Some(130), None));
    succeeded(&case.resume("run").arg("--max-steps=20").output().unwrap());
}

/// Has the worker hang, as a driver would.
#[cfg(unix)]
fn stop_worker(layout: &Layout) {
    signal("STOP", &RunState::read(layout).unwrap().pid.to_string());
}

/// If only the watching process dies, the trainer finishes its step, saves and ends.
#[test]
fn a_trainer_that_is_left_alone_saves_and_ends() {
    let case = case(400);
    let mut child = case.begin("run").stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    case.wait_for("run", |state| state.step > 3);
    child.kill().unwrap();
    child.wait().unwrap();
    case.wait_for("run", |state| state.phase == Phase::Finished);
    let state = RunState::read(&case.layout("run")).unwrap();
    assert_eq!(state.outcome, Some(spanbert_core::run::Outcome::Stopped));
    assert!(case.layout("run").checkpoint(state.step).is_dir());
}

#[test]
fn a_vanished_data_file_is_named_and_can_be_given_again() {
    let case = case(2);
    succeeded(&case.begin("run").arg("--max-steps=8").output().unwrap());
    let moved = case.folder.path("moved.json");
    std::fs::rename(case.folder.path("train.json"), &moved).unwrap();
    let output = case.resume("run").arg("--max-steps=12").output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && text.contains("train.json"), "{text}");
    let found: PathBuf = moved;
    let again = case.resume("run").arg("--max-steps=12").arg("--train-file").arg(found).output().unwrap();
    succeeded(&again);
    assert_eq!(RunState::read(&case.layout("run")).unwrap().step, 12);
}
