//! Options of a training by the command line: schedules, early stopping, the first questions, several seeds; what is said
//! before and after, and where runs go.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use spanbert_core::{
    config::BertConfig,
    run::{Event, Layout, RunState, read_events},
    train::{Ending, LrSchedule, Recipe, Start, TrainOutcome},
};
use spanbert_tests::{
    command::{Case, succeeded},
    small::{self, Folder, dataset, steps},
    trace::Trace,
};

const CLI: &str = env!("CARGO_BIN_EXE_spanbert_cli");

fn case() -> Case {
    Case::new(CLI, 1)
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap()
}

/// Standard error of a command that must fail with a cause and a remedy.
fn failed(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("error: ") && text.contains("\n  try: "), "{text}");
    text
}

fn stdout(output: &Output) -> String {
    succeeded(output);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A new run without a learning rate or a length, which the tests add.
fn plain(case: &Case, dev: bool, run: &str) -> Command {
    let files: &[&str] = &["train", "--model", "model", "--train-file", "train.json", "--backend", "cpu"];
    let mut command = case.command(files);
    if dev {
        command.args(["--dev-file", "dev.json"]);
    }
    command.args(["--train-batch-size=8", "--doc-stride=8", "--num-train-epochs=1", "--eval-per-epoch=1"]);
    command.args(["--output-dir", run]);
    command
}

fn folders(path: &Path) -> BTreeSet<String> {
    let Ok(entries) = std::fs::read_dir(path) else { return BTreeSet::new() };
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn log(layout: &Layout) -> String {
    std::fs::read_to_string(layout.train_log()).unwrap()
}

// Questions, schedules and early stopping.

#[test]
fn the_first_questions_are_trained_on() {
    let case = case();
    let text = succeeded(&run(case.begin("few").arg("--max-train-samples=20")));
    // One window a question: three batches of at most eight.
    assert_eq!(RunState::read(&case.layout("few")).unwrap().total_steps, 3);
    assert!(text.contains("training on the first 20 of 192 questions"), "{text}");
    assert!(log(&case.layout("few")).contains("training on the first 20 of 192 questions"));
    // The same as a file that holds no others.
    let mut all = dataset(64, true);
    let paragraphs = all["data"][0]["paragraphs"].as_array_mut().unwrap();
    paragraphs.truncate(7);
    paragraphs[6]["qas"].as_array_mut().unwrap().truncate(2);
    case.folder.data("train.json", &all);
    succeeded(&run(&mut case.begin("cut")));
    let losses = |name| steps(&case.layout(name)).iter().map(|step| step.loss).collect::<Vec<_>>();
    assert_eq!(losses("few"), losses("cut"));
    // More than there are is all of them.
    let text = succeeded(&run(case.begin("all").arg("--max_train_samples=1000")));
    assert!(text.contains("training on the first 20 of 20 questions"), "{text}");
    assert_eq!(losses("all"), losses("cut"));
    let text = failed(&run(case.begin("none").arg("--max-train-samples=0")));
    assert!(text.contains("max_train_samples is 0"), "{text}");
}

#[test]
fn schedules_are_chosen_by_name_and_the_default_is_the_reference_s() {
    let case = case();
    let rates = |name: &str, flags: &[&str]| -> Vec<f64> {
        succeeded(&run(case.begin(name).args(flags)));
        steps(&case.layout(name)).iter().map(|step| step.learning_rate).collect()
    };
    let plain = rates("plain", &[]);
    assert_eq!(plain.len(), 24);
    assert_eq!(rates("linear", &["--lr-schedule=linear"]), plain);
    assert!((plain[12] - 2e-3 * (24.0 - 12.0) / (24.0 - 2.4)).abs() < 1e-15, "{plain:?}");
    let constant = rates("constant", &["--lr_schedule", "constant"]);
    assert!(constant[3..].iter().all(|rate| *rate == 2e-3) && constant[0] == 0.0, "{constant:?}");
    let cosine = rates("cosine", &["--lr-schedule", "cosine", "--warmup-proportion=0"]);
    for (step, rate) in cosine.iter().enumerate() {
        let expected = 2e-3 * 0.5 * (1.0 + (std::f64::consts::PI * step as f64 / 24.0).cos());
        assert!((rate - expected).abs() < 1e-17, "{step}: {rate} {expected}");
    }
    let wrong = run(case.begin("wrong").args(["--lr-schedule", "polynomial"]));
    let text = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(wrong.status.code() == Some(2) && text.contains("constant, cosine"), "{text}");
}

/// Trainings in this process.
struct Library {
    folder: Folder,
    recipe: Recipe,
}

impl Library {
    fn new(recipe: Recipe) -> Self {
        let folder = Folder::new();
        folder.data("train.json", &dataset(24, true));
        folder.data("dev.json", &dataset(8, true));
        Self { folder, recipe }
    }

    fn run(&self, name: &str, start: Start) -> TrainOutcome {
        let (data, dev) = (self.folder.path("train.json"), self.folder.path("dev.json"));
        let change = |job: &mut spanbert_core::train::TrainJob<'_>| job.start = start;
        small::train(&data, Some(&dev), self.recipe.clone(), &self.folder.path(name), change).unwrap()
    }
}

/// Scores that never change: the rates are too small.
fn hopeless(patience: usize) -> Recipe {
    Recipe {
        learning_rate: Some(1e-12),
        early_stopping_patience: Some(patience),
        checkpoint_steps: Some(1),
        ..small::recipe()
    }
}

#[test]
fn a_run_that_ended_early_is_complete_and_says_why() {
    // Evaluations after 4, 8, 13 and 17 of 18 updates.
    let mut library = Library::new(hopeless(2));
    let outcome = library.run("run", Start::New);
    assert_eq!((outcome.ending, outcome.steps), (Ending::Completed, 13));
    let reason = outcome.ended_early.unwrap();
    assert!(reason.starts_with("best_f1 has not improved on "), "{reason}");
    assert!(reason.ends_with(" for 2 evaluations"), "{reason}");
    let whole = Trace::of(&outcome.layout);

    // Killed after the evaluation that used up its patience, before its end.
    let state = RunState::read(&outcome.layout).unwrap();
    assert_eq!(state.reason.as_ref(), Some(&reason));
    let mut killed = RunState { outcome: None, reason: None, ..state };
    killed.write(&outcome.layout).unwrap();
    std::fs::remove_dir_all(outcome.layout.last()).unwrap();
    let again = library.run("run", Start::Resume { force: false });
    assert_eq!((again.ending, again.steps, again.ended_early), (Ending::Completed, 13, Some(reason)));
    assert_eq!(Trace::of(&again.layout), whole);

    // With more patience the rest is trained, on the same schedule.
    library.recipe.early_stopping_patience = Some(9);
    let rest = library.run("run", Start::Resume { force: false });
    assert_eq!((rest.steps, rest.ended_early), (18, None));
    library.recipe.early_stopping_patience = None;
    let uninterrupted = library.run("whole", Start::New);
    assert_eq!(Trace::of(&rest.layout), Trace::of(&uninterrupted.layout));
}

#[test]
fn early_stopping_is_told_by_the_command_line() {
    let case = case();
    let mut command = case.command(&["train", "--model", "model", "--train-file", "train.json"]);
    command.args(["--dev-file", "dev.json", "--backend=cpu", "--train-batch-size=8", "--output-dir=early"]);
    command.args(["--learning-rate=1e-12", "--num-train-epochs=2", "--eval-per-epoch=4"]);
    command.args(["--early_stopping_patience", "1", "--max-query-length=12"]);
    let output = run(&mut command);
    let told = stdout(&output);
    assert!(
        told.contains("trained after 12 updates") && told.contains("early    f1 has not improved"),
        "{told}"
    );
    let shown = stdout(&case.ask("show", "early"));
    assert!(shown.contains("status  completed") && shown.contains("early   f1 has not improved"), "{shown}");
    assert!(shown.contains("12 / 48"), "{shown}");
    let text = failed(&run(&mut case.resume("early")));
    assert!(
        text.contains("ended early after 12 updates") && text.contains("--early-stopping-patience"),
        "{text}"
    );

    let mut command = plain(&case, false, "none");
    command.args(["--learning-rate=1e-3", "--early-stopping-patience=1", "--max-query-length=12"]);
    let text = failed(&run(&mut command));
    assert!(text.contains("early_stopping_patience") && text.contains("--dev-file"), "{text}");
    assert!(!case.folder.path("none").exists());
}

#[test]
fn folders_of_earlier_versions_are_resumed_bitwise() {
    let library = Library::new(Recipe { checkpoint_steps: Some(4), ..small::recipe() });
    let whole = Trace::of(&library.run("whole", Start::New).layout);
    let mut partly = Library { folder: library.folder, recipe: library.recipe };
    partly.recipe.max_steps = Some(9);
    let layout = partly.run("old", Start::New).layout;
    partly.recipe.max_steps = None;
    // What the version before did not write.
    let recipe = std::fs::read_to_string(layout.recipe()).unwrap();
    let before: Vec<&str> = recipe.lines().filter(|line| !line.starts_with("lr_schedule")).collect();
    assert_eq!(before.len() + 1, recipe.lines().count());
    std::fs::write(layout.recipe(), before.join("\n")).unwrap();
    for step in (1..=9).filter(|step| layout.checkpoint(*step).is_dir()) {
        let path = layout.checkpoint(step).join("progress.json");
        let mut progress: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert!(progress.as_object_mut().unwrap().remove("patience").is_some());
        std::fs::write(&path, progress.to_string()).unwrap();
    }
    let resumed = partly.run("old", Start::Resume { force: false });
    assert_eq!(Trace::of(&resumed.layout), whole);
    assert_eq!(Recipe::from_path(&resumed.layout.recipe()).unwrap().lr_schedule, LrSchedule::Linear);
}

// What is said before.

#[test]
fn eight_trainings_are_announced_and_need_something_to_choose_by() {
    let case = case();
    let text = failed(&run(&mut plain(&case, false, "none")));
    assert!(text.contains("without a learning rate 8 are tried") && text.contains("--dev-file"), "{text}");
    assert!(!case.folder.path("none").exists());
    let mut command = plain(&case, true, "eight");
    let text = succeeded(&run(command.args(["--max-query-length=12", "--max-steps=1"])));
    let first = text.lines().next().unwrap();
    assert!(first.contains("8 from 1e-6 to 5e-5") && first.contains("about 8 times as long"), "{text}");
    assert!(text.contains("training 8 of 8, learning rate 5e-5"), "{text}");
    assert_eq!(RunState::read(&case.layout("eight")).unwrap().total_steps, 8);
    // The reference trains eight times without a word, and without anything to choose by; ours only adds the word.
    let mut command = case.command(&["run_squad", "--do_train", "--model", "model", "--train_file"]);
    command.args(["train.json", "--output_dir", "reference", "--no_cuda", "--max_steps", "1"]);
    let text = succeeded(&run(command.args(["--max_query_length", "12", "--train_batch_size", "8"])));
    assert!(text.contains("8 from 1e-6 to 5e-5"), "{text}");
}

#[test]
fn a_default_length_is_lowered_and_one_that_was_asked_for_is_refused() {
    let case = case();
    let flags = ["--learning-rate=1e-3", "--max-query-length=12", "--max-steps=1"];
    let text = succeeded(&run(plain(&case, true, "default").args(flags)));
    let note = "max_seq_length is 32 instead of 384: the model has no more positions";
    assert!(text.contains(note) && log(&case.layout("default")).contains(note), "{text}");
    assert_eq!(Recipe::from_path(&case.layout("default").recipe()).unwrap().max_seq_length, 32);
    // A preset's length is nobody's wish either.
    let preset = ["--preset=student", "--max-steps=1", "--max-query-length=12"];
    let mut command = case.command(&["train", "--model", "model", "--train-file", "train.json"]);
    command.args(["--dev-file", "dev.json", "--backend", "cpu", "--output-dir", "preset"]).args(preset);
    let text = succeeded(&run(&mut command));
    assert!(text.contains("max_seq_length is 32 instead of 512"), "{text}");

    let text = failed(&run(plain(&case, true, "long").args(flags).arg("--max-seq-length=64")));
    assert!(text.contains("max_seq_length is 64") && text.contains("use at most 32"), "{text}");
    let recipe = case.folder.path("long.toml");
    std::fs::write(&recipe, "max_seq_length = 64\nmax_query_length = 12\nlearning_rate = 1e-3\n").unwrap();
    let mut command = case.command(&["train", "--model", "model", "--train-file", "train.json"]);
    command.args(["--dev-file", "dev.json", "--backend", "cpu", "--output-dir", "file", "--recipe"]);
    let text = failed(&run(command.arg(&recipe)));
    assert!(text.contains("max_seq_length is 64") && text.contains("use at most 32"), "{text}");

    // The reference's command lines: training and evaluation with the same length.
    let mut command = case.command(&["run_squad", "--do_train", "--do_eval", "--model", "model"]);
    command.args(["--train_file", "train.json", "--dev_file", "dev.json", "--output_dir", "reference"]);
    command.args(["--no_cuda", "--max_steps", "3", "--eval_per_epoch", "8", "--learning_rate", "1e-3"]);
    let text = succeeded(&run(command.args(["--max_query_length", "12", "--train_batch_size", "8"])));
    assert!(text.contains(note), "{text}");
    // A question longer than the model: what there is to do about it is said.
    let text = failed(&run(plain(&case, true, "query").args(["--learning-rate=1e-3", "--max-steps=1"])));
    assert!(text.contains("use a max_query_length of at most 28"), "{text}");
}

#[test]
fn a_fraction_of_an_epoch_is_warned_about_everywhere() {
    let case = case();
    let mut command = case.command(&["train", "--model", "model", "--train-file", "train.json"]);
    command.args(["--dev-file", "dev.json", "--backend=cpu", "--output-dir=run", "--learning-rate=1e-3"]);
    command.args(["--train-batch-size=8", "--max-query-length=12", "--num-train-epochs=1.5"]);
    let text = succeeded(&run(command.arg("--eval-per-epoch=1")));
    let warning = "num_train_epochs is 1.5: 1 pass over the data will be made";
    assert!(text.contains(&format!("warning: {warning}")), "{text}");
    let layout = case.layout("run");
    assert!(log(&layout).contains(warning));
    let warned = |event: &Event| matches!(event, Event::Warning { message } if message.contains(warning));
    assert!(read_events(&layout.events()).unwrap().iter().any(|record| warned(&record.event)));
    assert_eq!(RunState::read(&layout).unwrap().step, 24);
    assert!(steps(&layout).last().unwrap().learning_rate > 0.0);
}

// Where runs go.

#[test]
fn trainings_that_start_together_have_folders_of_their_own() {
    let case = case();
    let start = || {
        let mut command = case.command(&["train", "--model", "model", "--train-file", "train.json"]);
        command.args(["--learning-rate=1e-3", "--max-query-length=12", "--max-steps=1", "--backend=cpu"]);
        command.args(["--train-batch-size=8", "--runs-dir=all/runs", "--name=same"]);
        command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
    };
    let children: Vec<_> = (0..4).map(|_| start()).collect();
    for child in children {
        succeeded(&child.wait_with_output().unwrap());
    }
    let names = folders(&case.folder.path("all/runs"));
    assert_eq!(names.len(), 4, "{names:?}");
    assert!(names.iter().all(|name| name.contains("-same")), "{names:?}");
    // What cannot begin leaves nothing behind, the folder of runs included.
    let mut command = case.command(&["train", "--model", "nowhere", "--train-file", "train.json"]);
    failed(&run(command.args(["--learning-rate=1e-3", "--runs-dir=other/runs", "--backend=cpu"])));
    assert!(!case.folder.path("other").exists());
}

#[test]
fn runs_are_listed_by_their_start() {
    let case = case();
    let make = |name: &str, started: &str| {
        let layout = Layout::new(case.folder.path("runs").join(name));
        std::fs::create_dir_all(layout.root()).unwrap();
        std::fs::write(layout.recipe(), "").unwrap();
        let state = RunState { started: started.into(), ..RunState::starting() };
        std::fs::write(layout.state(), serde_json::to_vec(&state).unwrap()).unwrap();
    };
    make("a-new", "2026-03-02T12:00:00.000Z");
    make("z-old", "2026-03-01T12:00:00.000Z");
    make("20260301T110000Z-other-machine", "2026-03-01T13:00:00+02:00");
    let listed = stdout(&run(&mut case.command(&["runs", "list"])));
    let order: Vec<&str> = listed.lines().skip(1).map(|line| line.split("  ").next().unwrap()).collect();
    assert_eq!(order, ["a-new", "z-old", "20260301T110000Z-other-machine"], "{listed}");
    let json: Value =
        serde_json::from_str(&stdout(&run(&mut case.command(&["runs", "list", "--json"])))).unwrap();
    assert_eq!(json[2]["started"], "2026-03-01T11:00:00.000Z");
}

// Several seeds.

fn seeds(case: &Case, list: &str) -> Command {
    let mut command = case.command(&["train", "--model", "model", "--train-file", "train.json"]);
    command.args(["--dev-file", "dev.json", "--backend=cpu", "--train-batch-size=8", "--learning-rate=2e-3"]);
    command.args(["--max-query-length=12", "--max-seq-length=32", "--doc-stride=8", "--eval-per-epoch=2"]);
    command.args(["--num-train-epochs=1", "--eval-metric=best_f1", "--checkpoint-steps=3", "--seeds", list]);
    command
}

/// The runs of the only group in a folder, by seed.
fn members(case: &Case, runs: &str) -> Vec<(u64, PathBuf)> {
    let output = run(&mut case.command(&["runs", "list", runs, "--group", "--json"]));
    let groups: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(groups.as_array().unwrap().len(), 1, "{groups}");
    let members = groups[0]["members"].as_array().unwrap().iter();
    members.map(|run| (run["seed"].as_u64().unwrap(), run["path"].as_str().unwrap().into())).collect()
}

#[test]
fn several_seeds_are_runs_of_one_group_with_mean_and_deviation() {
    let case = case();
    let output = run(seeds(&case, "3,1").args(["--runs-dir=runs", "--name=both"]));
    let table = stdout(&output);
    let names = folders(&case.folder.path("runs"));
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names.iter().any(|name| name.ends_with("-both-seed1")), "{names:?}");
    assert!(names.iter().any(|name| name.ends_with("-both-seed3")), "{names:?}");
    let found = members(&case, "runs");
    assert_eq!(found.iter().map(|(seed, _)| *seed).collect::<Vec<_>>(), [3, 1]);
    // Each is what its seed alone gives.
    let mut command = seeds(&case, "9");
    // One seed is a group as well; the run by hand has no mark.
    succeeded(&run(command.args(["--output-dir=alone"])));
    let mut single = case.command(&["train", "--model", "model", "--train-file", "train.json"]);
    single.args(["--dev-file", "dev.json", "--backend=cpu", "--train-batch-size=8", "--learning-rate=2e-3"]);
    single.args(["--max-query-length=12", "--max-seq-length=32", "--doc-stride=8", "--eval-per-epoch=2"]);
    single.args(["--num-train-epochs=1", "--eval-metric=best_f1", "--seed=9", "--output-dir=single"]);
    succeeded(&run(&mut single));
    let alone = Layout::new(case.folder.path("alone/alone-seed9"));
    assert_eq!(Trace::of(&alone), Trace::of(&case.layout("single")));
    // The figures of the table are those of the runs.
    let best = |path: &PathBuf| {
        let state = RunState::read(&Layout::new(case.folder.path("").join(path))).unwrap();
        state.best.unwrap().value
    };
    let values: Vec<f64> = found.iter().map(|(_, path)| best(path)).collect();
    let mean = (values[0] + values[1]) / 2.0;
    let deviation = (values[0] - values[1]).abs() / 2.0_f64.sqrt();
    let line =
        |name: &str| table.lines().find(|line| line.trim_start().starts_with(name)).unwrap().to_owned();
    assert!(line("mean").contains(&format!("{mean:.2}")), "{mean} in\n{table}");
    assert!(line("sd ").contains(&format!("{deviation:.2}")), "{deviation} in\n{table}");
    // The same table later, by the folder of runs, by the group's folder and below a run.
    let listed = stdout(&run(&mut case.command(&["runs", "list", "--group"])));
    assert_eq!(listed, table);
    assert_eq!(stdout(&case.ask("show", "runs")), table);
    let shown = stdout(&case.ask("show", found[0].1.to_str().unwrap()));
    assert!(shown.ends_with(&table), "{shown}");
    let name = names.first().unwrap().split("-seed").next().unwrap().to_owned();
    let one = stdout(&run(&mut case.command(&["runs", "list", &format!("--group={name}")])));
    assert_eq!(one, table);
    let text = failed(&run(&mut case.command(&["runs", "list", "--group=other"])));
    assert!(text.contains("\"other\""), "{text}");
    // For programs.
    let output = run(seeds(&case, "3,1").args(["--output-dir=json", "--json"]));
    let told: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!((&told["runs"][0]["completed"], &told["group"]["seeds"]), (&json!(true), &json!([3, 1])));
    let spread = told["group"]["spread"].as_array().unwrap();
    let spread = spread.iter().find(|spread| spread["score"] == "best_f1").unwrap();
    assert!((spread["mean"].as_f64().unwrap() - mean).abs() < 1e-9 && spread["runs"] == 2, "{spread}");
}

#[test]
fn seeds_are_checked_before_anything_is_made() {
    let case = case();
    let text = failed(&run(seeds(&case, "1,2,1").arg("--runs-dir=runs")));
    assert!(text.contains("--seeds names 1 twice"), "{text}");
    for wrong in [&["--seed=3"][..], &["--resume=run"]] {
        assert_eq!(run(seeds(&case, "1,2").args(wrong)).status.code(), Some(2), "{wrong:?}");
    }
    for wrong in ["1,,2", "x", "-1", "9223372036854775808"] {
        assert_eq!(run(&mut seeds(&case, wrong)).status.code(), Some(2), "{wrong}");
    }
    let mut command = case.command(&["train", "--model=nowhere", "--train-file=train.json", "--seeds=1,2"]);
    failed(&run(command.args(["--learning-rate=1e-3", "--runs-dir=runs", "--backend=cpu"])));
    let mut command = case.command(&["train", "--model=model", "--train-file=nowhere", "--seeds=1,2"]);
    failed(&run(command.args(["--learning-rate=1e-3", "--output-dir=runs", "--backend=cpu"])));
    // Found out by the training itself: the data is there and useless.
    case.folder.data("useless.json", &json!({"data": []}));
    let mut command = case.command(&["train", "--model=model", "--train-file=useless.json", "--seeds=1,2"]);
    command.args(["--learning-rate=1e-3", "--max-query-length=12", "--backend=cpu"]);
    failed(&run(command.args(["--runs-dir=deep/runs"])));
    assert!(!case.folder.path("runs").exists() && !case.folder.path("deep").exists());
}

#[cfg(unix)]
#[test]
fn a_killed_sweep_goes_on_with_its_unfinished_runs() {
    use std::os::unix::process::CommandExt;
    for place in ["--runs-dir=runs", "--output-dir=runs"] {
        let case = case();
        let begun = || {
            let mut command = seeds(&case, "1,2,3");
            command.arg(place);
            command
        };
        let whole = tests_whole(&case);
        // Killed with its worker in the middle of the second run.
        let mut child = begun().process_group(0).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        let second = || {
            let names = folders(&case.folder.path("runs"));
            let name = names.into_iter().find(|name| name.ends_with("-seed2"))?;
            RunState::read(&Layout::new(case.folder.path("runs").join(name))).ok()
        };
        let began = Instant::now();
        while second().is_none_or(|state| state.step < 4) {
            assert!(began.elapsed() < Duration::from_secs(120));
            assert!(child.try_wait().unwrap().is_none(), "over before it could be killed");
            std::thread::sleep(Duration::from_millis(2));
        }
        let group = format!("-{}", child.id());
        Command::new("kill").args(["-KILL", "--", &group]).status().unwrap();
        child.wait().unwrap();
        std::thread::sleep(Duration::from_millis(200));
        let before = folders(&case.folder.path("runs"));
        assert_eq!(before.len(), 2, "{before:?}");

        let output = run(&mut begun());
        let text = succeeded(&output);
        assert!(text.contains("seed 1 (1 of 3): is complete in"), "{text}");
        assert!(text.contains("seed 2 (2 of 3): resuming"), "{text}");
        assert!(text.contains("seed 3 (3 of 3): training in"), "{text}");
        let after = folders(&case.folder.path("runs"));
        assert!(after.len() == 3 && after.is_superset(&before), "{after:?}");
        for (seed, path) in members(&case, "runs") {
            let trace = Trace::of(&Layout::new(case.folder.path("").join(path)));
            assert_eq!(trace, whole[usize::try_from(seed).unwrap() - 1], "seed {seed}");
        }
        // Once more: complete, so --output-dir shows the table again and --runs-dir makes another group.
        let again = run(&mut begun());
        assert!(stdout(&again).contains("mean"));
        let names = folders(&case.folder.path("runs"));
        assert_eq!(names.len(), if place.starts_with("--runs") { 6 } else { 3 }, "{names:?}");
    }
}

/// What each of the seeds 1, 2 and 3 gives when nothing interrupts it.
#[cfg(unix)]
fn tests_whole(case: &Case) -> Vec<Trace> {
    succeeded(&run(seeds(case, "1,2,3").arg("--output-dir=whole")));
    (1..=3)
        .map(|seed| Trace::of(&Layout::new(case.folder.path(&format!("whole/whole-seed{seed}")))))
        .collect()
}

#[test]
fn the_same_sweep_twice_at_once_is_two_groups() {
    let case = case();
    let start = || {
        let mut command = seeds(&case, "1,2");
        command.arg("--runs-dir=runs").stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
    };
    let (one, two) = (start(), start());
    succeeded(&one.wait_with_output().unwrap());
    succeeded(&two.wait_with_output().unwrap());
    let names = folders(&case.folder.path("runs"));
    assert_eq!(names.len(), 4, "{names:?}");
    // Other runs of the folder are refused, not mixed in.
    succeeded(&run(seeds(&case, "1").arg("--output-dir=out")));
    let text = failed(&run(seeds(&case, "1").args(["--output-dir=out", "--max-answer-length=7"])));
    assert!(text.contains("out holds the runs of another recipe (max_answer_length was "), "{text}");
    assert!(text.contains(" and is 7)"), "{text}");
}

#[test]
fn pre_training_lowers_a_default_length_and_refuses_one_that_was_asked_for() {
    let case = case();
    let text = "ada lives in oslo . ben lives in rome and ada does .\n\n".repeat(20);
    std::fs::write(case.folder.path("corpus.txt"), text).unwrap();
    let start = |name: &str| {
        let mut command = case.command(&["pretrain", "--model", "model", "--corpus", "corpus.txt"]);
        command.args(["--max-steps=1", "--train-batch-size=4", "--backend=cpu", "--output-dir", name]);
        command
    };
    let text = succeeded(&run(&mut start("run")));
    assert!(text.contains("max_seq_length is 32 instead of 512"), "{text}");
    let text = failed(&run(start("long").arg("--max-seq-length=64")));
    assert!(text.contains("max_seq_length is 64") && text.contains("use at most 32"), "{text}");
    assert!(!case.folder.path("long").exists());
}

/// A crash of a driver: the worker is gone without a word, and the process that watches over it writes down why.
#[cfg(unix)]
#[test]
fn a_crash_is_in_the_run_s_records() {
    let case = Case::new(CLI, 400);
    let mut child = case.begin("run").stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    case.wait_for("run", |state| state.step > 6);
    let pid = RunState::read(&case.layout("run")).unwrap().pid;
    Command::new("kill").args(["-ABRT", &pid.to_string()]).status().unwrap();
    let began = Instant::now();
    let resumed = |event: &Event| matches!(event, Event::Resumed { .. });
    let events = || read_events(&case.layout("run").events()).unwrap();
    while !events().iter().any(|record| resumed(&record.event)) {
        assert!(began.elapsed() < Duration::from_secs(120) && child.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(case.ask("stop", "run").status.success());
    let text = succeeded(&child.wait_with_output().unwrap());
    let warning = "the training crashed (signal: 6";
    assert!(text.contains(&format!("warning: {warning}")), "{text}");
    assert!(log(&case.layout("run")).contains(&format!("warning: {warning}")));
    let warned = |event: &Event| matches!(event, Event::Warning { message } if message.contains(warning));
    assert!(events().iter().any(|record| warned(&record.event)));
}

// A teacher.

#[test]
fn a_teacher_s_folder_is_found_again_from_elsewhere() {
    let case = case();
    let teacher = BertConfig { hidden_size: 48, num_hidden_layers: 3, ..small::config() };
    small::write_model_of(&case.folder.path("teacher"), &teacher);
    let taught = |run: &str| {
        let mut command = case.begin(run);
        command.args(["--teacher", "teacher", "--distillation-weight=0.7", "--max-steps=6"]);
        command
    };
    let text = succeeded(&run(&mut taught("taught")));
    assert!(text.contains("learning from the teacher ") && text.contains("0.7 of the loss"), "{text}");
    let recipe = Recipe::from_path(&case.layout("taught").recipe()).unwrap();
    let folder = case.folder.path("teacher");
    assert_eq!(recipe.teacher.as_deref(), folder.to_str());
    succeeded(&run(case.begin("alone").arg("--max-steps=6")));
    let losses = |name| steps(&case.layout(name)).iter().map(|step| step.loss).collect::<Vec<_>>();
    assert_ne!(losses("taught"), losses("alone"));

    let mut resumed = case.command(&["train", "--max-steps=9", "--resume"]);
    resumed.arg(case.folder.path("taught")).current_dir(std::env::temp_dir());
    succeeded(&run(&mut resumed));
    assert_eq!(losses("taught").len(), 9);

    let text = failed(&run(case.begin("none").args(["--teacher", "nowhere"])));
    assert!(text.contains("nowhere"), "{text}");
    small::write_model_of(&case.folder.path("short"), &BertConfig { max_position_embeddings: 24, ..teacher });
    let text = failed(&run(case.begin("none").args(["--teacher", "short"])));
    assert!(text.contains("has 24 positions\n  try: lower max_seq_length to 24"), "{text}");
    let text = succeeded(&run(case.begin("idle").args(["--distillation-weight=0.7", "--max-steps=1"])));
    assert!(text.contains("do nothing without a teacher"), "{text}");
}
