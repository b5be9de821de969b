//! `spanbert bench` on the processor, with tiny models: what it prints, and what it refuses.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::process::Output;

use assert_cmd::Command;
use serde_json::{Value, json};
use spanbert_tests::small::{Folder, config, dataset, vocab, write_model};

/// A model's folder, a data set and a vocabulary.
fn folder() -> Folder {
    let folder = Folder::new();
    write_model(&folder.path("model"));
    folder.data("squad.json", &dataset(12, true));
    std::fs::write(folder.path("vocab.txt"), vocab().join("\n")).unwrap();
    std::fs::write(folder.path("config.json"), config().to_hugging_face().to_string()).unwrap();
    folder
}

fn bench(folder: &Folder, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spanbert_cli"));
    command.env("XDG_CACHE_HOME", folder.path("cache")).current_dir(folder.path(""));
    command.arg("bench").args(arguments).output().unwrap()
}

fn parsed(folder: &Folder, arguments: &[&str]) -> Value {
    let output = bench(folder, arguments);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Cause and remedy of a command that must fail.
fn refused(folder: &Folder, arguments: &[&str], code: i32) -> String {
    let output = bench(folder, arguments);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    errors
}

fn number(row: &Value, key: &str) -> f64 {
    row[key].as_f64().unwrap_or_else(|| panic!("{key} in {row}"))
}

#[test]
fn training_is_measured_for_every_length() {
    let folder = folder();
    let arguments = "train --backend cpu --config config.json --batch 4 --micro-batch 3 --length 16,32 --steps 5 \
                     --warmup 2 --block-steps 2 --json --output results/train.json";
    let report = parsed(&folder, &arguments.split_whitespace().collect::<Vec<_>>());
    assert_eq!(report["bench"], "train");
    assert_eq!(report["model"]["layers"], 2);
    assert_eq!(report["environment"]["device"]["kind"], "cpu");
    assert_eq!((&report["precision"], &report["stopped"]), (&json!("f32"), &json!(false)));
    let file: Value =
        serde_json::from_slice(&std::fs::read(folder.path("results/train.json")).unwrap()).unwrap();
    assert_eq!(file, report);
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    for (row, length) in rows.iter().zip([16, 32]) {
        assert_eq!(row["length"], length.to_string());
        assert_eq!((&row["batch"], &row["micro_batch"], &row["steps"]), (&json!(4), &json!(3), &json!(5)));
        assert_eq!((&row["windows"], &row["tokens"]), (&json!(20), &json!(20 * length)));
        assert_eq!((&row["padded_tokens"], &row["warmup_steps"]), (&json!(20 * length), &json!(2)));
        let secs = number(row, "measured_secs");
        assert!((number(row, "windows_per_sec") * secs - 20.0).abs() < 1e-6, "{row}");
        // Three times the forward pass of 20 windows: 2 layers of 4 * 32² + 2 * 32 * 64 weights and a head of 64.
        let weights = 2.0 * (4.0 * 1024.0 + 4096.0) + 64.0;
        let flops = 60.0 * f64::from(length) * (2.0 * weights + 8.0 * f64::from(length) * 32.0);
        assert!((number(row, "model_tflops_per_sec") * secs * 1e12 / flops - 1.0).abs() < 1e-9, "{row}");
        assert!(row["step_ms"]["min"].as_f64() <= row["step_ms"]["median"].as_f64(), "{row}");
        assert!(number(row, "warmup_secs") >= number(row, "first_step_secs"), "{row}");
        assert_eq!((&row["peak_share"], &row["peak_device_bytes"]), (&Value::Null, &Value::Null));
        // The start of training: a coin flip among the positions.
        assert!((number(row, "last_loss") - f64::from(length).ln()).abs() < 0.7, "{row}");
        assert_eq!(row.get("shapes"), None);
    }
}

#[test]
fn a_data_set_s_lengths_are_those_of_a_training() {
    let folder = folder();
    let arguments = "train --backend cpu --model model --data squad.json --length squad --batch 5 --steps 9 \
                     --length-multiple 4 --max-query-length 12 --doc-stride 8 --dropout 0 --json";
    let report = parsed(&folder, &arguments.split_whitespace().collect::<Vec<_>>());
    let row = &report["rows"][0];
    assert_eq!((&row["length"], &row["steps"]), (&json!("squad"), &json!(9)));
    assert_eq!(report["model"]["dropout"], 0.0);
    // 36 questions, one window each, of 17 pieces or 18: seven batches of five and one of one in an epoch.
    let shapes: Vec<&str> =
        row["shapes"].as_array().unwrap().iter().map(|shape| shape.as_str().unwrap()).collect();
    assert_eq!(shapes.len(), 9);
    assert_eq!(shapes[..8].iter().filter(|shape| **shape == "5x20").count(), 7, "{shapes:?}");
    assert_eq!(shapes[..8].iter().filter(|shape| **shape == "1x20").count(), 1, "{shapes:?}");
    assert!(number(row, "tokens") < number(row, "padded_tokens"), "{row}");
    assert!(number(row, "warmup_steps") >= 3.0);
}

#[test]
fn answering_is_measured_as_a_table_too() {
    let folder = folder();
    let arguments = "infer --backend cpu --config config.json --batch 2 --length 16,squad --steps 3 --data squad.json \
         --vocab vocab.txt --do-lower-case --max-query-length 12 --doc-stride 8 --output infer.json";
    let output = bench(&folder, &arguments.split_whitespace().collect::<Vec<_>>());
    let table = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}{}", String::from_utf8_lossy(&output.stderr));
    assert!(lines[0].contains("windows/s") && lines[0].contains("warm-up"), "{table}");
    assert!(lines[1].trim().starts_with("16") && lines[2].trim().starts_with("squad"), "{table}");
    let report: Value = serde_json::from_slice(&std::fs::read(folder.path("infer.json")).unwrap()).unwrap();
    assert_eq!(report["bench"], "infer");
    assert_eq!(report["rows"][0].get("last_loss"), None);
    assert_eq!(report["rows"][1]["windows"], 6);
}

#[test]
fn text_is_measured_by_phase() {
    let folder = folder();
    let common = ["--data", "squad.json", "--vocab", "vocab.txt", "--do-lower-case", "--runs", "2", "--json"];
    let windows = ["--max-seq-length", "24", "--max-query-length", "12", "--doc-stride", "8"];
    let run =
        |what: &str, more: &[&str]| parsed(&folder, &[&[what], &common[..], &windows[..], more].concat());
    for (flags, targets) in [(&[][..], false), (&["--training"][..], true)] {
        let row = &run("preprocess", flags)["rows"][0];
        assert_eq!(
            (&row["targets"], &row["runs"], &row["questions"]),
            (&json!(targets), &json!(2), &json!(36))
        );
        assert_eq!(row["windows"], 36);
        let secs = |phase: &str| row[phase]["min"].as_f64().unwrap();
        assert!(
            secs("prepare_secs") >= secs("windows_secs") && secs("total_secs") > secs("read_secs"),
            "{row}"
        );
    }
    let made_up = run("postprocess", &["--save-logits", "logits.npy"]);
    let row = &made_up["rows"][0];
    assert_eq!((&row["questions"], &row["windows"], &row["runs"]), (&json!(36), &json!(36), &json!(2)));
    assert!(number(row, "nbest_entries") > 72.0, "{row}");
    assert_eq!(row["scores"]["total"], 36);
    let given = run("postprocess", &["--logits", "logits.npy"]);
    assert_eq!(given["rows"][0]["scores"], row["scores"]);
    assert_eq!(given["rows"][0]["nbest_entries"], row["nbest_entries"]);
    assert_ne!(run("postprocess", &["--seed", "43"])["rows"][0]["scores"], row["scores"]);
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let folder = folder();
    let refused =
        |arguments: &str, code| refused(&folder, &arguments.split_whitespace().collect::<Vec<_>>(), code);
    for (arguments, cause) in [
        ("train --backend cpu --config huge", "\"huge\""),
        ("train --backend cpu --config vocab.txt", "vocab.txt"),
        ("train --backend cpu --config config.json --length 33", "33"),
        ("infer --backend cpu --config config.json --length 4", "at least 5"),
        ("infer --backend cpu --config config.json --length squad", "--data"),
        ("infer --backend cpu --config config.json --length squad --data squad.json", "--vocab"),
        ("train --backend cpu --config config.json --dropout 1", "dropout"),
        ("train --backend cpu --model nowhere", "nowhere"),
        ("preprocess --data absent.json --vocab vocab.txt --cased", "absent.json"),
        ("postprocess --data squad.json --vocab vocab.txt --cased --logits absent.npy", "absent.npy"),
    ] {
        let errors = refused(arguments, 1);
        assert!(errors.contains("error: ") && errors.contains("  try: "), "{errors}");
        assert!(errors.contains(cause), "{arguments}: {errors}");
    }
    for (arguments, flag) in [
        ("train --batch 0", "--batch"),
        ("train --steps 0", "--steps"),
        ("train --warmup 0", "--warmup"),
        ("train --length 0", "--length"),
        ("train --length 128,many", "--length"),
        ("train --precision tf32", "--precision"),
        ("train --config base --model x", "--model"),
        ("infer --micro-batch 2", "--micro-batch"),
        ("preprocess --data squad.json", "--vocab"),
        ("postprocess --data squad.json --vocab vocab.txt --runs 0", "--runs"),
    ] {
        assert!(refused(arguments, 2).contains(flag), "{arguments}");
    }
}
