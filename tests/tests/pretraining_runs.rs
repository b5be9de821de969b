//! Runs of pre-training around the engine: held-out text, memory, faults of the device, numbers that go wrong, and run folders
//! of earlier versions.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{
    cell::RefCell,
    collections::HashSet,
    path::{Path, PathBuf},
    rc::Rc,
};

use spanbert_backends::{BackendKind, DeviceChoice, Fusion, MemoryUse, fault::Fault};
use spanbert_core::{
    advice::Advice,
    batch::PretrainBatch,
    checkpoint::{HostTensor, LoadOptions, Weights, load},
    config::BertConfig,
    demo::{self, generate::GeneratorOptions},
    engine::{
        Engine, EngineError, Learner, OptimizerState, PredictionSums, PretrainEngine, PretrainLosses,
        PretrainMicroBatch, PretrainSums, StepMetrics, open_pretraining,
    },
    pretrain::{PretrainError, PretrainJob, PretrainRecipe, PretrainStart, run_pretraining},
    run::{Curves, Event, EventReader, Layout, Outcome, Request, RunState, read_events, request},
    tokenizer::TokenizerSettings,
    train::{
        Activity, DeviceLimits, Ending, Fit, MicroBatchSize, Observer, Silent, StopFlag, TrainError,
        TrainOutcome,
    },
};

/// What an engine was given.
#[derive(Default)]
struct Notes {
    updates: usize,
    learnt: Vec<PretrainBatch>,
    /// Updates before, and what was predicted.
    predicted: Vec<(usize, PretrainBatch)>,
}

/// Loses 1 / update; its weights say how many updates were made.
struct Fake {
    config: BertConfig,
    weights: Weights,
    notes: Rc<RefCell<Notes>>,
    waiting: Vec<StepMetrics>,
    recompute: bool,
    plan: Plan,
}

/// What a fake engine does.
#[derive(Clone, Default)]
struct Plan {
    /// Held-out losses by evaluation; the last one again and again.
    held_out: Vec<f64>,
    /// The update, from 1, whose loss is not a number.
    breaks_at: Option<usize>,
    /// Whether memory only lasts for one row, layer by layer.
    is_small: bool,
}

impl Engine for Fake {
    fn config(&self) -> &BertConfig {
        &self.config
    }

    fn memory(&self) -> Option<MemoryUse> {
        None
    }
}

impl Learner for Fake {
    fn discard_gradients(&mut self) {}

    fn set_recompute(&mut self, recompute: bool) {
        self.recompute = recompute;
    }

    fn update(&mut self, _learning_rate: f64) -> Result<(), EngineError> {
        let mut notes = self.notes.borrow_mut();
        notes.updates += 1;
        let broken = self.plan.breaks_at == Some(notes.updates);
        let mlm = if broken { f32::NAN } else { 1.0 / notes.updates as f32 };
        let pretraining = Some(PretrainLosses { mlm, sbo: 0.5 });
        self.waiting.push(StepMetrics { loss: mlm + 0.5, pretraining, grad_norm: 2.0, overflowed_at: None });
        Ok(())
    }

    fn last_loss(&mut self) -> Result<Option<f32>, EngineError> {
        Ok(Some(1.0))
    }

    fn drain_metrics(&mut self) -> Result<Vec<StepMetrics>, EngineError> {
        Ok(std::mem::take(&mut self.waiting))
    }

    fn weights(&mut self) -> Result<Weights, EngineError> {
        let mut weights = self.weights.clone();
        weights.get_mut("sbo.bias").unwrap().values[0] = self.notes.borrow().updates as f32;
        Ok(weights)
    }

    fn gradients(&mut self) -> Result<Weights, EngineError> {
        Ok(Weights::new())
    }

    fn optimizer_state(&mut self) -> Result<OptimizerState, EngineError> {
        Ok(OptimizerState { first: self.weights()?, second: self.weights()?, ..OptimizerState::default() })
    }

    fn load_optimizer_state(&mut self, _state: OptimizerState) -> Result<(), EngineError> {
        Ok(())
    }
}

impl PretrainEngine for Fake {
    fn accumulate(&mut self, micros: &[PretrainMicroBatch<'_>]) -> Result<(), EngineError> {
        for micro in micros {
            if self.plan.is_small && !(self.recompute && micro.batch.batch.rows == 1) {
                let (message, thread) = ("out of memory".to_owned(), "device".to_owned());
                return Err(EngineError::Fault(Fault { message, thread, location: String::new() }));
            }
            self.notes.borrow_mut().learnt.push(micro.batch.clone());
        }
        Ok(())
    }

    fn predict_masked(&mut self, batch: &PretrainBatch) -> Result<PretrainSums, EngineError> {
        let mut notes = self.notes.borrow_mut();
        let updates = notes.updates;
        notes.predicted.push((updates, batch.clone()));
        let mut rounds: Vec<usize> = notes.predicted.iter().map(|(updates, _)| *updates).collect();
        rounds.dedup();
        let losses = &self.plan.held_out;
        let loss = losses[(rounds.len() - 1).min(losses.len() - 1)];
        let sums = |targets: usize, loss: f64| PredictionSums {
            loss: loss * targets as f64,
            correct: targets as f64 / 4.0,
            targets,
        };
        let mlm = sums(batch.mlm.pieces.len(), loss);
        Ok(PretrainSums { mlm, sbo: sums(batch.sbo.pieces.len(), 1.0) })
    }
}

fn corpus(folder: &Path) -> PathBuf {
    let options = GeneratorOptions { passages: 60, ..demo::TRAIN };
    let path = folder.join("corpus.json");
    std::fs::write(&path, demo::squad_json("train", &options).unwrap()).unwrap();
    path
}

/// Eight updates an epoch.
fn recipe() -> PretrainRecipe {
    PretrainRecipe {
        train_batch_size: 8,
        micro_batch: MicroBatchSize::Windows(5),
        max_seq_length: 64,
        num_train_epochs: 2,
        learning_rate: 1e-3,
        ..PretrainRecipe::default()
    }
}

fn begin(corpus: &Path, recipe: PretrainRecipe) -> PretrainStart {
    let model = demo::random_model();
    PretrainStart::New {
        config: Box::new(BertConfig { hidden_dropout_prob: 0.1, ..model.config }),
        vocab: model.vocab,
        settings: Box::new(TokenizerSettings::bert(false)),
        model: None,
        corpus: vec![corpus.to_owned()],
        eval_corpus: Vec::new(),
        recipe: Box::new(recipe),
    }
}

fn on(backend: BackendKind) -> DeviceLimits {
    DeviceLimits { backend, memory_bytes: None, max_buffer_bytes: None }
}

/// Runs with a fake engine.
fn fake(
    start: PretrainStart,
    output: &Path,
    plan: &Plan,
    backend: BackendKind,
) -> (Result<TrainOutcome, PretrainError>, Rc<RefCell<Notes>>) {
    let notes = Rc::new(RefCell::new(Notes::default()));
    let result = run_pretraining(PretrainJob {
        start,
        output,
        limits: on(backend),
        choice: "fake",
        device: "a fake",
        open: &|config, weights: Weights, _, _| {
            let (config, notes, plan) = (config.clone(), notes.clone(), plan.clone());
            Ok(Box::new(Fake { config, weights, notes, waiting: Vec::new(), recompute: false, plan }))
        },
        observer: &mut Silent,
        stop: StopFlag::new(),
        inject_fault: None,
        workers: None,
    });
    (result, notes)
}

/// Runs on the processor.
fn real(
    start: PretrainStart,
    output: &Path,
    observer: &mut dyn Observer,
    stop: StopFlag,
) -> Result<TrainOutcome, PretrainError> {
    run_pretraining(PretrainJob {
        start,
        output,
        limits: on(BackendKind::Cpu),
        choice: "cpu",
        device: "the processor",
        open: &|config, weights, optimizer, precision| {
            open_pretraining(&DeviceChoice::Cpu, Fusion::Unfused, config, weights, optimizer, precision)
        },
        observer,
        stop,
        inject_fault: None,
        workers: None,
    })
}

/// The texts of a batch as they were before they were masked.
fn texts(batch: &PretrainBatch) -> Vec<Vec<i32>> {
    let mut ids = batch.batch.input_ids.clone();
    for (place, piece) in batch.mlm.places.iter().zip(&batch.mlm.pieces) {
        ids[*place as usize] = *piece;
    }
    let rows = ids.chunks(batch.batch.length).zip(batch.batch.attention_mask.chunks(batch.batch.length));
    rows.map(|(ids, mask)| ids.iter().zip(mask).filter(|(_, mask)| **mask == 1).map(|(id, _)| *id).collect())
        .collect()
}

fn curves(run: &Path) -> Curves {
    let mut curves = Curves::default();
    let records = EventReader::new(Layout::new(run).events()).poll().unwrap();
    records.into_iter().for_each(|record| curves.add(record));
    curves
}

fn updates_behind(folder: &Path) -> f32 {
    let bytes = std::fs::read(folder.join("model.safetensors")).unwrap();
    let (tensors, _) = spanbert_core::checkpoint::from_safetensors_bytes(&bytes).unwrap();
    let bias: &HostTensor = &tensors["sbo.bias"];
    bias.values[0]
}

#[test]
fn held_out_text_is_never_learnt_and_is_masked_the_same_every_time() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = corpus(folder.path());
    let run = folder.path().join("run");
    let recipe = PretrainRecipe { eval_share: 0.2, eval_steps: Some(4), eval_batch_size: 5, ..recipe() };
    let plan = Plan { held_out: vec![3.0, 2.0, 2.5], ..Plan::default() };
    let (done, notes) = fake(begin(&corpus, recipe), &run, &plan, BackendKind::Cpu);
    let done = done.unwrap();
    let notes = notes.borrow();
    let learnt: HashSet<Vec<i32>> = notes.learnt.iter().flat_map(texts).collect();
    let round = |updates: usize| -> Vec<&PretrainBatch> {
        let predicted = notes.predicted.iter().filter(|(before, _)| *before == updates);
        predicted.map(|(_, batch)| batch).collect()
    };
    let held: HashSet<Vec<i32>> = round(4).into_iter().flat_map(texts).collect();
    assert_eq!(held.len(), 12, "a fifth of 60 documents");
    assert!(learnt.is_disjoint(&held));
    // Two epochs of seven updates: some documents are cut into two texts.
    assert_eq!(done.steps, 14);
    for updates in [8, 12, 14] {
        assert_eq!(round(updates), round(4), "after {updates} updates");
    }
    // Another seed holds out other documents.
    let other = PretrainRecipe { seed: 7, eval_share: 0.2, ..self::recipe() };
    let (_, others) = fake(begin(&corpus, other), &folder.path().join("other"), &plan, BackendKind::Cpu);
    let others: HashSet<Vec<i32>> =
        others.borrow().predicted.iter().flat_map(|(_, batch)| texts(batch)).collect();
    assert_ne!(others, held);

    let curves = curves(&run);
    let found: Vec<(usize, f64, bool)> =
        curves.held_out.iter().map(|done| (done.step, done.scores.mlm_loss, done.best)).collect();
    assert_eq!(found, [(4, 3.0, true), (8, 2.0, true), (12, 2.5, false), (14, 2.5, false)]);
    let scores = curves.held_out[1].scores;
    assert_eq!((scores.loss, scores.sbo_loss, scores.mlm_accuracy), (3.0, Some(1.0), 25.0));
    assert!((scores.mlm_perplexity - 2.0_f64.exp()).abs() < 1e-12);
    let layout = Layout::new(&run);
    assert_eq!((updates_behind(&layout.best()), updates_behind(&layout.last())), (8.0, 14.0));
    let best = RunState::read(&layout).unwrap().best.unwrap();
    assert_eq!(
        (best.metric.as_str(), best.value, best.step, best.is_loss()),
        ("held_out_loss", 3.0, 8, true)
    );
    assert_eq!(done.best, Some(best));
    let stored = load(&layout.best(), LoadOptions::default()).unwrap().stored.unwrap();
    assert_eq!(stored.scores["mlm_loss"], 2.0);
    assert!(layout.evaluation(8).join("results.json").is_file());
}

#[test]
fn held_out_files_and_documents_that_are_in_both_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = corpus(folder.path());
    let both = folder.path().join("held.txt");
    std::fs::write(&both, "A text of its own that stands nowhere else.\n\nAnother one of the same kind.")
        .unwrap();
    let plan = Plan { held_out: vec![1.0], ..Plan::default() };
    let with = |files: Vec<PathBuf>, recipe: PretrainRecipe| {
        let mut start = begin(&corpus, recipe);
        if let PretrainStart::New { eval_corpus, .. } = &mut start {
            *eval_corpus = files;
        }
        start
    };
    let run = folder.path().join("run");
    let start = with(vec![both.clone()], PretrainRecipe { max_steps: Some(3), ..recipe() });
    let (done, notes) = fake(start, &run, &plan, BackendKind::Cpu);
    assert_eq!(done.unwrap().steps, 3);
    assert_eq!(notes.borrow().predicted.iter().filter(|(updates, _)| *updates == 3).count(), 1);
    // The masks do not depend on the seed, so that runs with different ones can be compared.
    let start = with(vec![both.clone()], PretrainRecipe { max_steps: Some(3), seed: 7, ..recipe() });
    let (_, others) = fake(start, &folder.path().join("other"), &plan, BackendKind::Cpu);
    assert_eq!(others.borrow().predicted, notes.borrow().predicted);
    assert_ne!(others.borrow().learnt, notes.borrow().learnt);
    let warned = |run: &Path| {
        let events = read_events(&Layout::new(run).events()).unwrap().into_iter();
        let warning = |event| if let Event::Warning { message } = event { Some(message) } else { None };
        events.filter_map(|record| warning(record.event)).collect::<Vec<_>>()
    };
    assert_eq!(warned(&run), Vec::<String>::new());
    let run = folder.path().join("shared");
    let start = with(vec![corpus.clone()], PretrainRecipe { max_steps: Some(1), ..recipe() });
    fake(start, &run, &plan, BackendKind::Cpu).0.unwrap();
    assert!(warned(&run)[0].starts_with("60 of the documents to evaluate on are in the corpus too"));
    // Contradictions are told before anything is made.
    for (start, part) in [
        (
            with(vec![both], PretrainRecipe { eval_share: 0.1, ..recipe() }),
            "eval_share is 0.1, but documents are held out of the corpus only where",
        ),
        (
            with(Vec::new(), PretrainRecipe { early_stopping_patience: Some(1), ..recipe() }),
            "early_stopping_patience is 1, but it waits for the loss on held-out text",
        ),
    ] {
        let run = folder.path().join("none");
        let told = fake(start, &run, &plan, BackendKind::Cpu).0.unwrap_err().to_string();
        assert!(told.contains(part) && !run.exists(), "{told}");
    }
}

#[test]
fn a_run_ends_early_when_the_held_out_loss_no_longer_falls() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = corpus(folder.path());
    let run = folder.path().join("run");
    let recipe =
        PretrainRecipe { eval_share: 0.2, eval_steps: Some(1), early_stopping_patience: Some(2), ..recipe() };
    let plan = Plan { held_out: vec![3.0, 2.0, 2.0, 2.5], ..Plan::default() };
    let (done, _) = fake(begin(&corpus, recipe), &run, &plan, BackendKind::Cpu);
    let done = done.unwrap();
    assert_eq!((done.ending, done.steps), (Ending::Completed, 4));
    assert_eq!(done.ended_early.unwrap(), "held_out_loss has not improved on 3.00 for 2 evaluations");
}

#[test]
fn an_evaluation_is_made_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = corpus(folder.path());
    let run = folder.path().join("run");
    std::fs::create_dir(&run).unwrap();
    request(&Layout::new(&run), Request::Evaluate).unwrap();
    let recipe = PretrainRecipe { eval_share: 0.2, eval_steps: Some(100), ..recipe() };
    let plan = Plan { held_out: vec![3.0], ..Plan::default() };
    fake(begin(&corpus, recipe), &run, &plan, BackendKind::Cpu).0.unwrap();
    let steps: Vec<usize> = curves(&run).held_out.iter().map(|done| done.step).collect();
    assert_eq!(steps, [1, 14]);
}

#[test]
fn a_loss_that_is_no_number_names_documents_and_what_was_kept() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = corpus(folder.path());
    let run = folder.path().join("run");
    // A checkpoint after every update.
    let recipe = PretrainRecipe { checkpoint_minutes: 0.0, ..recipe() };
    let plan = Plan { breaks_at: Some(6), ..Plan::default() };
    let (done, notes) = fake(begin(&corpus, recipe), &run, &plan, BackendKind::Cpu);
    let told = done.unwrap_err().in_one_line();
    let kept = Layout::new(&run).checkpoint(5);
    for part in [
        "the loss is NaN at step 6 (documents ".to_owned(),
        format!(" of {}", corpus.display()),
        format!("the last good weights are {}", kept.display()),
    ] {
        assert!(told.contains(&part), "{part:?} in {told}");
    }
    assert!(kept.is_dir() && !Layout::new(&run).last().exists());
    assert_eq!(notes.borrow().updates, 6);
    assert_eq!(RunState::read(&Layout::new(&run)).unwrap().outcome, Some(Outcome::Failed));
}

#[test]
fn a_device_out_of_memory_gets_smaller_parts_and_then_recomputes() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = corpus(folder.path());
    let run = folder.path().join("run");
    let plan = Plan { is_small: true, ..Plan::default() };
    let layout = Layout::new(&run);
    let mut start = begin(&corpus, PretrainRecipe { max_steps: Some(2), ..recipe() });
    let mut tried = Vec::new();
    let notes = loop {
        let (result, notes) = fake(start, &run, &plan, BackendKind::Wgpu);
        let fit = Fit::read(&layout).unwrap();
        tried.push((fit.micro_batch, fit.recompute, fit.probed));
        let Err(error) = result else { break notes };
        assert!(matches!(error, PretrainError::Train(TrainError::Engine(_))), "{error}");
        let (activity, fault) = error.device_fault().unwrap();
        assert!(activity == Activity::Training && fault.is_out_of_memory());
        assert_eq!(notes.borrow().updates, 0, "the longest batch is tried first");
        fit.smaller(activity).unwrap().write(&layout).unwrap();
        start = PretrainStart::Resume(Box::default());
    };
    assert_eq!(tried, [(5, false, false), (2, false, false), (1, false, false), (1, true, true)]);
    assert_eq!(notes.borrow().updates, 2);
    let longest = notes.borrow().learnt.iter().map(|batch| batch.batch.length).max().unwrap();
    assert_eq!(notes.borrow().learnt[0].batch.length, longest);
}

/// Raises a flag after an update.
struct StopAfter(usize, StopFlag);

impl Observer for StopAfter {
    fn event(&mut self, event: &Event) {
        if matches!(event, Event::Step(step) if step.step >= self.0) {
            self.1.request();
        }
    }
}

/// Changes a text file.
fn edit(path: &Path, change: impl FnOnce(String) -> String) {
    let text = std::fs::read_to_string(path).unwrap();
    std::fs::write(path, change(text)).unwrap();
}

#[test]
fn a_run_folder_of_an_earlier_version_is_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = corpus(folder.path());
    let [whole, parts] = ["whole", "parts"].map(|name| folder.path().join(name));
    real(begin(&corpus, recipe()), &whole, &mut Silent, StopFlag::new()).unwrap();
    let flag = StopFlag::new();
    // A checkpoint after every update.
    let often = PretrainRecipe { checkpoint_minutes: 0.0, ..recipe() };
    let stopped = real(begin(&corpus, often), &parts, &mut StopAfter(8, flag.clone()), flag).unwrap();
    let layout = stopped.layout;
    // Its checkpoint at the end of the first epoch, as it was written then: at the beginning of the second.
    for entry in std::fs::read_dir(layout.checkpoints()).unwrap() {
        let path = entry.unwrap().path();
        if path != layout.checkpoint(8) {
            std::fs::remove_dir_all(path).unwrap();
        }
    }
    edit(&layout.checkpoint(8).join("progress.json"), |text| {
        let mut progress: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&progress["place"]["epoch"], &progress["place"]["batches"]), (&0.into(), &8.into()));
        (progress["place"]["epoch"], progress["place"]["batches"]) = (1.into(), 0.into());
        progress.to_string()
    });
    std::fs::remove_file(layout.fit()).unwrap();
    let known = [
        "do_lower_case",
        "[recipe]",
        "learning_rate",
        "warmup_proportion",
        "num_train_epochs",
        "max_steps",
        "train_batch_size",
        "micro_batch",
        "max_seq_length",
        "weight_decay",
        "max_grad_norm",
        "masking",
        "mask_share",
        "span_boundary",
        "seed",
        "checkpoint_minutes",
        "[[corpus]]",
        "path",
        "bytes",
        "sha256",
    ];
    edit(&layout.pretraining(), |text| {
        let is_known = |line: &&str| known.iter().any(|key| line.split(' ').next() == Some(key));
        text.lines().filter(is_known).collect::<Vec<_>>().join("\n")
    });
    edit(&layout.events(), |text| {
        let lines = text.lines().map(|line| {
            let mut event: serde_json::Value = serde_json::from_str(line).unwrap();
            let object = event.as_object_mut().unwrap();
            object.remove("mlm_loss");
            object.remove("sbo_loss");
            format!("{event}\n")
        });
        lines.collect()
    });
    let resumed = real(PretrainStart::Resume(Box::default()), &parts, &mut Silent, StopFlag::new()).unwrap();
    assert_eq!((resumed.ending, resumed.steps), (Ending::Completed, 16));
    let weights = |run: &Path| std::fs::read(run.join("last/model.safetensors")).unwrap();
    assert!(weights(&whole) == weights(&parts), "the bits differ");
}

#[test]
fn an_evaluation_changes_no_bit_of_the_training() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = corpus(folder.path());
    let held = folder.path().join("held.txt");
    std::fs::write(&held, "Some words that are only evaluated on, and never learnt from.").unwrap();
    let [without, with] = ["without", "with"].map(|name| folder.path().join(name));
    let short = PretrainRecipe { max_steps: Some(6), eval_steps: Some(2), ..recipe() };
    real(begin(&corpus, short.clone()), &without, &mut Silent, StopFlag::new()).unwrap();
    let mut start = begin(&corpus, short);
    if let PretrainStart::New { eval_corpus, .. } = &mut start {
        eval_corpus.push(held);
    }
    real(start, &with, &mut Silent, StopFlag::new()).unwrap();
    assert_eq!(curves(&with).held_out.len(), 3);
    let weights = |run: &Path| std::fs::read(run.join("last/model.safetensors")).unwrap();
    assert!(weights(&without) == weights(&with), "the bits differ");
}

#[test]
fn a_device_that_fails_is_left_and_the_run_goes_on_in_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = corpus(folder.path());
    let config = demo::random_model().config.to_hugging_face().to_string();
    std::fs::write(folder.path().join("tiny.json"), config).unwrap();
    let spanbert = |arguments: &[&str], fault: Option<&str>| {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_spanbert_cli"));
        command.current_dir(folder.path()).env("XDG_CACHE_HOME", folder.path().join("cache")).args(arguments);
        command.env_remove("SPANBERT_INJECT_FAULT");
        fault.map(|fault| command.env("SPANBERT_INJECT_FAULT", fault));
        let output = command.output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {errors}");
        (String::from_utf8(output.stdout).unwrap(), errors)
    };
    let corpus = corpus.to_str().unwrap();
    for (name, fault, fit) in [("training", "4", (8, 16)), ("evaluating", "evaluation:3", (16, 8))] {
        let (told, errors) = spanbert(
            &[
                "pretrain",
                "--corpus",
                corpus,
                "--config",
                "tiny.json",
                "--train-vocab",
                "600",
                "--max-seq-length",
                "64",
                "--train-batch-size",
                "32",
                "--num-train-epochs",
                "4",
                "--max-steps",
                "6",
                "--eval-share",
                "0.2",
                "--eval-steps",
                "3",
                "--backend",
                "cpu",
                "--output-dir",
                name,
                "--json",
            ],
            Some(fault),
        );
        assert!(errors.contains("going on from the last checkpoint"), "{errors}");
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        assert_eq!((&told["steps"], &told["completed"]), (&6.into(), &true.into()));
        assert!(told["mlm_loss"].as_f64().unwrap() > 0.0, "{told}");
        assert_eq!(told["best"]["metric"], "held_out_loss");
        let found = Fit::read(&Layout::new(folder.path().join(name))).unwrap();
        assert_eq!((found.micro_batch, found.eval_batch, found.faults), (fit.0, fit.1, 1));
    }
    let (shown, _) = spanbert(&["runs", "show", "training"], None);
    for part in ["held_out_loss", "perplexity", "boundaries", "kept as best"] {
        assert!(shown.contains(part), "{part:?} in {shown}");
    }
    let (shown, _) = spanbert(&["runs", "show", "training", "--json"], None);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let steps: Vec<&serde_json::Value> =
        shown["held_out"].as_array().unwrap().iter().map(|done| &done["step"]).collect();
    assert_eq!(steps, [3, 6]);
}
