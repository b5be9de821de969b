//! One training by several workers: the bits of one, whatever their number.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{
    cell::RefCell,
    collections::BTreeMap,
    path::{Path, PathBuf},
    rc::Rc,
};

use spanbert_backends::collective::{CollectiveError, Ranks, threads};
use spanbert_core::{
    advice::{Advice, is_remedy},
    config::BertConfig,
    run::{Environment, Event, Layout, Request, RunState, read_events, request},
    train::{Ending, EvalMetric, Observer, Recipe, Start, TrainError, TrainOutcome},
};
use spanbert_tests::{
    small::{self, Folder, dataset, steps},
    trace::Trace,
};

/// Data, and a recipe whose last batch is short.
struct Case {
    folder: Folder,
    recipe: Recipe,
}

impl Case {
    fn new() -> Self {
        let folder = Folder::new();
        folder.data("train.json", &dataset(21, true));
        folder.data("dev.json", &dataset(8, true));
        let recipe = Recipe {
            train_batch_size: 8,
            learning_rate: Some(2e-3),
            num_train_epochs: 2.0,
            max_seq_length: 32,
            max_query_length: 12,
            doc_stride: 8,
            eval_batch_size: 5,
            eval_per_epoch: 2,
            eval_metric: EvalMetric::BestF1,
            checkpoint_steps: Some(2),
            parts: Some(4),
            ..Recipe::default()
        };
        Self { folder, recipe }
    }

    fn layout(&self, run: &str) -> Layout {
        Layout::new(self.folder.path(run))
    }

    /// What each of so many workers comes to; `recipe` and `observer` are theirs by rank.
    fn together(
        &self,
        size: usize,
        output: &Path,
        start: Start,
        recipe: &(dyn Fn(usize) -> Recipe + Sync),
        observer: &(dyn Fn(usize) -> Box<dyn Observer> + Sync),
    ) -> Vec<Result<TrainOutcome, TrainError>> {
        let (train, dev) = (self.folder.path("train.json"), self.folder.path("dev.json"));
        let run = |rank: usize, collective| {
            let ranks = Rc::new(RefCell::new(Ranks::new(Box::new(collective))));
            let (train, dev, output): (&PathBuf, &PathBuf, &Path) = (&train, &dev, output);
            let mut observer = observer(rank);
            small::train(
                Box::leak(Box::new(train.clone())),
                Some(Box::leak(Box::new(dev.clone()))),
                recipe(rank),
                Box::leak(Box::new(output.to_owned())),
                |job| {
                    job.start = start;
                    job.workers = Some(ranks);
                    job.observer = Box::leak(std::mem::replace(&mut observer, Box::new(Quiet)));
                },
            )
        };
        std::thread::scope(|scope| {
            let ranks = threads(size).into_iter().enumerate();
            let running: Vec<_> = ranks
                .map(|(rank, collective)| {
                    let run = &run;
                    scope.spawn(move || run(rank, collective))
                })
                .collect();
            running.into_iter().map(|worker| worker.join().unwrap()).collect()
        })
    }

    fn begin(&self, size: usize, run: &str) -> Vec<Result<TrainOutcome, TrainError>> {
        let output = self.folder.path(run);
        self.together(size, &output, Start::New, &|_| self.recipe.clone(), &|_| Box::new(Quiet))
    }
}

struct Quiet;

impl Observer for Quiet {}

/// Weights, moments and place of every checkpoint.
fn checkpoints(layout: &Layout) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(layout.checkpoints()).unwrap() {
        let folder = entry.unwrap().path();
        for name in ["model.safetensors", "optimizer.safetensors"] {
            let path = folder.join(name);
            files.insert(
                format!("{}/{name}", folder.file_name().unwrap().to_string_lossy()),
                std::fs::read(path).unwrap(),
            );
        }
    }
    files
}

#[test]
fn any_number_of_workers_gives_the_bits_of_one() {
    let case = Case::new();
    let alone = case.folder.path("alone");
    let (train, dev) = (case.folder.path("train.json"), case.folder.path("dev.json"));
    let (train, dev): (&'static Path, &'static Path) = (Box::leak(train.into()), Box::leak(dev.into()));
    small::train(train, Some(dev), case.recipe.clone(), Box::leak(alone.into()), |_| {}).unwrap();
    let expected = Trace::of(&case.layout("alone"));
    assert!(expected.updates.len() > 4 && expected.evaluations.len() == 4, "{:?}", expected.updates.len());
    let moments = checkpoints(&case.layout("alone"));
    for size in 1..=4 {
        let run = format!("workers-{size}");
        let outcomes = case.begin(size, &run);
        let ended = |outcome: &Result<TrainOutcome, TrainError>| {
            let outcome = outcome.as_ref().unwrap();
            (outcome.ending, outcome.steps, outcome.best.clone())
        };
        assert!(outcomes.iter().all(|outcome| ended(outcome) == ended(&outcomes[0])), "{outcomes:?}");
        let layout = case.layout(&run);
        assert_eq!(Trace::of(&layout), expected, "{size} workers");
        assert_eq!(checkpoints(&layout), moments, "{size} workers");
        for step in steps(&layout) {
            let times = step.workers.map(|times| (times.wait_secs.len(), times.exchange_secs >= 0.0));
            assert_eq!(times, (size > 1).then_some((size, true)));
        }
        let workers = Environment::read(&layout).unwrap().workers.unwrap();
        assert_eq!((workers.count, workers.connection.as_str()), (size, "threads"));
    }
    // Sums of pairs are not those of one after another: the promise is about parts, and needs them.
    let undivided = Recipe { parts: None, ..case.recipe.clone() };
    let undivided_folder = case.folder.path("undivided");
    small::train(train, Some(dev), undivided, Box::leak(undivided_folder.into()), |_| {}).unwrap();
    let undivided = Trace::of(&case.layout("undivided"));
    let close = |a: f64, b: f64| (a - b).abs() < 1e-3 * b.abs().max(1.0);
    assert!(undivided.updates.iter().zip(&expected.updates).all(|(a, b)| close(a.2, b.2)));
}

#[test]
fn a_teacher_teaches_any_number_of_workers_the_same() {
    let mut case = Case::new();
    let teacher = |name: &str, hidden_size| {
        let path = case.folder.path(name);
        small::write_model_of(&path, &BertConfig { hidden_size, ..small::config() });
        Some(path.to_str().unwrap().to_owned())
    };
    let (own, other) = (teacher("teacher", 64), teacher("other", 48));
    case.recipe = Recipe { teacher: own, ..case.recipe };
    let traces = [1, 2, 4].map(|size| {
        let run = format!("workers-{size}");
        case.begin(size, &run).into_iter().for_each(|outcome| drop(outcome.unwrap()));
        (Trace::of(&case.layout(&run)), checkpoints(&case.layout(&run)))
    });
    assert!(traces[0].0.updates.len() > 4 && traces.iter().all(|trace| *trace == traces[0]));
    // The same path on two machines may lead to two teachers.
    let recipe = |rank| Recipe {
        teacher: if rank == 0 { case.recipe.teacher.clone() } else { other.clone() },
        ..case.recipe.clone()
    };
    let outcomes = case.together(2, &case.folder.path("differ"), Start::New, &recipe, &|_| Box::new(Quiet));
    for outcome in outcomes {
        let text = outcome.unwrap_err().in_one_line();
        assert!(text.contains("worker 1 differs from worker 0"), "{text}");
    }
}

#[test]
fn adversarial_passes_are_the_same_for_any_number_of_workers() {
    let mut case = Case::new();
    case.recipe.adversarial_epsilon = Some(0.5);
    let traces = [1, 2, 4].map(|size| {
        let run = format!("workers-{size}");
        case.begin(size, &run).into_iter().for_each(|outcome| drop(outcome.unwrap()));
        (Trace::of(&case.layout(&run)), checkpoints(&case.layout(&run)))
    });
    assert!(traces[0].0.updates.len() > 4 && traces.iter().all(|trace| *trace == traces[0]));
    let updates = traces[0].0.updates.clone();
    case.recipe.adversarial_epsilon = None;
    case.begin(1, "plain").into_iter().for_each(|outcome| drop(outcome.unwrap()));
    assert_ne!(Trace::of(&case.layout("plain")).updates, updates);
}

#[test]
fn accumulated_batches_are_summed_alike() {
    let mut case = Case::new();
    case.recipe.gradient_accumulation_steps = 2;
    case.recipe.parts = Some(3);
    case.begin(1, "one").into_iter().for_each(|outcome| drop(outcome.unwrap()));
    case.begin(3, "three").into_iter().for_each(|outcome| drop(outcome.unwrap()));
    assert_eq!(Trace::of(&case.layout("three")), Trace::of(&case.layout("one")));
}

/// Asks for something once a step is recorded, as another process would.
struct Asks {
    layout: Layout,
    at: usize,
    what: Option<Request>,
}

impl Observer for Asks {
    fn event(&mut self, event: &Event) {
        if matches!(event, Event::Step(step) if step.step >= self.at)
            && let Some(what) = self.what.take()
        {
            request(&self.layout, what).unwrap();
        }
    }
}

#[test]
fn a_stopped_training_goes_on_with_another_number_of_workers() {
    let case = Case::new();
    case.begin(2, "whole").into_iter().for_each(|outcome| drop(outcome.unwrap()));
    let recipe = |_| case.recipe.clone();
    for (first, then) in [(4, 1), (1, 4), (2, 3)] {
        let run = format!("stopped-{first}-{then}");
        let (layout, output) = (case.layout(&run), case.folder.path(&run));
        let asks = |rank: usize| -> Box<dyn Observer> {
            let what = (rank == 0).then_some(Request::Stop);
            Box::new(Asks { layout: layout.clone(), at: 3, what })
        };
        for outcome in case.together(first, &output, Start::New, &recipe, &asks) {
            assert_eq!(outcome.unwrap().ending, Ending::Stopped);
        }
        let step = RunState::read(&layout).unwrap().step;
        assert!((3..6).contains(&step), "{step}");
        let quiet = |_: usize| -> Box<dyn Observer> { Box::new(Quiet) };
        for outcome in case.together(then, &output, Start::Resume { force: false }, &recipe, &quiet) {
            assert_eq!(outcome.unwrap().ending, Ending::Completed);
        }
        assert_eq!(Trace::of(&layout), Trace::of(&case.layout("whole")), "{first} workers, then {then}");
        assert_eq!(Environment::read(&layout).unwrap().workers.unwrap().count, then);
    }
}

#[test]
fn a_worker_with_something_else_is_named_before_anything_is_made() {
    let case = Case::new();
    let output = case.folder.path("run");
    let quiet = |_: usize| -> Box<dyn Observer> { Box::new(Quiet) };
    let seed = |rank| Recipe { seed: if rank == 2 { 7 } else { 42 }, ..case.recipe.clone() };
    for outcome in case.together(3, &output, Start::New, &seed, &quiet) {
        let error = outcome.unwrap_err();
        assert_eq!(error.to_string(), "worker 2 differs from worker 0 in its recipe (seed is 7, not 42)");
        assert!(is_remedy(&error.remedy()));
    }
    assert!(!output.exists());
    // A worker that fails by itself tells the others why.
    let broken = |rank| Recipe { eval_batch_size: usize::from(rank != 1), ..case.recipe.clone() };
    for (rank, outcome) in case.together(3, &output, Start::New, &broken, &quiet).into_iter().enumerate() {
        let error = outcome.unwrap_err();
        if rank == 1 {
            assert!(error.to_string().starts_with("recipe: eval_batch_size is 0"), "{error}");
        } else {
            let told = matches!(&error, TrainError::Workers(CollectiveError::Peer { rank: 1, message })
                if message.contains("eval_batch_size is 0"));
            assert!(told, "{error}");
        }
    }
    assert!(!output.exists());
    let few = |_| Recipe { parts: Some(2), ..case.recipe.clone() };
    for outcome in case.together(3, &output, Start::New, &few, &quiet) {
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains("3 workers share 2 parts"), "{error}");
    }
}

#[test]
fn without_a_word_there_are_as_many_parts_as_workers() {
    let mut case = Case::new();
    case.recipe.parts = None;
    case.begin(2, "two").into_iter().for_each(|outcome| drop(outcome.unwrap()));
    assert_eq!(Recipe::from_path(&case.layout("two").recipe()).unwrap().parts, Some(2));
    // One worker is one process: nothing is divided.
    case.begin(1, "one").into_iter().for_each(|outcome| drop(outcome.unwrap()));
    assert_eq!(Recipe::from_path(&case.layout("one").recipe()).unwrap().parts, None);
    let notes = read_events(&case.layout("two").events()).unwrap();
    let told = notes.iter().any(|record| {
        matches!(&record.event, Event::Phase { detail: Some(detail), .. }
            if detail == "2 workers by threads, gradients summed in 2 parts")
    });
    assert!(told);
}
