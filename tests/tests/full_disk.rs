//! A disk that is full in the middle of a training. Needs a small file system, made by tests/full_disk.sh.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{fs, path::PathBuf};

use spanbert_core::train::TrainingCheckpoint;
use spanbert_tests::{
    command::{Case, succeeded},
    small::{config, write_model_of},
    trace::Trace,
};

#[test]
fn a_full_disk_costs_nothing_that_was_saved() {
    let Some(disk) = std::env::var_os("SPANBERT_SMALL_DISK").map(PathBuf::from) else {
        println!("skipped: SPANBERT_SMALL_DISK names no file system of 64 MB; see tests/full_disk.sh");
        return;
    };
    let case = Case::new(env!("CARGO_BIN_EXE_spanbert_cli"), 2);
    // 1.9 MB of weights: a checkpoint takes 5.6 MB, and two are kept while the third is written.
    let config = spanbert_core::config::BertConfig {
        hidden_size: 96,
        num_hidden_layers: 4,
        intermediate_size: 384,
        ..config()
    };
    write_model_of(&case.folder.path("model"), &config);
    succeeded(&case.begin("whole").output().unwrap());

    // What someone else has there leaves 16 MB.
    let others = disk.join("others");
    fs::write(&others, vec![0; 48 << 20]).unwrap();
    let run = disk.join("run");
    let run = run.to_str().unwrap();
    let output = case.begin(run).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    println!("{text}");
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("the disk is full") && text.contains(&format!("spanbert train --resume {run}")),
        "{text}"
    );
    let layout = case.layout(run);
    let (checkpoint, warnings) = TrainingCheckpoint::newest(&layout).unwrap();
    let kept = checkpoint.unwrap().progress.place.step;
    assert!(kept >= 5 && warnings.is_empty(), "{kept} {warnings:?}");
    println!("the checkpoint of step {kept} is whole");

    fs::remove_file(others).unwrap();
    println!("{}", succeeded(&case.resume(run).output().unwrap()));
    assert_eq!(Trace::of(&layout), Trace::of(&case.layout("whole")));
}
