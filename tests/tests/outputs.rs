//! Nothing stale, nothing clobbered: output folders and files through the command line. And failures of all kinds end in a
//! line of cause and a line of remedy.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{fs, path::PathBuf, process::Output};

use assert_cmd::Command;
use spanbert_tests::demo::demo;
use tempfile::TempDir;

const ANSWERABLE: &str = r#"{"data": [{"title": "t", "paragraphs": [{"context": "Marra built the mill of Kelford.",
    "qas": [{"id": "a", "question": "Who built the mill?", "answers": [{"text": "Marra", "answer_start": 0}]}]}]}]}"#;
const WITH_IMPOSSIBLE: &str = r#"{"version": "v2.0", "data": [{"title": "t", "paragraphs": [{"context":
    "Marra built the mill of Kelford.", "qas": [
    {"id": "a", "question": "Who built the mill?", "is_impossible": false, "answers": [{"text": "Marra", "answer_start": 0}]},
    {"id": "b", "question": "Who sank the mill?", "is_impossible": true, "answers": []}]}]}]}"#;

struct Place(TempDir);

impl Place {
    /// A folder with a data set of either version, `one.json` and `two.json`.
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::write(place.path("one.json"), ANSWERABLE).unwrap();
        fs::write(place.path("two.json"), WITH_IMPOSSIBLE).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, arguments: &str) -> (Output, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spanbert_cli"));
        command.env("XDG_CACHE_HOME", demo().join("cache")).current_dir(self.0.path());
        let model = demo().join("model").display().to_string();
        let output = command.args(arguments.split(' ').map(|word| word.replace("MODEL", &model)));
        let output = output.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output, said)
    }

    fn succeeds(&self, arguments: &str) -> String {
        let (output, said) = self.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments}: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn refused(&self, arguments: &str, expected: &str) {
        let (output, said) = self.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments}: {said}");
        assert!(said.contains(expected), "{arguments}: {said}");
        let remedy = said.lines().find_map(|line| line.strip_prefix("  try: ")).unwrap_or_default();
        assert!(spanbert_core::advice::is_remedy(remedy), "{arguments}: {said}");
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let names = fs::read_dir(self.path(folder)).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> =
            names.map(|name| name.into_string().unwrap()).filter(|name| !name.starts_with('.')).collect();
        names.sort();
        names
    }
}

const ANSWERS: [&str; 3] = ["nbest_predictions.json", "null_odds.json", "predictions.json"];

#[test]
fn a_folder_holds_what_the_last_call_wrote() {
    let place = Place::new();
    for command in ["predict", "evaluate"] {
        let call = |data: &str, version: &str| {
            place.succeeds(&format!(
                "{command} --model MODEL --data {data} --squad-version {version} --output-dir {command} --backend cpu"
            ));
        };
        call("two.json", "2.0");
        assert!(place.names(command).contains(&"null_odds.json".to_owned()));
        fs::write(place.path(command).join("notes.txt"), "mine").unwrap();
        call("one.json", "1.1");
        let names = place.names(command);
        assert!(!names.contains(&"null_odds.json".to_owned()), "{names:?}");
        assert!(names.contains(&"notes.txt".to_owned()), "{names:?}");
        let predictions = fs::read_to_string(place.path(command).join("predictions.json")).unwrap();
        assert!(predictions.contains("\"a\"") && !predictions.contains("\"b\""), "{predictions}");
    }
}

#[test]
fn what_is_not_the_command_s_own_is_refused() {
    let place = Place::new();
    let predict = "predict --model MODEL --data two.json --squad-version 2.0 --backend cpu --output-dir";
    let evaluate = "evaluate --model MODEL --data two.json --squad-version 2.0 --backend cpu --output-dir";
    place.succeeds(&format!("{predict} answers"));
    assert_eq!(place.names("answers"), ANSWERS);
    let before = fs::read(place.path("answers/predictions.json")).unwrap();
    place.refused(&format!("{evaluate} answers"), "holds the output of `spanbert predict`");
    assert_eq!(place.names("answers"), ANSWERS);
    assert_eq!(fs::read(place.path("answers/predictions.json")).unwrap(), before);
    place.succeeds(&format!("{evaluate} answers --overwrite"));
    place.refused(&format!("{predict} answers"), "holds the output of `spanbert evaluate`");
    place.succeeds(&format!("{predict} answers --overwrite"));
    // records.jsonl and results.json were the evaluation's.
    assert_eq!(place.names("answers"), ANSWERS);

    for (file, expected) in [
        ("recipe.toml", "holds a run (recipe.toml)"),
        ("model.safetensors", "holds a checkpoint (model.safetensors)"),
        ("predictions.json", "holds a file that `spanbert predict` would replace (predictions.json)"),
    ] {
        let folder = format!("of-{file}");
        fs::create_dir(place.path(&folder)).unwrap();
        fs::write(place.path(&folder).join(file), "mine").unwrap();
        place.refused(&format!("{predict} {folder}"), expected);
        assert_eq!(place.names(&folder), [file]);
        assert_eq!(fs::read(place.path(&folder).join(file)).unwrap(), b"mine");
    }
}

#[test]
fn an_export_replaces_no_weights_unasked_and_never_its_source() {
    let place = Place::new();
    place.succeeds("export MODEL --output-dir out --dtype fp16");
    place.refused("export MODEL --output-dir out", "holds a checkpoint (config.json)");
    fs::write(place.path("out/pytorch_model.bin"), "older").unwrap();
    fs::write(place.path("out/notes.txt"), "mine").unwrap();
    place.succeeds("export MODEL --output-dir out --overwrite");
    let names = place.names("out");
    assert!(!names.contains(&"pytorch_model.bin".to_owned()), "{names:?}");
    assert!(names.contains(&"notes.txt".to_owned()), "{names:?}");
    place.refused("export out --output-dir out --overwrite", "out is the checkpoint itself");
    #[cfg(unix)]
    {
        fs::create_dir(place.path("linked")).unwrap();
        let source = place.path("out/model.safetensors");
        std::os::unix::fs::symlink(&source, place.path("linked/model.safetensors")).unwrap();
        let before = fs::read(&source).unwrap();
        place.refused(
            "export out --output-dir linked --dtype fp16 --overwrite",
            "a file of the checkpoint itself",
        );
        assert_eq!(fs::read(&source).unwrap(), before);
    }
}

#[test]
fn files_written_by_hand_into_demo_s_folder_are_kept() {
    let place = Place::new();
    fs::create_dir(place.path("d")).unwrap();
    fs::write(place.path("d/train.json"), "mine").unwrap();
    place.refused("demo --write-files d --passages 2", "would replace (train.json)");
    assert_eq!(fs::read(place.path("d/train.json")).unwrap(), b"mine");
}

#[cfg(unix)]
#[test]
fn a_page_goes_through_links_and_into_devices() {
    use std::os::unix::fs::{FileTypeExt, symlink};

    let place = Place::new();
    fs::write(place.path("p.json"), r#"{"a": "Marra", "b": ""}"#).unwrap();
    let page = "breakdown --data two.json --predictions p.json --html";
    fs::create_dir(place.path("pages")).unwrap();
    fs::write(place.path("pages/page.html"), "old").unwrap();
    symlink("pages/page.html", place.path("link.html")).unwrap();
    place.succeeds(&format!("{page} link.html"));
    assert!(fs::symlink_metadata(place.path("link.html")).unwrap().is_symlink());
    let written = fs::read_to_string(place.path("pages/page.html")).unwrap();
    assert!(written.starts_with("<!"), "{}", &written[..40]);

    // As /dev/stdout is, but in a folder of the test: whatever goes wrong, the system's own stays. Standard output is this
    // test's pipe; the page comes before the tables.
    #[cfg(target_os = "linux")]
    {
        symlink("/proc/self/fd/1", place.path("stdout")).unwrap();
        let out = place.succeeds(&format!("{page} stdout"));
        assert!(out.starts_with(written.trim_end()), "{out}");
        assert!(fs::symlink_metadata(place.path("stdout")).unwrap().is_symlink());
    }

    // Never the system's own: a device like /dev/full in a folder of the test.
    let full = place.path("full");
    let made = std::process::Command::new("mknod").arg(&full).args(["c", "1", "7"]).output().unwrap();
    if made.status.success() && fs::File::options().append(true).open(&full).is_ok() {
        place.refused(&format!("{page} full"), "cannot write full: the disk is full");
        assert!(fs::symlink_metadata(&full).unwrap().file_type().is_char_device());
    } else {
        println!("skipped: no device can be made here");
    }

    place.refused(&format!("{page} p.json"), "p.json is read by this command");
    assert!(fs::read_to_string(place.path("p.json")).unwrap().contains("Marra"));
    place.refused(&format!("{page} none/page.html"), "its folder does not exist");
    place.refused(&format!("{page} pages"), "there is a folder of that name");
}

#[test]
fn a_page_replaces_nothing_that_it_is_made_of() {
    let place = Place::new();
    place.succeeds("evaluate --backend cpu --model MODEL --data two.json --output-dir one");
    place.succeeds("evaluate --backend cpu --model MODEL --data two.json --output-dir other");
    let before = place.names("one");
    for page in ["one/results.json", "one/records.jsonl", "one/nbest_predictions.json", "two.json"] {
        place.refused(&format!("breakdown one --html {page}"), "is read by this command");
    }
    place.refused("breakdown one --compare other --html other/records.jsonl", "is read by this command");
    place.succeeds("breakdown one --html one/page.html");
    let mut after = before;
    after.push("page.html".to_owned());
    after.sort();
    assert_eq!(place.names("one"), after);
    assert_eq!(fs::read_to_string(place.path("two.json")).unwrap(), WITH_IMPOSSIBLE);
}

/// `refused` checks the form of each remedy.
#[test]
fn every_failure_says_what_to_do() {
    let place = Place::new();
    for (name, text) in [
        ("cut.json", "{\"data\": [{\"par"),
        ("list.json", "[1, 2]"),
        ("p.json", r#"{"a": "Marra"}"#),
        ("empty.json", "\n"),
        ("bad.json", r#"{"a": 5}"#),
        ("recipe.toml", "train_batch_size = 0\n"),
        ("q.toml", "x = 3\n"),
    ] {
        fs::write(place.path(name), text).unwrap();
    }
    for (arguments, expected) in [
        ("score --data none.json --predictions p.json", "none.json"),
        ("score --data cut.json --predictions p.json", "cut.json"),
        ("score --data list.json --predictions p.json", "list.json"),
        ("score --data two.json --predictions p.json", "no prediction for 1 of 2 questions"),
        ("score --data two.json --predictions bad.json", "bad.json"),
        ("breakdown --data two.json --predictions p.json --slices q.toml", "the slice x is not a text"),
        ("breakdown --data two.json --predictions p.json --slice length", "length"),
        ("inspect none", "none"),
        ("export none --output-dir out", "none"),
        ("predict --model none --data two.json --output-dir out", "none"),
        ("evaluate --model MODEL --data two.json --max-seq-length 9 --backend cpu", "max_seq_length"),
        ("evaluate --model MODEL --data none.json", "none.json"),
        (
            "train --model MODEL --train-file two.json --recipe recipe.toml --learning-rate 1e-3 --output-dir run",
            "train_batch_size",
        ),
        (
            "train --model MODEL --train-file two.json --learning-rate 1e-3 --allow-skipped 2 --output-dir run",
            "allow_skipped is 2",
        ),
        ("predict --model MODEL --data two.json --output-dir p.json", "there is a file of that name"),
        ("evaluate --model MODEL --data .", "a directory"),
        ("score --data two.json --predictions empty.json", "the file is empty"),
        ("score --data empty.json --predictions p.json", "the file is empty"),
        ("train --resume none", "none"),
        ("runs show none", "none"),
        ("postprocess --data two.json --logits none.npy --model MODEL", "none.npy"),
    ] {
        place.refused(arguments, expected);
    }
}
