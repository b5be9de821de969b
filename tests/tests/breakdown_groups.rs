//! Groups of `spanbert breakdown`: which are called significant, and what many of them cost.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]
#![allow(missing_docs, reason = "a test")]

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use assert_cmd::Command;
use serde_json::{Value, json};

fn spanbert(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spanbert_cli"));
    let output = command.arg("breakdown").args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A question as (article, words, answer given); every gold answer is "Marra".
type Asked<'a> = (String, &'a str, &'a str);

/// A data set of questions, and the answers to them.
fn files(folder: &Path, questions: &[Asked<'_>]) -> (PathBuf, PathBuf) {
    let mut articles: Vec<Value> = Vec::new();
    let mut predictions = serde_json::Map::new();
    for (at, (title, words, given)) in questions.iter().enumerate() {
        let paragraph = json!({
            "context": "Marra built the mill of Kelford. Torik built the library of Kelford.",
            "qas": [{"id": format!("q{at}"), "question": words, "answers": [{"text": "Marra", "answer_start": 0}]}],
        });
        match articles.last_mut() {
            Some(last) if last["title"] == **title => {
                last["paragraphs"].as_array_mut().unwrap().push(paragraph)
            }
            _ => articles.push(json!({"title": title, "paragraphs": [paragraph]})),
        }
        predictions.insert(format!("q{at}"), (*given).into());
    }
    let (data, answers) = (folder.join("data.json"), folder.join("predictions.json"));
    fs::write(&data, json!({"version": "1.1", "data": articles}).to_string()).unwrap();
    fs::write(&answers, Value::Object(predictions).to_string()).unwrap();
    (data, answers)
}

/// Sixty questions of which two in three are right, then these.
fn with(more: &[(&str, &str, usize)]) -> Vec<Asked<'static>> {
    let mut questions: Vec<Asked<'static>> = (0..60)
        .map(|at| ("usual".to_owned(), "Who built the mill?", if at % 3 == 0 { "Torik" } else { "Marra" }))
        .collect();
    for (title, given, n) in more {
        let given = if *given == "Marra" { "Marra" } else { "Torik" };
        questions.extend((0..*n).map(|_| ((*title).to_owned(), "Why was it built?", given)));
    }
    questions
}

/// The rows of a breakdown that are called significant: in JSON, in the table, and on the page.
fn significant(folder: &Path, questions: &[Asked<'_>]) -> Vec<String> {
    let (data, answers) = files(folder, questions);
    let page = folder.join("page.html");
    let named = ["--data", text(&data), "--predictions", text(&answers)];
    let report: Value = serde_json::from_str(&spanbert(&[&named[..], &["--json"]].concat())).unwrap();
    let table = spanbert(&[&named[..], &["--html", text(&page)]].concat());
    let page = fs::read_to_string(&page).unwrap();
    let rows = report["slices"].as_array().unwrap();
    let marked: Vec<String> = rows
        .iter()
        .filter(|row| row["significant"] == true)
        .map(|row| format!("{}/{}", row["dimension"].as_str().unwrap(), row["label"].as_str().unwrap()))
        .collect();
    for row in rows {
        let difference = &row["intervals"]["difference"];
        let excludes = difference["low"].as_f64().unwrap_or(-1.0) > 0.0
            || difference["high"].as_f64().unwrap_or(1.0) < 0.0;
        assert_eq!(row["significant"], excludes, "{row}");
        let f1 = &row["intervals"]["f1"];
        assert!(f1["high"].as_f64() > f1["low"].as_f64(), "an interval without width: {row}");
    }
    // A difference with its mark, such as -66.67*; the note's own mark stands alone.
    let stars = table.split_whitespace().filter(|word| word.len() > 1 && word.ends_with('*')).count();
    let coloured = page.matches("\"n better\"").count() + page.matches("\"n worse\"").count();
    assert_eq!((stars, coloured), (marked.len(), marked.len()), "{table}");
    marked
}

#[test]
fn a_few_questions_or_equal_ones_are_never_significant() {
    let folder = tempfile::tempdir().unwrap();
    let none: [String; 0] = [];
    for more in [
        vec![("one", "Torik", 1)],
        vec![("two", "Torik", 2)],
        vec![("two", "Torik", 1), ("two", "Marra", 1)],
        vec![("nine", "Torik", 8), ("nine", "Marra", 1)],
        vec![("equal", "Torik", 40)],
        vec![("equal", "Marra", 40)],
    ] {
        assert_eq!(significant(folder.path(), &with(&more)), none, "{more:?}");
    }
    // Together they are a rest that differs, which the sixty questions may be compared with; themselves they are not.
    let more = [("one", "Torik", 1), ("another", "Marra", 1), ("equal", "Torik", 30)];
    let found = significant(folder.path(), &with(&more));
    assert_eq!(found, ["question_word/who", "question_word/why", "article/usual"]);
    // Enough questions, not all alike: this is what the mark is for.
    let found = significant(folder.path(), &with(&[("hard", "Torik", 29), ("hard", "Marra", 1)]));
    assert!(found.contains(&"article/hard".to_owned()) && found.contains(&"question_word/why".to_owned()));
}

#[test]
fn a_comparison_marks_by_the_same_rule() {
    let folder = tempfile::tempdir().unwrap();
    let questions = with(&[("one", "Torik", 1), ("equal", "Torik", 40)]);
    let (data, answers) = files(folder.path(), &questions);
    // The other system has the first ten and all of the last two articles right.
    let other: serde_json::Map<String, Value> = questions
        .iter()
        .enumerate()
        .map(|(at, (_, _, given))| {
            (format!("q{at}"), if (10..60).contains(&at) { *given } else { "Marra" }.into())
        })
        .collect();
    let second = folder.path().join("other.json");
    fs::write(&second, Value::Object(other).to_string()).unwrap();
    let named = ["--data", text(&data), "--predictions", text(&answers), "--compare", text(&second)];
    let report: Value = serde_json::from_str(&spanbert(&[&named[..], &["--json"]].concat())).unwrap();
    let comparison = &report["comparison"];
    assert_eq!(comparison["overall"]["significant"], true, "{}", comparison["overall"]);
    let rows = comparison["slices"].as_array().unwrap();
    let row = |label: &str| rows.iter().find(|row| row["label"] == label).unwrap();
    for label in ["one", "equal"] {
        let row = row(label);
        assert_eq!((&row["significant"], &row["interval"]), (&json!(false), &Value::Null), "{row}");
        assert_eq!(row["difference"], 100.0);
    }
    // McNemar's test needs no spread: it is exact.
    assert!(row("equal")["mcnemar"]["p_value"].as_f64().unwrap() < 1e-9);
    assert!((row("one")["mcnemar"]["p_value"].as_f64().unwrap() - 1.0).abs() < 1e-12);
}

#[test]
fn thousands_of_articles_take_seconds_and_a_screen() {
    let folder = tempfile::tempdir().unwrap();
    let questions: Vec<Asked<'_>> = (0..4743)
        .map(|at| {
            let mut title = String::new();
            write!(title, "article {at}").unwrap();
            (title, ["Who built it?", "Why?"][at % 2], ["Marra", "Torik", "Marra"][at % 3])
        })
        .collect();
    let (data, answers) = files(folder.path(), &questions);
    let named = ["--data", text(&data), "--predictions", text(&answers)];
    let start = Instant::now();
    let table = spanbert(&named);
    // It took from 15 to 26 seconds, and its square for twice as many.
    assert!(start.elapsed().as_secs() < 8, "{:?}", start.elapsed());
    assert!(table.lines().count() < 120, "{} lines", table.lines().count());
    assert!(table.contains("and 4,723 more groups"), "{table}");
    assert!(table.contains("article: the 20 of 4,743 groups that matter most"), "{table}");
    let report: Value = serde_json::from_str(&spanbert(&[&named[..], &["--json"]].concat())).unwrap();
    let articles = report["slices"].as_array().unwrap().iter().filter(|row| row["dimension"] == "article");
    assert_eq!(articles.count(), 4743);
}
