//! The settings page in the window, by label.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::path::Path;

use egui::{Key, Modifiers};
use egui_kittest::{Harness, kittest::Queryable};
use spanbert_app::{Options, StudioApp, launch::Trainer, theme::ThemeChoice};

fn window(folder: &Path) -> Harness<'static, StudioApp> {
    let options = Options {
        find_devices: Vec::new,
        settings_file: Some(folder.join("studio.json")),
        runs_folder: None,
        trainer: Trainer {
            program: "/nonexistent".into(),
            prefix: Vec::new(),
            logs: folder.join("launches"),
        },
    };
    let mut harness = Harness::builder()
        .with_size(egui::vec2(1000.0, 1400.0))
        .build_eframe(move |creation| StudioApp::new(&creation.egui_ctx, options));
    harness.run_steps(3);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Comma);
    harness.run_steps(4);
    harness
}

#[test]
fn theme_and_folder_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    harness.get_by_label("Light").click();
    harness.run_steps(4);
    assert_eq!(harness.ctx.theme(), egui::Theme::Light);

    let runs = folder.path().join("my runs");
    harness.get_by_label("Folder for new runs").focus();
    harness.run_steps(2);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.event(egui::Event::Text(runs.display().to_string()));
    harness.run_steps(2);
    harness.key_press(Key::Enter);
    harness.run_steps(4);
    assert_eq!(harness.state().settings().runs_folder, runs);
    drop(harness);

    let harness = window(folder.path());
    let settings = harness.state().settings();
    assert_eq!((settings.theme, &settings.runs_folder), (ThemeChoice::Light, &runs));
}

#[test]
fn looking_at_the_settings_changes_none() {
    let folder = tempfile::tempdir().unwrap();
    for zoom in [1.25_f32, 4.0] {
        std::fs::write(folder.path().join("studio.json"), format!("{{\"welcomed\":true,\"zoom\":{zoom}}}"))
            .unwrap();
        let mut harness = window(folder.path());
        harness.run_steps(10);
        assert_eq!(harness.state().settings().zoom, zoom);
        assert_eq!(harness.ctx.zoom_factor(), zoom);
    }
}

#[test]
fn a_folder_that_cannot_hold_runs_is_said_beside_the_field() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    let before = harness.state().settings().runs_folder.clone();
    harness.get_by_label("Folder for new runs").focus();
    harness.run_steps(2);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.event(egui::Event::Text("somewhere".into()));
    harness.run_steps(2);
    harness.key_press(Key::Enter);
    harness.run_steps(4);
    assert!(harness.query_by_label_contains("is not a full path").is_some());
    assert_eq!(harness.state().settings().runs_folder, before);
}
