//! Files of answers as other programs write them, scored by the command line.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{fs, path::PathBuf, process::Output};

use assert_cmd::Command;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder with a SQuAD 2.0 file of an answerable (a) and an unanswerable question (b).
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.squad(
            "data.json",
            &json!([question("a", &["Marra"], Some(false)), question("b", &[], Some(true))]),
        );
        place
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn squad(&self, name: &str, questions: &Value) -> PathBuf {
        let context = "Marra built the mill of Kelford. Torik built the library.";
        let file = json!({"data": [{"title": "t", "paragraphs": [{"context": context, "qas": questions}]}]});
        self.write(name, &file.to_string())
    }

    fn run(&self, arguments: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spanbert_cli"));
        command.current_dir(self.0.path()).args(arguments.split(' ')).output().unwrap()
    }

    /// What is printed for programs, and what is said beside.
    fn scores(&self, arguments: &str) -> (Value, String) {
        let output = self.run(&format!("score --json {arguments}"));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments}: {said}");
        (serde_json::from_slice(&output.stdout).unwrap(), said)
    }

    /// Exit code, cause and remedy.
    fn refused(&self, arguments: &str, code: i32, expected: &[&str]) {
        let output = self.run(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments}: {said}");
        for part in expected {
            assert!(said.contains(part), "{arguments}: {part} is missing in {said}");
        }
    }
}

fn question(id: &str, answers: &[&str], is_impossible: Option<bool>) -> Value {
    let answers: Vec<Value> = answers.iter().map(|text| json!({"text": text, "answer_start": 0})).collect();
    let mut question = json!({"id": id, "question": "Who built it?", "answers": answers});
    if let Some(is_impossible) = is_impossible {
        question["is_impossible"] = json!(is_impossible);
    }
    question
}

const SCORE: &str = "--data data.json --predictions p.json";

#[test]
fn thresholds_may_be_negative_and_must_be_finite() {
    let place = Place::new();
    place.write("p.json", r#"{"a": "Marra", "b": "Torik"}"#);
    place.write("n.json", r#"{"a": -3.0, "b": -1.0}"#);
    let odds = format!("{SCORE} --null-odds n.json --na-prob-thresh");
    for (threshold, exact) in [("-1.5", 100.0), ("-1e-05", 50.0), ("-.5", 50.0), ("-4", 50.0), ("1.0", 50.0)]
    {
        assert_eq!(place.scores(&format!("{odds} {threshold}")).0["exact"], exact, "{threshold}");
    }
    for threshold in ["nan", "inf", "-inf"] {
        place.refused(&format!("score {odds} {threshold}"), 2, &["finite number"]);
        place.refused(
            &format!("breakdown --data data.json --predictions p.json --threshold {threshold}"),
            2,
            &["finite number"],
        );
        place.refused(
            &format!("evaluate --model m --data data.json --threshold {threshold}"),
            2,
            &["finite number"],
        );
        place.refused(&format!("ask --model m --threshold {threshold} Who?"), 2, &["finite number"]);
    }
}

#[test]
fn infinite_odds_are_numbers_and_nan_is_named() {
    let place = Place::new();
    place.write("p.json", r#"{"a": "Marra", "b": "Torik"}"#);
    place.write("n.json", r#"{"a":-Infinity,"b":Infinity}"#);
    let (scores, _) = place.scores(&format!("{SCORE} --null-odds n.json"));
    assert_eq!((&scores["exact"], &scores["best_f1"]), (&json!(100.0), &json!(100.0)), "{scores}");
    assert_eq!(scores["best_f1_thresh"], "-Infinity", "a number that JSON lacks");
    let broken_down = place.run("breakdown --data data.json --predictions p.json --null-odds n.json --json");
    assert_eq!(broken_down.status.code(), Some(0), "{}", String::from_utf8_lossy(&broken_down.stderr));
    let page =
        place.run("breakdown --data data.json --predictions p.json --null-odds n.json --html page.html");
    assert_eq!(page.status.code(), Some(0), "{}", String::from_utf8_lossy(&page.stderr));
    place.write("n.json", r#"{"a": 0.0, "b": NaN}"#);
    place.refused(&format!("score {SCORE} --null-odds n.json"), 1, &["n.json", "question b", "NaN"]);
}

#[test]
fn the_file_that_lacks_something_is_the_one_named() {
    let place = Place::new();
    place.write("p.json", r#"{"a": "Marra", "b": ""}"#);
    place.write("n.json", r#"{"a": -3.0}"#);
    for command in ["score", "breakdown"] {
        let missing = format!("{command} {SCORE} --null-odds n.json");
        place.refused(&missing, 1, &["error: n.json: no null odds for 1 of 2 questions: b"]);
    }
    place.write("n.json", r#"{"x": -3.0}"#);
    let foreign = format!("score {SCORE} --null-odds n.json");
    place.refused(&foreign, 1, &["n.json: none of the 1 null odds", "2 questions", "made for this data set"]);
    place.write("p.json", r#"{"x": "Marra", "y": ""}"#);
    let foreign = format!("score {SCORE}");
    place.refused(&foreign, 1, &["p.json: none of the 2 predictions", "x", "made for this data set"]);
}

#[test]
fn missing_predictions_may_count_and_unknown_ones_are_counted() {
    let place = Place::new();
    place.write("p.json", r#"{"y": "?", "a": "Marra", "z": ""}"#);
    place.refused(
        &format!("score {SCORE}"),
        1,
        &["no prediction for 1 of 2 questions: b", "--allow-missing"],
    );
    let (scores, said) = place.scores(&format!("{SCORE} --allow-missing"));
    assert_eq!((&scores["exact"], &scores["total"]), (&json!(100.0), &json!(2)));
    assert!(said.contains("p.json: left out 2 questions") && said.contains("the first being y"), "{said}");
    assert!(said.contains("1 of 2 questions have no prediction and count as unanswered"), "{said}");
}

#[test]
fn lists_of_the_evaluate_library_are_read() {
    let place = Place::new();
    let rows = json!([
        {"id": "a", "prediction_text": "Marra", "no_answer_probability": 0.25},
        {"id": "b", "prediction_text": "Torik", "no_answer_probability": 0.75},
    ]);
    place.write("p.json", &rows.to_string());
    let (scores, _) = place.scores(&format!("{SCORE} --na-prob-thresh 0.5"));
    assert_eq!((&scores["exact"], &scores["best_f1_thresh"]), (&json!(100.0), &json!(0.25)));
    let report = place.run(&format!("breakdown {SCORE} --threshold 0.5 --json"));
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!(report["official"]["exact"], 100.0);
    let lines: Vec<String> = rows.as_array().unwrap().iter().map(Value::to_string).collect();
    place.write("p.json", &lines.join("\n"));
    assert_eq!(place.scores(&format!("{SCORE} --na-prob-thresh 0.5")).0["exact"], 100.0);
    place.write("p.json", r#"[{"id": "a"}]"#);
    place.refused(&format!("score {SCORE}"), 1, &["p.json", "prediction_text"]);
}

/// Figures of evaluate-v1.1.py.
#[test]
fn squad_1_data_are_scored_as_their_own_script_does() {
    let place = Place::new();
    let questions = json!([question("a", &["The", "Marra"], None), question("b", &["The"], None)]);
    place.squad("data.json", &questions);
    place.write("p.json", r#"{"a": "the", "b": "the"}"#);
    let (scores, _) = place.scores(SCORE);
    assert_eq!((&scores["exact"], &scores["f1"]), (&json!(100.0), &json!(0.0)), "{scores}");
}

#[test]
fn a_language_is_suggested_and_never_taken() {
    let place = Place::new();
    place.squad("data.json", &json!([question("a", &["北京大学"], None), question("b", &["上海"], None)]));
    place.write("p.json", r#"{"a": "北京", "b": "上海"}"#);
    let (plain, said) = place.scores(SCORE);
    assert_eq!((&plain["exact"], &plain["f1"]), (&json!(50.0), &json!(50.0)));
    assert!(said.contains("--answer-language zh"), "{said}");
    let (chinese, said) = place.scores(&format!("{SCORE} --answer-language zh"));
    assert_eq!(chinese["exact"], 50.0);
    assert!((chinese["f1"].as_f64().unwrap() - 100.0 * (2.0 / 3.0 + 1.0) / 2.0).abs() < 1e-9, "{chinese}");
    assert!(!said.contains("--answer-language"), "{said}");
    let report = place.run(&format!("breakdown {SCORE} --answer-language zh --json"));
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!(report["official"]["f1"], chinese["f1"]);
}

#[test]
fn a_file_without_gold_answers_is_not_scored() {
    let place = Place::new();
    place.squad("data.json", &json!([{"id": "a", "question": "Who?"}, {"id": "b", "question": "Who?"}]));
    place.write("p.json", r#"{"a": "Marra", "b": ""}"#);
    for command in ["score", "breakdown"] {
        place.refused(&format!("{command} {SCORE}"), 1, &["data.json has no gold answers"]);
    }
}
