//! Checkpoints that answer together, by the command line.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use spanbert_core::{
    advice::is_remedy,
    checkpoint::{Checkpoint, LoadOptions, SaveCheckpoint, SpanbertMeta, load, save},
    demo::{self, generate::GeneratorOptions},
};

/// Short windows, so that contexts have several.
const SETTINGS: &str = "--squad-version 2.0 --eval-batch-size 5 --backend cpu";
const FILES: [&str; 4] = ["predictions.json", "nbest_predictions.json", "null_odds.json", "records.jsonl"];

struct Case(tempfile::TempDir);

impl Case {
    /// Questions, and the demonstration's model with its head multiplied by 1 (`whole`), 0 (`none`) and 0.5 (`half`).
    fn new() -> Self {
        let case = Self(tempfile::tempdir().unwrap());
        let data = demo::squad_json("dev", &GeneratorOptions { passages: 6, ..demo::DEV }).unwrap();
        fs::write(case.path("dev.json"), data).unwrap();
        let model = demo::write(&case.path("demo")).unwrap().model;
        for (name, factor, threshold) in [("whole", 1.0, -1.0), ("none", 0.0, 2.0), ("half", 0.5, 0.5)] {
            let mut checkpoint = load(&model, LoadOptions::default()).unwrap();
            for (tensor, values) in &mut checkpoint.weights {
                if tensor.starts_with("qa_outputs") {
                    values.values.iter_mut().for_each(|value| *value *= factor);
                }
            }
            case.write(name, &checkpoint, meta(threshold));
        }
        case
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, checkpoint: &Checkpoint, meta: SpanbertMeta) {
        let Checkpoint { config, weights, vocab, settings, .. } = checkpoint;
        save(&self.path(name), &SaveCheckpoint { config, weights, vocab, settings, meta: &meta }).unwrap();
    }

    /// Exit code, standard output and standard error.
    fn run(&self, arguments: &str) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spanbert_cli"));
        command.current_dir(self.0.path()).env("XDG_CACHE_HOME", self.path("cache"));
        let output = command.args(arguments.split_whitespace()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn succeeds(&self, arguments: &str) -> (String, String) {
        let (code, told, errors) = self.run(arguments);
        assert_eq!(code, 0, "{arguments}: {errors}");
        (told, errors)
    }

    fn evaluate(&self, models: &str, folder: &str) -> (Value, String) {
        let (told, errors) = self.succeeds(&format!(
            "evaluate --model {models} --data dev.json --output-dir {folder} --json {SETTINGS}"
        ));
        (serde_json::from_str(&told).unwrap(), errors)
    }
}

fn meta(threshold: f64) -> SpanbertMeta {
    SpanbertMeta {
        threshold: Some(threshold),
        max_seq_length: Some(48),
        doc_stride: Some(16),
        max_query_length: Some(16),
        ..SpanbertMeta::default()
    }
}

fn same_files(a: &Path, b: &Path, names: &[&str]) {
    for name in names {
        assert!(fs::read(a.join(name)).unwrap() == fs::read(b.join(name)).unwrap(), "{name}");
    }
}

#[test]
fn logits_are_averaged() {
    let case = Case::new();
    let (plain, _) = case.evaluate("half", "half-alone");
    // (x + 0) / 2, exactly.
    let (ensemble, said) = case.evaluate("whole --ensemble none", "average");
    same_files(&case.path("half-alone"), &case.path("average"), &FILES);
    assert!(!said.contains("more than once"), "{said}");
    assert!(said.contains("answering with 2 models; the mean of their thresholds is 0.5"), "{said}");
    assert_eq!(ensemble["named"], plain["named"]);
    assert_eq!((&ensemble["model"], &ensemble["ensemble"][0]), (&"whole".into(), &"none".into()));
    assert_eq!(plain.get("ensemble"), None);
    let results = fs::read(case.path("average/results.json")).unwrap();
    let results: Value = serde_json::from_slice(&results).unwrap();
    assert_eq!(results["ensemble"], serde_json::json!(["none"]));
    // Twice the same is the same.
    case.evaluate("whole", "alone");
    let (_, said) = case.evaluate("whole --ensemble whole", "twice");
    assert!(said.contains("warning: whole answers more than once"), "{said}");
    same_files(&case.path("alone"), &case.path("twice"), &FILES);
    assert_ne!(
        fs::read(case.path("alone/null_odds.json")).unwrap(),
        fs::read(case.path("average/null_odds.json")).unwrap()
    );
}

#[test]
fn parts_of_a_file_and_lines_are_answered_together_too() {
    let case = Case::new();
    let predict = format!("predict --data dev.json {SETTINGS} --model");
    case.succeeds(&format!("{predict} half --output-dir alone"));
    for shard in ["1/2", "2/2"] {
        case.succeeds(&format!("{predict} whole --ensemble none --output-dir all --shard {shard}"));
    }
    // The same command again finds the shard; another ensemble is another shard.
    let (told, _) = case.succeeds(&format!("{predict} whole --ensemble none --output-dir all --shard 1/2"));
    assert!(told.contains("was finished before"), "{told}");
    let (code, _, errors) =
        case.run(&format!("{predict} whole --ensemble half --output-dir all --shard 1/2"));
    assert_eq!(code, 1, "{errors}");
    case.succeeds("predict --merge all");
    same_files(&case.path("alone"), &case.path("all"), &FILES[..3]);
    let (code, _, errors) = case.run("predict --merge all --ensemble none");
    assert!(code == 1 && errors.contains("--ensemble has no effect"), "{errors}");
}

#[test]
fn models_that_do_not_go_together_are_refused() {
    let case = Case::new();
    let refused = |ensemble: &str, expected: &str| {
        let (code, _, errors) =
            case.run(&format!("evaluate --model whole --ensemble {ensemble} --data dev.json {SETTINGS}"));
        assert!(code == 1 && errors.contains(expected), "{errors}");
        let remedy = errors.lines().find_map(|line| line.strip_prefix("  try: ")).unwrap_or_default();
        assert!(is_remedy(remedy), "{errors}");
    };
    let checkpoint = load(&case.path("whole"), LoadOptions::default()).unwrap();
    case.write("long", &checkpoint, SpanbertMeta { max_seq_length: Some(64), ..meta(0.0) });
    refused("long", "long wants windows of 64 pieces with a stride of 16 and questions of at most 16");
    case.succeeds(&format!(
        "evaluate --model whole --ensemble long --max-seq-length 48 --data dev.json {SETTINGS}"
    ));
    let mut other = checkpoint.clone();
    other.vocab.swap(20, 21);
    case.write("other", &other, meta(0.0));
    refused("other", "piece 20 of its vocabulary is");
    let mut cased = checkpoint.clone();
    cased.settings.do_lower_case = !cased.settings.do_lower_case;
    case.write("cased", &cased, meta(0.0));
    refused("cased", "lower-case text");
    refused("absent", "absent");
}
