//! Answers equal to the reference's on the same logits: identical texts, numbers within 1e-9.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{fs, path::PathBuf, time::Instant};

use serde_json::Value;
use spanbert_core::{
    answers::{
        AnswerOptions, NpyLogits, Prediction, WindowCandidates, best_indexes, final_text,
        jsonl::{LogitSource, postprocess, read_windows},
        nbest_json, null_odds_json, predict, predictions_json, softmax,
    },
    features::{Example, Window, WindowOptions, evaluation_examples, jsonl::feature_line, windows},
    score::{GoldQuestions, NullOdds, Predictions, Scores, pred_only, run_squad},
    squad::Dataset,
    tokenizer::{BasicTokenizer, BertTokenizer},
};

const TOLERANCE: f64 = 1e-9;

/// The folder with the oracle, or a word about its absence.
fn shared() -> Option<PathBuf> {
    let shared = std::env::var_os("SPANBERT_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")), PathBuf::from);
    if shared.join("oracle/postprocess").is_dir() {
        return Some(shared);
    }
    println!("skipped: no oracle");
    None
}

fn json(path: PathBuf) -> Value {
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Everything the reference had: examples, windows, logits, tokenizer.
struct Inputs {
    shared: PathBuf,
    examples: Vec<Example>,
    windows: Vec<Window>,
    logits: Vec<u8>,
    tokenizer: BertTokenizer,
}

impl Inputs {
    fn load() -> Option<Self> {
        let shared = shared()?;
        let squad = Dataset::from_path(&shared.join("oracle/features/squad_dev.json")).unwrap();
        let examples = evaluation_examples(&squad);
        let vocabulary = fs::read_to_string(shared.join("data/vocab/bert-base-cased-vocab.txt")).unwrap();
        let tokenizer = BertTokenizer::from_vocab_text(&vocabulary, false).unwrap();
        Some(Self {
            windows: windows(&examples, &tokenizer, &WindowOptions::default(), false).unwrap(),
            examples,
            logits: fs::read(shared.join("oracle/postprocess/logits_384_128_64.npy")).unwrap(),
            tokenizer,
            shared,
        })
    }

    fn postprocess(&self, options: &AnswerOptions) -> Vec<Prediction> {
        let logits = LogitSource::Npy(NpyLogits::parse(&self.logits).unwrap());
        postprocess(&self.examples, &self.windows, logits, &self.tokenizer, options).unwrap()
    }

    fn expected(&self, name: &str) -> Value {
        json(self.shared.join("oracle/postprocess").join(name))
    }
}

/// Same structure, keys in the same order, same texts, numbers within the tolerance.
fn assert_same(actual: &Value, expected: &Value, place: &str) {
    match (actual, expected) {
        (Value::Object(actual), Value::Object(expected)) => {
            let keys = |map: &serde_json::Map<String, Value>| map.keys().cloned().collect::<Vec<_>>();
            assert_eq!(keys(actual), keys(expected), "{place}");
            for (key, value) in expected {
                assert_same(&actual[key], value, &format!("{place} {key}"));
            }
        }
        (Value::Array(actual), Value::Array(expected)) => {
            assert_eq!(actual.len(), expected.len(), "{place}");
            for (index, (actual, expected)) in actual.iter().zip(expected).enumerate() {
                assert_same(actual, expected, &format!("{place} {index}"));
            }
        }
        (Value::Number(actual), Value::Number(expected)) => {
            let (actual, expected) = (actual.as_f64().unwrap(), expected.as_f64().unwrap());
            assert!((actual - expected).abs() <= TOLERANCE, "{place}: {actual} instead of {expected}");
        }
        _ => assert_eq!(actual, expected, "{place}"),
    }
}

fn parsed(text: serde_json::Result<String>) -> Value {
    serde_json::from_str(&text.unwrap()).unwrap()
}

fn texts(predictions: &[Prediction]) -> Predictions {
    predictions.iter().map(|prediction| (prediction.qas_id.clone(), prediction.text.clone())).collect()
}

fn odds(predictions: &[Prediction]) -> NullOdds {
    predictions.iter().filter_map(|p| Some((p.qas_id.clone(), p.score_diff?))).collect()
}

#[test]
fn predictions_nbest_and_null_odds_equal_the_references() {
    let Some(inputs) = Inputs::load() else { return };
    for (prefix, n_best_size, max_answer_length, version_2_with_negative) in
        [("v2", 20, 30, true), ("v1", 20, 30, false), ("v2_n5_l8", 5, 8, true), ("v1_n1_l3", 1, 3, false)]
    {
        let options = AnswerOptions { n_best_size, max_answer_length, version_2_with_negative };
        let predictions = inputs.postprocess(&options);
        assert_eq!(predictions.len(), 289);
        let check = |text, name: &str| {
            assert_same(&parsed(text), &inputs.expected(&format!("{prefix}_{name}.json")), name)
        };
        check(predictions_json(&predictions, None), "predictions");
        check(nbest_json(&predictions), "nbest");
        if version_2_with_negative {
            check(null_odds_json(&predictions), "scores_diff");
        }
        spans_hold_the_texts(&inputs, &predictions);
    }
    let longest = inputs.postprocess(&AnswerOptions::default()).iter().map(|p| p.nbest.len()).max();
    assert_eq!(longest, Some(21), "the case of one entry too many must occur");
}

/// Every span, cut out of the context's words, gives the entry's text.
fn spans_hold_the_texts(inputs: &Inputs, predictions: &[Prediction]) {
    let mut spans = 0;
    for (example, prediction) in inputs.examples.iter().zip(predictions) {
        for entry in &prediction.nbest {
            let Some(span) = entry.span else {
                assert!(matches!(entry.text.as_str(), "" | "empty"), "{entry:?}");
                continue;
            };
            spans += 1;
            let text = example.doc_tokens.joined(span.first_word..span.last_word + 1);
            let cut = example.doc_tokens.get(span.last_word).unwrap().len() - span.last_byte;
            assert_eq!(&text[span.first_byte..text.len() - cut], entry.text);
        }
    }
    assert!(spans > 100);
}

#[test]
fn windows_survive_their_lines() {
    let Some(inputs) = Inputs::load() else { return };
    let lines: Vec<String> = inputs.windows.iter().map(|window| feature_line(window).unwrap()).collect();
    assert_eq!(read_windows(lines.join("\n").as_bytes()).unwrap(), inputs.windows);
}

#[test]
fn logits_as_lines_give_the_same_as_the_array() {
    let Some(inputs) = Inputs::load() else { return };
    let npy = NpyLogits::parse(&inputs.logits).unwrap();
    let lines: Vec<String> = inputs
        .windows
        .iter()
        .enumerate()
        .rev()
        .map(|(index, window)| {
            let (start, end) = npy.window(index).unwrap();
            serde_json::json!({"unique_id": window.unique_id, "start_logits": start, "end_logits": end})
                .to_string()
        })
        .collect();
    let lines = lines.join(
        "
",
    );
    let mut reader = lines.as_bytes();
    let options = AnswerOptions::default();
    let predictions = postprocess(
        &inputs.examples,
        &inputs.windows,
        LogitSource::Lines(&mut reader),
        &inputs.tokenizer,
        &options,
    );
    assert_eq!(predictions.unwrap(), inputs.postprocess(&options));
}

#[test]
fn evaluate_equals_the_references() {
    let Some(inputs) = Inputs::load() else { return };
    let dataset = Dataset::from_path(&inputs.shared.join("oracle/features/squad_dev.json")).unwrap();
    let gold = GoldQuestions::from_dataset(&dataset);
    let v2 = inputs.postprocess(&AnswerOptions::default());
    let v1 =
        inputs.postprocess(&AnswerOptions { version_2_with_negative: false, ..AnswerOptions::default() });
    let cases = inputs.expected("evaluate.json");
    assert_eq!(cases.as_object().unwrap().len(), 5);
    for (name, case) in cases.as_object().unwrap() {
        let threshold = case["na_prob_thresh"].as_f64().unwrap();
        let predictions = if name == "v1" { &v1 } else { &v2 };
        let odds = odds(predictions);
        let answers = if case["pred_only"] == true {
            let mut answers = texts(predictions);
            pred_only(&mut answers, &odds, threshold);
            answers
        } else {
            let odds = (name != "v1").then_some(&odds);
            let evaluation = run_squad(&gold, texts(predictions), odds, threshold).unwrap();
            assert_same(&serde_json::to_value(&evaluation.scores).unwrap(), &case["result"], name);
            let read_back: Scores = serde_json::from_value(case["result"].clone()).unwrap();
            assert!((read_back.f1 - evaluation.scores.get("f1").unwrap()).abs() <= TOLERANCE);
            evaluation.predictions
        };
        let expected = inputs.expected(&format!("evaluate_{name}_predictions.json"));
        assert_same(&serde_json::to_value(&answers).unwrap(), &expected, name);
    }
}

#[test]
fn contexts_without_word_pieces_get_an_answer() {
    let Some(inputs) = Inputs::load() else { return };
    let expected = inputs.expected("edge_no_features.json");
    let squad =
        Dataset::from_path(&inputs.shared.join("oracle/features/squad_edge_no_features.json")).unwrap();
    let examples = evaluation_examples(&squad);
    let windows = windows(&examples, &inputs.tokenizer, &WindowOptions::default(), false).unwrap();
    let made: Vec<(u64, usize)> = windows.iter().map(|w| (w.unique_id, w.example_index)).collect();
    assert_eq!(serde_json::json!(made), expected["features"]);
    // The reference's logits were all zero.
    let logits = vec![0.0; 384];
    let candidates = [WindowCandidates::from_logits(&windows[0], &logits, &logits, 20).unwrap()];
    let run = |version_2_with_negative| {
        let options = AnswerOptions { version_2_with_negative, ..AnswerOptions::default() };
        predict(&examples, &windows, &candidates, &inputs.tokenizer, &options).unwrap()
    };
    assert_same(&parsed(predictions_json(&run(false), None)), &expected["v1_predictions"], "v1");
    // The reference stops with an IndexError here.
    let predictions = run(true);
    let answers: Vec<&str> = predictions.iter().map(|prediction| prediction.text.as_str()).collect();
    assert_eq!(answers, ["", "", "A"]);
    assert_eq!(predictions[0].nbest.len(), 1);
    assert!(predictions[0].score_diff.unwrap() > 1e5, "surely no answer");
    assert!(parsed(null_odds_json(&predictions))["edge-empty"].is_number());
}

#[test]
fn final_text_equals_the_references() {
    let Some(shared) = shared() else { return };
    let text = fs::read_to_string(shared.join("oracle/postprocess/final_text.jsonl")).unwrap();
    let tokenizers = [BasicTokenizer::new(false), BasicTokenizer::new(true)];
    let mut cases = 0;
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let tokenizer = &tokenizers[usize::from(case["do_lower_case"] == true)];
        let field = |name: &str| case[name].as_str().unwrap();
        assert_eq!(final_text(field("pred_text"), field("orig_text"), tokenizer), field("result"), "{case}");
        cases += 1;
    }
    assert!(cases > 100, "{cases}");
}

#[test]
fn ranking_and_softmax_equal_the_references() {
    let Some(shared) = shared() else { return };
    let cases = json(shared.join("oracle/postprocess/small_functions.json"));
    let floats =
        |value: &Value| value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect::<Vec<f64>>();
    for case in cases["get_best_indexes"].as_array().unwrap() {
        let wide = floats(&case["logits"]);
        let logits: Vec<f32> = wide.iter().map(|&value| value as f32).collect();
        if wide.iter().zip(&logits).any(|(&wide, &logit)| wide != f64::from(logit)) {
            continue; // distinct only in f64, which logits never are
        }
        let n_best_size = case["n_best_size"].as_u64().unwrap() as usize;
        assert_same(&best_indexes(&logits, n_best_size).into(), &case["indexes"], "indexes");
    }
    for case in cases["compute_softmax"].as_array().unwrap() {
        assert_same(&softmax(&floats(&case["scores"])).into(), &case["probs"], "probs");
    }
}

/// Logits as a sure model gives them: high around two places, so that hundreds of pairs compete.
fn peaked_logits(window: &Window, length: usize) -> Vec<f32> {
    let hash = |value: u64| (value.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize;
    let places =
        [hash(window.unique_id), hash(window.unique_id + 7)].map(|hash| hash % window.input_ids.len());
    (0..length)
        .map(|position| {
            let distance = places.iter().map(|place| place.abs_diff(position)).min().unwrap_or(0);
            8.0 - 0.4 * distance as f32 + 0.01 * (hash(position as u64) % 100) as f32
        })
        .collect()
}

#[test]
#[ignore = "a measurement; run it alone, with --release"]
fn the_dev_sets_answers_take_well_under_a_second() {
    let Some(shared) = shared() else { return };
    let squad = Dataset::from_path(&shared.join("data/dev-v2.0.json")).unwrap();
    let vocabulary = fs::read_to_string(shared.join("data/vocab/bert-base-cased-vocab.txt")).unwrap();
    let tokenizer = BertTokenizer::from_vocab_text(&vocabulary, false).unwrap();
    let examples = evaluation_examples(&squad);
    let windows = windows(&examples, &tokenizer, &WindowOptions::default(), false).unwrap();
    let logits: Vec<Vec<f32>> = windows.iter().map(|window| peaked_logits(window, 384)).collect();
    let started = Instant::now();
    let candidates: Vec<WindowCandidates> = windows
        .iter()
        .zip(&logits)
        .map(|(window, logits)| WindowCandidates::from_logits(window, logits, logits, 20).unwrap())
        .collect();
    let ranked = started.elapsed();
    let options = AnswerOptions::default();
    let predictions = predict(&examples, &windows, &candidates, &tokenizer, &options).unwrap();
    let answered = started.elapsed();
    let entries: usize = predictions.iter().map(|prediction| prediction.nbest.len()).sum();
    println!("{} windows ranked in {ranked:.2?}, {entries} answers in {answered:.2?}", windows.len());
    assert!(answered.as_secs_f64() < 1.0, "{answered:?}");
}
