//! Pre-training on the train page, by label.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod harness;

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use egui::accesskit::Role;
use egui_kittest::{
    Harness,
    kittest::{NodeT, Queryable},
};
use harness::{Paged, enter, is_enabled, launched, parameters, shows, value, wait, wait_until};
use spanbert_app::{dialogs::Purpose, launch::Launch, pages::train::TrainPage};
use spanbert_core::{
    checkpoint::save_tokenizer,
    demo,
    hash::Fingerprint,
    pretrain::{PretrainRecipe, PretrainRecord},
    run::{Environment, Layout, RunState},
    train::MicroBatchSize,
};

type Page = Harness<'static, Paged<TrainPage>>;

const START: &str = "Start pre-training";

fn page(folder: &Path) -> Page {
    let mut harness = harness::page(&folder.join("runs"), [1180.0, 2200.0], TrainPage::new);
    harness.run_steps(3);
    harness
}

/// The same with the switch turned.
fn pretraining(folder: &Path) -> Page {
    let mut harness = page(folder);
    harness.get_by_label("Pre-train").click();
    harness.run_steps(3);
    harness
}

/// Text of so many documents, of which each has a few sentences.
fn text(folder: &Path, name: &str, documents: usize) -> PathBuf {
    let sentence = "The weaver of the northern valley sold a blue carpet to the miller's daughter. ";
    let document = |number| format!("Document {number}. {}", sentence.repeat(4));
    let all: Vec<String> = (0..documents).map(document).collect();
    let path = folder.join(name);
    fs::write(&path, all.join("\n\n")).unwrap();
    path
}

fn told(arguments: &[OsString]) -> Vec<String> {
    arguments.iter().map(|argument| argument.to_string_lossy().into_owned()).collect()
}

fn recipe(launch: &Launch) -> PretrainRecipe {
    PretrainRecipe::from_toml(launch.recipe.as_ref().unwrap(), "form").unwrap()
}

/// Has the window's program do what the page has asked for.
fn run(folder: &Path, launch: &Launch) {
    let file = folder.join("asked.toml");
    fs::write(&file, launch.recipe.as_ref().unwrap()).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_spanbert-studio"));
    command.arg("cli").args(&launch.arguments).arg("--recipe").arg(file);
    let output = command.env("XDG_CACHE_HOME", folder.join("cache")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_pre_training_from_a_checkpoint_is_checked_and_started() {
    let folder = tempfile::tempdir().unwrap();
    let files = demo::write(&folder.path().join("files")).unwrap();
    let mut harness = pretraining(folder.path());
    assert!(!is_enabled(&harness, START));
    assert!(shows(&harness, "the checkpoint is not chosen; the corpus is not chosen"));
    let corpus = [text(folder.path(), "one.txt", 12), text(folder.path(), "two.txt", 5)];
    let held_out = text(folder.path(), "held-out.txt", 3);
    let state = harness.state_mut();
    assert!(state.take(Purpose::Dropped, files.model.clone()));
    // From a dialog, and dropped; a file counts once.
    assert!(state.take(Purpose::Corpus, corpus[0].clone()));
    for path in [&corpus[0], &corpus[1], &held_out] {
        assert!(state.take(Purpose::Dropped, path.clone()));
    }
    wait(&mut harness, &parameters());
    // Its head for answers is not what is trained.
    assert!(!shows(&harness, "head starts fresh"));
    wait(&mut harness, "12 documents");
    wait(&mut harness, "5 documents");
    wait(&mut harness, "3 documents");
    // The paper's texts are longer than this model's positions.
    assert!(shows(&harness, "the model has 192 positions; use at most 192"));
    assert!(!is_enabled(&harness, START));
    enter(&mut harness, "Max seq length", "64");
    enter(&mut harness, "Train batch size", "8");
    enter(&mut harness, "Max steps", "2");
    wait_until(&mut harness, "a start", |harness| is_enabled(harness, START));
    wait(&mut harness, "Evaluations");
    assert!(shows(&harness, "Texts") && shows(&harness, "8, the whole batch"));
    enter(&mut harness, "Name of the run", "more text");
    harness.get_by_role_and_label(Role::Button, START).click();
    harness.run_steps(3);
    let launch = launched(&mut harness);
    let expected =
        PretrainRecipe { max_seq_length: 64, train_batch_size: 8, max_steps: Some(2), ..Default::default() };
    assert_eq!(recipe(&launch), expected);
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let paths = [&files.model, &corpus[0], &corpus[1], &held_out, &launch.run].map(|at| path(at));
    let [model, one, two, held, output] = &paths;
    let expected = [
        "pretrain",
        "--model",
        model,
        "--corpus",
        one,
        two,
        "--eval-file",
        held,
        "--backend",
        "cpu",
        "--output-dir",
        output,
    ];
    assert_eq!(told(&launch.arguments), expected);
    assert_eq!(harness.state().settings.pretrain.corpus, corpus);
    run(folder.path(), &launch);
    assert_eq!(RunState::read(&Layout::new(&launch.run)).unwrap().step, 2);
}

#[test]
fn a_new_model_has_sizes_and_a_vocabulary() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = pretraining(folder.path());
    harness.get_by_label("New model").click();
    harness.run_steps(3);
    harness.get_by_label("minilm").click();
    harness.state_mut().take(Purpose::Corpus, text(folder.path(), "one.txt", 12));
    wait_until(&mut harness, "a start", |harness| is_enabled(harness, START));
    assert!(shows(&harness, "6 layers"));
    // The memory is known, the updates are not.
    assert!(shows(&harness, "known once its vocabulary is made"));
    assert!(shows(&harness, "Device memory") && !shows(&harness, "Updates"));
    enter(&mut harness, "Word pieces", "many");
    assert!(shows(&harness, "the vocabulary's size is not a whole number"));
    enter(&mut harness, "Word pieces", "800");
    harness.get_by_role_and_label(Role::CheckBox, "Lower-case the text").click();
    harness.run_steps(3);
    harness.get_by_role_and_label(Role::Button, START).click();
    harness.run_steps(3);
    let launch = launched(&mut harness);
    let expected = ["pretrain", "--config", "minilm", "--train-vocab", "800", "--do-lower-case"];
    assert_eq!(told(&launch.arguments)[..6], expected);
    // With a vocabulary of its own the text can be cut.
    let model = demo::random_model();
    let vocabulary = folder.path().join("vocab.txt");
    fs::write(&vocabulary, model.vocab.join("\n")).unwrap();
    harness.state_mut().take(Purpose::Dropped, vocabulary);
    wait(&mut harness, "word pieces");
    wait(&mut harness, "Updates");
    let config = folder.path().join("config.json");
    fs::write(&config, model.config.to_hugging_face().to_string()).unwrap();
    harness.state_mut().take(Purpose::Dropped, config);
    wait(&mut harness, "the model has 192 positions");
}

#[test]
fn what_is_of_no_use_is_told_beside_its_field() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = pretraining(folder.path());
    let empty = folder.path().join("empty.txt");
    fs::write(&empty, "\n \n").unwrap();
    harness.state_mut().take(Purpose::Corpus, empty);
    wait(&mut harness, "choose a file with running text");
    assert!(shows(&harness, "a file of the corpus cannot be used"));
    harness.get_by_label("Remove file 1").click();
    harness.run_steps(3);
    assert!(shows(&harness, "the corpus is not chosen"));
    harness.get_by_label("New model").click();
    harness.run_steps(3);
    let vocabulary = folder.path().join("vocab.txt");
    fs::write(&vocabulary, "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n").unwrap();
    harness.state_mut().take(Purpose::Vocabulary, vocabulary);
    wait(&mut harness, "has no [MASK]; choose a vocabulary made for BERT");
    // Settings that do not go with the text.
    enter(&mut harness, "Eval share", "0.1");
    harness.state_mut().take(Purpose::HeldOutText, text(folder.path(), "other.txt", 2));
    wait(&mut harness, "2 documents");
    assert!(shows(&harness, "set it to 0, or leave the files out"));
    harness.get_by_role_and_label(Role::ComboBox, "Masking").click();
    harness.run_steps(3);
    harness.get_by_label("pieces").click();
    harness.run_steps(3);
    assert!(shows(&harness, "single pieces have no boundaries"));
    assert!(shows(&harness, "2 settings are out of bounds"));
}

/// A run of pre-training that was begun with a new model.
fn begun(folder: &Path, recipe: &PretrainRecipe) -> PathBuf {
    let run = folder.join("20260301T120000Z-text");
    fs::create_dir(&run).unwrap();
    let layout = Layout::new(&run);
    let model = demo::random_model();
    save_tokenizer(&run, &model.vocab, &model.settings, &model.config).unwrap();
    fs::write(run.join("config.json"), model.config.to_hugging_face().to_string()).unwrap();
    let corpus = Fingerprint::of(&text(folder, "one.txt", 12)).unwrap();
    let record = PretrainRecord {
        do_lower_case: false,
        model: None,
        recipe: recipe.clone(),
        corpus: vec![corpus],
        eval_corpus: Vec::new(),
    };
    fs::write(layout.pretraining(), toml::to_string(&record).unwrap()).unwrap();
    let environment = Environment { backend: "cpu".into(), ..Environment::of_this_process("A processor") };
    environment.write(&layout).unwrap();
    run
}

#[test]
fn a_run_fills_the_form() {
    let folder = tempfile::tempdir().unwrap();
    let asked = PretrainRecipe { seed: 7, max_seq_length: 64, ..PretrainRecipe::default() };
    let run = begun(folder.path(), &asked);
    let mut harness = page(folder.path());
    harness.state_mut().page.fill_from(&run);
    wait(&mut harness, "12 documents");
    wait_until(&mut harness, "a start", |harness| is_enabled(harness, START));
    assert_eq!((value(&harness, "Seed"), value(&harness, "Name of the run")), ("7".into(), "text".into()));
    harness.get_by_role_and_label(Role::Button, START).click();
    harness.run_steps(3);
    let launch = launched(&mut harness);
    assert_eq!(recipe(&launch), asked);
    let config = run.join("config.json").to_string_lossy().into_owned();
    let vocabulary = run.join("vocab.txt").to_string_lossy().into_owned();
    assert_eq!(told(&launch.arguments)[..5], ["pretrain", "--config", &config, "--vocab", &vocabulary]);
}

#[test]
fn a_run_is_resumed_with_the_settings_that_may_change() {
    let folder = tempfile::tempdir().unwrap();
    let asked = PretrainRecipe { max_seq_length: 64, ..PretrainRecipe::default() };
    let run = begun(folder.path(), &asked);
    // The corpus has moved since.
    let moved = folder.path().join("moved.txt");
    fs::rename(folder.path().join("one.txt"), &moved).unwrap();
    let mut harness = page(folder.path());
    harness.state_mut().page.resume(&run);
    wait(&mut harness, "a file of the corpus cannot be used");
    // Model and vocabulary are the run's.
    assert!(!shows(&harness, "New model") && !shows(&harness, "Vocabulary"));
    harness.get_by_label("Remove file 1").click();
    harness.run_steps(3);
    harness.state_mut().take(Purpose::Dropped, moved.clone());
    wait_until(&mut harness, "a start", |harness| is_enabled(harness, "Resume"));
    enter(&mut harness, "Micro batch", "4");
    harness.get_by_label("All other settings").click();
    harness.run_steps(8);
    let seed = harness.get_by_role_and_label(Role::TextInput, "Seed").accesskit_node().is_disabled();
    assert!(seed, "another seed is another run");
    harness.get_by_role_and_label(Role::Button, "Resume").click();
    harness.run_steps(3);
    let launch = launched(&mut harness);
    let [run, moved] = [&run, &moved].map(|path| path.to_string_lossy().into_owned());
    let expected = ["pretrain", "--resume", &run, "--corpus", &moved, "--backend", "cpu"];
    assert_eq!(told(&launch.arguments), expected);
    assert_eq!(recipe(&launch), PretrainRecipe { micro_batch: MicroBatchSize::Windows(4), ..asked });
}
