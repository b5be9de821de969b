//! The tokenizer equals the reference's on every string of the oracle.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use spanbert_core::tokenizer::{BertTokenizer, unicode};

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

#[derive(Deserialize)]
struct Expected {
    text: String,
    basic: Vec<String>,
    tokens: Vec<String>,
    ids: Vec<u32>,
}

#[derive(Deserialize)]
struct Differences {
    strings: usize,
    different: usize,
    cases: Vec<Difference>,
}

#[derive(Deserialize)]
struct Difference {
    text: String,
    reference: Vec<String>,
    tokenizers: Vec<String>,
}

fn tokenizer(shared: &std::path::Path, do_lower_case: bool) -> BertTokenizer {
    let vocab = std::fs::read_to_string(shared.join("data/vocab/bert-base-cased-vocab.txt")).unwrap();
    BertTokenizer::from_vocab_text(&vocab, do_lower_case).unwrap()
}

fn pieces(tokenizer: &BertTokenizer, ids: &[u32]) -> Vec<String> {
    ids.iter().map(|&id| tokenizer.piece(id).unwrap().to_owned()).collect()
}

fn check_strings(file: &str, do_lower_case: bool) {
    let Some(shared) = shared() else { return };
    let tokenizer = tokenizer(&shared, do_lower_case);
    assert_eq!(tokenizer.vocab_size(), 28_996);
    let lines = std::fs::read_to_string(shared.join("oracle/tokenizer").join(file)).unwrap();
    let mut checked = 0;
    for line in lines.lines() {
        let expected: Expected = serde_json::from_str(line).unwrap();
        assert_eq!(tokenizer.basic().tokenize(&expected.text), expected.basic, "text {:?}", expected.text);
        let ids = tokenizer.tokenize(&expected.text);
        assert_eq!(ids, expected.ids, "text {:?}", expected.text);
        assert_eq!(pieces(&tokenizer, &ids), expected.tokens, "text {:?}", expected.text);
        checked += 1;
    }
    assert_eq!(checked, 463);
}

#[test]
fn cased_strings_are_cut_as_the_reference_cuts_them() {
    check_strings("expected_cased.jsonl", false);
}

#[test]
fn lower_cased_strings_are_cut_as_the_reference_cuts_them() {
    check_strings("expected_lower.jsonl", true);
}

/// The strings that the `tokenizers` crate's own BERT pipeline cuts differently: unassigned and newer characters,
/// mostly, which the reference deletes. Ours follows the reference on each.
#[test]
fn where_the_tokenizers_crate_differs_we_follow_the_reference() {
    let Some(shared) = shared() else { return };
    let tokenizer = tokenizer(&shared, false);
    let text =
        std::fs::read_to_string(shared.join("oracle/tokenizer/tokenizers_crate_differences.json")).unwrap();
    let differences: Differences = serde_json::from_str(&text).unwrap();
    assert_eq!((differences.strings, differences.different), (463, differences.cases.len()));
    for case in &differences.cases {
        println!("{:?}: crate {:?}, reference {:?}", case.text, case.tokenizers, case.reference);
        assert_ne!(case.reference, case.tokenizers);
        assert_eq!(pieces(&tokenizer, &tokenizer.tokenize(&case.text)), case.reference, "{:?}", case.text);
    }
}

#[test]
fn character_classes_are_the_references() {
    let Some(shared) = shared() else { return };
    let text = std::fs::read_to_string(shared.join("oracle/tokenizer/char_classes.json")).unwrap();
    let classes: BTreeMap<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
    let removed = |c| c == '\0' || c == '\u{fffd}' || unicode::is_control(c);
    let lower_changes = |c: char| unicode::lower(&c.to_string()) != c.to_string();
    let ours: [(&str, &dyn Fn(char) -> bool); 8] = [
        ("is_whitespace", &unicode::is_whitespace),
        ("is_control", &unicode::is_control),
        ("is_punctuation", &unicode::is_punctuation),
        ("is_chinese_char", &unicode::is_chinese_char),
        ("removed_by_clean_text", &removed),
        ("str_split_whitespace", &unicode::is_str_split_whitespace),
        ("re_word_char", &unicode::is_re_word_char),
        ("lower_changes", &lower_changes),
    ];
    for (name, class) in ours {
        let ranges: Vec<[u32; 2]> = serde_json::from_value(classes[name].clone()).unwrap();
        let mut expected = vec![false; 0x11_0000];
        for [low, high] in ranges {
            expected[low as usize..=high as usize].fill(true);
        }
        for c in '\0'..=char::MAX {
            assert_eq!(class(c), expected[c as usize], "{name} of U+{:04X}", u32::from(c));
        }
    }
}
