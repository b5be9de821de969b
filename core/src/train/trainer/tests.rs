//! Tests of the loop with an engine that only takes notes.

use pollster::block_on;

use super::{Ending, Trainer, Training};
use crate::{
    advice::Advice,
    batch::{Order, TrainMode},
    checkpoint::{self, LoadOptions, Weights, from_safetensors_bytes},
    run::{Event, Layout, Phase, Request, RunState, StepEvent, read_events, request},
    tokenizer::BertTokenizer,
    train::{
        FineTuning, Observer, Place, Progress, Recipe, Recorder, RunHost, Schedule, StopFlag, TrainError,
        TrainingData, dropout_seed,
        fake::{Call, Calls, FakeEngine, FakeEvaluator, tiny_config, updates_behind, windows},
        train_ahead, warmup_linear,
    },
};

fn vocab() -> Vec<String> {
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
    special.into_iter().chain(["a", "b", "c", "d", "e", "f", "g"]).map(str::to_owned).collect()
}

/// Stops the training after so many recorded steps.
struct StopsAfter(usize, StopFlag);

impl Observer for StopsAfter {
    fn event(&mut self, event: &Event) {
        if matches!(event, Event::Step(step) if step.step >= self.0) {
            self.1.request();
        }
    }
}

struct Setup {
    folder: tempfile::TempDir,
    recipe: Recipe,
    windows: usize,
    scores: Vec<f64>,
    stops_after: usize,
    breaks_at: Option<usize>,
    rates: Vec<f64>,
    micro_batch: usize,
}

struct Ran {
    result: Result<Ending, TrainError>,
    ended_early: Option<String>,
    calls: Vec<Call>,
    layout: Layout,
    folder: tempfile::TempDir,
}

impl Setup {
    fn new(recipe: Recipe, windows: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (scores, rates) = (vec![10.0, 20.0, 20.0, 5.0], vec![1e-3]);
        Self {
            folder,
            recipe,
            windows,
            scores,
            stops_after: usize::MAX,
            breaks_at: None,
            rates,
            micro_batch: 32,
        }
    }

    fn run(self) -> Ran {
        let layout = Layout::new(self.folder.path());
        let windows = windows(self.windows);
        let lengths: Vec<usize> = windows.iter().map(|window| window.input_ids.len()).collect();
        let ids: Vec<String> = (0..self.windows).map(|index| format!("q{index}")).collect();
        let order = Order::new(&lengths, self.recipe.batch_rows(), TrainMode::Sorted, 42);
        let schedule = Schedule::new(&self.recipe, order.batch_count());
        let (config, tokenizer) = (tiny_config(), BertTokenizer::from_vocab(vocab(), false).unwrap());
        let stop = StopFlag::new();
        let mut observer = StopsAfter(self.stops_after, stop.clone());
        let calls = Calls::default();
        let task = FineTuning {
            recipe: &self.recipe,
            schedule: &schedule,
            data: TrainingData {
                windows: &windows,
                question_ids: &ids,
                order: &order,
                length_multiple: 8,
                micro_batch: self.micro_batch,
                share: None,
            },
            evaluator: Some(Box::new(FakeEvaluator { scores: self.scores, done: 0 })),
            config: &config,
            tokenizer: &tokenizer,
            dataset_version: "v2.0".into(),
            teacher: None,
            latest: None,
        };
        let recorder = Recorder::start(&layout, &mut observer, &[]).unwrap();
        let mut host = RunHost::new(recorder, stop);
        let mut trainer = Trainer::new(task, &mut host, None);
        let count = self.rates.len();
        let mut result = Ok(Ending::Completed);
        for (index, learning_rate) in self.rates.into_iter().enumerate() {
            let mut engine = FakeEngine::new(&calls);
            engine.breaks_at = self.breaks_at;
            result = train_ahead(
                &mut trainer,
                &mut engine,
                Training { index, count, left: count - index - 1, learning_rate },
                None,
            );
            if result.is_err() {
                break;
            }
            block_on(trainer.save_last(&mut engine)).unwrap();
        }
        let ended_early = trainer.ended_early.take();
        Ran { result, ended_early, calls: calls.take(), layout, folder: self.folder }
    }
}

impl Ran {
    fn events(&self) -> Vec<Event> {
        read_events(&self.layout.events()).unwrap().into_iter().map(|record| record.event).collect()
    }

    fn steps(&self) -> Vec<StepEvent> {
        self.events()
            .into_iter()
            .filter_map(|event| if let Event::Step(step) = event { Some(step) } else { None })
            .collect()
    }

    /// (step, best) of every evaluation.
    fn evaluations(&self) -> Vec<(usize, bool)> {
        let events = self.events().into_iter();
        events
            .filter_map(|event| match event {
                Event::Evaluation { step, best, .. } => Some((step, best)),
                _ => None,
            })
            .collect()
    }

    fn weights(&self, folder: &std::path::Path) -> Weights {
        checkpoint::load(folder, LoadOptions::default()).unwrap().weights
    }
}

/// Four batches of 3 windows an epoch, two epochs, two evaluations an epoch.
fn recipe() -> Recipe {
    Recipe { train_batch_size: 3, num_train_epochs: 2.0, eval_per_epoch: 2, ..Recipe::default() }
}

#[test]
fn every_step_has_its_rate_its_weight_and_its_seed() {
    let ran = Setup::new(recipe(), 11).run();
    assert_eq!(ran.result.as_ref().unwrap(), &Ending::Completed);
    let mut expected = Vec::new();
    for step in 0..8 {
        let (epoch, position) = (step / 4, step % 4);
        let rows = if position == 3 { 2 } else { 3 };
        let seed = dropout_seed(42, epoch, position);
        expected.push(Call::Accumulate(rows, 0.5 / rows as f32, seed));
        let factor = warmup_linear(step as f64 / 8.0, 0.1);
        expected.push(Call::Update(1e-3 * factor));
    }
    assert_eq!(ran.calls, expected);
    let steps = ran.steps();
    assert_eq!(steps.iter().map(|step| step.step).collect::<Vec<_>>(), (1..=8).collect::<Vec<_>>());
    assert_eq!(steps[5].epoch, 1);
    assert_eq!((steps[3].loss, steps[3].total_steps, steps[3].grad_norm), (0.25, 8, Some(2.0)));
    assert_eq!((steps[0].learning_rate, steps[0].memory_bytes), (0.0, Some(1234)));
}

#[test]
fn the_strictly_best_evaluation_is_kept() {
    let ran = Setup::new(recipe(), 11).run();
    assert_eq!(ran.evaluations(), [(2, true), (4, true), (6, false), (8, false)]);
    assert_eq!(updates_behind(&ran.weights(&ran.layout.best())), 4.0);
    assert_eq!(updates_behind(&ran.weights(&ran.layout.last())), 8.0);
    let stored = checkpoint::load(&ran.layout.best(), LoadOptions::default()).unwrap().stored.unwrap();
    assert_eq!((stored.threshold, stored.global_step), (Some(-20.0), Some(4)));
    assert_eq!(stored.scores["f1"], 20.0);
    let results = std::fs::read_to_string(ran.layout.eval_results()).unwrap();
    for line in
        ["f1 = 20.0\n", "global_step = 4\n", "epoch = 0\n", "learning_rate = 0.001\n", "batch_size = 3\n"]
    {
        assert!(results.contains(line), "{line} in {results}");
    }
    assert!(ran.layout.evaluation(8).join("results.json").is_file());
    let best = RunState::read(&ran.layout).unwrap().best.unwrap();
    assert_eq!((best.metric.as_str(), best.value, best.step), ("f1", 20.0, 4));
}

#[test]
fn two_training_checkpoints_remain_and_say_where_they_are() {
    let ran = Setup::new(Recipe { checkpoint_steps: Some(2), ..recipe() }, 11).run();
    let mut names: Vec<String> = std::fs::read_dir(ran.layout.checkpoints())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["step-6", "step-8"]);
    let folder = ran.layout.checkpoint(6);
    let progress: Progress =
        serde_json::from_slice(&std::fs::read(folder.join("progress.json")).unwrap()).unwrap();
    let place = Place { training: 0, epoch: 1, batches: 2, training_step: 6, step: 6 };
    assert_eq!((progress.place, progress.best.unwrap().step), (place, 4));
    for (name, digest) in &progress.files {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        assert_eq!(crate::hash::sha256_hex(&bytes), *digest);
        let (tensors, _) = from_safetensors_bytes(&bytes).unwrap();
        let name = if name == "model.safetensors" { "qa_outputs.bias" } else { "second/qa_outputs.bias" };
        assert_eq!(tensors[name].values[0], 6.0);
    }
    assert_eq!(progress.files.len(), 2);
    drop(ran.folder);
}

#[test]
fn a_remainder_s_gradients_join_the_next_epoch() {
    let recipe =
        Recipe { train_batch_size: 6, gradient_accumulation_steps: 2, checkpoint_steps: Some(2), ..recipe() };
    // Seven batches of 3 windows an epoch.
    let ran = Setup::new(recipe, 21).run();
    let updates: Vec<usize> =
        ran.calls.split(|call| matches!(call, Call::Update(_))).map(<[Call]>::len).collect();
    assert_eq!(updates, [2, 2, 2, 3, 2, 2, 1]);
    assert!(matches!(ran.calls[0], Call::Accumulate(3, weight, _) if weight == 0.5 / 3.0 / 2.0));
    assert_eq!(ran.steps().len(), 6);
    // Evaluations every three batches, whether an update is due or not.
    let evaluated: Vec<usize> = ran.evaluations().into_iter().map(|(step, _)| step).collect();
    assert_eq!(evaluated, [1, 3, 4, 6]);
    let saved: Vec<usize> = ran
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Checkpoint { step, path, .. } if path.starts_with("checkpoints/") => Some(step),
            _ => None,
        })
        .collect();
    assert_eq!(saved, [2, 4, 6]);
}

#[test]
fn parts_carry_the_whole_batch_s_weight() {
    let ran = Setup { micro_batch: 2, ..Setup::new(recipe(), 11) }.run();
    let parts: Vec<(usize, f32)> = ran
        .calls
        .iter()
        .filter_map(
            |call| if let Call::Accumulate(rows, weight, _) = call { Some((*rows, *weight)) } else { None },
        )
        .take(7)
        .collect();
    let (three, two) = (0.5 / 3.0, 0.5 / 2.0);
    assert_eq!(parts, [(2, three), (1, three), (2, three), (1, three), (2, three), (1, three), (2, two)]);
}

#[test]
fn a_loss_that_is_no_number_ends_the_training_and_names_the_questions() {
    let ran = Setup { breaks_at: Some(6), ..Setup::new(recipe(), 11) }.run();
    let text = ran.result.unwrap_err().in_one_line();
    // Sorted by length (4 + index % 5), the second epoch's second batch is windows 1, 6, 2.
    assert!(text.contains("the loss is NaN at step 6 (questions q1, q6, q2)"), "{text}");
    assert_eq!(
        updates_behind(&checkpoint::load(&ran.layout.best(), LoadOptions::default()).unwrap().weights),
        4.0
    );
    assert!(!ran.layout.last().exists());
}

#[test]
fn a_stop_ends_after_the_step() {
    let ran = Setup { stops_after: 3, ..Setup::new(recipe(), 11) }.run();
    assert_eq!(ran.result.as_ref().unwrap(), &Ending::Stopped);
    let updates = ran.calls.iter().filter(|call| matches!(call, Call::Update(_))).count();
    assert_eq!(ran.steps().len(), updates);
    assert!((3..8).contains(&updates), "{updates}");
    assert_eq!(updates_behind(&ran.weights(&ran.layout.last())), updates as f32);
    assert!(ran.layout.checkpoint(updates).join("progress.json").is_file());
    drop(ran.folder);
}

#[test]
fn a_stop_waits_for_the_update_that_its_gradients_belong_to() {
    let recipe = Recipe { train_batch_size: 6, gradient_accumulation_steps: 2, ..recipe() };
    let setup = Setup::new(recipe, 21);
    request(&Layout::new(setup.folder.path()), Request::Stop).unwrap();
    let ran = setup.run();
    assert_eq!(ran.result.as_ref().unwrap(), &Ending::Stopped);
    assert!(matches!(ran.calls[..], [Call::Accumulate(..), Call::Accumulate(..), Call::Update(_)]));
}

#[test]
fn requests_in_the_run_folder_are_obeyed() {
    let setup = Setup::new(Recipe { eval_per_epoch: 1, ..recipe() }, 11);
    request(&Layout::new(setup.folder.path()), Request::Evaluate).unwrap();
    let ran = setup.run();
    assert_eq!(ran.evaluations()[0].0, 1);
    let setup = Setup::new(recipe(), 11);
    request(&Layout::new(setup.folder.path()), Request::Stop).unwrap();
    let ran = setup.run();
    assert_eq!((ran.result.as_ref().unwrap(), ran.steps().len()), (&Ending::Stopped, 1));
}

#[test]
fn a_pause_lasts_until_it_is_lifted() {
    let setup = Setup::new(recipe(), 11);
    let layout = Layout::new(setup.folder.path());
    request(&layout, Request::Pause).unwrap();
    let lifter = std::thread::spawn(move || {
        while layout.control().exists() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        request(&layout, Request::Resume).unwrap();
    });
    let ran = setup.run();
    lifter.join().unwrap();
    assert_eq!(ran.result.as_ref().unwrap(), &Ending::Completed);
    let paused = |event: &Event| matches!(event, Event::Phase { phase: Phase::Paused, .. });
    assert_eq!(ran.events().iter().filter(|event| paused(event)).count(), 1);
}

#[test]
fn a_sweep_shares_one_best() {
    let setup = Setup::new(Recipe { num_train_epochs: 1.0, eval_per_epoch: 1, ..recipe() }, 11);
    let ran = Setup { rates: vec![1e-3, 2e-3, 3e-3], scores: vec![1.0, 9.0, 4.0], ..setup }.run();
    assert_eq!(ran.evaluations(), [(4, true), (8, true), (12, false)]);
    let rates: Vec<f64> =
        ran.steps().iter().filter(|step| step.step % 4 == 2).map(|step| step.learning_rate).collect();
    assert_eq!(rates.len(), 3);
    assert!((rates[2] / rates[0] - 3.0).abs() < 1e-9);
    let results = std::fs::read_to_string(ran.layout.eval_results()).unwrap();
    assert!(
        results.contains("learning_rate = 0.002\n") && results.contains("global_step = 4\n"),
        "{results}"
    );
    // Dropout differs from training to training, as the data order does.
    let seeds: Vec<u64> = ran
        .calls
        .iter()
        .filter_map(|call| if let Call::Accumulate(_, _, seed) = call { Some(*seed) } else { None })
        .collect();
    assert_eq!(seeds[4], dropout_seed(42, 1, 0));
}

#[test]
fn few_steps_end_early_on_the_same_schedule() {
    let ran = Setup::new(Recipe { max_steps: Some(3), ..recipe() }, 11).run();
    let rates: Vec<f64> = ran.steps().iter().map(|step| step.learning_rate).collect();
    assert_eq!(rates, [0.0, 1e-3 * warmup_linear(0.125, 0.1), 1e-3 * warmup_linear(0.25, 0.1)]);
}

#[test]
fn a_training_ends_when_its_score_stops_improving() {
    // 16 updates; evaluations after 2, 4, ...: 10, 20, 20, 5.
    let long = Recipe { num_train_epochs: 4.0, ..recipe() };
    let ran = Setup::new(Recipe { early_stopping_patience: Some(2), ..long.clone() }, 11).run();
    assert_eq!(ran.result.as_ref().unwrap(), &Ending::Completed);
    assert_eq!(ran.evaluations(), [(2, true), (4, true), (6, false), (8, false)]);
    let reason = ran.ended_early.as_deref();
    assert_eq!(reason, Some("f1 has not improved on 20.00 for 2 evaluations"));
    // The rates are those of the whole training, to the bit.
    let whole = Setup::new(long.clone(), 11).run();
    assert_eq!((whole.steps().len(), whole.ended_early.as_ref()), (16, None));
    let rates = |ran: &Ran| -> Vec<u64> {
        ran.steps().iter().map(|step| step.learning_rate.to_bits()).take(8).collect()
    };
    assert_eq!((rates(&ran), ran.steps()[7].total_steps), (rates(&whole), 16));
    assert_eq!(updates_behind(&ran.weights(&ran.layout.last())), 8.0);
    // With more patience it can be resumed where it ended.
    let progress = std::fs::read(ran.layout.checkpoint(8).join("progress.json")).unwrap();
    let progress = Progress::from_json(&progress).unwrap();
    assert_eq!((progress.patience.best, progress.patience.without_improvement), (Some(20.0), 2));
    let log = std::fs::read_to_string(ran.layout.train_log()).unwrap();
    assert!(log.contains("ending early: f1 has not improved on 20.00 for 2 evaluations"), "{log}");

    let scores = vec![10.0, 20.0, 20.0, 20.5, 1.0, 2.0, 3.0];
    let patient = Recipe { early_stopping_patience: Some(3), ..long };
    let ran = Setup { scores, ..Setup::new(patient, 11) }.run();
    assert_eq!(ran.evaluations().last(), Some(&(14, false)));
}

#[test]
fn evaluations_that_somebody_asks_for_do_not_end_a_training() {
    let recipe = Recipe { num_train_epochs: 4.0, early_stopping_patience: Some(2), ..recipe() };
    let setup = Setup { scores: vec![30.0, 10.0, 20.0, 20.0, 5.0], ..Setup::new(recipe, 11) };
    request(&Layout::new(setup.folder.path()), Request::Evaluate).unwrap();
    let ran = setup.run();
    // The first one, after update 1, is the best of all, and the training ends where it does without it.
    assert_eq!(ran.evaluations(), [(1, true), (2, false), (4, false), (6, false), (8, false)]);
    assert_eq!(ran.steps().len(), 8);
}

#[test]
fn each_training_of_a_sweep_has_its_own_patience() {
    let recipe = Recipe { num_train_epochs: 4.0, early_stopping_patience: Some(2), ..recipe() };
    let scores = vec![20.0, 5.0, 5.0, 10.0, 11.0, 9.0, 9.0];
    let ran = Setup { rates: vec![1e-3, 2e-3], scores, ..Setup::new(recipe, 11) }.run();
    let evaluated: Vec<usize> = ran.evaluations().into_iter().map(|(step, _)| step).collect();
    assert_eq!(evaluated, [2, 4, 6, 18, 20, 22, 24]);
    assert_eq!(ran.ended_early.as_deref(), Some("f1 has not improved on 11.00 for 2 evaluations"));
    let log = std::fs::read_to_string(ran.layout.train_log()).unwrap();
    assert!(log.contains("training 2 of 2, learning rate 2e-3"), "{log}");
}

#[test]
fn the_recipe_s_schedule_decides_the_rates() {
    let rates = |lr_schedule| -> Vec<f64> {
        let recipe = Recipe { lr_schedule, warmup_proportion: 0.25, ..recipe() };
        Setup::new(recipe, 11).run().steps().iter().map(|step| step.learning_rate).collect()
    };
    use crate::train::LrSchedule::{Constant, Cosine, Linear};
    assert_eq!(rates(Constant), [0.0, 5e-4, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3]);
    let half = |step: f64| 1e-3 * 0.5 * (1.0 + (std::f64::consts::PI * (step - 2.0) / 6.0).cos());
    for (found, expected) in rates(Cosine)[2..].iter().zip([2.0, 3.0, 4.0, 5.0, 6.0, 7.0].map(half)) {
        assert!((found - expected).abs() < 1e-18, "{found} {expected}");
    }
    assert_eq!(rates(Linear)[5], 1e-3 * warmup_linear(0.625, 0.25));
}
