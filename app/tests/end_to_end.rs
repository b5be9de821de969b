//! The whole window with real trainings: what a newcomer does, and what survives a kill.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod harness;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use egui::{Key, accesskit::Role};
use egui_kittest::{
    Harness,
    kittest::{NodeT, Queryable},
};
use harness::options;
use spanbert_app::StudioApp;
use spanbert_core::{
    demo,
    run::{Layout, RunStatus, RunSummary, list},
    squad::{Dataset, Question},
};

/// Longest wait for anything: a whole demonstration in debug code on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(900);

type Window = Harness<'static, StudioApp>;

fn window(folder: &Path) -> Window {
    let options = options(folder);
    let mut window = Harness::builder()
        .with_size(egui::vec2(1180.0, 900.0))
        .build_eframe(move |creation| StudioApp::new(&creation.egui_ctx, options));
    window.run_steps(4);
    window
}

fn shows(window: &Harness<'_, StudioApp>, label: &str) -> bool {
    window.query_all_by_label_contains(label).next().is_some()
}

fn wait(window: &mut Window, label: &str) {
    wait_until(window, label, |window| shows(window, label));
}

fn wait_until(window: &mut Window, what: &str, until: impl Fn(&Harness<'_, StudioApp>) -> bool) {
    let start = Instant::now();
    while !until(window) {
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}; there is {:?}", labels(window));
        window.run_steps(1);
        std::thread::sleep(Duration::from_millis(50));
    }
    window.run_steps(3);
}

/// All words of the window, for the messages of tests that fail.
fn labels(window: &Harness<'_, StudioApp>) -> Vec<String> {
    let nodes = window.root().children_recursive();
    nodes.map(|node| node.accesskit_node()).filter_map(|node| node.label().or_else(|| node.value())).collect()
}

fn click(window: &mut Window, label: &str) {
    window.get_by_role_and_label(Role::Button, label).click();
    window.run_steps(4);
}

/// The only run of the folder.
fn the_run(folder: &Path) -> Option<RunSummary> {
    list(&folder.join("runs")).unwrap().pop()
}

#[test]
fn a_newcomer_trains_the_demo_and_asks_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window(folder.path());
    window.get_by_label("Welcome to SpanBERT Studio");
    click(&mut window, "Train the demo");
    wait(&mut window, "Running");
    // The curve grows while it trains.
    wait(&mut window, "Loss chart: Each update");
    assert!(shows(&window, "Pause training"));
    wait(&mut window, "Evaluations 1");
    wait(&mut window, "Completed");
    let run = the_run(folder.path()).unwrap();
    let best = run.state.unwrap().best.unwrap();
    assert!(best.value > 88.0, "{best:?}");

    click(&mut window, "Ask this model");
    asks_the_example(&mut window, "Answer of demo · best");
}

/// The questions about the passage that is offered first.
fn example() -> Vec<Question> {
    let json = demo::built_in(demo::DEV_NAME).unwrap().unwrap();
    let mut dataset = Dataset::from_json(&json, "dev").unwrap();
    dataset.articles[1].paragraphs.swap_remove(4).questions
}

/// A model of the demonstration brings an example, and the cursor is in the question: Enter answers, rightly.
fn asks_the_example(window: &mut Window, column: &str) {
    wait(window, "parameters");
    let example = &example()[0];
    wait_until(window, "the example's question", |window| {
        window.query_all_by_value(&example.question).next().is_some()
    });
    window.key_press(Key::Enter);
    wait(window, "All answers");
    window.get_by_role_and_label(Role::Group, column);
    let right = window.query_all_by_label(&example.answers[0].text).next().is_some();
    assert!(right, "the answer to {:?} is not the gold one", example.question);
    assert!(!shows(window, "No answer in the passage"));
}

#[test]
fn a_newcomer_asks_the_model_inside_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window(folder.path());
    click(&mut window, "Ask the demo model");
    asks_the_example(&mut window, "Answer of demo");
    // One of the example's other questions is asked by a click.
    let other = &example()[1];
    click(&mut window, &other.question);
    wait_until(&mut window, "the other question's answer", |window| {
        window.query_all_by_label(&other.answers[0].text).next().is_some()
    });
}

#[test]
fn a_question_of_an_evaluation_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let json = demo::built_in(demo::DEV_NAME).unwrap().unwrap();
    let mut data: serde_json::Value = serde_json::from_str(&json).unwrap();
    data["data"].as_array_mut().unwrap().truncate(1);
    data["data"][0]["paragraphs"].as_array_mut().unwrap().truncate(2);
    let (few, evaluation) = (folder.path().join("few.json"), folder.path().join("evaluation"));
    std::fs::write(&few, data.to_string()).unwrap();
    let evaluated = std::process::Command::new(env!("CARGO_BIN_EXE_spanbert-studio"))
        .args(["cli", "evaluate", "--model", "demo", "--backend", "cpu", "--data"])
        .arg(&few)
        .arg("--output-dir")
        .arg(&evaluation)
        .output()
        .unwrap();
    assert!(evaluated.status.success(), "{}", String::from_utf8_lossy(&evaluated.stderr));

    let mut window = window(folder.path());
    window.input_mut().dropped_files.push(egui::DroppedFile { path: Some(evaluation), ..Default::default() });
    wait(&mut window, "All 12");
    click(&mut window, "Edit and ask again");
    // The Ask page loads the model and answers without another click.
    wait(&mut window, "All answers");
    let question = data["data"][0]["paragraphs"][0]["qas"][0]["question"].as_str().unwrap();
    assert!(window.query_all_by_value(question).next().is_some(), "{:?}", labels(&window));
}

/// Names the folder in which a window of a process of its own is to train; see the test below.
const DOOMED: &str = "SPANBERT_TEST_DOOMED_WINDOW";

/// Not a test by itself: the window that the next test kills.
#[test]
fn doomed_window() {
    let Some(folder) = std::env::var_os(DOOMED) else { return };
    let mut window = window(Path::new(&folder));
    click(&mut window, "Train the demo");
    wait(&mut window, "no such words: it waits to be killed");
}

#[test]
fn a_training_survives_its_window_and_a_killed_trainer_is_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let mut doomed = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "doomed_window", "--nocapture"])
        .env(DOOMED, folder.path())
        .spawn()
        .unwrap();
    let step = || the_run(folder.path()).and_then(|run| run.state).map_or(0, |state| state.step);
    let start = Instant::now();
    while step() == 0 {
        assert!(start.elapsed() < PATIENCE, "the training does not begin");
        std::thread::sleep(Duration::from_millis(100));
    }
    // The window gets no chance to say good-bye.
    doomed.kill().unwrap();
    doomed.wait().unwrap();
    let before = step();

    // Another window finds the run at work, undisturbed.
    let mut window = window(folder.path());
    wait(&mut window, "Running");
    let run = the_run(folder.path()).unwrap();
    window.get_by_label(&run.name).click();
    window.run_steps(4);
    wait(&mut window, "Pause training");
    wait_until(&mut window, "further updates", |_| step() > before);
    assert_eq!(the_run(folder.path()).unwrap().status, RunStatus::Running);

    kill_trainer(&run);
    wait(&mut window, "The trainer ended without a message");
    assert_eq!(the_run(folder.path()).unwrap().status, RunStatus::Interrupted);
    click(&mut window, "Resume training");
    wait(&mut window, "Pause training");

    // A second window on the same folder shows the same run, and what it asks for is seen in the first.
    let mut second = self::window(folder.path());
    wait(&mut second, "Running");
    second.get_by_label(&run.name).click();
    wait(&mut second, "Pause training");
    click(&mut second, "Stop training");
    wait(&mut second, "Stopped");
    wait(&mut window, "Stopped");
    wait(&mut window, "Resume training");
    assert_eq!(the_run(folder.path()).unwrap().status, RunStatus::Stopped);
    assert!(Layout::new(&run.path).last().join("config.json").is_file(), "it was not saved");
}

/// Kills the process that trains and the one that watches over it.
fn kill_trainer(run: &RunSummary) {
    let worker = run.state.as_ref().unwrap().pid;
    let mut system = sysinfo::System::new();
    system.refresh_processes(sysinfo::ProcessesToUpdate::All, true);
    let parent = system.process(sysinfo::Pid::from_u32(worker)).unwrap().parent().unwrap();
    let mut trainers = vec![worker];
    let program = Path::new(env!("CARGO_BIN_EXE_spanbert-studio")).file_name();
    let watches = system.process(parent).is_some_and(|process| program == Some(process.name()));
    if watches {
        // The watcher first: it would start another worker.
        trainers.insert(0, parent.as_u32());
    }
    end(&trainers);
}

/// All by one program: a worker that nobody watches over stops by itself, and saves.
fn end(processes: &[u32]) {
    let (program, flag) = if cfg!(windows) { ("taskkill", "/F") } else { ("kill", "-KILL") };
    let mut command = std::process::Command::new(program);
    command.arg(flag);
    for pid in processes {
        // Only one of them wants every number named.
        command.args(cfg!(windows).then_some("/PID")).arg(pid.to_string());
    }
    assert!(command.status().unwrap().success());
}
