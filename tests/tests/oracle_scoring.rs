//! Scores equal to the official script's, within 1e-9.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{fs, path::PathBuf};

use serde_json::Value;
use spanbert_core::{
    score::{
        GoldQuestions, NullOdds, Predictions, QuestionTable, ScoreError, answer_tokens, compute_exact,
        compute_f1, normalize_answer, official,
    },
    squad::Dataset,
};

const TOLERANCE: f64 = 1e-9;

/// A folder of the shared data, or a word about its absence.
fn shared(folder: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("SPANBERT_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")), PathBuf::from);
    let folder = shared.join(folder);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no oracle");
    None
}

fn read(path: PathBuf) -> String {
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(path: PathBuf) -> Value {
    serde_json::from_str(&read(path)).unwrap()
}

/// Keys in the same order, numbers within the tolerance.
fn assert_scores(actual: &impl serde::Serialize, expected: &Value, place: &str) {
    let actual = serde_json::to_value(actual).unwrap();
    let (actual, expected) = (actual.as_object().unwrap(), expected.as_object().unwrap());
    assert_eq!(actual.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{place}");
    for (key, value) in expected {
        let (actual, expected) = (actual[key].as_f64().unwrap(), value.as_f64().unwrap());
        assert!((actual - expected).abs() <= TOLERANCE, "{place} {key}: {actual} instead of {expected}");
    }
}

#[test]
fn normalisation_equals_the_official() {
    let Some(folder) = shared("oracle/scoring") else { return };
    for case in json(folder.join("normalize.json")).as_array().unwrap() {
        let text = case["text"].as_str().unwrap();
        assert_eq!(normalize_answer(text), case["normalized"].as_str().unwrap(), "{text:?}");
        assert_eq!(serde_json::json!(answer_tokens(text)), case["tokens"], "{text:?}");
    }
    for case in json(folder.join("pairs.json")).as_array().unwrap() {
        let (gold, prediction) = (case["gold"].as_str().unwrap(), case["pred"].as_str().unwrap());
        assert_eq!(compute_exact(gold, prediction), case["exact"].as_f64().unwrap(), "{case}");
        assert!((compute_f1(gold, prediction) - case["f1"].as_f64().unwrap()).abs() <= TOLERANCE, "{case}");
    }
}

#[test]
fn tricky_data_scores_as_the_official_script_has_it() {
    let Some(folder) = shared("oracle/scoring") else { return };
    let gold = GoldQuestions::from_dataset(&Dataset::from_path(&folder.join("tricky_data.json")).unwrap());
    let predictions = |name: &str| Predictions::from_json(&read(folder.join(name)), name).unwrap();
    let runs = json(folder.join("tricky_results.json"));
    let (mut scored, mut failed, mut curves) = (0, 0, 0);
    for (name, run) in runs.as_object().unwrap() {
        let odds =
            run["na"].as_str().map(|file| NullOdds::from_json(&read(folder.join(file)), file).unwrap());
        let threshold = run["thresh"].as_f64().unwrap_or(1.0);
        let outcome = official(&gold, &predictions(run["preds"].as_str().unwrap()), odds.as_ref(), threshold);
        if let Some(error) = run["result"]["error"].as_str() {
            let Err(ScoreError::MissingPredictions { ids, .. }) = outcome else {
                panic!("{name}: {outcome:?}")
            };
            assert_eq!(error, format!("KeyError: '{}'", ids[0]), "{name}");
            failed += 1;
            continue;
        }
        let outcome = outcome.unwrap();
        assert_scores(&outcome.scores, &run["result"], name);
        scored += 1;
        if let Some(expected) = run.get("precision_recall") {
            let curve = outcome.precision_recall.unwrap();
            let mut scores = outcome.scores;
            scores.set_precision_recall(&curve);
            for (key, value) in expected.as_object().unwrap() {
                let (actual, expected) = (scores.get(key).unwrap(), value.as_f64().unwrap());
                assert!(
                    (actual - expected).abs() <= TOLERANCE,
                    "{name} {key}: {actual} instead of {expected}"
                );
            }
            assert_eq!(curve.exact.precisions.len(), curve.exact.recalls.len());
            curves += 1;
        }
    }
    assert_eq!((scored, failed, curves), (11, 2, 7));

    let table = QuestionTable::new(&gold, &predictions("tricky_preds.json"));
    let expected = json(folder.join("tricky_per_question.json"));
    assert_eq!(table.rows.len(), expected.as_object().unwrap().len());
    for row in &table.rows {
        let [exact, f1] = [0, 1].map(|index| expected[&row.id][index].as_f64().unwrap());
        assert!(row.exact == exact && (row.f1 - f1).abs() <= TOLERANCE, "{row:?} instead of {exact} {f1}");
    }
}

#[test]
fn published_predictions_for_the_whole_dev_set_score_as_published() {
    let Some(folder) = shared("data") else { return };
    let gold = GoldQuestions::from_dataset(&Dataset::from_path(&folder.join("dev-v2.0.json")).unwrap());
    let mut files = 0;
    for entry in fs::read_dir(folder.join("predictions")).unwrap() {
        let path = entry.unwrap().path();
        let Some(stem) = path.to_str().unwrap().strip_suffix(".predictions.json") else { continue };
        let predictions = Predictions::from_json(&read(path.clone()), stem).unwrap();
        let outcome = official(&gold, &predictions, None, 1.0).unwrap();
        assert_scores(&outcome.scores, &json(format!("{stem}.eval.json").into()), stem);
        files += 1;
    }
    assert!(files > 0);
}
