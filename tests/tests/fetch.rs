//! `spanbert fetch` against a hub on the loopback address, and a training that names what was fetched. What the hub does
//! when it goes wrong is tested beside the code.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{fs, path::Path, process::Output};

use assert_cmd::Command;
use serde_json::Value;
use spanbert_core::demo::{self, DEV, TRAIN, generate::GeneratorOptions};
use spanbert_tests::hub::{COMMIT, Hub, Plan};

fn spanbert(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spanbert_cli"));
    for name in ["HF_HOME", "HF_HUB_CACHE", "HF_TOKEN", "HF_TOKEN_PATH", "HF_HUB_OFFLINE", "HF_ENDPOINT"] {
        command.env_remove(name);
    }
    command.current_dir(folder).env("HF_HOME", folder.join("hf")).env("XDG_CACHE_HOME", folder.join("cache"));
    command.envs(variables.iter().copied()).args(arguments).output().unwrap()
}

fn told(output: &Output) -> (String, String) {
    (String::from_utf8_lossy(&output.stdout).into(), String::from_utf8_lossy(&output.stderr).into())
}

#[test]
fn a_training_names_what_was_fetched() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let address = Hub::start(Plan::of_folder(&demo::write(&folder.join("served")).unwrap().model)).address;

    // Before: a name that is not there says how to get it.
    let output = spanbert(folder, &[], &["inspect", "spanbert-base"]);
    let (_, errors) = told(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(errors.contains("spanbert fetch spanbert-base"), "{errors}");
    let output = spanbert(folder, &[("HF_HUB_OFFLINE", "1")], &["fetch", "spanbert-base"]);
    assert!(told(&output).1.contains("HF_HUB_OFFLINE is set"), "{:?}", told(&output));

    let output = spanbert(folder, &[("HF_ENDPOINT", &address)], &["fetch", "spanbert-base", "--json"]);
    let (text, errors) = told(&output);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    assert!(errors.contains("CC-BY-NC 4.0"), "the licence comes first: {errors}");
    let fetched: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(fetched[0]["commit"], COMMIT);
    let (text, _) = told(&spanbert(folder, &[("HF_HUB_OFFLINE", "1")], &["fetch", "spanbert-base"]));
    assert!(text.contains("--model spanbert-base"), "{text}");
    let output = spanbert(folder, &[], &["inspect", "spanbert-base-cased"]);
    assert!(told(&output).0.contains("3 layers"), "{:?}", told(&output));

    // Data as `fetch squad2` leaves it; the real files have checksums that ours cannot have.
    let small = |passages, options: GeneratorOptions| GeneratorOptions { passages, ..options };
    fs::create_dir_all(folder.join("hf/squad")).unwrap();
    for (file, name, options) in
        [("train-v2.0.json", "train", small(20, TRAIN)), ("dev-v2.0.json", "dev", small(5, DEV))]
    {
        fs::write(folder.join("hf/squad").join(file), demo::squad_json(name, &options).unwrap()).unwrap();
    }
    let arguments = [
        "train",
        "--preset",
        "demo",
        "--model",
        "spanbert-base",
        "--train-file",
        "squad2:train",
        "--dev-file",
        "squad2:dev",
        "--num-train-epochs",
        "1",
        "--backend",
        "cpu",
        "--output-dir",
        "run",
    ];
    let output = spanbert(folder, &[], &arguments);
    assert_eq!(output.status.code(), Some(0), "{:?}", told(&output));
    let environment: Value =
        serde_json::from_str(&fs::read_to_string(folder.join("run/environment.json")).unwrap()).unwrap();
    assert!(
        environment["train_data"]["path"].as_str().unwrap().ends_with("train-v2.0.json"),
        "{environment}"
    );
    let evaluate = ["evaluate", "--model", "run/best", "--data", "squad2:dev", "--backend", "cpu", "--json"];
    let output = spanbert(folder, &[], &evaluate);
    assert_eq!(output.status.code(), Some(0), "{:?}", told(&output));
}

#[test]
fn names_that_mean_nothing_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let output = spanbert(place.path(), &[], &["fetch", "squad3"]);
    let (_, errors) = told(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(errors.contains("spanbert-base, spanbert-large, squad2, squad1"), "{errors}");
    let (text, _) = told(&spanbert(place.path(), &[], &["fetch", "--list"]));
    assert!(text.contains("squad2:train"), "{text}");
}
