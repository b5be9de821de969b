//! The ask page, by label, with a real small model.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod harness;

use std::path::{Path, PathBuf};

use egui::{Key, accesskit::Role};
use egui_kittest::{
    Harness,
    kittest::{NodeT, Queryable},
};
use harness::{Paged, shows, type_text, wait, wait_until};
use spanbert_app::{dialogs::Purpose, page_view::PageView, pages::ask::AskPage};
use spanbert_core::{checkpoint::SpanbertMeta, demo};

/// The demonstration's model before training, with a stored threshold. Its answers are arbitrary but always the same.
fn checkpoint(folder: &Path, threshold: f64) -> PathBuf {
    let files = demo::write(folder).unwrap();
    let mut meta = SpanbertMeta::load(&files.model).unwrap().unwrap_or_default();
    meta.threshold = Some(threshold);
    let json = serde_json::to_string(&meta).unwrap();
    std::fs::write(files.model.join("spanbert.json"), json).unwrap();
    files.model
}

fn page(folder: &Path) -> Harness<'static, Paged<AskPage>> {
    let mut harness = harness::page(folder, [1100.0, 760.0], AskPage::new);
    harness.run_steps(2);
    harness
}

fn press(harness: &mut Harness<'_, Paged<AskPage>>, key: Key) {
    harness.key_press(key);
    harness.run_steps(2);
}

/// The name of what has the focus.
fn focused(harness: &Harness<'_, Paged<AskPage>>) -> String {
    let node = harness.root().children_recursive().find(|node| node.accesskit_node().is_focused());
    node.and_then(|node| node.accesskit_node().label()).unwrap_or_default()
}

#[test]
fn a_model_is_asked_with_the_keyboard_alone() {
    let folder = tempfile::tempdir().unwrap();
    let model = checkpoint(folder.path(), 1e6);
    let mut harness = page(&folder.path().join("runs"));
    // Tab to the path, type it, Enter.
    for _ in 0..6 {
        press(&mut harness, Key::Tab);
        if focused(&harness) == "Checkpoint folder" {
            break;
        }
    }
    assert_eq!(focused(&harness), "Checkpoint folder");
    type_text(&mut harness, model.to_str().unwrap());
    press(&mut harness, Key::Enter);
    wait(&mut harness, "parameters");
    assert_eq!(harness.state().settings.recent_checkpoints, [model]);
    // The demonstration's model brings an example; the cursor is in the question.
    assert_eq!(focused(&harness), "Question");
    press(&mut harness, Key::Enter);
    wait(&mut harness, "All answers");
    assert!(harness.query_by_role_and_label(Role::Group, "Answer of model").is_some());
    assert!(shows(&harness, "probability"), "with this threshold everything is answered");
    assert!(shows(&harness, "Likeliest start"));
    // The cursor is still there for the next question.
    assert_eq!(focused(&harness), "Question");
    type_text(&mut harness, " Really?");
    press(&mut harness, Key::Enter);
    wait_until(&mut harness, "the second answer", |harness| {
        harness.query_by_role_and_label(Role::Group, "History").is_some() && shows(harness, "All answers")
    });
}

#[test]
fn the_threshold_decides_without_asking_again() {
    let folder = tempfile::tempdir().unwrap();
    let model = checkpoint(folder.path(), -50.0);
    let mut harness = page(&folder.path().join("runs"));
    harness.state_mut().take(Purpose::AskCheckpoint, model);
    wait(&mut harness, "parameters");
    press(&mut harness, Key::Enter);
    wait(&mut harness, "All answers");
    assert!(shows(&harness, "No answer in the passage"));
    assert!(shows(&harness, "above the threshold"));
    {
        let mut sliders = harness.query_all_by_role(Role::Slider);
        sliders.find(|node| !node.accesskit_node().is_disabled()).unwrap().focus();
    }
    harness.run_steps(2);
    for _ in 0..400 {
        press(&mut harness, Key::ArrowRight);
        if shows(&harness, "at or below the threshold") {
            break;
        }
    }
    harness.run_steps(2);
    assert!(!shows(&harness, "No answer in the passage"));
    harness.get_by_label("Back to the stored threshold").click();
    harness.run_steps(3);
    assert!(shows(&harness, "No answer in the passage"));
}

/// The thresholds in use, as numbers.
fn thresholds(harness: &Harness<'_, Paged<AskPage>>) -> Vec<f64> {
    let sliders = harness.query_all_by_role(Role::Slider);
    sliders.filter_map(|node| node.accesskit_node().numeric_value()).collect()
}

#[test]
fn only_the_user_changes_a_threshold() {
    let folder = tempfile::tempdir().unwrap();
    let first = checkpoint(&folder.path().join("a"), -1.366_931_5);
    let second = folder.path().join("other");
    std::fs::rename(checkpoint(&folder.path().join("b"), 123.456_789), &second).unwrap();
    let mut harness = page(&folder.path().join("runs"));
    harness.state_mut().take(Purpose::AskCheckpoint, first);
    wait(&mut harness, "parameters");
    press(&mut harness, Key::Enter);
    wait(&mut harness, "All answers");
    assert_eq!(thresholds(&harness), [-1.366_931_5]);
    // Through the number and out again.
    harness.get_by_role_and_label(Role::SpinButton, "Threshold").focus();
    harness.run_steps(3);
    press(&mut harness, Key::Tab);
    assert_eq!(thresholds(&harness), [-1.366_931_5]);
    assert!(harness.query_by_label("Back to the stored threshold").is_none());

    // Another checkpoint in the same place brings its own, though the answer shown is still the first one's.
    harness.state_mut().take(Purpose::AskCheckpoint, second);
    wait(&mut harness, "other");
    wait(&mut harness, "parameters");
    harness.get_by_role_and_label(Role::Button, "Ask the question").click();
    wait_until(&mut harness, "its answer", |harness| {
        harness.query_by_role_and_label(Role::Group, "Answer of other").is_some()
            && shows(harness, "All answers")
    });
    assert_eq!(thresholds(&harness), [123.456_789]);
}

#[test]
fn what_is_missing_is_said_beside_its_field() {
    let folder = tempfile::tempdir().unwrap();
    let model = checkpoint(folder.path(), 0.0);
    let mut harness = page(&folder.path().join("runs"));
    harness.get_by_role_and_label(Role::Button, "Ask the question").click();
    harness.run_steps(2);
    assert!(shows(&harness, "Load a model first"));

    let empty = folder.path().join("empty");
    std::fs::create_dir_all(&empty).unwrap();
    harness.state_mut().take(Purpose::AskCheckpoint, empty.clone());
    wait(&mut harness, "config.json");
    assert!(harness.state().settings.recent_checkpoints.is_empty());

    // The thread of models goes on after a failure.
    harness.state_mut().take(Purpose::AskCheckpoint, model);
    wait(&mut harness, "parameters");
    harness.get_by_label("Clear").click();
    harness.run_steps(2);
    harness.get_by_role_and_label(Role::Button, "Ask the question").click();
    harness.run_steps(2);
    assert!(shows(&harness, "There is no passage"));
    harness.get_by_role_and_label(Role::MultilineTextInput, "Passage").focus();
    harness.run_steps(1);
    type_text(&mut harness, "Ann left.");
    harness.get_by_label("Question").focus();
    harness.run_steps(1);
    harness.key_press_modifiers(egui::Modifiers::COMMAND, Key::A);
    press(&mut harness, Key::Delete);
    press(&mut harness, Key::Enter);
    assert!(shows(&harness, "There is no question"));
}

#[test]
fn five_megabytes_are_shown_by_rows_and_searched_until_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let model = checkpoint(folder.path(), 1e6);
    let mut harness = page(&folder.path().join("runs"));
    let file = folder.path().join("long.txt");
    std::fs::write(&file, "The keeper of the lighthouse wrote a letter. ".repeat(116_000)).unwrap();
    harness.state_mut().take(Purpose::Passage, file);
    wait(&mut harness, "5.0 MiB");
    let laid_out: usize = harness
        .root()
        .children_recursive()
        .filter_map(|node| node.accesskit_node().value().map(|value| value.len()))
        .sum();
    assert!(laid_out < 40_000, "{laid_out} bytes of text are in the window");
    harness.state_mut().take(Purpose::AskCheckpoint, model);
    wait(&mut harness, "parameters");
    harness.get_by_label("Question").focus();
    harness.run_steps(1);
    type_text(&mut harness, "Who wrote a letter?");
    press(&mut harness, Key::Enter);
    wait(&mut harness, "Window ");
    harness.get_by_label("Cancel").click();
    wait(&mut harness, "Stopped before the end");
}

#[test]
fn a_file_that_is_no_text_is_refused_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = page(&folder.path().join("runs"));
    let file = folder.path().join("picture.txt");
    std::fs::write(&file, [0xff, 0xd8, 0xff, 0x00]).unwrap();
    assert!(harness.state_mut().take(Purpose::Dropped, file));
    wait(&mut harness, "not UTF-8 text (byte 0), but an image");
    let data = folder.path().join("train.json");
    std::fs::write(&data, "{}").unwrap();
    assert!(!harness.state_mut().take(Purpose::Dropped, data), "no use for a data set here");
}

#[test]
fn long_names_words_and_questions_keep_within_the_window() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("name-".repeat(40));
    std::fs::rename(checkpoint(&folder.path().join("a"), 1e6), &model).unwrap();
    for (width, height) in [(308.0, 580.0), (1100.0, 760.0)] {
        let mut harness = harness::page(&folder.path().join("runs"), [width, height], AskPage::new);
        harness.run_steps(2);
        harness.state_mut().take(Purpose::AskCheckpoint, model.clone());
        wait(&mut harness, "parameters");
        let passage = folder.path().join("long.txt");
        std::fs::write(&passage, format!("Marra built {} in spring.", "W".repeat(3000))).unwrap();
        harness.state_mut().take(Purpose::Passage, passage);
        wait(&mut harness, "5 words");
        harness.get_by_label("Question").focus();
        harness.run_steps(1);
        harness.key_press_modifiers(egui::Modifiers::COMMAND, Key::A);
        type_text(&mut harness, &format!("Who built {}?", "and when ".repeat(1100)));
        press(&mut harness, Key::Enter);
        wait(&mut harness, "Likeliest start");
        harness.run_steps(60);
        for node in harness.root().children_recursive() {
            let (node, width) = (node.accesskit_node(), f64::from(width));
            // What is in a field is scrolled there.
            let Some(place) = node.bounding_box().filter(|_| node.role() != Role::TextRun) else { continue };
            assert!(place.x1 <= width + 1.0, "{:?} ends at {} of {width}", node.label(), place.x1);
        }
        let answered = harness.get_by_label_contains("probability").rect();
        assert!(
            answered.top() > 0.0 && answered.bottom() < height,
            "the answer is at {answered} of {height}"
        );
    }
}

#[test]
fn two_models_answer_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let first = checkpoint(&folder.path().join("a"), 1e6);
    let second = folder.path().join("other");
    std::fs::rename(checkpoint(&folder.path().join("b"), -1e6), &second).unwrap();
    let mut harness = page(&folder.path().join("runs"));
    harness.state_mut().take(Purpose::AskCheckpoint, first);
    wait(&mut harness, "parameters");
    harness.get_by_label_contains("Add model").click();
    harness.run_steps(3);
    harness.state_mut().take(Purpose::AskCheckpoint, second);
    wait_until(&mut harness, "the second model", |harness| {
        harness.query_all_by_label_contains("parameters").count() == 2
    });
    harness.get_by_role_and_label(Role::Button, "Ask the question").click();
    wait_until(&mut harness, "two answers", |harness| harness.query_all_by_label("All answers").count() == 2);
    harness.get_by_role_and_label(Role::Group, "Answer of model");
    harness.get_by_role_and_label(Role::Group, "Answer of other");
    // The same weights, two thresholds.
    assert!(shows(&harness, "No answer in the passage") && shows(&harness, "at or below the threshold"));
    let can = harness.state_mut().with(|page, env| page.can(spanbert_app::command::Command::Ask, env));
    assert!(can);
}

#[test]
fn loading_a_whole_checkpoint_is_given_up_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let model = checkpoint(folder.path(), 0.0);
    let mut harness = page(&folder.path().join("runs"));
    harness.state_mut().take(Purpose::AskCheckpoint, model.clone());
    // Nothing has been taken in from the thread yet: the place says that it is loading.
    harness.step();
    if let Some(cancel) = harness.query_by_label("Cancel") {
        cancel.click();
        harness.step();
    }
    wait_until(&mut harness, "an end of loading", |harness| {
        shows(harness, "parameters") || harness.query_by_label("Checkpoint folder").is_some()
    });
    // Either way the next load works.
    harness.state_mut().take(Purpose::AskCheckpoint, model);
    wait(&mut harness, "parameters");
}
