//! A device that fails under the ask page: it says so in place, and what runs elsewhere goes on. In a program of its
//! own, since a fault counts for the whole process.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod harness;

use std::path::{Path, PathBuf};

use egui::accesskit::Role;
use egui_kittest::{Harness, kittest::Queryable};
use harness::{Paged, shows, wait, wait_until};
use spanbert_app::{dialogs::Purpose, pages::ask::AskPage};
use spanbert_backends::fault;
use spanbert_core::demo;

type Page = Harness<'static, Paged<AskPage>>;

fn checkpoint(folder: &Path, name: &str) -> PathBuf {
    let model = folder.join(name);
    std::fs::rename(demo::write(&folder.join("demo")).unwrap().model, &model).unwrap();
    model
}

/// Loads one more model on a backend. Gives false if there is no such device here.
fn load(harness: &mut Page, model: PathBuf, backend: &str, models: usize) -> bool {
    backend.clone_into(&mut harness.state_mut().settings.backend);
    if models > 1 {
        harness.get_by_role_and_label(Role::Button, "Add model").click();
        harness.run_steps(3);
    }
    harness.state_mut().take(Purpose::AskCheckpoint, model);
    wait_until(harness, "the model or why not", |harness| {
        harness.query_all_by_label_contains("parameters").count() == models || shows(harness, "no adapter")
    });
    harness.query_all_by_label_contains("parameters").count() == models
}

fn ask(harness: &mut Page) {
    harness.get_by_role_and_label(Role::Button, "Ask the question").click();
    harness.run_steps(3);
}

#[test]
fn the_processor_goes_on_when_another_device_fails() {
    fault::install();
    let folder = tempfile::tempdir().unwrap();
    let mut harness = harness::page(&folder.path().join("runs"), [1300.0, 900.0], AskPage::new);
    harness.run_steps(2);
    let first = checkpoint(folder.path(), "first");
    assert!(load(&mut harness, first, "cpu", 1));
    let second = checkpoint(folder.path(), "second");
    let gpu = cfg!(feature = "wgpu") && load(&mut harness, second.clone(), "wgpu", 2);
    let wanted = cfg!(feature = "wgpu") && std::env::var_os("SPANBERT_REQUIRE_WGPU").is_some();
    assert!(gpu || !wanted, "no adapter was found");

    fault::inject("the device is lost");
    ask(&mut harness);
    // The model on the processor answers all the same.
    wait(&mut harness, "All answers");
    if !gpu {
        return;
    }
    wait(&mut harness, "wgpu has failed: the device is lost");
    assert!(shows(&harness, "start SpanBERT Studio again to use this one"));
    assert_eq!(harness.query_all_by_label_contains("parameters").count(), 1, "the other model is gone");

    // What it computes is not to be trusted any more: it is refused until the next start.
    harness.state_mut().take(Purpose::AskCheckpoint, second);
    wait(&mut harness, "wgpu has failed before");
    ask(&mut harness);
    wait_until(&mut harness, "an answer of the processor", |harness| {
        harness.query_by_role_and_label(Role::Group, "Answer of first").is_some()
    });
}
