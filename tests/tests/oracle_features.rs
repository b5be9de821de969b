//! Examples and windows equal the reference's, line by line.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use spanbert_core::features::{
    DocTokens, Example, Window, WindowOptions, evaluation_examples, jsonl, training_examples, windows,
};
use spanbert_core::squad::Dataset;
use spanbert_core::tokenizer::BertTokenizer;

/// The folder with the reference's outputs, which users of the project do not have.
fn shared() -> Option<PathBuf> {
    let folder = std::env::var_os("SPANBERT_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")), PathBuf::from);
    if folder.join("oracle").is_dir() {
        return Some(folder);
    }
    println!("skipped: no oracle");
    None
}

const SETTINGS: [(usize, usize, usize); 3] = [(512, 128, 64), (384, 128, 64), (128, 64, 24)];

fn dataset(shared: &Path, name: &str) -> Dataset {
    Dataset::from_path(&shared.join(format!("oracle/features/squad_{name}.json"))).unwrap()
}

fn tokenizer(shared: &Path) -> BertTokenizer {
    let vocab = std::fs::read_to_string(shared.join("data/vocab/bert-base-cased-vocab.txt")).unwrap();
    BertTokenizer::from_vocab_text(&vocab, false).unwrap()
}

fn lines(path: &Path) -> Vec<String> {
    std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

/// Our lines are the reference's up to the order of keys.
fn check_examples(shared: &Path, file: &str, examples: &[Example]) {
    let expected = lines(&shared.join("oracle/features").join(file));
    assert_eq!(examples.len(), expected.len(), "{file}");
    for (example, expected) in examples.iter().zip(expected) {
        let line = jsonl::example_line(example).unwrap();
        assert!(line.is_ascii());
        let ours: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(ours, serde_json::from_str::<Value>(&expected).unwrap());
    }
}

/// The reference's line for feature `index`, if this machine can unpack it.
fn unpacked_line(packed: &Path, index: usize) -> String {
    let output = Command::new("gzip").arg("-dc").arg(packed).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().nth(index).unwrap_or("(gzip is not available)").to_owned()
}

fn check_windows(shared: &Path, name: &str, examples: &[Example], training: bool) {
    let tokenizer = tokenizer(shared);
    let folder = shared.join("oracle/features");
    for (max_seq_length, doc_stride, max_query_length) in SETTINGS {
        let options = WindowOptions { max_seq_length, doc_stride, max_query_length };
        let windows: Vec<Window> = windows(examples, &tokenizer, &options, training).unwrap();
        let case = format!("{name}_{max_seq_length}_{doc_stride}_{max_query_length}");
        let digests = lines(&folder.join(format!("digests_{case}.txt")));
        for (index, (window, digest)) in windows.iter().zip(&digests).enumerate() {
            if jsonl::feature_digest(window).unwrap() != *digest {
                let expected = unpacked_line(&folder.join(format!("features_{case}.jsonl.gz")), index);
                let ours = jsonl::feature_line(window).unwrap();
                panic!("{case}, feature {index}:\n ours {ours}\n reference {expected}");
            }
        }
        assert_eq!(windows.len(), digests.len(), "{case}");
        println!("{case}: {} features equal", windows.len());
    }
}

#[test]
fn doc_tokens_are_the_references() {
    let Some(shared) = shared() else { return };
    let dataset = dataset(&shared, "dev");
    let mut contexts: Vec<&str> = Vec::new();
    for paragraph in dataset.articles.iter().flat_map(|article| &article.paragraphs) {
        if !contexts.contains(&paragraph.context.as_str()) {
            contexts.push(&paragraph.context);
        }
    }
    let expected = lines(&shared.join("oracle/features/doc_tokens.jsonl"));
    assert_eq!(contexts.len(), expected.len());
    for (context, expected) in contexts.into_iter().zip(expected) {
        let expected: Value = serde_json::from_str(&expected).unwrap();
        let tokens = DocTokens::new(context);
        assert_eq!(serde_json::to_value(tokens.words.iter().collect::<Vec<_>>()).unwrap(), expected);
        assert_eq!(tokens.char_to_word.len(), context.chars().count());
        for (word, range) in tokens.words.iter().zip(tokens.byte_ranges) {
            assert_eq!(&context[range], word);
        }
    }
}

#[test]
fn training_features_are_the_references() {
    let Some(shared) = shared() else { return };
    let (examples, skipped) = training_examples(&dataset(&shared, "train"));
    check_examples(&shared, "examples_train.jsonl", &examples);
    let meta = std::fs::read_to_string(shared.join("oracle/features/meta.json")).unwrap();
    let meta: Value = serde_json::from_str(&meta).unwrap();
    let ids: Vec<_> = skipped.iter().map(|question| question.qas_id.clone()).collect();
    assert_eq!(serde_json::to_value(ids).unwrap(), meta["examples_train"]["skipped_ids"]);
    check_windows(&shared, "train", &examples, true);
}

#[test]
fn evaluation_features_are_the_references() {
    let Some(shared) = shared() else { return };
    let examples = evaluation_examples(&dataset(&shared, "dev"));
    check_examples(&shared, "examples_eval.jsonl", &examples);
    check_windows(&shared, "eval", &examples, false);
}

#[test]
fn contexts_without_pieces_have_no_features() {
    let Some(shared) = shared() else { return };
    let examples = evaluation_examples(&dataset(&shared, "edge_no_features"));
    let windows = windows(&examples, &tokenizer(&shared), &WindowOptions::default(), false).unwrap();
    let ours: Vec<_> = windows.iter().map(|window| (window.unique_id, window.example_index)).collect();
    let expected = std::fs::read_to_string(shared.join("oracle/postprocess/edge_no_features.json")).unwrap();
    let expected: Value = serde_json::from_str(&expected).unwrap();
    assert_eq!(serde_json::to_value(ours).unwrap(), expected["features"]);
}

/// The whole train set, tokenised on all cores, in the time a person notices.
#[test]
fn the_real_train_set_becomes_windows() {
    let Some(shared) = shared() else { return };
    let start = std::time::Instant::now();
    let dataset = Dataset::from_path(&shared.join("data/train-v2.0-recovered.json")).unwrap();
    println!("read in {:.2} s", start.elapsed().as_secs_f64());
    let (examples, skipped) = training_examples(&dataset);
    println!(
        "{} examples, {} skipped, {:.2} s",
        examples.len(),
        skipped.len(),
        start.elapsed().as_secs_f64()
    );
    assert_eq!(examples.len() + skipped.len(), 129_687);
    let options = WindowOptions { max_seq_length: 512, ..WindowOptions::default() };
    let windows = windows(&examples, &tokenizer(&shared), &options, true).unwrap();
    println!("{} windows, {:.2} s", windows.len(), start.elapsed().as_secs_f64());
    let answered = windows.iter().filter(|window| window.start_position != Some(0)).count();
    println!("{answered} with an answer");
    assert!(windows.len() > examples.len() && answered > 80_000);
}
