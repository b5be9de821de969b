//! Learning rates and seeds tried by several jobs, and put together as if one had tried them all.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;
use spanbert_core::run::{Event, Layout, RunState, read_events};
use spanbert_tests::{
    command::{Case, succeeded},
    trace::Trace,
};

const CLI: &str = env!("CARGO_BIN_EXE_spanbert_cli");

/// A sweep over the reference's eight learning rates, of a few updates each.
fn sweep(case: &Case, more: &[&str]) -> Command {
    let mut command = case.command(&["train", "--model", "model", "--train-file", "train.json"]);
    command.args([
        "--dev-file",
        "dev.json",
        "--backend=cpu",
        "--train-batch-size=32",
        "--num-train-epochs=1",
    ]);
    command.args(["--max-query-length=12", "--max-seq-length=32", "--doc-stride=8", "--eval-per-epoch=2"]);
    command.args(["--eval-metric=best_f1", "--checkpoint-steps=2"]).args(more);
    command
}

fn failed(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("error: ") && text.contains("\n  try: "), "{text}");
    text
}

fn merge(case: &Case, folder: &str, more: &[&str]) -> Output {
    case.command(&["train", "--sweep-merge", folder]).args(more).output().unwrap()
}

fn part(case: &Case, shard: &str) -> Output {
    sweep(case, &["--output-dir=all", "--sweep-shard", shard]).output().unwrap()
}

#[test]
fn parts_of_the_learning_rates_put_together_are_the_run_of_one_process() {
    let case = Case::new(CLI, 1);
    succeeded(&sweep(&case, &["--output-dir=one"]).output().unwrap());
    let text = failed(&merge(&case, "one", &[]));
    assert!(text.contains("one holds no part of a sweep"), "{text}");
    // In any order, one of them in two attempts.
    succeeded(&part(&case, "3/3"));
    let text = failed(&merge(&case, "all", &[]));
    assert!(text.contains("2 of 3 parts in all are missing or unfinished: 1, 2"), "{text}");
    assert!(text.contains("--sweep-shard 1/3"), "{text}");
    let mut child = sweep(&case, &["--output-dir=all", "--sweep-shard=2/3"]).spawn().unwrap();
    let layout = Layout::new(case.folder.path("all/shard-2-of-3"));
    while !RunState::read(&layout).is_ok_and(|state| state.step > 0) {
        assert!(child.try_wait().unwrap().is_none(), "over before it could be stopped");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    succeeded(&case.ask("stop", "all/shard-2-of-3"));
    child.wait().unwrap();
    assert!(failed(&merge(&case, "all", &[])).contains("1, 2"));
    let text = succeeded(&part(&case, "2/3"));
    assert!(text.contains("resuming") || text.contains("was finished before"), "{text}");
    succeeded(&part(&case, "1/3"));
    let text = succeeded(&part(&case, "1/3"));
    assert!(text.contains("(part 1/3): was finished before"), "{text}");

    let weights = case.folder.path("all/shard-2-of-3/last/model.safetensors");
    let whole = fs::read(&weights).unwrap();
    fs::write(&weights, &whole[..whole.len() / 2]).unwrap();
    let text = failed(&merge(&case, "all", &["--output-dir=merged"]));
    assert!(text.contains("last/model.safetensors: it is not what was written"), "{text}");
    fs::write(&weights, whole).unwrap();
    let output = merge(&case, "all", &["--output-dir=merged", "--json"]);
    succeeded(&output);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let (merged, one) = (Layout::new(case.folder.path("merged")), Layout::new(case.folder.path("one")));
    assert_eq!(Trace::of(&merged), Trace::of(&one));
    let (ours, theirs) = (RunState::read(&merged).unwrap(), RunState::read(&one).unwrap());
    assert_eq!((ours.step, &ours.best, ours.outcome), (theirs.step, &theirs.best, theirs.outcome));
    assert_eq!(ours.total_steps, theirs.total_steps);
    assert_eq!(told["steps"], theirs.step);
    assert_eq!(fs::read(merged.recipe()).unwrap(), fs::read(one.recipe()).unwrap());
    assert_eq!(names(merged.root()), names(one.root()));
    let kinds = |layout: &Layout| -> Vec<String> {
        let records = read_events(&layout.events()).unwrap().into_iter();
        records
            .filter_map(|record| match record.event {
                Event::Checkpoint { kind, step, .. } => Some(format!("{kind:?} {step}")),
                Event::Warning { message } => Some(message),
                Event::Finished { step, .. } => Some(format!("finished {step}")),
                _ => None,
            })
            .filter(|told| !told.starts_with("Training"))
            .collect()
    };
    assert_eq!(kinds(&merged), kinds(&one));
    // Beside the parts as well, once.
    succeeded(&merge(&case, "all", &[]));
    assert_eq!(Trace::of(&Layout::new(case.folder.path("all"))), Trace::of(&one));
    let again = merge(&case, "all", &["--json"]);
    assert!(succeeded(&again).contains("all holds the 3 parts already merged"));
    assert_eq!(serde_json::from_slice::<Value>(&again.stdout).unwrap()["steps"], theirs.step);
    // Another run in the folder is no merge of them.
    assert!(failed(&merge(&case, "all", &["--output-dir=one"])).contains("already holds a run"));
    let text = succeeded(&part(&case, "1/3"));
    assert!(text.contains("(part 1/3): was finished before"), "{text}");
    let shown = case.ask("show", "merged");
    succeeded(&shown);
}

/// What a run folder holds besides checkpoints to resume from.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| !["checkpoints", "fit.json"].contains(&name.as_str()));
    names.sort();
    names
}

#[test]
fn parts_that_do_not_belong_together_are_refused() {
    let case = Case::new(CLI, 1);
    for (more, told) in [
        (&["--learning-rate=2e-3", "--output-dir=all", "--sweep-shard=1/2"][..], "nothing to divide"),
        (&["--output-dir=all", "--sweep-shard=1/9"], "8 learning rates cannot be divided into 9 parts"),
        (&["--seeds=1,2", "--output-dir=all", "--sweep-shard=1/3"], "2 seeds cannot be divided into 3 parts"),
    ] {
        let text = failed(&sweep(&case, more).output().unwrap());
        assert!(text.contains(told), "{text}");
        assert!(!case.folder.path("all").exists());
    }
    for wrong in [&["--sweep-shard=1/2"][..], &["--sweep-shard=0/2", "--output-dir=all"]] {
        assert_eq!(sweep(&case, wrong).output().unwrap().status.code(), Some(2), "{wrong:?}");
    }
    succeeded(&part(&case, "1/8"));
    let text =
        failed(&sweep(&case, &["--output-dir=all", "--sweep-shard=1/8", "--seed=7"]).output().unwrap());
    assert!(text.contains("was begun with another recipe (seed was 42 and is 7)"), "{text}");
    // One of another sweep among them.
    succeeded(&sweep(&case, &["--output-dir=other", "--sweep-shard=2/2", "--seed=7"]).output().unwrap());
    fs::rename(case.folder.path("other/shard-2-of-2"), case.folder.path("all/shard-2-of-2")).unwrap();
    assert!(failed(&merge(&case, "all", &[])).contains("was divided into 2 parts"));
    fs::remove_dir_all(case.folder.path("all/shard-1-of-8")).unwrap();
    succeeded(&part(&case, "1/2"));
    let text = failed(&merge(&case, "all", &[]));
    assert!(text.contains("are not of one sweep: seed was 42 and is 7"), "{text}");
    assert!(!case.folder.path("all/recipe.toml").exists());
}

#[test]
fn parts_of_the_seeds_are_one_group() {
    let case = Case::new(CLI, 1);
    let seeds = ["--seeds=5,1,3", "--learning-rate=2e-3"];
    let output = sweep(&case, &[&seeds[..], &["--output-dir=one"]].concat()).output().unwrap();
    succeeded(&output);
    let table = String::from_utf8(output.stdout).unwrap().replace("one", "all");
    let part = |shard: &str| {
        let more = ["--output-dir=all", "--sweep-shard", shard];
        sweep(&case, &[&seeds[..], &more].concat()).output().unwrap()
    };
    succeeded(&part("2/2"));
    let text = failed(&merge(&case, "all", &[]));
    assert!(text.contains("1 of 3 runs in all are missing or unfinished: those of the seeds 5"), "{text}");
    // A list that differs would make another group of the same folder.
    let other = ["--seeds=1,3", "--learning-rate=2e-3", "--output-dir=all"];
    let text = failed(&sweep(&case, &other).output().unwrap());
    assert!(text.contains("all holds the runs of the seeds 5, 1, 3, not of 1, 3"), "{text}");
    succeeded(&part("1/2"));
    let output = merge(&case, "all", &[]);
    succeeded(&output);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), table);
    for seed in [1, 3, 5] {
        let run = |folder: &str| Layout::new(case.folder.path(&format!("{folder}/{folder}-seed{seed}")));
        assert_eq!(Trace::of(&run("all")), Trace::of(&run("one")));
    }
}
