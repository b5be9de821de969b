//! Other commands than `train` under launchers: shared by their processes, or refused.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]
#![cfg(unix)]

use std::process::Output;

use spanbert_core::run::{Event, RunState, StepEvent, read_events};
use spanbert_tests::{
    command::{Case, succeeded},
    launchers::launchers,
};

const CLI: &str = env!("CARGO_BIN_EXE_spanbert_cli");

fn failed(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains("error: "), "{text}");
    text
}

#[test]
fn an_evaluation_by_several_workers_has_the_bytes_of_one() {
    let case = Case::new(CLI, 1);
    let evaluate = |folder: &str, more: &[&str]| {
        let mut command = case.command(&["evaluate", "--model=model", "--data=dev.json", "--backend=cpu"]);
        // Batches of three, so that the last round is short.
        command.args([
            "--eval-batch-size=3",
            "--max-seq-length=32",
            "--doc-stride=8",
            "--max-query-length=12",
        ]);
        command.args(["--output-dir", folder]).args(more);
        command
    };
    let alone = evaluate("alone", &[]).output().unwrap();
    succeeded(&alone);
    let files = |folder: &str| -> Vec<(std::ffi::OsString, Vec<u8>)> {
        let entries = std::fs::read_dir(case.folder.path(folder)).unwrap().map(Result::unwrap);
        let mut files: Vec<_> =
            entries.map(|entry| (entry.file_name(), std::fs::read(entry.path()).unwrap())).collect();
        files.sort();
        files
    };
    let expected = files("alone");
    assert!(expected.len() > 3, "{expected:?}");
    for launcher in launchers() {
        for workers in [1, 2, 3] {
            let folder = format!("{}-{workers}", launcher.name.replace(' ', "-"));
            let command = evaluate(&folder, &["--distributed"]);
            let output = launcher.launch(&case, &[(workers, &command)]).output().unwrap();
            succeeded(&output);
            assert!(files(&folder) == expected, "{folder}");
            let scores = |output: &Output| {
                let told = String::from_utf8_lossy(&output.stdout).into_owned();
                told.lines().filter(|line| !line.starts_with("wrote ")).collect::<Vec<_>>().join("\n")
            };
            assert_eq!(scores(&output).trim_end(), scores(&alone).trim_end());
        }
        let (one, other) =
            (evaluate("x", &["--distributed"]), evaluate("x", &["--distributed", "--threshold=1"]));
        let text = failed(&launcher.launch(&case, &[(1, &one), (1, &other)]).output().unwrap());
        assert!(text.contains("error: worker 1 differs from worker 0 in its options ("), "{text}");
        let other = evaluate("x", &["--distributed", "--ensemble=model"]);
        let text = failed(&launcher.launch(&case, &[(1, &one), (1, &other)]).output().unwrap());
        assert!(
            text.contains("worker 1 differs from worker 0 in its ensemble (2 models, not 1 model)"),
            "{text}"
        );
        assert!(!case.folder.path("x/results.json").exists());
    }
}

#[test]
fn a_pretraining_by_several_workers_has_the_bits_of_one() {
    let case = Case::new(CLI, 1);
    let pretrain = |run: &str, more: &[&str]| {
        let mut command =
            case.command(&["pretrain", "--model=model", "--corpus=train.json", "--backend=cpu"]);
        // A short last batch, and held-out text in batches of three.
        command.args(["--train-batch-size=7", "--max-seq-length=24", "--num-train-epochs=2", "--parts=4"]);
        command.args([
            "--eval-file=dev.json",
            "--eval-batch-size=3",
            "--eval-steps=3",
            "--learning-rate=1e-3",
        ]);
        command.args(["--output-dir", run]).args(more);
        command
    };
    // In pre-training the bits depend on the number of threads too.
    let threads = ("RAYON_NUM_THREADS", "1");
    let told = |run: &str| -> Vec<Event> {
        let events = read_events(&case.layout(run).events()).unwrap().into_iter().map(|record| record.event);
        let without_times = |event| match event {
            Event::Step(StepEvent { step, loss, grad_norm, mlm_loss, sbo_loss, .. }) => {
                Some(Event::Step(StepEvent {
                    step,
                    loss,
                    grad_norm,
                    mlm_loss,
                    sbo_loss,
                    ..StepEvent::default()
                }))
            }
            Event::HeldOut { step, epoch, scores, best, .. } => {
                Some(Event::HeldOut { step, epoch, scores, best, secs: 0.0 })
            }
            _ => None,
        };
        events.filter_map(without_times).collect()
    };
    let weights = |run: &str| {
        let layout = case.layout(run);
        [layout.best(), layout.last()].map(|folder| std::fs::read(folder.join("model.safetensors")).unwrap())
    };
    succeeded(&pretrain("alone", &[]).env(threads.0, threads.1).output().unwrap());
    let expected = told("alone");
    let held_out = expected.iter().filter(|event| matches!(event, Event::HeldOut { .. })).count();
    assert!(held_out > 1 && expected.len() > 3 * held_out, "{held_out} of {}", expected.len());
    for launcher in launchers() {
        let name = launcher.name.replace(' ', "-");
        for workers in [1, 2, 3] {
            let run = format!("{name}-{workers}");
            let command = pretrain(&run, &["--distributed"]);
            let mut started = launcher.launch(&case, &[(workers, &command)]);
            let output = started.env(threads.0, threads.1).output().unwrap();
            succeeded(&output);
            assert_eq!(String::from_utf8_lossy(&output.stdout).matches("pre-trained after").count(), 1);
            assert_eq!(told(&run), expected, "{run}");
            assert!(weights(&run) == weights("alone"), "{run}");
        }
        // A run of two is gone on with by three.
        let run = format!("{name}-longer");
        let first = pretrain(&run, &["--distributed", "--max-steps=3"]);
        succeeded(&launcher.launch(&case, &[(2, &first)]).output().unwrap());
        let rest = case.command(&["pretrain", "--resume", &run, "--distributed", "--force", "--max-steps=5"]);
        succeeded(&launcher.launch(&case, &[(3, &rest)]).output().unwrap());
        assert_eq!(RunState::read(&case.layout(&run)).unwrap().step, 5);
        let (one, other) = (pretrain("x", &["--distributed"]), pretrain("x", &["--distributed", "--seed=7"]));
        let text = failed(&launcher.launch(&case, &[(1, &one), (1, &other)]).output().unwrap());
        assert!(text.contains("worker 1 differs from worker 0 in its recipe (seed is 7, not 42)"), "{text}");
        assert!(!case.folder.path("x").exists());
    }
}

/// Commands that several processes would each do alone, known by the launchers' variables.
#[test]
fn what_is_started_several_times_by_mistake_is_refused() {
    let case = Case::new(CLI, 1);
    let refused = |arguments: &[&str], variables: &[(&str, &str)]| {
        let output = case.command(arguments).envs(variables.iter().copied()).output().unwrap();
        failed(&output)
    };
    let open_mpi = [("OMPI_COMM_WORLD_RANK", "0"), ("OMPI_COMM_WORLD_SIZE", "2")];
    let hydra = [("PMI_RANK", "0"), ("PMI_SIZE", "2")];
    let step = [("SLURM_PROCID", "0"), ("SLURM_NTASKS", "2"), ("SLURM_STEP_ID", "0")];
    let train =
        ["train", "--model=model", "--train-file=train.json", "--learning-rate=1e-3", "--output-dir=run"];
    let data = ["--model=model", "--data=dev.json", "--output-dir=run"];
    let pretrain = ["pretrain", "--model=model", "--corpus=dev.json", "--output-dir=run"];
    let squad = ["run_squad", "--model=model", "--do_train", "--train_file=train.json", "--output_dir=run"];
    for variables in [&open_mpi[..], &hydra, &step] {
        let text = refused(&train, variables);
        assert!(
            text.contains("2 processes, each of which would train for itself\n  try: add --dist"),
            "{text}"
        );
        let text = refused(&[&["evaluate"][..], &data].concat(), variables);
        assert!(text.contains("each of which would evaluate the whole file\n  try: add --dist"), "{text}");
        let text = refused(&[&["predict"][..], &data].concat(), variables);
        assert!(
            text.contains("each of which would answer the whole file\n  try: give each its part"),
            "{text}"
        );
        let text = refused(&pretrain, variables);
        assert!(
            text.contains("each of which would pre-train for itself\n  try: add --distributed"),
            "{text}"
        );
        let text = refused(&squad, variables);
        assert!(text.contains("would train for itself\n  try: use `spanbert train --distributed`"), "{text}");
        assert!(!case.folder.path("run").exists());
    }
    // A part is meant for one of several processes.
    let mut shard = case.command(&["predict", "--shard=1/2", "--backend=cpu"]);
    succeeded(&shard.args(data).envs(open_mpi).output().unwrap());
}

#[test]
fn without_a_launcher_a_distributed_training_is_one_process_with_a_note() {
    let case = Case::new(CLI, 1);
    let mut command = case.begin("run");
    let text = succeeded(&command.args(["--distributed", "--max-steps=2"]).output().unwrap());
    assert!(text.contains("note: no launcher has started this process, so it will train alone"), "{text}");
    assert!(!text.contains("1 workers") && !text.contains("1 worker by"), "{text}");
}
