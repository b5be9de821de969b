//! The evaluate page, by label.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use egui_kittest::{
    Harness,
    kittest::{NodeT, Queryable},
};
use spanbert_app::{
    action::Action,
    library::{Library, Places},
    page::{Env, PageView},
    pages::evaluate::EvaluatePage,
    probe::Probe,
    settings::Settings,
    theme,
};
use spanbert_core::{
    demo,
    evaluate::{Record, RecordSpan},
    run::{Environment, Fingerprint, Layout, RunFolder},
    squad::Dataset,
};

/// A run whose evaluation answers the demo's dev set: rightly, but for the first question.
fn run(folder: &Path) -> Layout {
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
    for (article, content) in dataset.articles.iter().enumerate() {
        for (paragraph, passage) in content.paragraphs.iter().enumerate() {
            for question in &passage.questions {
                let first = lines.is_empty();
                let gold = question.answers.first();
                let span = gold.map(|gold| {
                    let start = passage.context.char_indices().nth(gold.answer_start).unwrap().0;
                    let chars = gold.answer_start..gold.answer_start + gold.text.chars().count();
                    RecordSpan { chars, bytes: start..start + gold.text.len(), window: 0 }
                });
                let right = f64::from(!first && gold.is_some());
                let record = Record {
                    id: question.id.clone(),
                    article,
                    paragraph,
                    question: question.question.clone(),
                    gold_answers: question.answers.clone(),
                    plausible_answers: Vec::new(),
                    prediction: if first {
                        "nonsense".into()
                    } else {
                        gold.map_or("x".into(), |gold| gold.text.clone())
                    },
                    exact: right,
                    f1: right,
                    probability: Some(0.5),
                    score_diff: Some(if gold.is_some() { -2.0 } else { 2.0 }),
                    span,
                    windows: 1,
                };
                lines.push_str(&serde_json::to_string(&record).unwrap());
                lines.push('\n');
            }
        }
    }
    let evaluation = layout.evaluation(7);
    fs::create_dir_all(&evaluation).unwrap();
    fs::write(evaluation.join("records.jsonl"), lines).unwrap();
    let scores = r#"{"exact":66.5,"f1":67.25,"total":900}"#;
    let point = r#"{"threshold":0.0,"kept":600,"exact":66.5,"f1":67.25,"has_ans_exact":99.0,"has_ans_f1":99.25,"no_ans_exact":0.0}"#;
    let results = format!(
        r#"{{"named":{{"threshold_0":{point},"stored_threshold":null,"best_threshold":{point}}},"run_squad":{scores},"official":{scores},"windows":900,"non_finite_windows":0}}"#
    );
    fs::write(evaluation.join("results.json"), results).unwrap();
    layout
}

struct State {
    page: EvaluatePage,
    library: Library,
    settings: Settings,
    probe: Probe,
    actions: Vec<Action>,
}

fn page(folder: &Path) -> Harness<'static, State> {
    let context = egui::Context::default();
    let places = Places { folder: folder.to_owned(), opened: Vec::new() };
    let state = State {
        page: EvaluatePage::new(&context),
        library: Library::start(&context, places),
        settings: Settings::default(),
        probe: Probe::Idle,
        actions: Vec::new(),
    };
    let mut first = true;
    Harness::builder().with_size(egui::vec2(1100.0, 760.0)).build_ui_state(
        move |ui, state: &mut State| {
            if std::mem::take(&mut first) {
                theme::install(ui.ctx());
            }
            state.library.poll();
            let mut env = Env {
                settings: &mut state.settings,
                devices: &state.probe,
                library: &state.library,
                actions: &mut state.actions,
            };
            state.page.poll(&mut env);
            state.page.ui(ui, &mut env);
        },
        state,
    )
}

fn wait(harness: &mut Harness<'_, State>, label: &str) {
    let start = Instant::now();
    while harness.query_all_by_label_contains(label).next().is_none() {
        assert!(start.elapsed() < Duration::from_secs(30), "waited in vain for {label}");
        harness.run_steps(1);
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn questions_are_listed_filtered_and_shown_in_their_passage() {
    let folder = tempfile::tempdir().unwrap();
    let layout = run(folder.path());
    let mut harness = page(folder.path());
    harness.state_mut().page.show(layout.root().to_owned(), None);
    wait(&mut harness, "All 900");
    harness.run_steps(2);
    // One answered wrongly, 599 rightly, 300 rightly not answered.
    for label in ["Exact 599", "Wrong 1", "Rightly abstained 300"] {
        harness.get_by_label(label);
    }
    assert!(harness.query_all_by_label("67.25").next().is_some());
    harness.get_by_label("Wrong 1").click();
    harness.run_steps(3);
    assert!(harness.query_all_by_label("nonsense").next().is_some());
    // The passage of the only row is shown, with its gold answer.
    harness.get_by_label("Passage");
    harness.get_by_label("Gold underlined");

    harness.get_by_label("All 900").click();
    harness.get_by_label("Search questions and answers").focus();
    harness.run_steps(2);
    harness.event(egui::Event::Text("no such words anywhere".into()));
    harness.run_steps(3);
    harness.get_by_label("No question fits the filter");
}

#[test]
fn moving_the_threshold_decides_anew() {
    let folder = tempfile::tempdir().unwrap();
    let layout = run(folder.path());
    let mut harness = page(folder.path());
    harness.state_mut().page.show(layout.root().to_owned(), Some(7));
    wait(&mut harness, "All 900");
    harness.run_steps(2);
    let slider = harness
        .query_all_by_role(egui::accesskit::Role::Slider)
        .find(|node| !node.accesskit_node().is_disabled())
        .unwrap();
    slider.focus();
    harness.run_steps(2);
    // To the far left: nothing counts as answered.
    for _ in 0..400 {
        harness.key_press(egui::Key::ArrowLeft);
        harness.run_steps(1);
        if harness.query_by_label("Missed 600").is_some() {
            return;
        }
    }
    panic!("the threshold did not move");
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
fn without_runs_the_page_says_what_belongs_here() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = page(folder.path());
    wait(&mut harness, "No evaluations yet");
}
