//! Renders pages to PNG for people to look at: `cargo test --test look -- --ignored`, with SHOTS naming a folder and
//! RUNS a runs folder; ONLY names a page, WIDTH and HEIGHT give the large window's, CLICKS labels to click on it, MODEL a checkpoint to ask.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{path::PathBuf, time::Duration};

use egui_kittest::{Harness, kittest::Queryable};
use spanbert_app::{Options, StudioApp, launch::Trainer, page::Page};

#[test]
#[ignore = "for people to look at"]
fn pages() {
    let shots = PathBuf::from(std::env::var("SHOTS").unwrap());
    let runs = PathBuf::from(std::env::var("RUNS").unwrap());
    let only = std::env::var("ONLY").unwrap_or_default();
    let size = |name, usual| std::env::var(name).ok().map_or(usual, |size| size.parse().unwrap());
    for (size, name) in [([size("WIDTH", 1180.0), size("HEIGHT", 780.0)], "wide"), ([800.0, 600.0], "small")]
    {
        for theme in ["dark", "light"] {
            for page in [
                None,
                Some(Page::Runs),
                Some(Page::Train),
                Some(Page::Evaluate),
                Some(Page::Ask),
                Some(Page::Settings),
            ] {
                let page_name = page.map_or("welcome", |page| page.name());
                if !only.is_empty() && !only.eq_ignore_ascii_case(page_name) {
                    continue;
                }
                let folder = tempfile::tempdir().unwrap();
                let settings = folder.path().join("studio.json");
                if let Some(page) = page {
                    let page = serde_json::to_string(&page).unwrap();
                    std::fs::write(
                        &settings,
                        format!("{{\"welcomed\":true,\"theme\":\"{theme}\",\"page\":{page}}}"),
                    )
                    .unwrap();
                } else {
                    std::fs::write(&settings, format!("{{\"theme\":\"{theme}\"}}")).unwrap();
                }
                let options = Options {
                    find_devices: spanbert_backends::devices,
                    settings_file: Some(settings),
                    runs_folder: Some(if page.is_some() { runs.clone() } else { folder.path().join("none") }),
                    trainer: Trainer {
                        program: env!("CARGO_BIN_EXE_spanbert-studio").into(),
                        prefix: vec!["cli".into()],
                        logs: folder.path().join("launches"),
                    },
                };
                let mut harness = Harness::builder()
                    .with_size(size)
                    .with_theme(if theme == "dark" { egui::Theme::Dark } else { egui::Theme::Light })
                    .wgpu()
                    .build_eframe(move |creation| StudioApp::new(&creation.egui_ctx, options));
                for _ in 0..20 {
                    harness.run_steps(1);
                    std::thread::sleep(Duration::from_millis(50));
                }
                if page == Some(Page::Ask)
                    && let Ok(model) = std::env::var("MODEL")
                {
                    ask(&mut harness, &model);
                }
                for label in
                    std::env::var("CLICKS").unwrap_or_default().split(';').filter(|label| !label.is_empty())
                {
                    let nodes: Vec<_> = match label.strip_prefix('=') {
                        Some(whole) => harness.query_all_by_label(whole).collect(),
                        None => harness.query_all_by_label_contains(label).collect(),
                    };
                    if let Some(node) = nodes.last() {
                        node.click();
                    }
                    drop(nodes);
                    for _ in 0..12 {
                        harness.run_steps(1);
                        std::thread::sleep(Duration::from_millis(50));
                    }
                }
                harness.event(egui::Event::PointerGone);
                harness.run_steps(20);
                let image = harness.render().unwrap();
                image.save(shots.join(format!("{page_name}-{name}-{theme}.png"))).unwrap();
            }
        }
    }
}

/// Drops a checkpoint on the window and asks its example.
fn ask(harness: &mut Harness<'_, StudioApp>, model: &str) {
    let file = egui::DroppedFile { path: Some(model.into()), ..Default::default() };
    harness.input_mut().dropped_files.push(file);
    let mut wait = |label: &str| {
        for _ in 0..400 {
            if harness.query_all_by_label_contains(label).next().is_some() {
                break;
            }
            harness.run_steps(1);
            std::thread::sleep(Duration::from_millis(25));
        }
        harness.run_steps(2);
        if label == "parameters" {
            harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Enter);
        }
    };
    wait("parameters");
    wait("All answers");
}
