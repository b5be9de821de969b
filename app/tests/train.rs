//! The train page, by label.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod harness;

use std::{fs, path::Path};

use egui::accesskit::Role;
use egui_kittest::{
    Harness,
    kittest::{NodeT, Queryable},
};
use harness::{Paged, enter, is_enabled, launched, parameters, shows, value, wait, wait_until};
use spanbert_app::{dialogs::Purpose, page_view::PageView, pages::train::TrainPage, probe::Probe};
use spanbert_backends::Obstacle;
use spanbert_core::{
    demo,
    hash::Fingerprint,
    run::{Environment, Layout},
    train::{Preset, Recipe},
};

type Page = Harness<'static, Paged<TrainPage>>;

fn page(folder: &Path) -> Page {
    let mut harness = harness::page(&folder.join("runs"), [1180.0, 2200.0], TrainPage::new);
    harness.run_steps(3);
    harness
}

fn can_start(harness: &Harness<'_, Paged<TrainPage>>) -> bool {
    is_enabled(harness, "Start training")
}

#[test]
fn a_training_of_own_files_is_checked_and_started() {
    let folder = tempfile::tempdir().unwrap();
    let files = demo::write(&folder.path().join("files")).unwrap();
    let mut harness = page(folder.path());
    assert!(!can_start(&harness));
    assert!(shows(&harness, "the checkpoint is not chosen"));
    let state = harness.state_mut();
    assert!(state.take(Purpose::TrainCheckpoint, files.model.clone()));
    assert!(state.take(Purpose::Dropped, files.train.clone()));
    assert!(state.take(Purpose::Dropped, files.dev.clone()));
    wait(&mut harness, &parameters());
    wait(&mut harness, "60,000 questions");
    wait(&mut harness, "900 questions");
    // The published recipe's windows are longer than this model's positions.
    assert!(shows(&harness, "one setting is out of bounds"));
    assert!(shows(&harness, "this checkpoint has 192 positions"));
    assert!(!can_start(&harness));
    enter(&mut harness, "Max seq length", "128");
    enter(&mut harness, "Doc stride", "64");
    wait_until(&mut harness, "a start", can_start);
    wait(&mut harness, "7,500");
    enter(&mut harness, "Name of the run", "first try");
    harness.get_by_role_and_label(Role::Button, "Start training").click();
    harness.run_steps(3);
    let launch = launched(&mut harness);
    let recipe = Recipe::from_toml(&launch.recipe.unwrap(), "form").unwrap();
    let expected = Recipe { max_seq_length: 128, doc_stride: 64, ..Preset::SpanbertBaseSquad2.recipe() };
    assert_eq!(recipe, expected);
    let name = launch.run.file_name().unwrap().to_string_lossy().into_owned();
    assert!(name.ends_with("-first-try") || name.ends_with("-first try"), "{name}");
    let arguments: Vec<String> =
        launch.arguments.iter().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let path = |path: &Path| path.to_string_lossy().into_owned();
    assert_eq!(
        arguments,
        [
            "train".to_owned(),
            "--model".to_owned(),
            path(&files.model),
            "--train-file".to_owned(),
            path(&files.train),
            "--dev-file".to_owned(),
            path(&files.dev),
            "--backend".to_owned(),
            "cpu".to_owned(),
            "--output-dir".to_owned(),
            path(&launch.run)
        ]
    );
    assert_eq!(harness.state().settings.train.model.as_ref(), Some(&files.model));
}

#[test]
fn bad_files_are_told_beside_their_fields() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = page(folder.path());
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    harness.state_mut().take(Purpose::TrainCheckpoint, empty);
    wait(&mut harness, "config.json");
    assert!(shows(&harness, "the checkpoint cannot be used"));
    let data = folder.path().join("train.json");
    fs::write(&data, "{\"data\": 3}").unwrap();
    harness.state_mut().take(Purpose::TrainData, data);
    wait(&mut harness, "the training data cannot be used");
    // Typed paths are looked into once the typing pauses.
    enter(&mut harness, "Development data (optional)", "/nonexistent/dev.json");
    wait(&mut harness, "the development data cannot be used");
    assert!(!can_start(&harness));
}

#[test]
fn a_bad_value_is_told_beside_its_field_and_can_be_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = page(folder.path());
    harness.get_by_label("Demonstration").click();
    wait_until(&mut harness, "a start", can_start);
    enter(&mut harness, "Learning rate", "5");
    assert!(shows(&harness, "it must be above 0 and at most 1"));
    assert!(!can_start(&harness));
    enter(&mut harness, "Learning rate", "quick");
    assert!(shows(&harness, "quick is not a number"));
    harness.get_by_label("Reset learning rate to 5e-4").click();
    harness.run_steps(3);
    assert_eq!(value(&harness, "Learning rate"), "5e-4");
    assert!(can_start(&harness));
}

#[test]
fn the_demonstration_is_told_and_started() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = page(folder.path());
    harness.get_by_label("Demonstration").click();
    // Updates and windows, as `spanbert demo` has them.
    wait(&mut harness, "7,500");
    assert!(shows(&harness, "known after the first updates"));
    enter(&mut harness, "Num train epochs", "2");
    wait(&mut harness, "15,000");
    harness.get_by_role_and_label(Role::Button, "Start training").click();
    harness.run_steps(3);
    let launch = launched(&mut harness);
    assert_eq!(launch.arguments[0], "demo");
    let recipe = Recipe::from_toml(&launch.recipe.unwrap(), "form").unwrap();
    assert_eq!(recipe, Recipe { num_train_epochs: 2.0, ..Preset::Demo.recipe() });
}

#[test]
fn presets_and_files_fill_the_form() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = page(folder.path());
    assert_eq!(
        (value(&harness, "Train batch size"), value(&harness, "Learning rate")),
        ("32".into(), "2e-5".into())
    );
    harness.get_by_role_and_label(Role::ComboBox, "Start from").click();
    harness.run_steps(3);
    harness.get_by_label("The same with batch 16").click();
    harness.run_steps(3);
    assert_eq!(value(&harness, "Train batch size"), "16");
    let file = folder.path().join("mine.toml");
    fs::write(&file, "train_batch_size = 24\n").unwrap();
    assert!(harness.state_mut().take(Purpose::Dropped, file.clone()));
    wait_until(&mut harness, "the file's value", |harness| value(harness, "Train batch size") == "24");
    fs::write(&file, "batch = 24\n").unwrap();
    harness.state_mut().take(Purpose::Recipe, file);
    wait(&mut harness, "is not a recipe");
}

#[test]
fn a_run_fills_the_form_and_missing_files_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let files = demo::write(&folder.path().join("files")).unwrap();
    let run = folder.path().join("20260301T120000Z-mine");
    fs::create_dir(&run).unwrap();
    let layout = Layout::new(&run);
    let recipe = Recipe { seed: 7, ..Preset::Demo.recipe() };
    fs::write(layout.recipe(), recipe.to_toml()).unwrap();
    let gone = folder.path().join("gone.json").display().to_string();
    let environment = Environment {
        backend: "cpu".into(),
        model: Some(files.model),
        train_data: Some(Fingerprint::of(&files.train).unwrap()),
        dev_data: Some(Fingerprint { path: gone, ..Fingerprint::of(&files.dev).unwrap() }),
        ..Environment::of_this_process("A processor")
    };
    environment.write(&layout).unwrap();
    let mut harness = page(folder.path());
    harness.state_mut().page.fill_from(&run);
    wait(&mut harness, "60,000 questions");
    wait(&mut harness, "gone.json");
    assert_eq!((value(&harness, "Seed"), value(&harness, "Name of the run")), ("7".into(), "mine".into()));
    assert!(shows(&harness, "the development data cannot be used"));
    let other = folder.path().join("empty");
    harness.state_mut().page.fill_from(&other);
    wait(&mut harness, "recipe.toml");
}

#[test]
fn devices_are_a_choice_and_those_missing_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = page(folder.path());
    let card = harness.get_by_role_and_label(Role::RadioButton, "cpu: A processor");
    assert!(
        card.accesskit_node().toggled() == Some(egui::accesskit::Toggled::True)
            || card.accesskit_node().is_selected() == Some(true)
    );
    assert!(shows(&harness, "no NVIDIA driver found"));
    harness.state_mut().settings.backend = "cuda:3".into();
    harness.run_steps(2);
    assert!(shows(&harness, "cuda:3 is not there"));
    assert!(shows(&harness, "no device is chosen"));
    harness.get_by_role_and_label(Role::RadioButton, "cpu: A processor").click();
    harness.run_steps(3);
    assert!(!shows(&harness, "no device is chosen"));
    let can = harness.state_mut().with(|page, env| page.can(spanbert_app::command::Command::Ask, env));
    assert!(!can);
}

#[test]
fn a_device_that_cannot_be_used_is_no_choice_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = page(folder.path());
    let mut reports = harness::devices();
    let obstacle = Obstacle::new("NVRTC 12.2 does not compile for it", "install the CUDA 12.8 toolkit");
    reports[1].devices[0].unusable = Some(obstacle);
    harness.state_mut().probe = Probe::Done(reports);
    harness.run_steps(3);
    assert!(harness.query_by_role_and_label(Role::RadioButton, "cpu: A processor").is_none());
    assert!(shows(&harness, "NVRTC 12.2 does not compile for it. Install the CUDA 12.8 toolkit."));
    assert!(shows(&harness, "no device is chosen"));
}

#[test]
fn a_run_is_resumed_with_the_settings_that_may_change() {
    let folder = tempfile::tempdir().unwrap();
    let files = demo::write(&folder.path().join("files")).unwrap();
    let run = folder.path().join("20260301T120000Z-mine");
    fs::create_dir(&run).unwrap();
    let layout = Layout::new(&run);
    let recipe = Recipe { max_steps: Some(100), ..Preset::Demo.recipe() };
    fs::write(layout.recipe(), recipe.to_toml()).unwrap();
    let environment = Environment {
        backend: "cpu".into(),
        model: Some(files.model.clone()),
        train_data: Some(Fingerprint::of(&files.train).unwrap()),
        ..Environment::of_this_process("A processor")
    };
    environment.write(&layout).unwrap();
    let mut harness = page(folder.path());
    harness.state_mut().page.resume(&run);
    wait_until(&mut harness, "a start", |harness| {
        harness.query_by_role_and_label(Role::Button, "Resume").is_some() && is_enabled(harness, "Resume")
    });
    assert!(shows(&harness, "Resumes 20260301T120000Z-mine from its newest checkpoint"));
    assert!(harness.query_by_label("Pre-train").is_none());
    // What is learnt from stays.
    harness.get_by_label("All other settings").click();
    harness.run_steps(8);
    let is_fixed = |harness: &Page, field: &str| {
        harness.get_by_role_and_label(Role::TextInput, field).accesskit_node().is_disabled()
    };
    assert!(is_fixed(&harness, "Seed") && !is_fixed(&harness, "Max steps"));
    enter(&mut harness, "Max steps", "200");
    // A file may say anything, and what may not change is told beside its field.
    let file = folder.path().join("other.toml");
    fs::write(&file, Recipe { seed: 7, ..recipe.clone() }.to_toml()).unwrap();
    harness.state_mut().take(Purpose::Recipe, file);
    wait(&mut harness, "a run that is resumed keeps it; set it back to 42");
    assert!(!is_enabled(&harness, "Resume"));
    harness.get_by_label("Reset seed to 42").click();
    harness.run_steps(3);
    enter(&mut harness, "Max steps", "200");
    harness.get_by_role_and_label(Role::Button, "Resume").click();
    harness.run_steps(3);
    let launch = launched(&mut harness);
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let expected = ["train", "--resume", &path(&run), "--model", &path(&files.model), "--train-file"];
    assert_eq!(launch.arguments[..6], expected.map(std::ffi::OsString::from));
    assert_eq!(launch.arguments[7..], ["--backend", "cpu"].map(std::ffi::OsString::from));
    let asked = Recipe::from_toml(&launch.recipe.unwrap(), "form").unwrap();
    assert_eq!(asked, Recipe { max_steps: Some(200), ..recipe });
    // The form is that of a new run again.
    assert!(shows(&harness, "Start training"));
}

#[test]
fn what_needs_development_data_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = page(folder.path());
    harness.get_by_label("All other settings").click();
    harness.run_steps(8);
    enter(&mut harness, "Early stopping patience", "2");
    assert!(shows(&harness, "early_stopping_patience waits for the score on development data"));
    enter(&mut harness, "Learning rate", "");
    assert!(shows(&harness, "without a learning rate several are tried"));
}
