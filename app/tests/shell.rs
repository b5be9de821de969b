//! The window as a person or a screen reader finds it: by label.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod harness;

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use egui::{Key, Modifiers};
use egui_kittest::{Harness, kittest::Queryable};
use harness::{devices, options};
use spanbert_app::{Options, StudioApp, page::Page};
use spanbert_backends::BackendReport;
use spanbert_core::run::{Outcome, RunFolder, RunState};

fn window(folder: &Path) -> Harness<'static, StudioApp> {
    let options = options(folder);
    let mut harness = Harness::builder()
        .with_size(egui::vec2(1180.0, 780.0))
        .build_eframe(move |creation| StudioApp::new(&creation.egui_ctx, options));
    harness.run_steps(4);
    harness
}

fn wait(harness: &mut Harness<'_, StudioApp>, what: &str, until: impl Fn(&Harness<'_, StudioApp>) -> bool) {
    let start = Instant::now();
    while !until(harness) {
        assert!(start.elapsed() < Duration::from_secs(30), "waited in vain for {what}");
        harness.run_steps(1);
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_newcomer_is_offered_three_ways_in() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    harness.get_by_label("Welcome to SpanBERT Studio");
    for way in ["Ask a question", "See it learn", "Look at a run"] {
        assert!(harness.query_all_by_label(way).next().is_some(), "{way}");
    }
    assert!(harness.query_by_label("Settings").is_none(), "no sidebar yet");
    harness.get_by_label("Set up a training of your own").click();
    harness.run_steps(3);
    assert!(harness.query_by_label("Welcome to SpanBERT Studio").is_none());
    assert_eq!(harness.state().settings().page, Page::Train);
}

#[test]
fn who_has_runs_is_not_a_newcomer() {
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::create(&folder.path().join("runs/20260301T120000Z-first")).unwrap();
    RunState { outcome: Some(Outcome::Completed), ..RunState::starting() }.write(run.layout()).unwrap();
    drop(run);
    let mut harness = window(folder.path());
    wait(&mut harness, "the pages", |harness| harness.query_by_label("Welcome to SpanBERT Studio").is_none());
    assert_eq!(harness.state().settings().page, Page::Runs);
}

#[test]
fn pages_are_a_key_away_and_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    for (key, page) in [
        (Key::Num4, Page::Ask),
        (Key::Num3, Page::Evaluate),
        (Key::Num2, Page::Train),
        (Key::Comma, Page::Settings),
    ] {
        harness.key_press_modifiers(Modifiers::COMMAND, key);
        harness.run_steps(3);
        assert_eq!(harness.state().settings().page, page);
    }
    drop(harness);
    let text = fs::read_to_string(folder.path().join("studio.json")).unwrap();
    assert!(text.contains("\"page\": \"settings\"") || text.contains("\"page\":\"settings\""), "{text}");
    let harness = window(folder.path());
    assert_eq!(harness.state().settings().page, Page::Settings);
}

#[test]
fn the_palette_finds_commands_by_letters() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    harness.key_press_modifiers(Modifiers::COMMAND, Key::K);
    harness.run_steps(3);
    harness.get_by_label("Find a command");
    harness.event(egui::Event::Text("dark th".into()));
    harness.run_steps(3);
    harness.get_by_label("Dark theme");
    assert!(harness.query_by_label("Light theme").is_none());
    harness.key_press(Key::Enter);
    harness.run_steps(3);
    assert!(harness.query_by_label("Find a command").is_none());
    assert_eq!(harness.ctx.theme(), egui::Theme::Dark);
}

#[test]
fn damaged_settings_are_said_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("studio.json"), "{").unwrap();
    let harness = window(folder.path());
    assert!(harness.query_all_by_label_contains("could not be read").next().is_some());
    assert!(folder.path().join("studio.damaged.json").exists());
}

#[test]
fn a_folder_dropped_that_is_nothing_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    let file = egui::DroppedFile { path: Some(folder.path().join("nothing.bin")), ..Default::default() };
    harness.input_mut().dropped_files.push(file);
    harness.run_steps(4);
    assert!(harness.query_all_by_label_contains("is neither a checkpoint").next().is_some());
}

#[test]
fn devices_are_looked_for_only_by_pages_that_list_them() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static LOOKS: AtomicUsize = AtomicUsize::new(0);
    fn counted() -> Vec<BackendReport> {
        LOOKS.fetch_add(1, Ordering::SeqCst);
        devices()
    }
    let folder = tempfile::tempdir().unwrap();
    let options = Options { find_devices: counted, ..options(folder.path()) };
    let mut harness = Harness::builder()
        .with_size(egui::vec2(1000.0, 700.0))
        .build_eframe(move |creation| StudioApp::new(&creation.egui_ctx, options));
    harness.run_steps(4);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Num1);
    harness.run_steps(4);
    assert_eq!(LOOKS.load(Ordering::SeqCst), 0);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Num2);
    wait(&mut harness, "the devices", |_| LOOKS.load(Ordering::SeqCst) == 1);
}

#[test]
fn an_idle_window_draws_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::create(&folder.path().join("runs/20260301T120000Z-first")).unwrap();
    RunState { outcome: Some(Outcome::Completed), ..RunState::starting() }.write(run.layout()).unwrap();
    drop(run);
    let mut harness = window(folder.path());
    wait(&mut harness, "the runs", |harness| harness.query_by_label("Welcome to SpanBERT Studio").is_none());
    for page in [Key::Num1, Key::Num3, Key::Num4, Key::Comma] {
        harness.key_press_modifiers(Modifiers::COMMAND, page);
        // Animations end, threads report; then nothing asks for a frame.
        let start = Instant::now();
        let mut asked = true;
        while asked {
            assert!(start.elapsed() < Duration::from_secs(30), "{page:?} draws on and on");
            std::thread::sleep(Duration::from_millis(50));
            harness.step();
            let delay = harness.output().viewport_output[&egui::ViewportId::ROOT].repaint_delay;
            asked = delay < Duration::from_secs(1);
        }
    }
}
