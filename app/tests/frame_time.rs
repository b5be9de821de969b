//! Processor time of a frame, layout and tessellation included, where there is much to show. To be run by hand:
//! `cargo test --release -p spanbert-app --no-default-features --test frame_time -- --ignored --nocapture --test-threads 1`.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod harness;

use std::{fmt::Write as _, fs, path::Path, time::Instant};

use egui_kittest::{Harness, kittest::NodeT};
use harness::{Paged, wait};
use spanbert_app::{
    page::PageView,
    pages::{evaluate::EvaluatePage, runs::RunsPage},
};
use spanbert_core::{
    evaluate::{Record, RecordSpan},
    run::{
        BestScore, Environment, Event, Layout, Outcome, Phase, Record as Line, RunFolder, RunState,
        StepEvent, now,
    },
    squad::Answer,
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
        let start = Instant::now();
        harness.step();
        let output = harness.output();
        let shapes = harness.ctx.tessellate(output.shapes.clone(), 1.0);
        times.push(start.elapsed().as_secs_f64() * 1000.0);
        assert!(!shapes.is_empty());
        if frame + 1 == FRAMES / 2 {
            assert_ne!(top, places(harness), "it does not scroll");
        }
    }
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!("{name}: median {:.2} ms, 95 % {:.2} ms, longest {:.2} ms", at(0.5), at(0.95), at(1.0));
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
        let line = Line { time: now(), event: Event::Step(step(update)) };
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

#[test]
#[ignore = "a measurement"]
fn twelve_thousand_predictions() {
    let folder = tempfile::tempdir().unwrap();
    let layout = run(folder.path(), "20260301T120000Z-run", 3);
    let mut lines = String::new();
    for index in 0..12_000 {
        let gold = Answer { text: format!("answer {index}"), answer_start: 0 };
        let record = Record {
            id: index.to_string(),
            article: 0,
            paragraph: 0,
            question: format!(
                "What is the name of the thing that is mentioned in paragraph {index} of the article?"
            ),
            gold_answers: if index % 3 == 0 { Vec::new() } else { vec![gold] },
            plausible_answers: Vec::new(),
            prediction: format!("answer {}", index - index % 2),
            exact: f64::from(u8::from(index % 2 == 0)),
            f1: 0.5,
            probability: Some(0.5),
            score_diff: Some(f64::from(index % 17) - 8.0),
            span: Some(RecordSpan { chars: 0..6, bytes: 0..6, window: 0 }),
            windows: 1,
        };
        writeln!(lines, "{}", serde_json::to_string(&record).unwrap()).unwrap();
    }
    let evaluation = layout.evaluation(1);
    fs::create_dir_all(&evaluation).unwrap();
    fs::write(evaluation.join("records.jsonl"), lines).unwrap();
    let scores = r#"{"exact":50.0,"f1":50.0,"total":12000}"#;
    let point = r#"{"threshold":0.0,"kept":600,"exact":66.5,"f1":67.25,"has_ans_exact":99.0,"has_ans_f1":99.25,"no_ans_exact":0.0}"#;
    let results = format!(
        r#"{{"named":{{"threshold_0":{point},"stored_threshold":null,"best_threshold":{point}}},"run_squad":{scores},"official":{scores},"windows":12000,"non_finite_windows":0}}"#
    );
    fs::write(evaluation.join("results.json"), results).unwrap();
    let mut harness = harness::page(folder.path(), [1600.0, 1000.0], EvaluatePage::new);
    harness.state_mut().page.show(layout.root().to_owned(), Some(1));
    wait(&mut harness, "All 12,000");
    measure("Predictions, 12,000 rows, scrolled", &mut harness, egui::pos2(500.0, 700.0));
}
