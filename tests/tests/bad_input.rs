//! Every kind of bad input ends with one line of cause that names file and place, one line of remedy, exit code 1,
//! and nothing written over anything.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use assert_cmd::Command;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder of its own with the demo model and a small SQuAD file.
struct Workplace {
    folder: TempDir,
}

impl Workplace {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        spanbert_core::demo::write(folder.path()).unwrap();
        fs::write(folder.path().join("good.json"), squad(&good()).to_string()).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the program in the folder; it must fail as promised and name everything in `expected`.
    fn fails(&self, arguments: &[&str], expected: &[&str]) {
        let before = self.contents();
        let mut command = Command::new(env!("CARGO_BIN_EXE_spanbert_cli"));
        let output = command
            .current_dir(self.folder.path())
            .env("XDG_CACHE_HOME", self.folder.path().parent().unwrap().join("spanbert-test-cache"))
            .args(arguments)
            .write_stdin("")
            .output()
            .unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {errors}");
        let lines: Vec<&str> = errors.lines().collect();
        let cause = lines.iter().position(|line| line.starts_with("error: "));
        let cause = cause.unwrap_or_else(|| panic!("{arguments:?} gives no cause: {errors}"));
        let rest = &lines[cause + 1..];
        assert!(rest.len() == 1 && rest[0].starts_with("  try: "), "{arguments:?}: {errors}");
        assert!(rest[0].len() > "  try: ".len() + 5, "{errors}");
        for text in expected {
            assert!(lines[cause].contains(text), "{arguments:?}: {text:?} is not in {errors}");
        }
        assert!(!errors.contains("panicked"), "{errors}");
        assert!(output.stdout.is_empty(), "{arguments:?} printed results");
        assert_eq!(before, self.contents(), "{arguments:?} changed files");
    }

    fn train_fails(&self, flags: &[&str], expected: &[&str]) {
        let base = ["train", "--backend", "cpu", "--preset", "demo", "--output-dir", "run"];
        let model = ["--model", "model"];
        let model = if flags.contains(&"--model") { &[][..] } else { &model };
        self.fails(&[&base[..], model, flags].concat(), expected);
    }

    /// Every file's content by path.
    fn contents(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut contents = BTreeMap::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    contents.insert(path.clone(), fs::read(&path).unwrap());
                }
            }
        }
        contents
    }
}

/// A faultless question.
fn good() -> Value {
    json!({
        "context": "Gorna was born in Albeck. Olzi keeps 12 goats.",
        "qas": [{
            "id": "q1", "question": "Where was Gorna born?", "is_impossible": false,
            "answers": [{"text": "Albeck", "answer_start": 18}]
        }]
    })
}

fn squad(paragraph: &Value) -> Value {
    json!({"version": "v2.0", "data": [{"title": "Islands", "paragraphs": [paragraph]}]})
}

#[test]
fn damaged_data_is_named_with_its_place() {
    let place = Workplace::new();
    let mut cases: Vec<(&str, String, Vec<&str>)> = vec![
        ("cut.json", squad(&good()).to_string()[..60].to_owned(), vec!["cut.json", "line 1"]),
        ("empty.json", String::new(), vec!["empty.json", "the file is empty"]),
        ("page.json", "<html>not found</html>".to_owned(), vec!["page.json", "a web page"]),
        ("list.json", "[]".to_owned(), vec!["list.json", "no questions"]),
        ("none.json", json!({"data": []}).to_string(), vec!["none.json", "no questions"]),
        (
            "odd.json",
            json!({"data": [{"text": "t"}]}).to_string(),
            vec!["odd.json", "data[0]", "\"paragraphs\""],
        ),
    ];
    let mut broken = |name: &'static str, change: &dyn Fn(&mut Value), expected: &[&'static str]| {
        let mut paragraph = good();
        change(&mut paragraph);
        cases.push((name, squad(&paragraph).to_string(), [&[name], expected].concat()));
    };
    let question = "data[0].paragraphs[0].qas[0]";
    broken("type.json", &|p| p["qas"][0]["question"] = json!(7), &[question, "found"]);
    broken("start.json", &|p| p["qas"][0]["answers"][0]["answer_start"] = json!([18]), &["answer_start"]);
    broken("missing.json", &|p| p["qas"][0]["id"] = json!(true), &[question]);
    broken("mark.json", &|p| p["qas"][0]["is_impossible"] = json!("no"), &[question, "true or false"]);
    for (name, content, _) in &cases {
        fs::write(place.path(name), content).unwrap();
    }
    for (name, _, expected) in &cases {
        place.train_fails(&["--train-file", name], expected);
        place.train_fails(&["--train-file", "good.json", "--dev-file", name], expected);
        place.fails(&["evaluate", "--backend", "cpu", "--model", "model", "--data", name], expected);
    }
    place.train_fails(&["--train-file", "nowhere.json"], &["nowhere.json", "cannot be read"]);
}

#[test]
fn a_flag_against_the_data_explains_itself() {
    let place = Workplace::new();
    let mut paragraph = good();
    paragraph["qas"][0].as_object_mut().unwrap().remove("is_impossible");
    fs::write(place.path("one.json"), squad(&paragraph).to_string()).unwrap();
    place.train_fails(
        &["--train-file", "one.json", "--version_2_with_negative"],
        &["--version-2-with-negative", "one.json", "1.1"],
    );
}

#[test]
fn predictions_must_fit_the_data() {
    let place = Workplace::new();
    let write = |name: &str, text: &str| fs::write(place.path(name), text).unwrap();
    write("cut.json", "{\"q1\": \"Alb");
    write("list.json", "[1]");
    write("numbers.json", "{\"q1\": 3}");
    write("other.json", "{\"q2\": \"Albeck\"}");
    write("fine.json", "{\"q1\": \"Albeck\"}");
    let score = |name, expected: &[&str]| {
        place.fails(&["score", "--data", "good.json", "--predictions", name], expected);
    };
    score("cut.json", &["cut.json", "line 1"]);
    score("list.json", &["list.json"]);
    score("numbers.json", &["numbers.json", "line 1"]);
    score("other.json", &["other.json", "none of the 1 predictions", "q2"]);
    score("nowhere.json", &["nowhere.json"]);
    place.fails(
        &["score", "--data", "good.json", "--predictions", "fine.json", "--null-odds", "other.json"],
        &["other.json"],
    );
}

#[test]
fn damaged_checkpoints_are_refused() {
    let place = Workplace::new();
    let copy = |name: &str| {
        let folder = place.path(name);
        fs::create_dir(&folder).unwrap();
        for entry in fs::read_dir(place.path("model")).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
        }
        folder
    };
    let weights = fs::read(place.path("model/model.safetensors")).unwrap();

    fs::write(copy("cut").join("model.safetensors"), &weights[..weights.len() / 2]).unwrap();
    let mut header = weights.clone();
    header[12] = b'!';
    fs::write(copy("garbled").join("model.safetensors"), header).unwrap();
    let only_pickle = |name: &str, bytes: &[u8]| {
        let folder = copy(name);
        fs::remove_file(folder.join("model.safetensors")).unwrap();
        fs::write(folder.join("pytorch_model.bin"), bytes).unwrap();
    };
    only_pickle("call", b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R.");
    only_pickle("noise", b"\x80\x02}q\x00X\xff\xff\xff\xff");
    only_pickle("pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4\n");
    let folder = copy("long");
    let vocab = fs::read_to_string(folder.join("vocab.txt")).unwrap();
    fs::write(folder.join("vocab.txt"), vocab + "more\npieces\n").unwrap();
    fs::remove_file(copy("bare").join("config.json")).unwrap();
    fs::remove_file(copy("weightless").join("model.safetensors")).unwrap();

    let cases: [(&str, &[&str]); 9] = [
        ("cut", &["cut", "model.safetensors"]),
        ("garbled", &["garbled", "model.safetensors"]),
        ("call", &["call", "pytorch_model.bin", "os.system"]),
        ("noise", &["noise", "pytorch_model.bin"]),
        ("pointer", &["pointer", "pytorch_model.bin"]),
        ("long", &["long", "vocab.txt", "1596"]),
        ("bare", &["bare", "config.json"]),
        ("weightless", &["weightless"]),
        ("nowhere", &["nowhere"]),
    ];
    for (name, expected) in cases {
        place.train_fails(&["--model", name, "--train-file", "good.json"], expected);
        let evaluate = ["evaluate", "--backend", "cpu", "--data", "good.json", "--model", name];
        place.fails(&evaluate, expected);
    }
}

#[test]
fn settings_must_fit_the_model() {
    let place = Workplace::new();
    let evaluate = ["evaluate", "--backend", "cpu", "--model", "model", "--data", "good.json"];
    let with = |flags: &[&str], expected: &[&str]| {
        place.fails(&[&evaluate[..], flags].concat(), expected);
        place.train_fails(&[&["--train-file", "good.json"], flags].concat(), expected);
    };
    with(&["--max_seq_length", "200"], &["max_seq_length", "200", "192"]);
    with(&["--doc_stride", "0"], &["doc_stride"]);
    with(&["--max_seq_length", "30"], &["max_seq_length", "30"]);
    with(&["--n_best_size", "0"], &["n_best_size"]);
    let train = |flags: &[&str], expected: &[&str]| {
        place.train_fails(&[&["--train-file", "good.json"], flags].concat(), expected);
    };
    train(&["--train_batch_size", "0"], &["train_batch_size"]);
    train(&["--gradient_accumulation_steps", "3"], &["gradient_accumulation_steps"]);
    train(&["--learning_rate", "nan"], &["learning_rate"]);
    // What is said depends on the machine: no CUDA in this build, no driver, or fewer GPUs.
    place.fails(&["evaluate", "--device", "cuda:77", "--model", "model", "--data", "good.json"], &[]);
}

#[test]
fn output_that_is_in_the_way_stays() {
    let place = Workplace::new();
    fs::create_dir(place.path("run")).unwrap();
    fs::write(place.path("run/events.jsonl"), "{\"time\":\"t\",\"event\":\"finished\"}\n").unwrap();
    place.train_fails(&["--train-file", "good.json"], &["run"]);
    fs::write(place.path("file"), "precious").unwrap();
    let evaluate = ["evaluate", "--backend", "cpu", "--model", "model", "--data", "good.json"];
    for folder in ["file", "file/below", "/proc/below"] {
        place.fails(&[&evaluate[..], &["--output-dir", folder]].concat(), &[folder]);
        let train = ["train", "--backend", "cpu", "--model", "model", "--train-file", "good.json"];
        place.fails(&[&train[..], &["--preset", "demo", "--output-dir", folder]].concat(), &[folder]);
    }
}

#[test]
fn asking_needs_a_question_and_a_passage() {
    let place = Workplace::new();
    fs::write(place.path("passage.txt"), "Gorna was born in Albeck.").unwrap();
    fs::write(place.path("empty.txt"), " \n").unwrap();
    fs::write(place.path("latin1.txt"), b"caf\xe9").unwrap();
    let ask = |passage: &str, question: &str, expected: &[&str]| {
        let flags = ["ask", "--backend", "cpu", "--model", "model", "--passage", passage, question];
        place.fails(&flags, expected);
    };
    ask("passage.txt", " ", &["question is empty"]);
    ask("empty.txt", "Who?", &["passage is empty"]);
    ask("nowhere.txt", "Who?", &["nowhere.txt"]);
    ask("latin1.txt", "Who?", &["latin1.txt"]);
    place.fails(&["ask", "--backend", "cpu", "--model", "model", "Who?"], &["passage is empty"]);
}

#[test]
fn a_path_is_taken_as_it_is() {
    let place = Workplace::new();
    place.fails(&["inspect", "no_such_folder"], &["no_such_folder"]);
    place.fails(&["runs", "show", "model"], &["model"]);
    assert!(Path::new(place.folder.path()).is_dir());
}
