//! A whole fine-tuning in memory, with a real engine on the processor and without anything native.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    task::Poll,
    time::Duration,
};

use pollster::block_on;
use spanbert_backends::{BackendKind, Precision, dispatch_autodiff_on_cpu};

use super::{
    DataSource, DeviceLimits, Ending, FineTuneJob, MemoryHost, MemoryModel, ModelSource, Observer, Preset,
    Recipe, Requests, TrainError, Trained, TrainingCheckpoint, fine_tune,
};
use crate::{
    checkpoint::Weights,
    config::BertConfig,
    demo::{self, generate::GeneratorOptions},
    engine::{EngineError, InferenceEngine, OptimizerConfig, TrainingEngine, TrainingTask},
    run::{CheckpointKind, Event, Phase, Request},
    score::Scores,
};

const LIMITS: DeviceLimits =
    DeviceLimits { backend: BackendKind::Cpu, memory_bytes: None, max_buffer_bytes: None };

/// Two passes over 24 questions in batches of 8, each evaluated three times.
fn recipe() -> Recipe {
    Recipe {
        num_train_epochs: 2.0,
        eval_per_epoch: 3,
        eval_batch_size: 4,
        dropout: Some(0.1),
        ..Preset::Demo.recipe()
    }
}

struct Data {
    train: String,
    dev: String,
}

impl Data {
    fn new() -> Self {
        let json = |name, options| demo::squad_json(name, &options).unwrap();
        Self {
            train: json("train", GeneratorOptions { passages: 6, questions_per_passage: 4, ..demo::TRAIN }),
            dev: json("dev", GeneratorOptions { passages: 2, ..demo::DEV }),
        }
    }

    fn train(&self) -> DataSource<'_> {
        DataSource::BuiltIn { name: "train", json: &self.train }
    }

    fn dev(&self) -> DataSource<'_> {
        DataSource::BuiltIn { name: "dev", json: &self.dev }
    }
}

fn model() -> ModelSource<'static> {
    ModelSource::Ready(Box::new(demo::pretrained_model().unwrap()))
}

fn open(
    config: &BertConfig,
    weights: Weights,
    optimizer: &OptimizerConfig,
) -> Result<Box<dyn TrainingEngine>, EngineError> {
    let precision = Precision::F32;
    let task = TrainingTask { config: config.clone(), weights, optimizer: *optimizer, precision };
    dispatch_autodiff_on_cpu(task)?
}

/// Notes events, and sends requests as they happen.
#[derive(Default)]
struct Watcher<'w> {
    events: Vec<Event>,
    on: Option<Box<Look<'w>>>,
}

type Look<'w> = dyn FnMut(Seen<'_>) + 'w;

enum Seen<'s> {
    Event(&'s Event),
    Progress(Phase),
}

impl Observer for Watcher<'_> {
    fn event(&mut self, event: &Event) {
        self.events.push(event.clone());
        if let Some(on) = &mut self.on {
            on(Seen::Event(event));
        }
    }

    fn progress(&mut self, phase: Phase, _done: usize, _total: usize) {
        if let Some(on) = &mut self.on {
            on(Seen::Progress(phase));
        }
    }
}

/// Losses and learning rates by update, to the bit, and the scores of evaluations.
#[derive(Debug, PartialEq)]
struct Course {
    steps: Vec<(usize, u64, u64)>,
    evaluations: Vec<(usize, bool, Scores)>,
}

impl Course {
    fn of<'e>(events: impl IntoIterator<Item = &'e Event>) -> Self {
        let mut course = Self { steps: Vec::new(), evaluations: Vec::new() };
        for event in events {
            match event {
                Event::Step(step) => {
                    course.steps.push((step.step, step.loss.to_bits(), step.learning_rate.to_bits()));
                }
                Event::Evaluation { step, best, scores, .. } => {
                    course.evaluations.push((*step, *best, scores.clone()));
                }
                _ => {}
            }
        }
        course
    }
}

/// What is left in memory of a training.
struct Ran {
    trained: Result<Trained, TrainError>,
    events: Vec<Event>,
    checkpoint: Option<TrainingCheckpoint>,
    best: Option<MemoryModel>,
    last: Option<MemoryModel>,
    turns: usize,
    pauses: usize,
}

/// Trains in memory; `on` sees what happens, `in_pause` is called each time a pause is slept through.
fn run<'w>(
    data: &Data,
    resume: Option<TrainingCheckpoint>,
    requests: &Requests,
    on: impl FnMut(Seen<'_>) + 'w,
    in_pause: impl Fn(usize) + 'w,
) -> Ran {
    let (turns, pauses, clock) = (Cell::new(0), Cell::new(0), Cell::new(0_u64));
    let sleep = |time: Duration| {
        let counter = if time.is_zero() { &turns } else { &pauses };
        counter.set(counter.get() + 1);
        if !time.is_zero() {
            in_pause(pauses.get());
        }
        // Others really get their turn: the first poll is never the last.
        let mut polled = false;
        Box::pin(poll_fn(move |context| {
            if std::mem::replace(&mut polled, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })) as _
    };
    let clock = || {
        clock.set(clock.get() + 10);
        Duration::from_millis(clock.get())
    };
    let mut watcher = Watcher { events: Vec::new(), on: Some(Box::new(on)) };
    let mut host = MemoryHost::new(&mut watcher, requests.clone(), &clock, &sleep);
    let job = FineTuneJob {
        model: model(),
        train_data: data.train(),
        dev_data: Some(data.dev()),
        recipe: recipe(),
        limits: LIMITS,
        device: "cpu",
        open: &open,
        resume,
    };
    let trained = block_on(fine_tune(job, &mut host));
    let MemoryHost { checkpoint, best, last, .. } = host;
    let events = std::mem::take(&mut watcher.events);
    Ran { trained, events, checkpoint, best, last, turns: turns.get(), pauses: pauses.get() }
}

fn undisturbed(data: &Data) -> Ran {
    run(data, None, &Requests::default(), |_| {}, |_| {})
}

#[test]
fn a_training_in_memory_learns_evaluates_and_keeps_its_weights() {
    let data = Data::new();
    let ran = undisturbed(&data);
    let trained = ran.trained.unwrap();
    assert_eq!((trained.ending, trained.steps), (Ending::Completed, 6));
    let course = Course::of(&ran.events);
    assert_eq!(course.steps.iter().map(|(step, ..)| *step).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(course.evaluations.iter().map(|(step, ..)| *step).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    let (last, best) = (ran.last.unwrap(), ran.best.unwrap());
    assert_eq!(last.meta.global_step, Some(6));
    assert_eq!(best.meta.global_step, trained.best.map(|best| best.step as u64));
    assert_ne!(last.weights, demo::pretrained_model().unwrap().weights);
    // One turn for others after every batch, and more in evaluations.
    assert!(ran.turns >= 6 + 3 * course.evaluations.len(), "{}", ran.turns);
    assert_eq!(ran.pauses, 0);
    let saved = |kind| {
        ran.events
            .iter()
            .filter(|event| matches!(event, Event::Checkpoint { kind: k, .. } if *k == kind))
            .count()
    };
    assert!(saved(CheckpointKind::Best) >= 1);
    assert_eq!(saved(CheckpointKind::Last), 1);
    assert!(matches!(ran.events.last(), Some(Event::Finished { step: 6, .. })));
}

#[test]
fn a_training_that_is_paused_and_stopped_goes_on_to_the_same_bits() {
    let data = Data::new();
    let whole = undisturbed(&data);
    let requests = Requests::default();
    let on = |seen: Seen<'_>| {
        if let Seen::Event(Event::Step(step)) = seen {
            match step.step {
                1 => requests.push(Request::Pause),
                4 => requests.push(Request::Stop),
                _ => {}
            }
        }
    };
    let first = run(&data, None, &requests, on, |slept| {
        if slept == 2 {
            requests.push(Request::Resume);
        }
    });
    assert_eq!(first.trained.as_ref().unwrap().ending, Ending::Stopped);
    assert_eq!(first.pauses, 2);
    let checkpoint = first.checkpoint.unwrap();
    let stopped = checkpoint.progress.place.step;
    assert!((4..6).contains(&stopped), "{stopped}");
    let second = run(&data, Some(checkpoint), &Requests::default(), |_| {}, |_| {});
    assert_eq!(second.trained.as_ref().unwrap().ending, Ending::Completed);
    let events = first.events.iter().chain(&second.events);
    assert_eq!(Course::of(events), Course::of(&whole.events));
    assert_eq!(second.last.unwrap().weights, whole.last.unwrap().weights);
    assert_eq!(second.trained.unwrap().best, whole.trained.unwrap().best);
}

#[test]
fn an_evaluation_that_a_stop_breaks_off_is_made_when_the_training_goes_on() {
    let data = Data::new();
    let whole = undisturbed(&data);
    let requests = Requests::default();
    let asked = RefCell::new(false);
    let on = |seen: Seen<'_>| {
        if matches!(seen, Seen::Progress(Phase::Evaluating)) && !asked.replace(true) {
            requests.push(Request::Stop);
        }
    };
    let first = run(&data, None, &requests, on, |_| {});
    let checkpoint = first.checkpoint.unwrap();
    assert_eq!(first.trained.unwrap().ending, Ending::Stopped);
    let second = run(&data, Some(checkpoint), &Requests::default(), |_| {}, |_| {});
    let events = first.events.iter().chain(&second.events);
    assert_eq!(Course::of(events), Course::of(&whole.events));
    assert_eq!(second.last.unwrap().weights, whole.last.unwrap().weights);
}

/// The same recipe in a run folder, with batches made on a thread.
#[cfg(feature = "native")]
#[test]
fn memory_and_run_folder_come_to_the_same_bits() {
    use super::{Silent, Start, StopFlag, TrainJob, run_training};
    use crate::{
        checkpoint::{SpanbertMeta, from_safetensors_bytes, to_safetensors},
        hash::sha256_hex,
        run::read_history,
    };

    let data = Data::new();
    let memory = undisturbed(&data);
    let folder = tempfile::tempdir().unwrap();
    let outcome = run_training(TrainJob {
        model: model(),
        train_data: data.train(),
        dev_data: Some(data.dev()),
        recipe: recipe(),
        output: &folder.path().join("run"),
        start: Start::New,
        limits: LIMITS,
        choice: "cpu",
        device: "cpu",
        version_2_with_negative: false,
        notes: Vec::new(),
        open: &open,
        open_teacher: &|config, weights| {
            let engine = open(config, weights, &OptimizerConfig::default())?;
            Ok(engine as Box<dyn InferenceEngine>)
        },
        observer: &mut Silent,
        stop: StopFlag::new(),
        inject_fault: None,
        workers: None,
    })
    .unwrap();
    let events: Vec<Event> =
        read_history(&outcome.layout.events()).unwrap().into_iter().map(|record| record.event).collect();
    assert_eq!(Course::of(&memory.events), Course::of(&events));
    assert_eq!(memory.trained.unwrap().best, outcome.best);
    let digest = |weights: &Weights| sha256_hex(&to_safetensors(weights, &Default::default()).unwrap());
    for (model, folder) in [(memory.best, outcome.layout.best()), (memory.last, outcome.layout.last())] {
        let (model, bytes) = (model.unwrap(), std::fs::read(folder.join("model.safetensors")).unwrap());
        assert_eq!(digest(&model.weights), digest(&from_safetensors_bytes(&bytes).unwrap().0));
        assert_eq!(Some(model.meta), SpanbertMeta::load(&folder).unwrap());
    }
}
