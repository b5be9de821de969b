//! Runs of pre-training that are resumed with other values, and with files that have moved.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::path::{Path, PathBuf};

use spanbert_core::{
    demo::{self, generate::GeneratorOptions},
    pretrain::{PretrainRecipe, PretrainRecord},
    run::{Layout, Request, request},
    train::{Fit, MicroBatchSize, Recipe},
};

struct Case {
    folder: tempfile::TempDir,
}

impl Case {
    /// A corpus and an architecture in a folder of their own.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = GeneratorOptions { passages: 60, ..demo::TRAIN };
        let corpus = demo::squad_json("train", &options).unwrap();
        std::fs::write(folder.path().join("corpus.json"), corpus).unwrap();
        let config = demo::random_model().config.to_hugging_face().to_string();
        std::fs::write(folder.path().join("tiny.json"), config).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the program; gives its exit code and what it said on standard error.
    fn spanbert(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_spanbert_cli"));
        command.current_dir(self.folder.path()).env("XDG_CACHE_HOME", self.path("cache"));
        let output = command.args(arguments).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Begins a run of six updates that saves after each; `stopped` ends it after the first.
    fn begin(&self, name: &str, stopped: bool, more: &[&str]) -> PathBuf {
        let run = self.path(name);
        if stopped {
            std::fs::create_dir(&run).unwrap();
            request(&Layout::new(&run), Request::Stop).unwrap();
        }
        let begin = "pretrain --corpus corpus.json --config tiny.json --train-vocab 600 --max-seq-length 64 \
                     --train-batch-size 32 --num-train-epochs 4 --max-steps 6 --checkpoint-minutes 0 --backend cpu \
                     --output-dir";
        let mut arguments: Vec<&str> = begin.split_whitespace().collect();
        arguments.push(name);
        let (code, told) = self.spanbert(&[&arguments, more].concat());
        assert_eq!(code, 0, "{told}");
        run
    }

    fn resume(&self, name: &str, more: &[&str]) -> (i32, String) {
        self.spanbert(&[&["pretrain", "--resume", name], more].concat())
    }
}

fn weights(run: &Path) -> Vec<u8> {
    std::fs::read(Layout::new(run).last().join("model.safetensors")).unwrap()
}

fn recipe(run: &Path) -> PretrainRecipe {
    PretrainRecord::read(&Layout::new(run)).unwrap().recipe
}

#[test]
fn files_that_have_moved_are_named_again_and_no_bit_changes() {
    let case = Case::new();
    std::fs::write(case.path("more.txt"), "The mill of a village stood by the river for years.\n").unwrap();
    let more = ["--corpus", "more.txt"];
    let (whole, parts) = (case.begin("whole", false, &more), case.begin("parts", true, &more));
    std::fs::create_dir(case.path("elsewhere")).unwrap();
    std::fs::rename(case.path("corpus.json"), case.path("elsewhere/corpus.json")).unwrap();
    let (code, told) = case.resume("parts", &[]);
    assert!(code == 1 && told.contains("corpus.json") && told.contains("with --corpus"), "{told}");
    let (code, told) = case.spanbert(&["train", "--resume", "parts"]);
    assert!(code == 1 && told.contains("try: run `spanbert pretrain --resume parts`"), "{told}");
    // The same values, as flags and in a file, are no change.
    std::fs::write(case.path("same.toml"), recipe(&parts).to_toml()).unwrap();
    let again = [
        "--corpus",
        "more.txt",
        "elsewhere/corpus.json",
        "--recipe",
        "same.toml",
        "--train-batch-size",
        "32",
    ];
    let (code, told) = case.resume("parts", &again);
    assert!(code == 0 && !told.contains("warning"), "{told}");
    assert!(told.contains("resuming after step 1"), "{told}");
    // Its rows are texts.
    assert!(told.contains("training on 16 texts at once"), "{told}");
    assert!(weights(&whole) == weights(&parts), "the bits differ");
    let record = PretrainRecord::read(&Layout::new(&parts)).unwrap();
    assert!(record.corpus[0].path.contains("elsewhere"));
}

#[test]
fn what_is_not_learnt_may_change_and_the_rest_is_named() {
    let case = Case::new();
    let run = case.begin("run", true, &["--eval-share", "0.2", "--eval-steps", "2"]);
    let (code, told) = case.resume("run", &["--seed", "7", "--mask-share", "0.2"]);
    assert_eq!(code, 1);
    assert!(told.contains("cannot be resumed as it began"), "{told}");
    assert!(told.contains("mask_share was 0.15 and is 0.2, seed was 42 and is 7"), "{told}");
    assert!(told.contains("try: undo that, or add `--force`"), "{told}");
    assert_eq!(recipe(&run).seed, 42);
    // A value out of bounds is refused as at the beginning.
    let (code, told) = case.resume("run", &["--micro-batch", "0"]);
    assert!(code != 0 && told.contains("micro"), "{told}");
    let changed = PretrainRecipe { micro_batch: MicroBatchSize::Windows(8), ..recipe(&run) };
    std::fs::write(case.path("changed.toml"), changed.to_toml()).unwrap();
    let (code, told) = case.resume("run", &["--recipe", "changed.toml", "--eval-batch-size", "4"]);
    assert!(code == 0 && !told.contains("warning"), "{told}");
    assert!(told.contains("training on 8 texts at once, evaluating 4 texts at once"), "{told}");
    let fit = Fit::read(&Layout::new(&run)).unwrap();
    assert_eq!((fit.micro_batch, fit.eval_batch), (8, 4));
    assert_eq!(recipe(&run), PretrainRecipe { eval_batch_size: 4, ..changed });
}

#[test]
fn a_complete_run_goes_on_only_if_what_ended_it_changes() {
    let case = Case::new();
    let run = case.begin("run", false, &[]);
    let (code, told) = case.resume("run", &[]);
    assert!(code == 1 && told.contains("is complete, all 6 updates are made"), "{told}");
    // The learning rate has reached 0 with the last update: more of them are another run.
    let (code, told) = case.resume("run", &["--max-steps", "8"]);
    assert!(code == 1 && told.contains("max_steps was 6 and is 8"), "{told}");
    let (code, told) = case.resume("run", &["--max-steps", "8", "--force"]);
    assert!(code == 0 && told.contains("going on although max_steps was 6 and is 8"), "{told}");
    let (code, told) = case.resume("run", &[]);
    assert!(code == 1 && told.contains("all 8 updates are made"), "{told}");
    // Another corpus is not taken for the run's.
    std::fs::write(case.path("other.txt"), "Quite another text, which the run has never seen.").unwrap();
    let (code, told) = case.resume("run", &["--max-steps", "9", "--corpus", "other.txt"]);
    assert!(code == 1 && told.contains("the corpus has changed (") && told.contains("other.txt"), "{told}");
    assert_eq!(recipe(&run).max_steps, Some(8));
}

#[test]
fn a_run_is_begun_from_a_recipe_file() {
    let case = Case::new();
    let asked = PretrainRecipe { seed: 7, mask_share: 0.3, ..PretrainRecipe::default() };
    std::fs::write(case.path("mine.toml"), asked.to_toml()).unwrap();
    let run = case.begin("run", true, &["--recipe", "mine.toml"]);
    let found = recipe(&run);
    assert_eq!((found.seed, found.mask_share, found.max_steps), (7, 0.3, Some(6)));
    // A run's record is one too.
    let record = Layout::new(&run).pretraining();
    let second = case.begin("second", true, &["--recipe", record.to_str().unwrap(), "--seed", "8"]);
    assert_eq!(recipe(&second), PretrainRecipe { seed: 8, ..found });
    // One of fine-tuning is not.
    std::fs::write(case.path("tuning.toml"), Recipe::default().to_toml()).unwrap();
    let (code, told) = case.spanbert(&[
        "pretrain",
        "--corpus",
        "corpus.json",
        "--config",
        "tiny.json",
        "--train-vocab",
        "600",
        "--recipe",
        "tuning.toml",
        "--output-dir",
        "none",
    ]);
    assert!(code == 1 && told.contains("tuning.toml, line ") && told.contains("is not a recipe"), "{told}");
    assert!(told.contains("look up names and values in `spanbert pretrain --help`"), "{told}");
    assert!(!case.path("none").exists());
}
