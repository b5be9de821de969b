//! The devices page as a person or a screen reader finds it: by label.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::sync::mpsc::channel;

use egui_kittest::{
    Harness,
    kittest::{NodeT, Queryable},
};
use spanbert_app::{
    pages::devices::{self, Request},
    probe::Probe,
    theme,
};
use spanbert_backends::{BackendKind, BackendReport, DeviceInfo, Precision};

fn device(choice: &str, name: &str, software: bool) -> DeviceInfo {
    DeviceInfo {
        choice: choice.parse().unwrap(),
        kind: choice.split(':').next().unwrap().parse().unwrap(),
        name: name.into(),
        class: "discrete GPU".into(),
        api: Some("Vulkan".into()),
        driver: Some("driver 1.2".into()),
        memory_bytes: Some(8 << 30),
        max_buffer_bytes: None,
        precisions: vec![Precision::F32, Precision::F16],
        software,
    }
}

fn reports() -> Vec<BackendReport> {
    vec![
        BackendReport::from_probe(BackendKind::Cuda, Err("no NVIDIA driver found (libcuda)".into())),
        BackendReport::from_probe(BackendKind::Wgpu, Ok(vec![device("wgpu:0", "llvmpipe", true)])),
        BackendReport::from_probe(BackendKind::Cpu, Ok(vec![device("cpu", "A processor", false)])),
    ]
}

/// The page, and what was asked of it.
fn page(probe: Probe) -> Harness<'static, (Probe, Vec<Request>)> {
    let mut harness = Harness::builder().with_size(egui::vec2(1000.0, 800.0)).build_ui_state(
        |ui, (probe, requests): &mut (Probe, Vec<Request>)| {
            theme::install(ui.ctx());
            requests.extend(devices::ui(ui, probe));
        },
        (probe, Vec::new()),
    );
    // A spinner never comes to rest.
    harness.run_steps(4);
    harness
}

#[test]
fn each_device_is_a_group_with_its_facts() {
    let harness = page(Probe::Done(reports()));
    let cpu = harness.get_by_label("cpu: A processor");
    cpu.get_by_label("A processor");
    cpu.get_by_label("8.0 GiB");
    cpu.get_by_label("f32, f16");
    cpu.get_by_label("Automatic choice");
    assert!(cpu.query_by_label("Software, slow").is_none());
    let software = harness.get_by_label("wgpu:0: llvmpipe");
    software.get_by_label("Software, slow");
    software.get_by_label("driver 1.2");
    assert!(software.query_by_label("Automatic choice").is_none());
}

#[test]
fn a_backend_that_cannot_be_used_says_why() {
    let harness = page(Probe::Done(reports()));
    let cuda = harness.get_by_label("cuda: not available");
    cuda.get_by_label("No NVIDIA driver found (libcuda)");
}

#[test]
fn the_search_is_shown_while_it_runs_and_refresh_waits_for_it() {
    let (_sender, receiver) = channel();
    let harness = page(Probe::Running(receiver));
    harness.get_by_label("Looking for devices");
    assert!(harness.get_by_label("Refresh").accesskit_node().is_disabled());
}

#[test]
fn refresh_asks_for_a_new_search() {
    let mut harness = page(Probe::Done(reports()));
    harness.get_by_label("Refresh").click();
    harness.run();
    assert_eq!(harness.state().1, [Request::Refresh]);
}

#[test]
fn a_failed_search_is_told() {
    let harness = page(Probe::Failed("the search ended".into()));
    harness.get_by_label("the search ended");
}

#[test]
fn the_window_comes_to_rest() {
    let mut harness = page(Probe::Done(reports()));
    // Fails if a frame asks for the next one for ever.
    harness.run();
}

#[test]
fn it_fits_a_small_window() {
    let mut harness = page(Probe::Done(reports()));
    harness.set_size(egui::vec2(480.0, 360.0));
    harness.run();
    let card = harness.get_by_label("cpu: A processor").rect();
    assert!(card.right() <= 480.0, "{card:?}");
    let driver = harness.get_by_label("wgpu:0: llvmpipe").get_by_label("driver 1.2").rect();
    assert!(driver.right() <= card.right(), "{driver:?}");
}
