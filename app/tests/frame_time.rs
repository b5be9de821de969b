//! Processor time of a frame, layout and tessellation included, where there is much to show. To be run by hand:
//! `cargo test --release -p spanbert-app --no-default-features --test frame_time -- --ignored --nocapture --test-threads 1`.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod harness;

use std::{fmt::Write as _, fs, path::Path, time::Instant};

use egui_kittest::{
    Harness,
    kittest::{NodeT, Queryable},
};
use harness::{Paged, wait};
use spanbert_app::{
    page_view::PageView,
    pages::{evaluate::EvaluatePage, runs::RunsPage},
};
use spanbert_core::{
    demo,
    evaluate::{Record, RecordSpan},
    hash::Fingerprint,
    run::{
        BestScore, Environment, Event, EventRecord, Layout, Outcome, Phase, RunFolder, RunState, StepEvent,
        now,
    },
    squad::{Article, Dataset},
    train::Preset,
};

/// Frames measured.
const FRAMES: usize = 300;

/// Where everything is.
fn places<P: PageView>(harness: &Harness<'_, Paged<P>>) -> Vec<String> {
    let nodes = harness.root().children_recursive();
    let node = nodes.map(|node| node.accesskit_node());
    node.map(|node| format!("{:?} {:?}", node.label(), node.raw_bounds())).collect()
}

/// Draws a frame; milliseconds.
fn frame_time<P: PageView>(harness: &mut Harness<'_, Paged<P>>) -> f64 {
    let start = Instant::now();
    harness.step();
    let output = harness.output();
    let shapes = harness.ctx.tessellate(output.shapes.clone(), 1.0);
    assert!(!shapes.is_empty());
    start.elapsed().as_secs_f64() * 1000.0
}

/// Prints the median, the 95th percentile and the longest.
fn tell(name: &str, mut times: Vec<f64>) {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!("{name}: median {:.2} ms, 95 % {:.2} ms, longest {:.2} ms", at(0.5), at(0.95), at(1.0));
}

/// Scrolls and prints the median, the 95th percentile and the longest frame in milliseconds.
fn measure<P: PageView>(name: &str, harness: &mut Harness<'_, Paged<P>>, at: egui::Pos2) {
    harness.event(egui::Event::PointerMoved(at));
    let (mut times, top) = (Vec::new(), places(harness));
    for frame in 0..FRAMES {
        let down = frame < FRAMES / 2;
        let delta = egui::vec2(0.0, if down { -120.0 } else { 120.0 });
        let wheel = egui::Event::MouseWheel {
            unit: egui::MouseWheelUnit::Point,
            delta,
            phase: egui::TouchPhase::Move,
            modifiers: egui::Modifiers::NONE,
        };
        harness.event(wheel);
        times.push(frame_time(harness));
        if frame + 1 == FRAMES / 2 {
            assert_ne!(top, places(harness), "it does not scroll");
        }
    }
    tell(name, times);
}

fn step(step: usize) -> StepEvent {
    let noise = (step as f64 * 12.9898).sin() * 0.3;
    StepEvent {
        step,
        total_steps: 100_000,
        training: 0,
        epoch: step / 25_000,
        loss: 0.5 + 3.0 / (1.0 + step as f64 / 5000.0) + noise,
        learning_rate: 2e-5 * (1.0 - step as f64 / 100_000.0),
        grad_norm: Some(1.0 + noise),
        windows_per_sec: 300.0 + noise,
        tokens_per_sec: 60_000.0,
        elapsed_secs: step as f64 * 0.1,
        eta_secs: None,
        memory_bytes: Some(9 << 30),
        ..StepEvent::default()
    }
}

fn run(folder: &Path, name: &str, updates: usize) -> Layout {
    let run = RunFolder::create(&folder.join(name)).unwrap();
    let layout = run.layout().clone();
    fs::write(layout.recipe(), Preset::Demo.recipe().to_toml()).unwrap();
    Environment::of_this_process("A processor").write(&layout).unwrap();
    let best = Some(BestScore { metric: "best_f1".into(), value: 80.0, step: 1 });
    let outcome = Some(Outcome::Completed);
    let mut state = RunState {
        phase: Phase::Finished,
        outcome,
        best,
        step: updates,
        total_steps: updates,
        ..RunState::starting()
    };
    state.write(&layout).unwrap();
    let mut text = String::new();
    for update in 1..=updates {
        let line = EventRecord { time: now(), event: Event::Step(step(update)) };
        writeln!(text, "{}", serde_json::to_string(&line).unwrap()).unwrap();
    }
    fs::write(layout.events(), text).unwrap();
    layout
}

#[test]
#[ignore = "a measurement"]
fn five_hundred_runs() {
    let folder = tempfile::tempdir().unwrap();
    for index in 0..500 {
        run(folder.path(), &format!("20260301T{index:06}Z-run{index}"), 3);
    }
    let mut harness = harness::page(folder.path(), [1600.0, 1000.0], RunsPage::new);
    wait(&mut harness, "500 runs");
    measure("Runs page, 500 run folders, scrolled", &mut harness, egui::pos2(800.0, 600.0));
}

#[test]
#[ignore = "a measurement"]
fn a_hundred_thousand_events() {
    let folder = tempfile::tempdir().unwrap();
    let layout = run(folder.path(), "20260301T120000Z-long", 100_000);
    let mut harness = harness::page(folder.path(), [1600.0, 1000.0], RunsPage::new);
    harness.run_steps(2);
    harness.state_mut().page.open(layout.root().to_owned());
    // The frames in which the log comes in.
    let mut longest: f64 = 0.0;
    let begin = Instant::now();
    while !harness::shows(&harness, "after update 100,000") {
        let start = Instant::now();
        harness.step();
        longest = longest.max(start.elapsed().as_secs_f64() * 1000.0);
        assert!(begin.elapsed().as_secs() < 120);
        std::thread::sleep(std::time::Duration::from_millis(4));
    }
    println!(
        "100,000 events shown after {:.0} ms, longest frame meanwhile {longest:.2} ms",
        begin.elapsed().as_secs_f64() * 1000.0
    );
    measure("Run of 100,000 updates, scrolled", &mut harness, egui::pos2(800.0, 700.0));
}

/// Answers to all questions, right and wrong ones; which, the shift decides.
fn records(articles: &[Article], shift: f64) -> String {
    let mut lines = String::new();
    let mut index = 0_u32;
    for (article, content) in articles.iter().enumerate() {
        for (paragraph, passage) in content.paragraphs.iter().enumerate() {
            for question in &passage.questions {
                index += 1;
                let gold = question.answers.first().map(|answer| answer.text.clone());
                let noise = (f64::from(index) * 12.9898 + shift).sin();
                let right = gold.is_some() && noise > -0.4;
                let record = Record {
                    prediction: gold
                        .clone()
                        .filter(|_| right)
                        .unwrap_or_else(|| "the".to_owned() + &index.to_string()),
                    exact: f64::from(u8::from(right)),
                    f1: f64::from(u8::from(right)),
                    score_diff: Some(noise * 5.0 + if gold.is_some() { -2.0 } else { 2.0 }),
                    span: Some(RecordSpan { chars: 0..6, bytes: 0..6, window: 0 }),
                    ..harness::record(article, paragraph, question)
                };
                writeln!(lines, "{}", serde_json::to_string(&record).unwrap()).unwrap();
            }
        }
    }
    lines
}

/// A run whose two evaluations answer 11,873 questions of generated passages; as many as the dev set of SQuAD 2.0 has.
fn evaluated(folder: &Path) -> Layout {
    const QUESTIONS: usize = 11_873;
    let layout = run(folder, "20260301T120000Z-run", 3);
    let json = demo::squad_json("train", &demo::TRAIN).unwrap();
    let dataset = Dataset::from_json(&json, "generated").unwrap();
    let (mut articles, mut count) = (dataset.articles, 0);
    for paragraph in articles.iter_mut().flat_map(|article| &mut article.paragraphs) {
        paragraph.questions.truncate(QUESTIONS - count);
        count += paragraph.questions.len();
    }
    assert_eq!(count, QUESTIONS);
    let path = folder.join("data.json");
    fs::write(&path, serde_json::json!({"version": "v2.0", "data": articles}).to_string()).unwrap();
    let mut environment = Environment::read(&layout).unwrap();
    environment.dev_data = Some(Fingerprint::of(&path).unwrap());
    environment.write(&layout).unwrap();
    for update in [1, 2] {
        let evaluation = layout.evaluation(update);
        fs::create_dir_all(&evaluation).unwrap();
        fs::write(evaluation.join("records.jsonl"), records(&articles, update as f64)).unwrap();
        let scores = r#"{"exact":50.0,"f1":50.0,"total":11873}"#;
        let results =
            format!(r#"{{"run_squad":{scores},"official":{scores},"windows":11873,"non_finite_windows":0}}"#);
        fs::write(evaluation.join("results.json"), results).unwrap();
    }
    layout
}

#[test]
#[ignore = "a measurement"]
fn a_dev_set_of_predictions() {
    let folder = tempfile::tempdir().unwrap();
    let layout = evaluated(folder.path());
    let mut harness = harness::page(folder.path(), [1600.0, 1000.0], EvaluatePage::new);
    harness.state_mut().page.show(layout.root().to_owned(), Some(1));
    wait(&mut harness, "All 11,873");
    measure("Predictions, 11,873 rows, scrolled", &mut harness, egui::pos2(800.0, 800.0));
    drag("Threshold of 11,873 questions dragged", &mut harness);

    harness.get_by_label("Compare with").click();
    harness.run_steps(3);
    harness.get_by_label("This run after 2 updates").click();
    wait(&mut harness, "Right to wrong");
    measure("The same, compared with another evaluation", &mut harness, egui::pos2(800.0, 800.0));
    drag("Threshold of both dragged", &mut harness);
}

/// Drags the threshold over the whole curve and back.
fn drag(name: &str, harness: &mut Harness<'_, Paged<EvaluatePage>>) {
    let rect = harness.get_by_label("Threshold curve").rect();
    let mut times = Vec::new();
    let before = places(harness);
    for frame in 0..FRAMES {
        let share = 0.1 + 0.8 * (frame as f32 / FRAMES as f32 * std::f32::consts::TAU).sin().abs();
        let at = egui::pos2(rect.left() + rect.width() * share, rect.center().y);
        if frame == 0 {
            harness.drag_at(at);
        }
        harness.event(egui::Event::PointerMoved(at));
        times.push(frame_time(harness));
        if frame == FRAMES / 4 {
            assert_ne!(before, places(harness), "the threshold does not move");
        }
    }
    harness.drop_at(rect.center());
    harness.run_steps(2);
    tell(name, times);
}
