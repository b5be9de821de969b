//! Trainings that are interrupted and resumed: nothing differs from the uninterrupted ones.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use spanbert_core::{
    advice::Advice,
    config::BertConfig,
    run::{Environment, Event, read_events},
    train::{
        Ending, LrSchedule, Observer, OptimizerKind, Precision, Recipe, Start, StopFlag, TrainError,
        TrainOutcome,
    },
};
use spanbert_tests::{
    small::{Folder, config, dataset, recipe, train, write_model_of},
    trace::Trace,
};

/// Ends a training after so many updates, or in the middle of the evaluation after so many.
struct Stops {
    after: usize,
    in_evaluation: bool,
    flag: StopFlag,
    last_step: usize,
}

impl Observer for Stops {
    fn event(&mut self, event: &Event) {
        if let Event::Step(step) = event {
            self.last_step = step.step;
            if !self.in_evaluation && step.step >= self.after {
                self.flag.request();
            }
        }
    }

    fn progress(&mut self, _phase: spanbert_core::run::Phase, _done: usize, _total: usize) {
        if self.in_evaluation && self.last_step >= self.after {
            self.flag.request();
        }
    }
}

struct Case {
    folder: Folder,
    recipe: Recipe,
}

impl Case {
    fn new(recipe: Recipe) -> Self {
        let folder = Folder::new();
        folder.data("train.json", &dataset(24, true));
        folder.data("dev.json", &dataset(8, true));
        Self { folder, recipe }
    }

    fn run(&self, name: &str, start: Start, stop: Option<(usize, bool)>) -> Result<TrainOutcome, TrainError> {
        let flag = StopFlag::new();
        let (after, in_evaluation) = stop.unwrap_or((usize::MAX, false));
        let mut observer = Stops { after, in_evaluation, flag: flag.clone(), last_step: 0 };
        let (data, dev) = (self.folder.path("train.json"), self.folder.path("dev.json"));
        train(&data, Some(&dev), self.recipe.clone(), &self.folder.path(name), |job| {
            job.start = start;
            job.observer = &mut observer;
            job.stop = flag;
        })
    }

    /// Stops once, then resumes to the end.
    fn interrupted(&self, name: &str, after: usize, in_evaluation: bool) -> Trace {
        let stopped = self.run(name, Start::New, Some((after, in_evaluation))).unwrap();
        assert_eq!(stopped.ending, Ending::Stopped, "{name}");
        let outcome = self.run(name, Start::Resume { force: false }, None).unwrap();
        assert_eq!(outcome.ending, Ending::Completed);
        Trace::of(&outcome.layout)
    }
}

fn check(recipe: Recipe, stops: &[(usize, bool)]) {
    let case = Case::new(recipe);
    let whole = Trace::of(&case.run("whole", Start::New, None).unwrap().layout);
    assert!(whole.files.len() > 10);
    for &(after, in_evaluation) in stops {
        let name = format!("{after}-{in_evaluation}");
        let resumed = case.interrupted(&name, after, in_evaluation);
        assert_eq!(resumed.updates, whole.updates, "{name}");
        assert_eq!(resumed.evaluations, whole.evaluations, "{name}");
        let differing: Vec<_> =
            whole.files.iter().filter(|(file, bytes)| resumed.files.get(*file) != Some(bytes)).collect();
        let names: Vec<_> = differing.iter().map(|(file, _)| file).collect();
        assert!(names.is_empty() && resumed.files.len() == whole.files.len(), "{name}: {names:?}");
    }
}

#[test]
fn a_training_stopped_at_any_step_is_resumed_bitwise() {
    // Nine batches an epoch, two epochs, evaluations after steps 4, 8, 13 and 17.
    check(recipe(), &[(1, false), (4, false), (7, false), (9, false), (12, false), (17, false)]);
}

/// A larger model than the one that is trained, as a folder.
fn teacher(folder: &Folder, name: &str, hidden_size: usize) -> Option<String> {
    let path = folder.path(name);
    write_model_of(&path, &BertConfig { hidden_size, ..config() });
    Some(path.to_str().unwrap().to_owned())
}

#[test]
fn a_training_with_a_teacher_is_resumed_bitwise() {
    let folder = Folder::new();
    let recipe = Recipe { teacher: teacher(&folder, "teacher", 64), distillation_weight: 0.7, ..recipe() };
    check(recipe.clone(), &[(1, false), (4, true), (11, false)]);
    let updates = |recipe| Trace::of(&Case::new(recipe).run("run", Start::New, None).unwrap().layout).updates;
    assert_ne!(updates(recipe.clone()), updates(Recipe { teacher: None, ..recipe }));
}

#[test]
fn a_run_is_resumed_with_its_teacher_or_not_at_all() {
    let mut case = Case::new(recipe());
    case.recipe.teacher = teacher(&case.folder, "teacher", 64);
    let whole = Trace::of(&case.run("whole", Start::New, None).unwrap().layout);
    let layout = case.run("run", Start::New, Some((3, false))).unwrap().layout;
    let log = std::fs::read_to_string(layout.train_log()).unwrap();
    assert!(log.contains("learning from the teacher") && log.contains(", teacher "), "{log}");
    assert!(Environment::read(&layout).unwrap().teacher.len() > 2);
    for (other, told) in [(None, "the teacher lacks files"), (Some(48), "the teacher has changed")] {
        case.recipe.teacher = other.and_then(|width| teacher(&case.folder, "other", width));
        let text = case.run("run", Start::Resume { force: false }, None).unwrap_err().in_one_line();
        assert!(text.contains(told), "{text}");
    }
    // Its folder may have moved.
    std::fs::rename(case.folder.path("teacher"), case.folder.path("moved")).unwrap();
    case.recipe.teacher = Some(case.folder.path("moved").to_str().unwrap().to_owned());
    let outcome = case.run("run", Start::Resume { force: false }, None).unwrap();
    assert_eq!(Trace::of(&outcome.layout), whole);
}

#[test]
fn adversarial_training_is_resumed_bitwise() {
    check(Recipe { adversarial_epsilon: Some(0.5), ..recipe() }, &[(1, false), (4, true), (11, false)]);
}

#[test]
fn half_formats_are_resumed_bitwise() {
    for precision in [Precision::Bf16, Precision::Fp16] {
        let recipe = Recipe { precision, optimizer: OptimizerKind::FusedAdam, ..recipe() };
        check(recipe, &[(1, false), (4, true), (9, false)]);
    }
}

#[test]
fn an_evaluation_that_was_broken_off_is_made_first() {
    check(recipe(), &[(4, true), (13, true)]);
}

#[test]
fn accumulated_gradients_are_made_again() {
    // Nine batches of 4 an epoch: the ninth waits for the next epoch; evaluations fall between updates.
    let recipe =
        Recipe { train_batch_size: 16, gradient_accumulation_steps: 2, eval_per_epoch: 3, ..recipe() };
    check(recipe, &[(1, false), (2, true), (3, false), (4, false), (5, true), (6, false)]);
}

#[test]
fn a_sweep_goes_on_with_its_training() {
    let sweep = Recipe {
        learning_rate: None,
        num_train_epochs: 1.0,
        eval_per_epoch: 1,
        checkpoint_steps: Some(2),
        ..recipe()
    };
    check(sweep, &[(3, false), (20, false), (70, false)]);
}

#[test]
fn other_schedules_are_resumed_bitwise() {
    for lr_schedule in [LrSchedule::Cosine, LrSchedule::Constant] {
        check(Recipe { lr_schedule, ..recipe() }, &[(1, false), (4, true), (12, false)]);
    }
}

#[test]
fn a_training_that_ends_early_does_so_after_the_same_update_when_resumed() {
    // With such a rate no score ever changes: evaluations after 4, 8 and 13, the first is the best, the third the last.
    let hopeless = Recipe { learning_rate: Some(1e-12), early_stopping_patience: Some(2), ..recipe() };
    check(
        hopeless.clone(),
        &[(1, false), (4, false), (4, true), (6, false), (8, true), (9, false), (13, true)],
    );
    // Evaluations between updates, with gradients pending.
    let between =
        Recipe { train_batch_size: 16, gradient_accumulation_steps: 2, eval_per_epoch: 3, ..hopeless };
    check(between, &[(1, false), (2, true), (3, false), (4, false)]);
}

#[test]
fn a_damaged_checkpoint_gives_way_to_the_one_before() {
    let case = Case::new(Recipe { checkpoint_steps: Some(2), ..recipe() });
    let whole = Trace::of(&case.run("whole", Start::New, None).unwrap().layout);
    let layout = case.run("run", Start::New, Some((7, false))).unwrap().layout;
    let newest = std::fs::read_dir(layout.checkpoints()).unwrap().count();
    assert_eq!(newest, 2);
    let steps: Vec<usize> = (1..=18).filter(|&step| layout.checkpoint(step).is_dir()).collect();
    let path = layout.checkpoint(steps[1]).join("optimizer.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let resumed = case.run("run", Start::Resume { force: false }, None).unwrap();
    assert_eq!(Trace::of(&resumed.layout), whole);
    let log = std::fs::read_to_string(layout.train_log()).unwrap();
    let expected = format!("going on from step {}", steps[0]);
    assert!(log.contains("its checksum differs") && log.contains(&expected), "{log}");

    // With no whole one left, nothing is done without a word.
    let layout = case.run("none", Start::New, Some((7, false))).unwrap().layout;
    for entry in std::fs::read_dir(layout.checkpoints()).unwrap() {
        std::fs::write(entry.unwrap().path().join("progress.json"), "{").unwrap();
    }
    let text = case.run("none", Start::Resume { force: false }, None).unwrap_err().in_one_line();
    assert!(text.contains("no checkpoint in") && text.contains("--force"), "{text}");
    let again = case.run("none", Start::Resume { force: true }, None).unwrap();
    assert_eq!(Trace::of(&again.layout), whole);
}

#[test]
fn a_run_before_its_first_checkpoint_begins_again() {
    let case = Case::new(recipe());
    let whole = Trace::of(&case.run("whole", Start::New, None).unwrap().layout);
    let layout = case.run("run", Start::New, Some((3, false))).unwrap().layout;
    std::fs::remove_dir_all(layout.checkpoints()).unwrap();
    let resumed = case.run("run", Start::Resume { force: false }, None).unwrap();
    assert_eq!(Trace::of(&resumed.layout), whole);
    let began_again = |event: &Event| matches!(event, Event::Resumed { step: 0, .. });
    assert!(read_events(&layout.events()).unwrap().iter().any(|record| began_again(&record.event)));
}

#[test]
fn another_recipe_or_other_data_is_refused_unless_forced() {
    let mut case = Case::new(recipe());
    case.run("run", Start::New, Some((3, false))).unwrap();
    case.recipe = Recipe { learning_rate: Some(1e-4), max_steps: Some(17), ..recipe() };
    let refused =
        |case: &Case| case.run("run", Start::Resume { force: false }, None).unwrap_err().in_one_line();
    let text = refused(&case);
    assert!(text.contains("learning_rate was 0.002 and is 0.0001; undo that, or add `--force`"), "{text}");
    case.recipe = recipe();
    case.folder.data("train.json", &dataset(23, true));
    let text = refused(&case);
    assert!(text.contains("the training data has changed"), "{text}");
    let outcome = case.run("run", Start::Resume { force: true }, None).unwrap();
    let log = std::fs::read_to_string(outcome.layout.train_log()).unwrap();
    assert!(log.contains("warning: going on although the training data has changed"), "{log}");
    let text = refused(&case);
    assert!(text.contains("is complete, all"), "{text}");
}

#[test]
fn a_run_that_ended_at_max_steps_goes_on_with_more() {
    let mut case = Case::new(recipe());
    let whole = Trace::of(&case.run("whole", Start::New, None).unwrap().layout);
    case.recipe.max_steps = Some(6);
    assert_eq!(case.run("run", Start::New, None).unwrap().steps, 6);
    case.recipe.max_steps = None;
    let outcome = case.run("run", Start::Resume { force: false }, None).unwrap();
    assert_eq!(Trace::of(&outcome.layout).updates, whole.updates);
}

/// The weights that a finished run leaves are not to be lost to a resumption that has nothing to add to them.
#[test]
fn a_finished_run_is_not_begun_again() {
    let mut case = Case::new(recipe());
    case.run("finished", Start::New, None).unwrap();
    let weights = case.folder.path("finished/last/model.safetensors");
    let before = std::fs::read(&weights).unwrap();
    for max_steps in [Some(3), Some(1000)] {
        case.recipe.max_steps = max_steps;
        let error = case.run("finished", Start::Resume { force: false }, None).unwrap_err();
        assert!(error.to_string().contains("is complete"), "{error}");
        assert!(std::fs::read(&weights).unwrap() == before);
    }
}

#[test]
fn a_folder_without_a_run_cannot_be_resumed() {
    let case = Case::new(recipe());
    let text = case.run("nothing", Start::Resume { force: false }, None).unwrap_err().in_one_line();
    assert!(text.contains("nothing holds no run to resume"), "{text}");
}
