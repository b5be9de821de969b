//! `spanbert predict` in parts and from a pipe, as users run it.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::channel,
    time::Duration,
};

use serde_json::{Value, json};
use spanbert_core::demo::{self, generate::GeneratorOptions};

const ANSWERS: [&str; 3] = ["predictions.json", "nbest_predictions.json", "null_odds.json"];
/// Short windows, so that contexts have several and batches differ in length.
const SETTINGS: &str = "--squad-version 2.0 --max-seq-length 48 --doc-stride 16 --max-query-length 16 --eval-batch-size 5 --backend cpu";

struct Case {
    folder: tempfile::TempDir,
}

impl Case {
    /// A model, and questions about so many passages.
    fn new(passages: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = GeneratorOptions { passages, ..demo::DEV };
        let data = demo::squad_json("dev", &options).unwrap();
        let case = Self { folder };
        fs::write(case.path("dev.json"), data).unwrap();
        demo::write(&case.path("demo")).unwrap();
        let model = fs::read_dir(case.path("demo")).unwrap().map(|entry| entry.unwrap().path());
        let model = model.into_iter().find(|path| path.join("config.json").is_file()).unwrap();
        fs::rename(model, case.path("model")).unwrap();
        case
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spanbert_cli"));
        command.current_dir(self.folder.path()).env("XDG_CACHE_HOME", self.path("cache"));
        command.arg("predict").args(arguments.split_whitespace());
        command
    }

    /// Exit code, standard output and standard error.
    fn run(&self, arguments: &str) -> (i32, String, String) {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn shard(&self, shard: &str, more: &str) -> (i32, String, String) {
        let common = format!("--model model --data dev.json --output-dir all --shard {shard} {SETTINGS}");
        self.run(&format!("{common} {more}"))
    }

    fn shards(&self, count: usize) {
        for index in 1..=count {
            let (code, _, errors) = self.shard(&format!("{index}/{count}"), "");
            assert_eq!(code, 0, "{errors}");
        }
    }

    /// What keeps the shards from being merged.
    fn refusal(&self) -> String {
        let (code, told, errors) = self.run("--merge all");
        assert!(code == 1 && told.is_empty(), "{told}{errors}");
        assert!(!self.path("all/predictions.json").exists());
        errors
    }
}

fn same_files(a: &Path, b: &Path) {
    for name in ANSWERS {
        assert!(fs::read(a.join(name)).unwrap() == fs::read(b.join(name)).unwrap(), "{name} differs");
    }
}

#[test]
fn shards_put_together_are_what_one_process_writes() {
    let case = Case::new(20);
    let (code, _, errors) = case.run(&format!("--model model --data dev.json --output-dir one {SETTINGS}"));
    assert_eq!(code, 0, "{errors}");
    // More shards than a machine has, and more than there are paragraphs.
    for count in [1, 3, 23] {
        case.shards(count);
        let (code, told, errors) = case.run("--merge all --output-dir merged --json");
        assert_eq!(code, 0, "{errors}");
        let told: Value = serde_json::from_str(&told).unwrap();
        let questions: Value =
            serde_json::from_slice(&fs::read(case.path("one/predictions.json")).unwrap()).unwrap();
        assert_eq!(told["questions"], questions.as_object().unwrap().len());
        assert_eq!(told["shards"], count);
        same_files(&case.path("one"), &case.path("merged"));
        fs::remove_dir_all(case.path("all")).unwrap();
    }
}

#[test]
fn a_finished_shard_is_not_done_again_and_a_killed_one_is() {
    let case = Case::new(120);
    let mut child = case
        .command(&format!("--model model --data dev.json --output-dir all --shard 2/2 {SETTINGS}"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !case.path("all/shard-2-of-2").exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended too soon");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(case.refusal().contains("all holds no finished shard"));
    let (code, told, _) = case.shard("1/2", "");
    assert!(code == 0 && told.starts_with("shard 1/2: answered "), "{told}");
    let told = case.refusal();
    assert!(told.contains("1 of 2 shards in all are missing or unfinished: 2"), "{told}");
    assert!(told.contains("try: run them, such as the first with `spanbert predict --shard 2/2`"), "{told}");
    let (code, told, errors) = case.shard("2/2", "");
    assert!(code == 0 && told.starts_with("shard 2/2: answered "), "{told}{errors}");
    // The model is not even opened.
    let (code, told, errors) = case.shard("2/2", "");
    assert!(code == 0 && told.starts_with("shard 2/2 was finished before: answered "), "{told}");
    assert_eq!(errors, "");
    let (_, told, _) = case.shard("2/2", "--json");
    assert_eq!(serde_json::from_str::<Value>(&told).unwrap()["was_finished"], true);
    let (code, told, _) = case.shard("2/2", "--overwrite");
    assert!(code == 0 && told.starts_with("shard 2/2: answered "), "{told}");
    let (code, _, errors) = case.shard("2/2", "--n-best-size 3");
    assert!(
        code == 1 && errors.contains("shard-2-of-2 was made with --n-best-size unset, not 3"),
        "{errors}"
    );
    assert!(errors.contains("choose another --output-dir, or add --overwrite"), "{errors}");
    let (code, _, errors) = case.run("--merge all");
    assert_eq!(code, 0, "{errors}");
    assert!(case.path("all/predictions.json").is_file());
}

#[test]
fn a_damaged_shard_is_made_again_and_a_failed_attempt_leaves_the_old_one() {
    let case = Case::new(8);
    case.shards(2);
    fs::remove_file(case.path("all/shard-2-of-2/predictions.json")).unwrap();
    let told = case.refusal();
    assert!(
        told.contains("predictions.json: it is missing") && told.contains("run that shard again"),
        "{told}"
    );
    for damage in ["predictions.json", "shard.json"] {
        fs::write(case.path("all/shard-2-of-2").join(damage), "{").unwrap();
        let (code, told, errors) = case.shard("2/2", "");
        assert!(code == 0 && told.starts_with("shard 2/2: answered "), "{told}{errors}");
    }
    let questions = fs::read(case.path("dev.json")).unwrap();
    fs::write(case.path("dev.json"), "[").unwrap();
    assert_eq!(case.shard("1/2", "--overwrite").0, 1);
    fs::write(case.path("dev.json"), questions).unwrap();
    let (code, told, _) = case.shard("1/2", "");
    assert!(code == 0 && told.starts_with("shard 1/2 was finished before"), "{told}");
}

#[test]
fn shards_are_not_written_over_by_what_is_merged() {
    let case = Case::new(8);
    case.shards(2);
    let (code, _, errors) = case.run("--merge all --output-dir all/shard-1-of-2");
    assert!(code == 1 && errors.contains("all/shard-1-of-2 is a finished shard"), "{errors}");
    let (code, _, errors) = case.run("--merge all --threshold 9");
    assert!(code == 1 && errors.contains("--threshold has no effect on shards"), "{errors}");
    // An array that was run again for one of its tasks, with the number of tasks taken from it.
    assert_eq!(case.shard("1/1", "").0, 0);
    let told = case.refusal();
    assert!(told.contains("holds shards of different numbers of parts: 1 of I/1, 2 of I/2"), "{told}");
}

#[test]
fn shards_that_do_not_belong_together_are_named() {
    let case = Case::new(8);
    case.shards(2);
    // Made with other settings.
    assert_eq!(case.shard("2/2", "--overwrite --n-best-size 3").0, 0);
    let told = case.refusal();
    assert!(
        told.contains("shard-2-of-2 was made with --n-best-size 3, not unset, as in all/shard-1-of-2"),
        "{told}"
    );
    // With another threshold the model is another one.
    fs::write(case.path("model/spanbert.json"), "{\"threshold\": -1.0}").unwrap();
    assert_eq!(case.shard("2/2", "--overwrite").0, 0);
    assert!(case.refusal().contains("shard-2-of-2 was made with another model"));
    let (code, _, errors) = case.shard("1/2", "");
    assert!(code == 1 && errors.contains("shard-1-of-2 was made with another model"), "{errors}");
    assert_eq!(case.shard("1/2", "--overwrite").0, 0);
    // Of other data.
    let text = fs::read_to_string(case.path("dev.json")).unwrap();
    fs::write(case.path("dev.json"), format!("{text}\n")).unwrap();
    assert_eq!(case.shard("2/2", "--overwrite").0, 0);
    assert!(case.refusal().contains("shard-2-of-2 was made with other data"));
    assert_eq!(case.shard("1/2", "--overwrite").0, 0);
    // There twice.
    fs::create_dir(case.path("all/copy")).unwrap();
    for entry in fs::read_dir(case.path("all/shard-1-of-2")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, case.path("all/copy").join(path.file_name().unwrap())).unwrap();
    }
    let told = case.refusal();
    assert!(told.contains("all/copy and all/shard-1-of-2 are both shard 1/2"), "{told}");
    fs::remove_dir_all(case.path("all/copy")).unwrap();
    // Divided in another way.
    assert_eq!(case.shard("1/3", "").0, 0);
    assert!(case.refusal().contains("shards of different numbers of parts"), "{}", case.refusal());
    fs::remove_dir_all(case.path("all/shard-1-of-3")).unwrap();
    // Not as it was written.
    let path = case.path("all/shard-2-of-2/nbest_predictions.json");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let told = case.refusal();
    assert!(told.contains("nbest_predictions.json: it is not what was written"), "{told}");
    fs::write(&path, &bytes).unwrap();
    assert_eq!(case.run("--merge all").0, 0);
}

#[test]
fn shards_are_counted_from_one_and_need_a_file() {
    let case = Case::new(4);
    for (shard, part) in [
        ("0/8", "shards are counted from 1, so the first is 1/8 and the last 8/8"),
        ("9/8", "the last of 8 is 8/8"),
        ("1/0", "the whole is one shard: 1/1"),
        ("3", "a shard is written 3/8: the third of eight"),
    ] {
        let (code, _, errors) = case.shard(shard, "");
        assert!(code == 2 && errors.contains(part), "{errors}");
    }
    let (code, _, errors) = case.run("--model model --data - --output-dir all --shard 1/2");
    assert!(code == 1 && errors.contains("which a pipe gives only once"), "{errors}");
    let (code, _, errors) = case.run("--model model --data gone.json --output-dir all --shard 1/2");
    assert!(code == 1 && errors.contains("gone.json") && errors.contains("name a file"), "{errors}");
    let (code, _, errors) = case.run("--merge nothing");
    assert!(code == 1 && errors.contains("nothing: cannot be read"), "{errors}");
}

/// The questions of the data as lines, and their ids.
fn lines(case: &Case) -> Vec<(String, String)> {
    let data: Value = serde_json::from_slice(&fs::read(case.path("dev.json")).unwrap()).unwrap();
    let mut lines = Vec::new();
    for article in data["data"].as_array().unwrap() {
        for paragraph in article["paragraphs"].as_array().unwrap() {
            for question in paragraph["qas"].as_array().unwrap() {
                let line = json!({
                    "id": question["id"], "question": question["question"], "context": paragraph["context"],
                });
                lines.push((question["id"].as_str().unwrap().to_owned(), line.to_string()));
            }
        }
    }
    lines
}

fn pipe(case: &Case, more: &str) -> Child {
    let mut command = case.command(&format!("--model model --lines {SETTINGS} {more}"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// All output for an input; the exit code is 0.
fn piped(case: &Case, input: &str, more: &str) -> (String, String) {
    let mut child = pipe(case, more);
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn lines_are_answered_in_order_and_as_a_file_is() {
    let case = Case::new(8);
    let lines = lines(&case);
    let input: String = lines.iter().map(|(_, line)| format!("{line}\n")).collect();
    let (told, _) = piped(&case, &input, "--pad-to-max-length");
    let (code, _, errors) =
        case.run(&format!("--model model --data dev.json --output-dir one {SETTINGS} --pad-to-max-length"));
    assert_eq!(code, 0, "{errors}");
    let read = |name: &str| -> Value {
        serde_json::from_slice(&fs::read(case.path("one").join(name)).unwrap()).unwrap()
    };
    let (answers, odds) = (read("predictions.json"), read("null_odds.json"));
    let told: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told.len(), lines.len());
    for ((id, _), told) in lines.iter().zip(&told) {
        let answer = answers[id].as_str().filter(|answer| !answer.is_empty());
        assert_eq!((told["id"].as_str(), told["answer"].as_str()), (Some(id.as_str()), answer));
        assert_eq!(told["score_diff"].as_f64(), odds[id].as_f64());
        assert!(told["probability"].as_f64().is_some_and(|share| (0.0..=1.0).contains(&share)));
    }
    assert!(told.iter().any(|told| told["answer"].is_string()));
}

#[test]
fn an_answer_does_not_depend_on_what_else_is_asked() {
    let case = Case::new(4);
    let lines = lines(&case);
    let input: String = lines.iter().map(|(_, line)| format!("{line}\n")).collect();
    let (together, _) = piped(&case, &input, "");
    // One after the other: each answer is written while the input stays open.
    let mut child = pipe(&case, "");
    let (mut stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (sender, answers) = channel();
    std::thread::spawn(move || {
        BufReader::new(stdout).lines().try_for_each(|line| sender.send(line.unwrap()))
    });
    let mut alone = String::new();
    for (_, line) in lines.iter().rev() {
        writeln!(stdin, "{line}").unwrap();
        let answer = answers.recv_timeout(Duration::from_secs(60)).expect("it waits for more");
        alone = format!("{answer}\n{alone}");
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
    assert_eq!(alone, together);
}

#[test]
fn bad_lines_become_errors_in_their_places() {
    let case = Case::new(4);
    let (_, good) = lines(&case).remove(0);
    let input = format!("{good}\nWho?\n\n{{\"id\": 7, \"question\": \"Who?\"}}\n{good}\n\"\u{fffd}");
    let (told, errors) = piped(&case, &input, "");
    let told: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told.len(), 5);
    assert_eq!(told[0], told[3]);
    assert_eq!(told[1], json!({"line": 2, "error": "not JSON: expected value"}));
    assert_eq!((&told[2]["id"], &told[2]["line"]), (&json!(7), &json!(4)));
    assert_eq!(told[4]["line"], 6);
    assert!(errors.contains("3 of 5 lines could not be answered"), "{errors}");
    let mut child =
        case.command("--model model --lines").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"Who?\nWhat?\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    // A passage without a word has no answer.
    let (told, _) = piped(&case, "{\"question\": \"Who?\", \"context\": \" \"}\n", "");
    assert_eq!(serde_json::from_str::<Value>(&told).unwrap()["answer"], Value::Null);
    assert_eq!(piped(&case, "", "").0, "");
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let case = Case::new(8);
    let mut child = pipe(&case, "");
    let mut stdin = child.stdin.take().unwrap();
    let input: String = lines(&case).iter().map(|(_, line)| format!("{line}\n")).collect();
    let writer = std::thread::spawn(move || {
        // Until nobody reads any more.
        while stdin.write_all(input.as_bytes()).is_ok() {}
    });
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert!(line.starts_with("{\"id\":"), "{line}");
    drop(stdout);
    let mut errors = String::new();
    child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{errors}");
    assert!(!errors.contains("error"), "{errors}");
    writer.join().unwrap();
}
