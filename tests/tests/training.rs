//! Whole trainings on the CPU: a small model, invented data, and what is left in the run folder.

// A helper that cannot set a test up fails it.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use serde_json::Value;
use spanbert_core::{
    advice::Advice,
    checkpoint::{self, LoadOptions},
    run::{Event, Layout, Outcome, RunState, RunStatus, StepEvent, list, read_events, request},
    train::{Ending, EvalMetric, MicroBatchSize, ModelSource, Observer, Recipe, TrainJob},
};
use spanbert_tests::small::{Folder, dataset, recipe, steps, train};

const EVALUATION_FILES: [&str; 5] =
    ["predictions.json", "nbest_predictions.json", "null_odds.json", "results.json", "records.jsonl"];

#[test]
fn a_training_leaves_a_complete_run_folder() {
    let folder = Folder::new();
    let (data, dev) =
        (folder.data("train.json", &dataset(24, true)), folder.data("dev.json", &dataset(8, true)));
    let outcome = train(&data, Some(&dev), recipe(), &folder.path("runs/one"), |_| {}).unwrap();
    // 72 questions of one window each: 9 batches an epoch, evaluated every 4.
    assert_eq!((outcome.ending, outcome.steps), (Ending::Completed, 18));
    let layout = &outcome.layout;
    let steps = steps(layout);
    assert_eq!(steps.iter().map(|step| step.step).collect::<Vec<_>>(), (1..=18).collect::<Vec<_>>());
    assert!(
        steps
            .iter()
            .all(|step| step.loss.is_finite() && step.grad_norm.is_some() && step.tokens_per_sec > 0.0)
    );
    let mean = |steps: &[StepEvent]| steps.iter().map(|step| step.loss).sum::<f64>() / steps.len() as f64;
    assert!(mean(&steps[13..]) < mean(&steps[..5]), "{} {}", mean(&steps[..5]), mean(&steps[13..]));

    let evaluated: Vec<usize> = read_events(&layout.events())
        .unwrap()
        .into_iter()
        .filter_map(
            |record| if let Event::Evaluation { step, .. } = record.event { Some(step) } else { None },
        )
        .collect();
    assert_eq!(evaluated, [4, 8, 13, 17]);
    for step in evaluated {
        for file in EVALUATION_FILES {
            assert!(layout.evaluation(step).join(file).is_file(), "{step} {file}");
        }
    }
    let best = outcome.best.unwrap();
    let stored = checkpoint::load(&layout.best(), LoadOptions::default()).unwrap();
    let meta = stored.stored.unwrap();
    assert_eq!(meta.scores["best_f1"], best.value);
    assert!(meta.threshold.is_some() && stored.casing.do_lower_case);
    let text = std::fs::read_to_string(layout.eval_results()).unwrap();
    assert!(text.contains(&format!("global_step = {}\n", best.step)), "{text}");
    checkpoint::load(&layout.last(), LoadOptions::default()).unwrap();
    // Five minutes between training checkpoints, unless the recipe says otherwise.
    assert!(!layout.checkpoints().exists());
    let curves = std::fs::read_dir(layout.tensorboard()).unwrap().next().unwrap().unwrap();
    assert!(curves.metadata().unwrap().len() > 1000);

    let resolved = Recipe::from_path(&layout.recipe()).unwrap();
    let expected = Recipe { length_multiple: Some(8), do_lower_case: Some(true), ..recipe() };
    assert_eq!(resolved, expected);
    let environment: Value = serde_json::from_slice(&std::fs::read(layout.environment()).unwrap()).unwrap();
    assert_eq!(environment["train_data"]["sha256"].as_str().unwrap().len(), 64);
    let state = RunState::read(layout).unwrap();
    assert_eq!((state.outcome, state.step, state.total_steps), (Some(Outcome::Completed), 18, 18));
    let runs = list(&folder.path("runs")).unwrap();
    assert_eq!((runs.len(), runs[0].status), (1, RunStatus::Completed));
    let log = std::fs::read_to_string(layout.train_log()).unwrap();
    for part in ["all weights start fresh", "evaluation at step 4", "saved best", "completed at step 18"] {
        assert!(log.contains(part), "{part} in {log}");
    }
}

#[test]
fn the_same_recipe_gives_the_same_losses_and_micro_batches_nearly_so() {
    let folder = Folder::new();
    let data = folder.data("train.json", &dataset(16, true));
    let losses = |name: &str, recipe: Recipe| {
        let outcome = train(&data, None, recipe, &folder.path(name), |_| {}).unwrap();
        steps(&outcome.layout).iter().map(|step| step.loss).collect::<Vec<_>>()
    };
    let one = losses("one", recipe());
    assert_eq!(one.len(), 12);
    assert_eq!(losses("two", recipe()), one);
    assert_ne!(losses("seed", Recipe { seed: 7, ..recipe() }), one);
    let parts = losses("parts", Recipe { micro_batch: MicroBatchSize::Windows(3), ..recipe() });
    for (whole, parts) in one.iter().zip(&parts) {
        assert!((whole - parts).abs() < 1e-4 * whole, "{whole} {parts}");
    }
}

#[test]
fn without_development_data_the_last_weights_are_kept() {
    let folder = Folder::new();
    let data = folder.data("train.json", &dataset(8, true));
    let recipe = Recipe { num_train_epochs: 1.0, ..recipe() };
    let outcome = train(&data, None, recipe, &folder.path("run"), |_| {}).unwrap();
    assert_eq!(outcome.best, None);
    assert!(!outcome.layout.best().exists());
    checkpoint::load(&outcome.layout.last(), LoadOptions::default()).unwrap();
    let log = std::fs::read_to_string(outcome.layout.train_log()).unwrap();
    assert!(log.contains("warning: no development data"), "{log}");
}

/// Asks for a stop through the run folder, as another process would, at the third step.
struct Stops(Layout);

impl Observer for Stops {
    fn event(&mut self, event: &Event) {
        if matches!(event, Event::Step(step) if step.step == 3) {
            request(&self.0, spanbert_core::run::Request::Stop).unwrap();
        }
    }
}

#[test]
fn a_stopped_training_is_saved_and_says_so() {
    let folder = Folder::new();
    let data = folder.data("train.json", &dataset(24, true));
    let output = folder.path("run");
    let mut observer = Stops(Layout::new(&output));
    let outcome = train(&data, None, recipe(), &output, |job| {
        job.version_2_with_negative = true;
        job.observer = &mut observer;
    })
    .unwrap();
    assert_eq!(outcome.ending, Ending::Stopped);
    assert!((3..18).contains(&outcome.steps), "{}", outcome.steps);
    checkpoint::load(&outcome.layout.last(), LoadOptions::default()).unwrap();
    assert!(outcome.layout.checkpoint(outcome.steps).join("progress.json").is_file());
    assert_eq!(RunState::read(&outcome.layout).unwrap().outcome, Some(Outcome::Stopped));
}

/// Every refusal says why and leaves no run folder.
#[test]
fn what_cannot_be_trained_is_refused_before_anything_is_written() {
    let folder = Folder::new();
    let version_2 = folder.data("v2.json", &dataset(4, true));
    let version_1 = folder.data("v1.json", &dataset(4, false));
    let output = folder.path("run");
    let refused = |data: &Path, dev: Option<&Path>, recipe: Recipe, change: &dyn Fn(&mut TrainJob<'_>)| {
        let error = train(data, dev, recipe, &output, |job| change(job)).unwrap_err();
        assert!(!output.exists(), "{error}");
        error.in_one_line()
    };
    let nothing: &dyn Fn(&mut TrainJob<'_>) = &|_| {};
    let f1 = Recipe { eval_metric: EvalMetric::F1, ..recipe() };

    let text = refused(&version_1, None, f1.clone(), &|job| job.version_2_with_negative = true);
    assert!(text.contains("v1.json is SQuAD 1.1") && text.contains("leave the flag out"), "{text}");
    let text = refused(&version_1, Some(&version_1), recipe(), nothing);
    assert!(text.contains("eval_metric is best_f1") && text.contains("--eval-metric f1"), "{text}");
    let long = Recipe { max_seq_length: 64, ..f1.clone() };
    let text = refused(&version_1, None, long, nothing);
    assert!(text.contains("max_seq_length is 64, but this checkpoint has 32 positions"), "{text}");
    let few = Recipe { train_batch_size: 64, gradient_accumulation_steps: 2, ..f1.clone() };
    let text = refused(&version_2, None, few, nothing);
    assert!(text.contains("1 batches an epoch are fewer than gradient_accumulation_steps (2)"), "{text}");
    let text = refused(&folder.path("missing.json"), None, f1.clone(), nothing);
    assert!(text.contains("missing.json"), "{text}");
    let missing = folder.path("no-model");
    let text = refused(&version_1, None, f1, &|job| {
        job.model = ModelSource::Directory(Box::leak(missing.clone().into_boxed_path()));
    });
    assert!(text.contains("no-model"), "{text}");
}

#[test]
fn a_folder_with_a_run_is_not_touched() {
    let folder = Folder::new();
    let data = folder.data("train.json", &dataset(4, true));
    let output = folder.path("run");
    std::fs::create_dir(&output).unwrap();
    std::fs::write(output.join("eval_results.txt"), "f1 = 83.6\n").unwrap();
    let error = train(&data, None, recipe(), &output, |_| {}).unwrap_err().to_string();
    assert!(error.contains("already holds a run"), "{error}");
    assert_eq!(std::fs::read_dir(&output).unwrap().count(), 1);
}

#[test]
fn a_sweep_tries_every_rate_from_the_same_weights() {
    let folder = Folder::new();
    let data = folder.data("train.json", &dataset(6, true));
    let recipe = Recipe {
        learning_rate: None,
        num_train_epochs: 1.0,
        max_steps: Some(2),
        eval_per_epoch: 1,
        dropout: Some(0.0),
        ..recipe()
    };
    let outcome = train(&data, None, recipe, &folder.path("run"), |_| {}).unwrap();
    let steps = steps(&outcome.layout);
    assert_eq!((outcome.steps, steps.len()), (16, 16));
    assert_eq!(steps[15].training, 7);
    assert!((steps[15].learning_rate / steps[1].learning_rate - 50.0).abs() < 1e-6);
    // Sixteen updates in, the eighth training still begins where the first did: its batch is another, its loss alike.
    assert!((steps[14].loss - steps[0].loss).abs() < 0.2, "{} {}", steps[14].loss, steps[0].loss);
}
