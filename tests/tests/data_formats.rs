//! Question data as people have it, through the commands: every layout, and files with a few bad questions.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{fs, io::Write, path::PathBuf};

use assert_cmd::Command;
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder of its own with the demo's model.
struct Workplace {
    folder: TempDir,
}

/// What a command said.
struct Said {
    code: Option<i32>,
    out: String,
    errors: String,
}

impl Said {
    fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.errors);
        self
    }

    fn warnings(&self) -> Vec<&str> {
        self.errors.lines().filter_map(|line| line.strip_prefix("warning: ")).collect()
    }
}

impl Workplace {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        spanbert_core::demo::write(folder.path()).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    fn run_with(&self, arguments: &[&str], stdin: &[u8]) -> Said {
        let output = Command::new(env!("CARGO_BIN_EXE_spanbert_cli"))
            .current_dir(self.folder.path())
            .env("XDG_CACHE_HOME", self.folder.path().parent().unwrap().join("spanbert-test-cache"))
            .args(arguments)
            .write_stdin(stdin)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code(), out: text(output.stdout), errors: text(output.stderr) }
    }

    fn run(&self, arguments: &[&str]) -> Said {
        self.run_with(arguments, b"")
    }

    fn predict(&self, data: &str, stdin: &[u8]) -> Said {
        let flags =
            ["predict", "--backend", "cpu", "--model", "model", "--data", data, "--output-dir", "answers"];
        let _ = fs::remove_dir_all(self.path("answers"));
        self.run_with(&flags, stdin)
    }

    fn predictions(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(self.path("answers/predictions.json")).unwrap()).unwrap()
    }

    fn score(&self, data: &str, predictions: &str) -> Said {
        self.run(&["score", "--data", data, "--predictions", predictions, "--json"])
    }

    fn train(&self, data: &str, flags: &[&str]) -> Said {
        let _ = fs::remove_dir_all(self.path("run"));
        let base = ["train", "--backend", "cpu", "--preset", "demo", "--max-steps", "1", "--model", "model"];
        self.run(&[&base[..], &["--output-dir", "run", "--train-file", data], flags].concat())
    }
}

const CONTEXT: &str = "Marra built the mill of Kelford in 1842. Torik built the library of Kelford.";

fn squad(questions: &[Value]) -> String {
    json!({"data": [{"title": "t", "paragraphs": [{"context": CONTEXT, "qas": questions}]}]}).to_string()
}

fn question(id: Value, text: &str, answers: Value) -> Value {
    json!({"id": id, "question": text, "answers": answers})
}

fn mill(id: &str) -> Value {
    question(json!(id), "Who built the mill of Kelford?", json!([{"text": "Marra", "answer_start": 0}]))
}

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// [`mill`] and a question without an answer as rows.
fn rows() -> [Value; 2] {
    [
        json!({"id": "a", "title": "t", "context": CONTEXT, "question": "Who built the mill of Kelford?",
               "answers": {"text": ["Marra"], "answer_start": [0]}}),
        json!({"id": "b", "title": "t", "context": CONTEXT, "question": "Who built the church?",
               "answers": {"text": [], "answer_start": []}}),
    ]
}

#[test]
fn every_layout_is_answered_and_converted_alike() {
    let place = Workplace::new();
    let plain = squad(&[mill("a"), question(json!("b"), "Who built the church?", json!([]))]);
    let lines = rows().map(|row| format!("{row}\n")).concat();
    place.write("squad.json", &plain);
    place.write("squad.json.gz", packed(&plain));
    place.write("list.json", serde_json::from_str::<Value>(&plain).unwrap()["data"].to_string());
    place.write("rows.jsonl", &lines);
    place.write("packed", packed(&lines));
    place.write("rows.json", json!({"data": rows()}).to_string());
    place.write(
        "utf16.json",
        plain.encode_utf16().fold(vec![0xff, 0xfe], |mut bytes, unit| {
            bytes.extend(unit.to_le_bytes());
            bytes
        }),
    );
    place.predict("squad.json", b"").ok();
    let expected = place.predictions();
    assert_eq!(expected.as_object().unwrap().len(), 2);
    let whole = place.run(&["convert", "--data", "squad.json", "--output", "-"]).ok();
    for (name, format) in [
        ("squad.json.gz", None),
        ("utf16.json", None),
        ("list.json", Some("a list of SQuAD articles")),
        ("rows.jsonl", Some("Hugging Face rows")),
        ("packed", Some("Hugging Face rows")),
        ("rows.json", Some("Hugging Face rows")),
    ] {
        let said = place.predict(name, b"").ok();
        assert_eq!(place.predictions(), expected, "{name}");
        assert_eq!(said.warnings(), Vec::<&str>::new(), "{name}");
        let note = format.map(|format| format!("{name}: read as {format}: 2 questions, 1 without an answer"));
        let found = said.errors.lines().find(|line| line.contains("read as")).map(str::to_owned);
        assert_eq!(found, note);
        let converted = place.run(&["convert", "--data", name, "--output", "-"]).ok();
        assert_eq!(converted.out, whole.out, "{name}");
    }
    let said = place.predict("-", lines.as_bytes()).ok();
    assert_eq!(place.predictions(), expected);
    assert!(said.errors.contains("standard input: read as Hugging Face rows"), "{}", said.errors);
    let stdin = ["evaluate", "--backend", "cpu", "--model", "model", "--data", "-", "--output-dir", "e"];
    place.run_with(&stdin, &packed(&lines)).ok();
    assert!(place.path("e/results.json").is_file());
}

#[test]
fn a_page_of_the_dataset_server_is_answered_and_what_is_no_json_in_it_is_said() {
    let place = Workplace::new();
    let [first, second] = rows();
    let page = json!({"features": [], "rows": [{"row_idx": 0, "row": first, "truncated_cells": []},
        {"row_idx": 1, "row": second, "truncated_cells": []}], "num_rows_total": 9});
    place.write("page.json", page.to_string().replace("\"row_idx\":1", "\"row_idx\":NaN"));
    place.write("rows.json", json!(rows()).to_string());
    place.predict("rows.json", b"").ok();
    let expected = place.predictions();
    let said = place.predict("page.json", b"").ok();
    assert_eq!(place.predictions(), expected);
    assert_eq!(
        said.warnings(),
        [
            "page.json: a value is NaN or Infinity, which JSON does not have; read as null (\"row_idx\" on line 1)",
            "page.json: a page with 2 of the 9 rows of the data set",
        ]
    );
    let said = place.score("page.json", "answers/predictions.json").ok();
    assert_eq!(said.warnings().len(), 2, "{}", said.errors);
}

#[test]
fn conversion_writes_what_was_read_and_replaces_nothing() {
    let place = Workplace::new();
    let mrqa = format!(
        "{}\n{}\n",
        json!({"header": {"dataset": "SQuAD"}}),
        json!({"context": CONTEXT, "qas": [{"qid": "a", "question": "Who?", "answers": ["Marra", "Mara"],
               "detected_answers": [{"text": "Marra", "char_spans": [[0, 4]]}]}]})
    );
    place.write("mrqa.jsonl.gz", packed(&mrqa));
    let convert = |output: &str, flags: &[&str]| {
        place.run(&[&["convert", "--data", "mrqa.jsonl.gz", "--output", output], flags].concat())
    };
    convert("out.json", &[]).ok();
    let written: Value = serde_json::from_slice(&fs::read(place.path("out.json")).unwrap()).unwrap();
    let expected = json!({"version": "1.1", "data": [{"title": "", "paragraphs": [{"context": CONTEXT, "qas": [
        {"id": "a", "question": "Who?", "answers": [{"text": "Marra", "answer_start": 0}, {"text": "Mara"}]}]}]}]});
    assert_eq!(written, expected);
    let refused = convert("out.json", &[]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.errors.contains("out.json exists") && refused.errors.contains("--overwrite"));
    convert("out.json", &["--overwrite"]).ok();
    convert("out.json.gz", &[]).ok();
    assert!(fs::read(place.path("out.json.gz")).unwrap().starts_with(b"\x1f\x8b"));
    let again = place.run(&["convert", "--data", "out.json.gz", "--output", "-"]).ok();
    assert_eq!(serde_json::from_str::<Value>(&again.out).unwrap(), expected);
    // Questions without answers stay such, and those with one id all stay.
    let open = json!({"id": "a", "question": "Who?"});
    place.write("open.json", squad(&[open.clone(), open]));
    let said = place.run(&["convert", "--data", "open.json", "--output", "-"]).ok();
    let written: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(written["version"], "1.1");
    let questions = &written["data"][0]["paragraphs"][0]["qas"];
    assert_eq!(questions.as_array().unwrap().len(), 2);
    assert_eq!(questions[0], json!({"id": "a", "question": "Who?"}));
}

#[test]
fn what_is_no_question_data_is_refused_with_what_would_be() {
    let place = Workplace::new();
    place.write("t.parquet", b"PAR1\x15\x04\x15");
    place.write("t.csv", "id,context,question,answers\n1,c,q,a\n");
    place.write("page.html", "<!DOCTYPE html><html>");
    place.write("other.json", r#"{"data": [{"text": "t", "label": 1}]}"#);
    let plain = squad(&[mill("a")]);
    place.write("cut.json", &plain[..plain.len() - 9]);
    place.write("cut.jsonl", format!("{}\n{{\"id\": \"b", rows()[0]));
    let gz = packed(&plain);
    place.write("cut.json.gz", &gz[..gz.len() - 9]);
    for (name, cause, remedy) in [
        ("t.parquet", "a Parquet table", "to_json"),
        ("t.csv", "a CSV table", "to_json"),
        ("page.html", "a web page", "download the file itself"),
        ("other.json", "data[0]: expected a list as \"paragraphs\"", "\"answer_start\": [2]"),
        ("cut.json", "line 1, column ", "download was not complete"),
        ("cut.jsonl", "line 2, column ", "download was not complete"),
        ("cut.json.gz", "ends too early", "download"),
    ] {
        for command in ["score", "convert"] {
            let last = if command == "score" { ["--predictions", "x"] } else { ["--output", "x"] };
            let said = place.run(&[&[command, "--data", name], &last[..]].concat());
            assert_eq!(said.code, Some(1), "{name}");
            assert!(said.errors.contains(name) && said.errors.contains(cause), "{}", said.errors);
            assert!(said.errors.contains(remedy), "{}", said.errors);
        }
    }
    let said = place.train("-", &[]);
    assert!(said.code == Some(1) && said.errors.contains("standard input"), "{}", said.errors);
}

#[test]
fn scoring_reads_texts_only() {
    let place = Workplace::new();
    let start = |answer: Value| question(json!("a"), "Who?", json!([answer]));
    place.write("p.json", r#"{"a": "Marra"}"#);
    let mut scores = Vec::new();
    for answer in [
        json!({"text": "Marra", "answer_start": 0}),
        json!({"text": "Marra"}),
        json!({"text": "Marra", "answer_start": -1}),
        json!({"text": "Marra", "answer_start": "255"}),
        json!({"text": "Marra", "answer_start": 4000}),
        json!("Marra"),
    ] {
        place.write("d.json", squad(&[start(answer)]));
        let said = place.score("d.json", "p.json").ok();
        assert_eq!(said.warnings(), Vec::<&str>::new());
        scores.push(said.out);
    }
    assert!(scores[0].contains("100.0"));
    assert!(scores.iter().all(|found| *found == scores[0]));
}

#[test]
fn ids_that_are_odd_or_missing_serve_predict_and_score_alike() {
    let place = Workplace::new();
    let mut without = mill("x");
    without.as_object_mut().unwrap().remove("id");
    place.write("d.json", squad(&[without, question(json!(7), "Who built the library?", json!(["Torik"]))]));
    let said = place.predict("d.json", b"").ok();
    assert!(said.errors.contains("there is no id; one was made up"), "{}", said.errors);
    assert!(said.errors.contains("the id is a number"), "{}", said.errors);
    let said = place.score("d.json", "answers/predictions.json").ok();
    assert_eq!(serde_json::from_str::<Value>(&said.out).unwrap()["total"], 2);

    // The last question with an id counts, as in the official scorer.
    let torik =
        question(json!("a"), "Who built the library?", json!([{"text": "Torik", "answer_start": 41}]));
    place.write("twice.json", squad(&[mill("a"), torik]));
    place.write("p.json", r#"{"a": "Torik"}"#);
    let said = place.score("twice.json", "p.json").ok();
    let scores: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&scores["exact"], &scores["total"]), (&json!(100.0), &json!(1)));
    let places = ["qas[1]", "used before, at data[0].paragraphs[0].qas[0]", "the last counts"];
    assert!(places.iter().all(|place| said.errors.contains(place)), "{}", said.errors);
    place.predict("twice.json", b"").ok();
    assert_eq!(place.predictions().as_object().unwrap().len(), 1);
}

#[test]
fn bad_questions_are_warned_of_and_the_rest_is_evaluated() {
    let place = Workplace::new();
    let alias = |id: &str| question(json!(id), "Who?", json!([{"text": "yes", "answer_start": 0}]));
    let questions = [
        mill("a"),
        alias("b"),
        alias("c"),
        alias("d"),
        alias("e"),
        question(json!("f"), "  ", json!([])),
        question(json!("g"), "Who?", json!([{"text": "Marra", "answer_start": -1}])),
    ];
    let mut file: Value = serde_json::from_str(&squad(&questions)).unwrap();
    file["data"]
        .as_array_mut()
        .unwrap()
        .push(json!({"title": null, "paragraphs": [{"context": "", "qas": [mill("h")]}]}));
    place.write("d.json", file.to_string());
    let evaluate = ["evaluate", "--backend", "cpu", "--model", "model", "--data", "d.json"];
    let said = place.run(&evaluate).ok();
    let warnings = said.warnings();
    let warned =
        |text: &str| assert!(warnings.iter().any(|line| line.contains(text)), "{text}: {}", said.errors);
    warned(
        "4 answers do not occur in their contexts: data[0].paragraphs[0].qas[1] (article \"t\", question \"b\"), ",
    );
    warned("the question is empty");
    warned("has answer_start -1");
    warned("the context is empty");
    warned("title is null");
    assert_eq!(warnings.iter().filter(|line| line.contains("do not occur")).count(), 1, "{}", said.errors);
}

#[test]
fn training_leaves_out_what_cannot_be_learnt_lists_it_and_bounds_it() {
    let place = Workplace::new();
    let mut questions: Vec<Value> = (0..20).map(|index| mill(&format!("q{index}"))).collect();
    questions.push(question(json!("empty"), "Who?", json!([{"text": "", "answer_start": 0}])));
    questions.push(question(json!("wrong"), "Who?", json!([{"text": "Marra", "answer_start": 41}])));
    let several = json!([{"text": "Marra", "answer_start": 0}, {"text": "Torik", "answer_start": 41}]);
    questions.push(question(json!("several"), "Who?", several));
    questions.push(mill("several"));
    place.write("d.json", squad(&questions));

    let said = place.train("d.json", &[]);
    assert_eq!(said.code, Some(1));
    let expected = ["2 of 24 questions cannot be learnt from", "qas[20]", "--allow-skipped 0.09"];
    assert!(expected.iter().all(|text| said.errors.contains(text)), "{}", said.errors);
    assert!(!place.path("run").exists());

    let said = place.train("d.json", &["--allow-skipped", "0.09"]).ok();
    let log = fs::read_to_string(place.path("run/train.log")).unwrap();
    for text in [
        "2 of 24 questions are left out, as listed in skipped.jsonl",
        "1 question has several answers; training takes the first",
        "this id was used before",
    ] {
        assert!(said.errors.contains(text) && log.contains(text), "{text}: {}", said.errors);
    }
    let listed = fs::read_to_string(place.path("run/skipped.jsonl")).unwrap();
    let listed: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(listed.len(), 2);
    assert_eq!((&listed[0]["id"], &listed[0]["kind"]), (&json!("empty"), &json!("blank_answer")));
    assert_eq!((&listed[1]["id"], &listed[1]["kind"]), (&json!("wrong"), &json!("not_at_answer_start")));
    assert!(listed[1]["place"].as_str().unwrap().contains("qas[21]"));

    // Nothing that is left can be learnt from.
    place.write(
        "empty.json",
        squad(&[question(json!("a"), "Who?", json!([{"text": " ", "answer_start": 5}]))]),
    );
    let said = place.train("empty.json", &["--allow-skipped", "1"]);
    assert!(said.code == Some(1) && said.errors.contains("no training windows"), "{}", said.errors);
}
