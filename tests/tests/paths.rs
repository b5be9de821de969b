//! Paths that some systems or programs cannot take: long ones, with spaces, letters of any script, line ends of another system.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::fs;

use spanbert_core::run::RunState;
use spanbert_tests::{
    command::{Case, succeeded},
    trace::Trace,
};

const CLI: &str = env!("CARGO_BIN_EXE_spanbert_cli");

/// Some 380 characters: Windows takes 260 unless a program asks for more.
fn long() -> String {
    let parts = ["Übung – 中文 🙂".to_owned(), "a".repeat(120), "b c".repeat(40), "d".repeat(110)];
    parts.join(std::path::MAIN_SEPARATOR_STR)
}

#[test]
fn a_run_in_a_long_path_of_any_script_is_like_any_other() {
    let case = Case::new(CLI, 1);
    succeeded(&case.begin("plain").output().unwrap());
    let run = long();
    fs::create_dir_all(case.folder.path(&run)).unwrap();
    let run = [&run, "run"].join(std::path::MAIN_SEPARATOR_STR);
    succeeded(&case.begin(&run).arg("--max-steps=9").output().unwrap());
    succeeded(&case.resume(&run).arg("--max-steps=24").output().unwrap());
    assert_eq!(RunState::read(&case.layout(&run)).unwrap().step, 24);
    assert_eq!(Trace::of(&case.layout(&run)).updates, Trace::of(&case.layout("plain")).updates);
    let shown = case.ask("show", &run);
    succeeded(&shown);
    assert!(String::from_utf8(shown.stdout).unwrap().contains("Übung – 中文 🙂"));
    let model = [&run, "last"].join(std::path::MAIN_SEPARATOR_STR);
    let output = [&run, "answers"].join(std::path::MAIN_SEPARATOR_STR);
    let predict = ["predict", "--model", &model, "--data=dev.json", "--backend=cpu", "--output-dir", &output];
    succeeded(&case.command(&predict).output().unwrap());
    assert!(case.folder.path(&output).join("predictions.json").is_file());
}

#[test]
fn line_ends_of_another_system_make_no_difference() {
    let case = Case::new(CLI, 1);
    succeeded(&case.begin("plain").output().unwrap());
    for name in ["train.json", "dev.json", "model/config.json", "model/vocab.txt"] {
        let path = case.folder.path(name);
        let text = fs::read_to_string(&path).unwrap();
        // Between the parts of a JSON file is where an editor puts them.
        let text = if name.ends_with(".txt") { text } else { text.replace(",\"", ",\n\"") };
        fs::write(&path, text.replace('\n', "\r\n")).unwrap();
    }
    succeeded(&case.begin("other").output().unwrap());
    assert_eq!(Trace::of(&case.layout("other")).updates, Trace::of(&case.layout("plain")).updates);
}

/// On Windows that is a path with `\\?\`, which other programs may hand over.
#[test]
fn a_canonical_path_is_like_any_other() {
    let case = Case::new(CLI, 1);
    let path = |name: &str| fs::canonicalize(case.folder.path("")).unwrap().join(name).display().to_string();
    assert_eq!(path("run").starts_with(r"\\?\"), cfg!(windows));
    let model =
        ["--model", &path("model"), "--train-file", &path("train.json"), "--dev-file", &path("dev.json")];
    let recipe = ["--learning-rate=2e-3", "--max-seq-length=32", "--max-query-length=12", "--doc-stride=8"];
    let run = ["--output-dir", &path("run"), "--backend=cpu", "--max-steps=1"];
    let arguments = [&["train"], &model[..], &recipe, &run].concat();
    succeeded(&case.command(&arguments).output().unwrap());
    succeeded(&case.resume(&path("run")).arg("--max-steps=2").output().unwrap());
    assert_eq!(RunState::read(&case.layout("run")).unwrap().step, 2);
}
