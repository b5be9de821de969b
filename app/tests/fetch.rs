//! Fetching a model by name on the train page, from a hub on the loopback address.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod harness;
#[allow(dead_code, reason = "not every test that shares it needs all of it")]
#[path = "../../tests/src/hub.rs"]
mod hub;

use std::sync::mpsc::channel;

use egui::accesskit::Role;
use egui_kittest::{Harness, kittest::Queryable};
use harness::{Paged, parameters, shows, wait};
use hub::{Hub, Plan};
use spanbert_app::pages::train::TrainPage;
use spanbert_core::demo;

fn click<S>(harness: &mut Harness<'_, S>, label: &str) {
    harness.get_by_role_and_label(Role::Button, label).click();
    harness.run_steps(3);
}

#[test]
fn a_model_is_downloaded_only_after_its_licence_was_shown_and_then_goes_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let (go, gate) = channel();
    let served = Plan::of_folder(&demo::write(&folder.path().join("served")).unwrap().model);
    let hub = Hub::start(Plan { go: Some(gate), ..served });
    let (address, places) = (hub.address.clone(), hub.places(&folder.path().join("hf")));
    let page = |context: &egui::Context| TrainPage::with_places(context, places.clone());
    let mut harness: Harness<'_, Paged<TrainPage>> =
        harness::page(&folder.path().join("runs"), [1180.0, 1600.0], page);
    harness.run_steps(3);
    click(&mut harness, "Download spanbert-base");
    wait(&mut harness, "CC-BY-NC 4.0");
    assert!(shows(&harness, &address), "from where");
    click(&mut harness, "Not now");
    assert!(!shows(&harness, "CC-BY-NC 4.0") && !places.cache.join("models--SpanBERT").exists());

    click(&mut harness, "Download spanbert-base");
    click(&mut harness, "Download");
    wait(&mut harness, "Asking for spanbert-base");
    click(&mut harness, "Cancel download");
    for _ in 0..2 {
        go.send(()).unwrap();
    }
    wait(&mut harness, "By name");
    harness::wait_until(&mut harness, "the end of the transfer", |harness| {
        !shows(harness, "Cancel download")
    });

    click(&mut harness, "Download spanbert-base");
    click(&mut harness, "Download");
    for _ in 0..20 {
        go.send(()).unwrap();
    }
    // It is put into the field by its name and looked into like any other.
    wait(&mut harness, &parameters());
    assert!(harness.query_all_by_value("spanbert-base").next().is_some());

    // What the address does not have is told.
    click(&mut harness, "Download squad2");
    click(&mut harness, "Download");
    wait(&mut harness, "not found");
}
