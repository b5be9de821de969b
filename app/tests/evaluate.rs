//! The evaluate page, by label.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod harness;

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use egui_kittest::{
    Harness,
    kittest::{NodeT, Queryable},
};
use harness::{Paged, shows, type_text, wait, wait_until};
use spanbert_app::{action::Action, dialogs::Purpose, pages::evaluate::EvaluatePage};
use spanbert_core::{
    demo,
    evaluate::{Record, RecordSpan},
    hash::Fingerprint,
    run::{Environment, Layout, RunFolder},
    squad::Dataset,
};

/// A run whose evaluation answers the demo's dev set: rightly, but for the first question.
fn run(folder: &Path) -> Layout {
    run_with(folder, None, |_, answerable| if answerable { -2.0 } else { 2.0 })
}

/// The same with a stored threshold, and null odds by the question's place and whether it has an answer.
fn run_with(folder: &Path, stored: Option<f64>, odds: impl Fn(usize, bool) -> f64) -> Layout {
    let run = RunFolder::create(&folder.join("20260301T120000Z-demo")).unwrap();
    let layout = run.layout().clone();
    let json = demo::built_in(demo::DEV_NAME).unwrap().unwrap();
    let environment = Environment {
        dev_data: Some(Fingerprint::of_bytes(demo::DEV_NAME, json.as_bytes())),
        ..Environment::of_this_process("cpu")
    };
    environment.write(&layout).unwrap();
    let dataset = Dataset::from_bytes(json.as_bytes(), "dev").unwrap();
    let mut lines = String::new();
    let mut place = 0;
    for (article, content) in dataset.articles.iter().enumerate() {
        for (paragraph, passage) in content.paragraphs.iter().enumerate() {
            for question in &passage.questions {
                let first = lines.is_empty();
                let gold = question.answers.first();
                let span = gold.map(|gold| {
                    let first_char = gold.answer_start.unwrap();
                    let start = passage.context.char_indices().nth(first_char).unwrap().0;
                    let chars = first_char..first_char + gold.text.chars().count();
                    RecordSpan { chars, bytes: start..start + gold.text.len(), window: 0 }
                });
                let right = f64::from(!first && gold.is_some());
                let record = Record {
                    plausible_answers: Vec::new(),
                    prediction: if first {
                        "nonsense".into()
                    } else {
                        gold.map_or("x".into(), |gold| gold.text.clone())
                    },
                    exact: right,
                    f1: right,
                    score_diff: Some(odds(place, gold.is_some())),
                    span,
                    ..harness::record(article, paragraph, question)
                };
                lines.push_str(&serde_json::to_string(&record).unwrap());
                lines.push('\n');
                place += 1;
            }
        }
    }
    let evaluation = layout.evaluation(7);
    fs::create_dir_all(&evaluation).unwrap();
    fs::write(evaluation.join("records.jsonl"), lines).unwrap();
    let scores = r#"{"exact":66.5,"f1":67.25,"total":900}"#;
    let point = r#"{"threshold":0.0,"kept":600,"exact":66.5,"f1":67.25,"has_ans_exact":99.0,"has_ans_f1":99.25,"no_ans_exact":0.0}"#;
    let stored = stored.map_or("null".to_owned(), |at| point.replace("0.0,\"kept", &format!("{at},\"kept")));
    let results = format!(
        r#"{{"named":{{"threshold_0":{point},"stored_threshold":{stored},"best_threshold":{point}}},"run_squad":{scores},"official":{scores},"windows":900,"non_finite_windows":0}}"#
    );
    fs::write(evaluation.join("results.json"), results).unwrap();
    layout
}

type Page = Harness<'static, Paged<EvaluatePage>>;

fn page(folder: &Path) -> Page {
    sized_page(folder, [1400.0, 860.0])
}

fn sized_page(folder: &Path, size: [f32; 2]) -> Page {
    let trainer = harness::options(folder).trainer;
    harness::page(folder, size, |context| EvaluatePage::new(context).with_trainer(trainer))
}

/// A click on what has this label.
fn click(harness: &mut Page, label: &str) {
    harness.get_by_label(label).click();
    harness.run_steps(3);
}

fn type_into(harness: &mut Page, label: &str, text: &str) {
    harness.get_by_label(label).focus();
    harness.run_steps(2);
    type_text(harness, text);
    harness.run_steps(1);
}

/// Types over what a field holds.
fn retype(harness: &mut Page, label: &str, text: &str) {
    harness.get_by_label(label).focus();
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
    harness.run_steps(1);
    type_text(harness, text);
    harness.run_steps(1);
}

/// The page with the run's evaluation.
fn shown(folder: &Path) -> (Layout, Page) {
    let layout = run(folder);
    let mut harness = page(folder);
    harness.state_mut().page.show(layout.root().to_owned(), Some(7));
    wait(&mut harness, "All 900");
    harness.run_steps(2);
    (layout, harness)
}

#[test]
fn questions_are_listed_filtered_and_shown_in_their_passage() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut harness) = shown(folder.path());
    // One answered wrongly, 599 rightly, 300 rightly not answered.
    for label in ["Correct 599", "Wrong span 1", "Correctly abstained 300"] {
        harness.get_by_label(label);
    }
    click(&mut harness, "Wrong span 1");
    assert!(shows(&harness, "nonsense"));
    // The passage of the only row is shown, with its gold answer.
    harness.get_by_label("Passage");
    harness.get_by_label("Gold underlined");

    click(&mut harness, "All 900");
    type_into(&mut harness, "Search questions and answers", "no such words anywhere");
    harness.get_by_label("No question matches the filter");
    click(&mut harness, "Show all");
    assert!(!shows(&harness, "No question matches the filter"));
}

#[test]
fn dragging_the_rule_of_the_curve_moves_the_threshold() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut harness) = shown(folder.path());
    harness.get_by_label("Answerable, answered: 600");
    let rect = harness.get_by_label("Threshold curve").rect();
    let at = |share: f32| egui::pos2(rect.left() + rect.width() * share, rect.center().y);
    harness.drag_at(at(0.6));
    harness.run_steps(2);
    // To the far left: nothing counts as answered, and the table, the cells and the slices follow while it moves.
    harness.hover_at(at(0.01));
    harness.run_steps(3);
    harness.get_by_label("Answerable, not answered: 600");
    harness.get_by_label("Wrongly abstained 600");
    harness.drop_at(at(0.01));
    harness.run_steps(2);
    click(&mut harness, "Best");
    harness.get_by_label("Answerable, answered: 600");
}

#[test]
fn the_slider_moves_the_threshold_by_keyboard() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut harness) = shown(folder.path());
    let slider = harness
        .query_all_by_role(egui::accesskit::Role::Slider)
        .find(|node| !node.accesskit_node().is_disabled())
        .unwrap();
    slider.focus();
    harness.run_steps(2);
    for _ in 0..400 {
        harness.key_press(egui::Key::ArrowLeft);
        harness.run_steps(1);
        if harness.query_by_label("Wrongly abstained 600").is_some() {
            return;
        }
    }
    panic!("the threshold did not move");
}

/// Threshold, scores and cells that the command line prints for a threshold with this name.
fn printed(folder: &Path, name: &str) -> Vec<String> {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_spanbert-studio"))
        .args(["cli", "breakdown"])
        .arg(folder)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {text}"));
    let cells = line.strip_prefix(name).unwrap().split("  ").map(str::trim);
    cells.filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
}

/// The threshold as a number, from the slider.
fn threshold(harness: &Page) -> f64 {
    let slider = harness.get_by_role_and_label(egui::accesskit::Role::Slider, "Threshold");
    slider.accesskit_node().numeric_value().unwrap()
}

/// The number beside it, as it is read.
fn threshold_text(harness: &Page) -> String {
    let number = harness.get_by_role_and_label(egui::accesskit::Role::SpinButton, "Threshold");
    number.accesskit_node().value().unwrap_or_default()
}

/// Odds that two decimals would tear apart: the best threshold is -1.36693.
fn odds(place: usize, answerable: bool) -> f64 {
    if answerable { -1.366_93 - (place % 50) as f64 * 1e-4 } else { -1.366 + (place % 7) as f64 }
}

#[test]
fn the_figures_are_those_of_the_command_line() {
    const STORED: f64 = -1.369_851_234;
    let folder = tempfile::tempdir().unwrap();
    let layout = run_with(folder.path(), Some(STORED), odds);
    let mut harness = page(folder.path());
    harness.state_mut().page.show(layout.root().to_owned(), Some(7));
    wait(&mut harness, "All 900");
    harness.run_steps(5);
    let same = |harness: &Page, name: &str, exact: f64| {
        let printed = printed(&layout.evaluation(7), name);
        let [at, exact_match, f1, has_f1, no, answerable, unanswerable] = &printed[..] else {
            panic!("{printed:?}");
        };
        assert_eq!(threshold(harness), exact, "{name}");
        assert_eq!(threshold_text(harness), *at, "{name}");
        for figure in [exact_match, f1, has_f1, no] {
            assert!(
                harness.query_all_by_label(figure).next().is_some(),
                "{name}: no {figure} of {printed:?}"
            );
        }
        for (cell, counts) in [("Answerable", answerable), ("Unanswerable", unanswerable)] {
            let (answered, not) = counts.split_once(" / ").unwrap();
            harness.get_by_label(&format!("{cell}, answered: {answered}"));
            harness.get_by_label(&format!("{cell}, not answered: {not}"));
        }
    };
    same(&harness, "stored threshold", STORED);
    for (button, name, exact) in [
        ("Best", "best threshold", -1.366_93),
        ("Zero", "threshold 0", 0.0),
        ("Stored", "stored threshold", STORED),
        ("Best", "best threshold", -1.366_93),
    ] {
        click(&mut harness, button);
        harness.run_steps(5);
        same(&harness, name, exact);
    }

    // The official script's best F1, which eval_results.txt holds, is what is shown at the best threshold.
    let records = fs::read_to_string(layout.evaluation(7).join("records.jsonl")).unwrap();
    let records: Vec<Record> = records.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let predictions: serde_json::Map<_, _> =
        records.iter().map(|record| (record.id.clone(), record.prediction.clone().into())).collect();
    let null_odds: serde_json::Map<_, _> =
        records.iter().map(|record| (record.id.clone(), record.score_diff.into())).collect();
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let gold = demo::built_in(demo::DEV_NAME).unwrap().unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_spanbert-studio"))
        .args(["cli", "score", "--json", "--data"])
        .arg(file("gold.json", gold.to_string()))
        .arg("--predictions")
        .arg(file("predictions.json", serde_json::to_string(&predictions).unwrap()))
        .arg("--null-odds")
        .arg(file("null_odds.json", serde_json::to_string(&null_odds).unwrap()))
        .output()
        .unwrap();
    let official: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(official["best_f1_thresh"], -1.366_93, "{official}");
    for key in ["best_f1", "best_exact"] {
        let figure = format!("{:.2}", official[key].as_f64().unwrap());
        assert!(harness.query_all_by_label(&figure).next().is_some(), "{key} {figure}");
    }

    // Exports go by the same threshold, in full.
    for (name, file) in [
        ("Questions shown as CSV", "questions.csv"),
        ("Questions shown as JSON", "questions.json"),
        ("Everything as a web page", "breakdown.html"),
    ] {
        let text = exported(&mut harness, &layout, name, file);
        assert!(text.contains("-1.36693"), "{name}");
        if file == "questions.csv" {
            let answered = text.lines().filter(|line| line.contains(",true,")).count();
            assert_eq!(answered, 600, "every answerable question, and no other");
        }
    }
}

/// Exports what is shown, and reads it.
fn exported(harness: &mut Page, layout: &Layout, name: &str, file: &str) -> String {
    harness.state_mut().actions.clear();
    harness.get_all_by_label_contains("Export").next().unwrap().click();
    harness.run_steps(3);
    click(harness, name);
    wait_until(harness, name, |harness| {
        harness.state().actions.iter().any(|action| matches!(action, Action::Say(_)))
    });
    fs::read_to_string(layout.evaluation(7).join("exports").join(file)).unwrap()
}

#[test]
fn passing_through_the_number_changes_nothing_and_what_is_typed_counts() {
    let folder = tempfile::tempdir().unwrap();
    let layout = run_with(folder.path(), None, odds);
    let mut harness = page(folder.path());
    harness.state_mut().page.show(layout.root().to_owned(), Some(7));
    wait(&mut harness, "All 900");
    harness.run_steps(5);
    let number = |harness: &Page| {
        harness.get_by_role_and_label(egui::accesskit::Role::SpinButton, "Threshold").focus();
    };
    number(&harness);
    harness.run_steps(3);
    harness.key_press(egui::Key::Tab);
    harness.run_steps(3);
    assert_eq!(threshold(&harness), -1.366_93);
    harness.get_by_label("Answerable, answered: 600");
    let records = fs::read_to_string(layout.evaluation(7).join("records.jsonl")).unwrap();
    let answerable: Vec<bool> = records
        .lines()
        .map(|line| !serde_json::from_str::<Record>(line).unwrap().gold_answers.is_empty())
        .collect();
    // More digits than are shown are taken, and numbers beyond the ends of the rail.
    let kept = (0..900).filter(|place| answerable[*place] && odds(*place, true) <= -1.369_851_23).count();
    for (typed, answered) in [("-1.36985123", kept), ("250.5", 600)] {
        number(&harness);
        harness.run_steps(3);
        harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
        type_text(&mut harness, typed);
        harness.key_press(egui::Key::Enter);
        harness.run_steps(5);
        assert_eq!(threshold(&harness), typed.parse::<f64>().unwrap());
        harness.get_by_label(&format!("Answerable, answered: {answered}"));
    }
}

#[test]
fn a_stored_threshold_beyond_all_null_odds_stays() {
    let folder = tempfile::tempdir().unwrap();
    let layout = run_with(folder.path(), Some(47.25), |_, answerable| if answerable { -2.0 } else { 2.0 });
    let mut harness = page(folder.path());
    harness.state_mut().page.show(layout.root().to_owned(), Some(7));
    wait(&mut harness, "All 900");
    harness.run_steps(5);
    assert_eq!((threshold(&harness), threshold_text(&harness).as_str()), (47.25, "47.2500"));
    harness.get_by_label("Unanswerable, answered: 300");
}

#[test]
fn the_decision_and_the_threshold_of_the_evaluation_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let layout = run_with(folder.path(), Some(1.5), |_, answerable| if answerable { -2.0 } else { 2.0 });
    let path = layout.evaluation(7).join("results.json");
    let mut results: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    results["abstention"] = serde_json::json!({"allowed": true, "decided_by": "threshold_flag"});
    let mut given = results["named"]["threshold_0"].clone();
    given["threshold"] = serde_json::json!(-2.5);
    results["named"]["given_threshold"] = given;
    fs::write(&path, results.to_string()).unwrap();
    let mut harness = page(folder.path());
    harness.state_mut().page.show(layout.root().to_owned(), Some(7));
    wait(&mut harness, "All 900");
    harness.run_steps(3);
    harness.get_by_label("The model may abstain: --threshold is given");
    assert_eq!(threshold(&harness), -2.5);
    harness.get_by_label("Answerable, not answered: 600");
    for (button, at) in [("Stored", 1.5), ("Given", -2.5)] {
        click(&mut harness, button);
        assert_eq!(threshold(&harness), at, "{button}");
    }
}

#[test]
fn a_slice_and_a_cell_show_their_questions() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut harness) = shown(folder.path());
    click(&mut harness, "answerable: unanswerable");
    harness.get_by_label("Without answerable: unanswerable");
    click(&mut harness, "Unanswerable, not answered: 300");
    harness.get_by_label("Without unanswerable, not answered");
    assert!(!shows(&harness, "No question matches the filter"));
    // No unanswerable question was answered rightly.
    click(&mut harness, "Correct 599");
    harness.get_by_label("No question matches the filter");
    click(&mut harness, "Without correct");
    assert!(!shows(&harness, "No question matches the filter"));
    // The intervals come without being waited for.
    wait(&mut harness, "answerable: answerable");
}

#[test]
fn a_query_filters_and_is_kept_as_a_slice() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut harness) = shown(folder.path());
    let query = "Query, such as f1 < 0.5 and negation";
    type_into(&mut harness, query, "answerble and f1 < 0.5");
    assert!(shows(&harness, "there is no field \"answerble\" at column 1"));
    assert!(shows(&harness, "write answerable"));
    retype(&mut harness, query, "answerable and f1 < 0.5");
    assert!(shows(&harness, "nonsense"));
    type_into(&mut harness, "Name of the slice", "missed");
    click(&mut harness, "Save slice");
    harness.get_by_label("Without saved query: missed");
    assert_eq!(harness.state().settings.slices[0].query, "answerable and f1 < 0.5");
    click(&mut harness, "Forget missed");
    assert!(harness.state().settings.slices.is_empty());
}

#[test]
fn a_question_is_edited_and_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let (layout, mut harness) = shown(folder.path());
    fs::create_dir_all(layout.best()).unwrap();
    harness.run_steps(2);
    click(&mut harness, "Edit and ask again");
    let actions = &harness.state().actions;
    let Some(Action::AskAgain { checkpoint, passage, question }) = actions.last() else {
        panic!("nothing was asked: {actions:?}");
    };
    assert_eq!(*checkpoint, layout.best());
    assert!(!passage.is_empty() && question.ends_with('?'));
}

#[test]
fn two_evaluations_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let (layout, mut harness) = shown(folder.path());
    // The same, but the first question is answered rightly and the second wrongly.
    let text = fs::read_to_string(layout.evaluation(7).join("records.jsonl")).unwrap();
    let mut records: Vec<Record> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let second = records.iter().skip(1).position(|record| !record.gold_answers.is_empty()).unwrap() + 1;
    records[0].prediction = records[0].gold_answers[0].text.clone();
    records[second].prediction = "rubbish".into();
    let lines: Vec<String> = records.iter().map(|record| serde_json::to_string(record).unwrap()).collect();
    let evaluation = layout.evaluation(9);
    fs::create_dir_all(&evaluation).unwrap();
    fs::write(evaluation.join("records.jsonl"), lines.join("\n")).unwrap();
    fs::copy(layout.evaluation(7).join("results.json"), evaluation.join("results.json")).unwrap();
    harness.state_mut().page.show(layout.root().to_owned(), Some(7));
    harness.run_steps(1);
    wait(&mut harness, "All 900");
    harness.run_steps(2);
    click(&mut harness, "Compare with");
    click(&mut harness, "This run after 9 updates");
    wait(&mut harness, "Right to wrong 1");
    harness.get_by_label("Right to wrong 1, wrong to right 1, McNemar p 1.0000");
    click(&mut harness, "Right to wrong 1");
    assert!(shows(&harness, "rubbish"));
    click(&mut harness, "Without right to wrong");
    click(&mut harness, "Wrong to right 1");
    assert!(shows(&harness, "nonsense"));
}

#[test]
fn what_is_shown_is_exported() {
    let folder = tempfile::tempdir().unwrap();
    let (layout, mut harness) = shown(folder.path());
    click(&mut harness, "Wrong span 1");
    let exports = layout.evaluation(7).join("exports");
    for (name, file) in [
        ("Questions shown as CSV", "questions.csv"),
        ("Questions shown as JSON", "questions.json"),
        ("Everything as a web page", "breakdown.html"),
        ("Charts as SVG", "threshold.svg"),
        ("Charts as PNG", "threshold.png"),
    ] {
        let export = harness.get_all_by_label_contains("Export").next().unwrap();
        export.click();
        harness.run_steps(3);
        click(&mut harness, name);
        let start = Instant::now();
        let told = |actions: &[Action]| actions.iter().any(|action| matches!(action, Action::Say(_)));
        while !told(&harness.state().actions) {
            assert!(start.elapsed() < Duration::from_secs(30), "{name}");
            harness.run_steps(1);
            std::thread::sleep(Duration::from_millis(10));
        }
        let said = format!("{:?}", harness.state_mut().actions.drain(..).collect::<Vec<_>>());
        assert!(exports.join(file).is_file(), "{name}: {said}");
    }
    let csv = fs::read_to_string(exports.join("questions.csv")).unwrap();
    assert_eq!(csv.lines().count(), 2, "{csv}");
    assert!(csv.contains("nonsense"));
    let png = fs::read(exports.join("threshold.png")).unwrap();
    assert!(png.starts_with(b"\x89PNG") && png.len() > 10_000, "{} bytes", png.len());
}

#[test]
fn a_checkpoint_is_evaluated_from_here() {
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("files");
    demo::write(&files).unwrap();
    // Twelve questions are enough.
    let mut data: serde_json::Value =
        serde_json::from_slice(&fs::read(files.join("dev.json")).unwrap()).unwrap();
    data["data"].as_array_mut().unwrap().truncate(1);
    data["data"][0]["paragraphs"].as_array_mut().unwrap().truncate(2);
    fs::write(files.join("few.json"), data.to_string()).unwrap();
    let mut harness = page(folder.path());
    wait(&mut harness, "No evaluations yet");
    click(&mut harness, "New evaluation…");
    type_into(&mut harness, "Checkpoint to evaluate", "no such folder");
    type_into(&mut harness, "SQuAD file to evaluate on", files.join("few.json").to_str().unwrap());
    click(&mut harness, "Start evaluation");
    wait(&mut harness, "no such folder");
    retype(&mut harness, "Checkpoint to evaluate", files.join("model").to_str().unwrap());
    click(&mut harness, "Start evaluation");
    wait(&mut harness, "All 12");
    // Kept, and found again.
    let kept = fs::read_dir(folder.path().join("evaluations")).unwrap().count();
    assert_eq!(kept, 1);
    // Its own checkpoint is at hand: asked once more, it shows where it looks, and so for the next question.
    harness.get_by_role_and_label(egui::accesskit::Role::Button, "Where the model looks").click();
    harness.run_steps(3);
    wait(&mut harness, "Likeliest start");
    assert!(!shows(&harness, "These weights answer"), "the same weights give the same answer");
    harness.key_press(egui::Key::ArrowDown);
    harness.run_steps(2);
    wait(&mut harness, "Likeliest start");
    click(&mut harness, "Edit and ask again");
    assert!(matches!(harness.state().actions.last(), Some(Action::AskAgain { .. })));
}

/// The program behind a script that first says things of its own.
#[cfg(unix)]
fn talkative(folder: &Path, words: &str) -> spanbert_app::launch::Trainer {
    use std::os::unix::fs::PermissionsExt;
    let script = folder.join("talkative.sh");
    let program = env!("CARGO_BIN_EXE_spanbert-studio");
    fs::write(&script, format!("#!/bin/sh\nprintf '{words}' >&2\nexec '{program}' \"$@\"\n")).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    spanbert_app::launch::Trainer { program: script, ..harness::options(folder).trainer }
}

#[cfg(unix)]
#[test]
fn evaluations_started_in_one_second_have_folders_of_their_own() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("slow.sh");
    fs::write(&script, "#!/bin/sh\nexec sleep 600\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let trainer =
        spanbert_app::launch::Trainer { program: script, ..harness::options(folder.path()).trainer };
    let started = || {
        let trainer = trainer.clone();
        let mut harness = harness::page(folder.path(), [1400.0, 860.0], |context| {
            EvaluatePage::new(context).with_trainer(trainer)
        });
        wait(&mut harness, "No evaluations yet");
        click(&mut harness, "New evaluation…");
        type_into(&mut harness, "Checkpoint to evaluate", "model");
        type_into(&mut harness, "SQuAD file to evaluate on", "dev.json");
        harness
    };
    let mut windows = [started(), started(), started()];
    for window in &mut windows {
        click(window, "Start evaluation");
    }
    let evaluations = folder.path().join("evaluations");
    assert_eq!(fs::read_dir(&evaluations).unwrap().count(), 3);
    // What was never written goes with the window.
    drop(windows);
    assert_eq!(fs::read_dir(&evaluations).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn warnings_of_an_evaluation_started_here_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("files");
    demo::write(&files).unwrap();
    let mut data: serde_json::Value =
        serde_json::from_slice(&fs::read(files.join("dev.json")).unwrap()).unwrap();
    data["data"].as_array_mut().unwrap().truncate(1);
    data["data"][0]["paragraphs"].as_array_mut().unwrap().truncate(1);
    // A gold answer that is not in its context.
    data["data"][0]["paragraphs"][0]["qas"][0]["answers"][0]["text"] = "nowhere to be found".into();
    fs::write(files.join("few.json"), data.to_string()).unwrap();
    // A name that is no UTF-8 does not end the listening.
    let trainer = talkative(
        folder.path(),
        "{\"message\":\"warning\",\"text\":\"the first\"}\\n\\377\\n{\"message\":\"warning\",\"text\":\"the second\"}\\n",
    );
    let runs = folder.path().to_owned();
    let mut harness =
        harness::page(&runs, [1400.0, 860.0], |context| EvaluatePage::new(context).with_trainer(trainer));
    wait(&mut harness, "No evaluations yet");
    click(&mut harness, "New evaluation…");
    type_into(&mut harness, "Checkpoint to evaluate", files.join("model").to_str().unwrap());
    type_into(&mut harness, "SQuAD file to evaluate on", files.join("few.json").to_str().unwrap());
    click(&mut harness, "Start evaluation");
    wait(&mut harness, "All ");
    harness.get_by_label("the first");
    harness.get_by_label("the second");
    assert!(shows(&harness, "windows in"), "notes, too");
    // What the data set itself is warned of is there whenever the evaluation is opened.
    let evaluations = fs::read_dir(folder.path().join("evaluations")).unwrap();
    let folder_of_it = evaluations.flatten().next().unwrap().path();
    harness.state_mut().page.show_folder(folder_of_it);
    wait(&mut harness, "about the data");
}

#[test]
fn questions_that_are_dropped_open_the_form_and_a_text_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = page(folder.path());
    wait(&mut harness, "No evaluations yet");
    let (questions, text) = (folder.path().join("mine.json"), folder.path().join("mine.txt"));
    fs::write(&questions, "{}").unwrap();
    fs::write(&text, "Ann left.").unwrap();
    assert!(!harness.state_mut().take(Purpose::Dropped, text));
    assert!(harness.state_mut().take(Purpose::Dropped, questions.clone()));
    harness.run_steps(2);
    assert_eq!(harness::value(&harness, "SQuAD file to evaluate on"), questions.display().to_string());
}

#[test]
fn nothing_in_the_row_above_moves_once_the_evaluation_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let layout = run(folder.path());
    let mut harness = sized_page(folder.path(), [1400.0, 860.0]);
    let places = |harness: &Harness<'_, Paged<EvaluatePage>>| {
        ["New evaluation…", "Open run", "Compare with"].map(|label| harness.get_by_label(label).rect())
    };
    harness.state_mut().page.show(layout.root().to_owned(), Some(7));
    harness.run_steps(1);
    let before = places(&harness);
    wait(&mut harness, "All 900");
    assert_eq!(places(&harness), before);
}

#[test]
fn a_narrow_window_shows_one_part_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let layout = run(folder.path());
    let mut harness = sized_page(folder.path(), [640.0, 600.0]);
    harness.state_mut().page.show(layout.root().to_owned(), Some(7));
    wait(&mut harness, "All 900");
    for (part, label) in [
        ("Slices", "question word: who"),
        ("Scores", "Threshold curve"),
        ("Passage", "Edit and ask again"),
        ("Questions", "All 900"),
    ] {
        harness.get_all_by_label(part).next().unwrap().click();
        harness.run_steps(3);
        assert!(shows(&harness, label), "{part}");
    }
}

#[test]
fn what_is_no_evaluation_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let layout = run(folder.path());
    fs::write(layout.evaluation(7).join("records.jsonl"), "{\n").unwrap();
    let mut harness = page(folder.path());
    harness.state_mut().page.show(layout.root().to_owned(), Some(7));
    wait(&mut harness, "records.jsonl, line 1");
    harness.state_mut().page.show(folder.path().join("gone"), None);
    wait(&mut harness, "holds no evaluation yet");
}

#[test]
fn data_that_is_gone_can_be_named() {
    let folder = tempfile::tempdir().unwrap();
    let layout = run(folder.path());
    let mut environment = Environment::read(&layout).unwrap();
    environment.dev_data = Some(Fingerprint::of_bytes("/gone/dev.json", b""));
    environment.write(&layout).unwrap();
    let files = folder.path().join("files");
    demo::write(&files).unwrap();
    let mut harness = page(folder.path());
    harness.state_mut().page.show(layout.root().to_owned(), Some(7));
    wait(&mut harness, "/gone/dev.json");
    type_into(&mut harness, "SQuAD file that was answered", files.join("train.json").to_str().unwrap());
    click(&mut harness, "Use this file");
    wait(&mut harness, "none of the 900 predictions is for one of");
    retype(&mut harness, "SQuAD file that was answered", files.join("dev.json").to_str().unwrap());
    click(&mut harness, "Use this file");
    wait(&mut harness, "All 900");
}

#[test]
fn without_runs_the_page_says_what_belongs_here() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = page(folder.path());
    wait(&mut harness, "No evaluations yet");
}
