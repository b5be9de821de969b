//! The runs page, by label.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod harness;

use std::{
    fs,
    path::{Path, PathBuf},
};

use egui::{Key, accesskit::Role};
use egui_kittest::{Harness, kittest::Queryable};
use harness::{Paged, shows, type_text, wait, wait_until};
use spanbert_app::{
    action::Action,
    command::Command,
    launch::{Ended, Launch},
    page_view::PageView,
    pages::runs::RunsPage,
};
use spanbert_core::{
    hash::Fingerprint,
    pretrain::{PretrainRecipe, PretrainRecord},
    run::{
        BestScore, CheckpointKind, Environment, Event, EventLog, Layout, Outcome, Phase, Request, RunFolder,
        RunGroup, RunNotes, RunState, StepEvent, take_request,
    },
    score::{HeldOutScores, Scores},
    train::{Preset, Recipe},
};

type Page = Harness<'static, Paged<RunsPage>>;

fn page(folder: &Path) -> Page {
    fn keep(folders: &[PathBuf]) -> Result<(), String> {
        // Out of the way, as a trash would put it.
        folders.iter().try_for_each(|folder| {
            fs::rename(folder, folder.with_extension("trashed")).map_err(|error| error.to_string())?;
            fs::remove_dir_all(folder.with_extension("trashed")).map_err(|error| error.to_string())
        })
    }
    harness::page(folder, [1100.0, 1500.0], |context| RunsPage::with_trash(context, keep))
}

fn step(step: usize) -> Event {
    Event::Step(StepEvent {
        step,
        total_steps: 100,
        training: 0,
        epoch: step / 50,
        loss: 4.0 / step as f64,
        learning_rate: 1e-5,
        grad_norm: Some(1.0),
        windows_per_sec: 12.0,
        tokens_per_sec: 1200.0,
        elapsed_secs: step as f64,
        eta_secs: Some(60.0),
        memory_bytes: Some(3 << 30),
        ..StepEvent::default()
    })
}

fn evaluation(step: usize, f1: f64) -> Event {
    let scores = Scores { exact: f1 - 3.0, f1, total: 9, best_f1: Some(f1 + 1.0), ..Scores::default() };
    Event::Evaluation { step, training: 0, epoch: 0, scores, best: true, secs: 2.0 }
}

/// A run folder with some updates; the returned guard keeps its trainer alive.
fn run(
    folder: &Path,
    name: &str,
    recipe: &Recipe,
    state: RunState,
    events: &[Event],
) -> (RunFolder, EventLog) {
    let run = RunFolder::create(&folder.join(name)).unwrap();
    let layout = run.layout().clone();
    fs::write(layout.recipe(), recipe.to_toml()).unwrap();
    let dev_data = Some(Fingerprint::of_bytes("dev.json", b"{}"));
    Environment { dev_data, ..Environment::of_this_process("A processor") }.write(&layout).unwrap();
    RunState { ..state }.write(&layout).unwrap();
    let mut log = EventLog::open(&layout.events()).unwrap();
    events.iter().for_each(|event| log.append(event).unwrap());
    (run, log)
}

fn at_work(step: usize) -> RunState {
    RunState { phase: Phase::Training, step, total_steps: 100, ..RunState::starting() }
}

fn ended(outcome: Option<Outcome>, best: f64) -> RunState {
    let best = Some(BestScore { metric: "best_f1".into(), value: best, step: 50 });
    RunState { phase: Phase::Finished, outcome, best, step: 50, total_steps: 100, ..RunState::starting() }
}

/// Names of the rows from top to bottom.
fn rows(harness: &Page) -> Vec<String> {
    let mut rows: Vec<(f32, String)> = harness
        .query_all_by_label_contains("2026")
        .filter(|node| {
            use egui_kittest::kittest::NodeT;
            node.accesskit_node().role() == Role::Button
        })
        .map(|node| {
            use egui_kittest::kittest::NodeT;
            (node.rect().top(), node.accesskit_node().label().unwrap_or_default())
        })
        .collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    rows.into_iter()
        .map(|(_, name)| name.split_once('-').map_or(name.clone(), |(_, title)| title.to_owned()))
        .collect()
}

fn actions(harness: &mut Page) -> Vec<Action> {
    std::mem::take(&mut harness.state_mut().actions)
}

fn command(harness: &mut Page, command: Command) {
    let can = harness.state_mut().with(|page, env| page.can(command, env));
    assert!(can, "{command:?}");
    harness.state_mut().with(|page, env| page.command(command, env));
    harness.run_steps(3);
}

#[test]
fn an_empty_folder_offers_ways_to_a_first_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = page(folder.path());
    wait(&mut harness, "No runs yet");
    harness.get_by_label("Train the demo").click();
    harness.run_steps(2);
    assert!(actions(&mut harness).iter().any(|action| matches!(action, Action::Do(Command::StartDemo))));
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut harness = page(file.path());
    wait(&mut harness, "cannot read");
}

#[test]
fn the_list_is_sorted_filtered_and_opened() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = Preset::Demo.recipe();
    drop(run(folder.path(), "20260301T120000Z-alpha", &recipe, ended(Some(Outcome::Completed), 70.0), &[]));
    drop(run(folder.path(), "20260302T120000Z-beta", &recipe, ended(Some(Outcome::Failed), 90.0), &[]));
    let live = run(folder.path(), "20260228T120000Z-gamma", &recipe, at_work(10), &[step(10)]);
    let notes = RunNotes { tags: vec!["paper".into()], note: String::new() };
    notes.write(&folder.path().join("20260301T120000Z-alpha")).unwrap();
    let mut harness = page(folder.path());
    wait(&mut harness, "3 runs");
    assert_eq!(rows(&harness), ["gamma", "beta", "alpha"], "live first, then the newest");
    harness.get_by_label("Sort by name").click();
    harness.run_steps(2);
    assert_eq!(rows(&harness), ["alpha", "beta", "gamma"]);
    harness.get_by_label("Sort by best").click();
    harness.run_steps(2);
    assert_eq!(rows(&harness), ["beta", "alpha", "gamma"]);
    command(&mut harness, Command::FocusInput);
    type_text(&mut harness, "paper");
    assert_eq!(rows(&harness), ["alpha"]);
    type_text(&mut harness, " running");
    assert!(shows(&harness, "No run matches the filter"));
    harness.key_press_modifiers(egui::Modifiers::COMMAND, Key::A);
    harness.run_steps(1);
    type_text(&mut harness, "running");
    assert_eq!(rows(&harness), ["gamma"]);
    harness.get_by_label("20260228T120000Z-gamma").click();
    wait(&mut harness, "10 of 100");
    harness.get_by_label("Back to all runs").click();
    harness.run_steps(3);
    assert_eq!(rows(&harness), ["gamma"], "the filter is kept");
    drop(live);
}

#[test]
fn a_live_run_grows_and_obeys() {
    let folder = tempfile::tempdir().unwrap();
    let name = "20260301T120000Z-live";
    let begun = [Event::Phase { phase: Phase::Training, detail: None }, step(10)];
    let (held, mut log) = run(folder.path(), name, &Preset::Demo.recipe(), at_work(10), &begun);
    let layout = held.layout().clone();
    let mut harness = page(folder.path());
    harness.state_mut().page.open(folder.path().join(name));
    wait(&mut harness, "Loss chart: Each update 0.4 after update 10");
    assert!(shows(&harness, "Training") && shows(&harness, "10 of 100") && shows(&harness, "1 min 0 s"));
    assert!(shows(&harness, "3.0 GiB"), "memory of the device");
    wait(&mut harness, "Host memory");
    log.append(&step(20)).unwrap();
    log.append(&evaluation(20, 71.5)).unwrap();
    wait(&mut harness, "Each update 0.2 after update 20");
    wait(&mut harness, "Evaluations 1");
    for (label, request) in [
        ("Evaluate now", Request::Evaluate),
        ("Pause training", Request::Pause),
        ("Stop training", Request::Stop),
    ] {
        harness.get_by_role_and_label(Role::Button, label).click();
        harness.run_steps(2);
        assert!(shows(&harness, "Asked to"), "{label}");
        assert_eq!(take_request(&layout).unwrap(), Some(request));
    }
    harness.get_by_label("Evaluations 1").click();
    harness.run_steps(3);
    assert!(shows(&harness, "72.50"));
    harness.get_by_label("Show predictions").click();
    harness.run_steps(2);
    let shown = actions(&mut harness);
    assert!(shown.iter().any(|action| matches!(action, Action::ShowEvaluation { step: Some(20), .. })));
}

#[test]
fn a_run_whose_trainer_was_killed_offers_to_resume() {
    let folder = tempfile::tempdir().unwrap();
    let name = "20260301T120000Z-killed";
    let checkpoint =
        Event::Checkpoint { kind: CheckpointKind::Training, step: 40, path: "checkpoints".into() };
    let (held, log) =
        run(folder.path(), name, &Preset::Demo.recipe(), at_work(50), &[step(40), checkpoint, step(50)]);
    let mut harness = page(folder.path());
    harness.state_mut().page.open(folder.path().join(name));
    wait(&mut harness, "Pause training");
    // Its lock goes with the process.
    drop((held, log));
    wait(&mut harness, "The trainer ended without a message");
    assert!(shows(&harness, "nothing up to the checkpoint after update 40 is lost"));
    harness.get_by_role_and_label(Role::Button, "Resume training").click();
    harness.run_steps(2);
    let launch = actions(&mut harness).into_iter().find_map(|action| match action {
        Action::Launch(launch) => Some(launch),
        _ => None,
    });
    assert_eq!(launch, Some(Launch::resume(folder.path().join(name))));
}

#[test]
fn failures_are_told_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let failed =
        RunState { error: Some("the disk is full; make room".into()), ..ended(Some(Outcome::Failed), 1.0) };
    drop(run(folder.path(), "20260301T120000Z-failed", &Preset::Demo.recipe(), failed, &[step(1)]));
    let mut harness = page(folder.path());
    harness.state_mut().page.open(folder.path().join("20260301T120000Z-failed"));
    wait(&mut harness, "The training failed: the disk is full; make room");

    // Refused before there was a run folder.
    let absent = folder.path().join("20260302T120000Z-absent");
    harness.state_mut().page.open(absent.clone());
    wait(&mut harness, "Starting the trainer");
    let output = "error: no such file train.json\n  try: name another".to_owned();
    harness.state_mut().page.trainer_failed(&Ended { run: absent, code: Some(1), output });
    wait(&mut harness, "no such file train.json");
    assert!(shows(&harness, "Back to the form"));
}

#[test]
fn a_folder_deleted_while_it_is_shown_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("20260301T120000Z-gone");
    drop(run(
        folder.path(),
        "20260301T120000Z-gone",
        &Preset::Demo.recipe(),
        ended(Some(Outcome::Completed), 1.0),
        &[step(1)],
    ));
    let mut harness = page(folder.path());
    harness.state_mut().page.open(path.clone());
    wait(&mut harness, "Notes");
    fs::remove_dir_all(&path).unwrap();
    wait(&mut harness, "This run folder is gone");
    harness.get_by_label_contains("All runs").click();
    wait(&mut harness, "No runs yet");
}

#[test]
fn compared_runs_show_where_they_differ() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = Preset::Demo.recipe();
    let other = Recipe { learning_rate: Some(1e-4), ..recipe.clone() };
    let events = [step(10), evaluation(10, 80.0)];
    drop(run(folder.path(), "20260301T120000Z-one", &recipe, ended(Some(Outcome::Completed), 81.0), &events));
    drop(run(folder.path(), "20260302T120000Z-two", &other, ended(Some(Outcome::Completed), 82.0), &events));
    let mut harness = page(folder.path());
    wait(&mut harness, "2 runs");
    harness.get_by_label("Select 20260301T120000Z-one").click();
    harness.run_steps(2);
    harness.get_by_label("Select 20260302T120000Z-two").click();
    harness.run_steps(2);
    harness.get_by_label("Compare selected runs").click();
    harness.run_steps(2);
    // The window passes the command on.
    assert!(actions(&mut harness).iter().any(|action| matches!(action, Action::Do(Command::CompareRuns))));
    command(&mut harness, Command::CompareRuns);
    wait(&mut harness, "learning_rate");
    assert!(shows(&harness, "0.0001") && shows(&harness, "Compare 2 runs"));
    wait(&mut harness, "one 0.4 after update 10, two 0.4 after update 10");
}

#[test]
fn runs_go_to_the_trash_after_a_question_but_not_while_they_work() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = Preset::Demo.recipe();
    drop(run(folder.path(), "20260301T120000Z-old", &recipe, ended(Some(Outcome::Completed), 1.0), &[]));
    let live = run(folder.path(), "20260302T120000Z-live", &recipe, at_work(1), &[]);
    let mut harness = page(folder.path());
    wait(&mut harness, "2 runs");
    for name in ["Select 20260301T120000Z-old", "Select 20260302T120000Z-live"] {
        harness.get_by_label(name).click();
        harness.run_steps(2);
    }
    command(&mut harness, Command::DeleteRuns);
    wait(&mut harness, "on disk, weights included");
    assert!(shows(&harness, "Not deleted because still running: live"));
    harness.get_by_role_and_label(Role::Button, "Cancel").click();
    harness.run_steps(3);
    assert!(folder.path().join("20260301T120000Z-old").exists());
    command(&mut harness, Command::DeleteRuns);
    harness.get_by_role_and_label(Role::Button, "Move to trash").click();
    harness.run_steps(2);
    let gone = folder.path().join("20260301T120000Z-old");
    wait_until(&mut harness, "the folder to go", |_| !gone.exists());
    assert!(folder.path().join("20260302T120000Z-live").exists());
    wait_until(&mut harness, "a word about it", |harness| {
        harness.state().actions.iter().any(|action| matches!(action, Action::RescanRuns))
    });
    drop(live);
}

#[test]
fn notes_are_kept_in_the_run_folder() {
    let folder = tempfile::tempdir().unwrap();
    let name = "20260301T120000Z-noted";
    drop(run(folder.path(), name, &Preset::Demo.recipe(), ended(Some(Outcome::Completed), 1.0), &[]));
    let mut harness = page(folder.path());
    let path = folder.path().join(name);
    harness.state_mut().page.open(path.clone());
    wait(&mut harness, "Notes");
    harness.get_by_label("Notes").click();
    harness.run_steps(2);
    harness.get_by_label("Tags, with commas between them").focus();
    harness.run_steps(2);
    type_text(&mut harness, "paper, seed 42");
    harness.get_by_label("Note").focus();
    harness.run_steps(2);
    type_text(&mut harness, "good");
    let expected = RunNotes { tags: vec!["paper".into(), "seed 42".into()], note: "good".into() };
    wait_until(&mut harness, "the notes on disk", |_| RunNotes::read(&path) == expected);
    assert_eq!(Layout::new(&path).notes().file_name().unwrap(), "notes.json");
}

#[test]
fn a_pre_training_shows_what_it_began_with_and_is_not_asked() {
    use egui_kittest::kittest::NodeT;
    let folder = tempfile::tempdir().unwrap();
    let name = "20260301T120000Z-pretrain";
    drop(run(folder.path(), name, &Preset::Demo.recipe(), ended(Some(Outcome::Completed), 1.0), &[]));
    let path = folder.path().join(name);
    let layout = Layout::new(&path);
    fs::remove_file(layout.recipe()).unwrap();
    fs::write(layout.pretraining(), "do_lower_case = false\n").unwrap();
    fs::create_dir_all(layout.last()).unwrap();
    let mut harness = page(folder.path());
    harness.state_mut().page.open(path);
    wait(&mut harness, "Notes");
    harness.get_by_label("Recipe").click();
    wait(&mut harness, "do_lower_case = false");
    harness.get_by_role_and_label(Role::Group, "Pre-training");
    let is_disabled = |harness: &Page, button: &str| {
        harness.get_by_role_and_label(Role::Button, button).accesskit_node().is_disabled()
    };
    assert!(is_disabled(&harness, "Ask this model"));
    harness.get_by_role_and_label(Role::Button, "Train again like this").click();
    harness.run_steps(3);
    harness.get_by_role_and_label(Role::Button, "Resume with changes…").click();
    harness.run_steps(3);
    let asked = |action: &Action| matches!(action, Action::TrainLike(_) | Action::ResumeWith(_));
    assert_eq!(harness.state().actions.iter().filter(|action| asked(action)).count(), 2);
}

#[test]
fn a_pre_training_s_held_out_losses_have_a_chart_and_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let name = "20260301T120000Z-pretrain";
    let held_out = |step: usize, loss: f64, best: bool| {
        let scores = HeldOutScores {
            loss: loss + 1.0,
            mlm_loss: loss,
            mlm_perplexity: loss.exp(),
            mlm_accuracy: 42.5,
            sbo_loss: Some(1.0),
            sbo_accuracy: Some(31.0),
            pieces: 9,
        };
        Event::HeldOut { step, epoch: 0, scores, best, secs: 2.0 }
    };
    let events = [step(10), held_out(10, 3.25, true), step(20), held_out(20, 3.5, false)];
    let best = Some(BestScore { metric: HeldOutScores::METRIC.into(), value: 4.25, step: 10 });
    let state = RunState { best, ..ended(Some(Outcome::Completed), 1.0) };
    drop(run(folder.path(), name, &Preset::Demo.recipe(), state, &events));
    let path = folder.path().join(name);
    let layout = Layout::new(&path);
    fs::remove_file(layout.recipe()).unwrap();
    let record = PretrainRecord {
        do_lower_case: false,
        model: None,
        recipe: PretrainRecipe { eval_share: 0.01, ..PretrainRecipe::default() },
        corpus: Vec::new(),
        eval_corpus: Vec::new(),
    };
    fs::write(layout.pretraining(), toml::to_string(&record).unwrap()).unwrap();
    let mut harness = page(folder.path());
    wait(&mut harness, "4.250");
    harness.state_mut().page.open(path);
    wait(&mut harness, "Held-out loss");
    harness.get_by_role_and_label(Role::Group, "Held-out loss");
    harness.get_by_label("Evaluations 2").click();
    wait(&mut harness, "3.2500");
    for text in ["3.5000", "25.79", "Perplexity", "Span boundaries"] {
        assert!(harness.query_all_by_label(text).next().is_some(), "{text}");
    }
    harness.get_by_label("Recipe").click();
    wait(&mut harness, "eval_share");
    harness.get_by_label("default 0.0");
}

#[test]
fn runs_of_several_seeds_have_a_table_with_mean_and_deviation() {
    let folder = tempfile::tempdir().unwrap();
    for (seed, f1, outcome) in [
        (3, 70.0, Outcome::Completed),
        (1, 72.0, Outcome::Completed),
        (2, 77.0, Outcome::Completed),
        (7, 99.0, Outcome::Stopped),
    ] {
        let mark = RunGroup { name: "sweep".into(), seeds: vec![3, 1, 2, 7, 9], seed, digest: "d".into() };
        let (run, _) = run(
            folder.path(),
            &mark.folder_name(),
            &Recipe { seed, ..Recipe::default() },
            ended(Some(outcome), f1),
            &[step(50), evaluation(50, f1)],
        );
        let layout = run.layout();
        mark.write(layout).unwrap();
        let scores = Scores { exact: f1 / 2.0, f1, total: 9, ..Scores::default() };
        let results = serde_json::json!({ "run_squad": scores, "official": scores });
        fs::create_dir_all(layout.evaluation(50)).unwrap();
        fs::write(layout.evaluation(50).join("results.json"), results.to_string()).unwrap();
    }
    let mut harness = page(folder.path());
    harness.state_mut().page.open(folder.path().join("sweep-seed1"));
    wait(&mut harness, "Seeds 5");
    harness.get_by_label("Seeds 5").click();
    harness.run_steps(4);
    // 70, 72 and 77: mean 73, squares 9, 1 and 16, divided by two.
    for label in ["Mean", "73.00", "36.50", "Deviation", "3.61", "1.80", "Stopped", "Not begun"] {
        assert!(harness.query_all_by_label(label).next().is_some(), "{label}");
    }
    assert!(shows(&harness, "3 of 5 runs are complete; only those count for the mean"));
    harness.get_by_label("7").click();
    harness.run_steps(3);
    let wanted = folder.path().join("sweep-seed7");
    assert!(
        actions(&mut harness).iter().any(|action| matches!(action, Action::OpenRun(run) if *run == wanted))
    );
}
