use std::path::Path;

use serde_json::json;

use super::*;
use crate::{advice::Advice, checkpoint::StagedFiles, config::BertConfig};

const CASED: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nParis\n##s\né\nE\n日本\n日\n本\n,\nnew\nyork\n";
const UNCASED: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\nparis\n##s\n";

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(home.path().join(name), text).unwrap();
    }
    home
}

fn read(files: &[(&str, &str)]) -> Result<StoredTokenizer, CheckpointError> {
    StoredTokenizer::from_folder(folder(files).path(), None)
}

fn refusal(files: &[(&str, &str)]) -> String {
    match read(files) {
        Ok(stored) => stored.tokenizer().unwrap_err().in_one_line(),
        Err(error) => error.in_one_line(),
    }
}

/// A `tokenizer.json` of a few pieces, with an added one.
fn tokenizer_json(lowercase: bool) -> String {
    json!({
        "added_tokens": [{"id": 3, "content": "[SEP]", "special": true}, {"id": 5, "content": "[EXTRA]"}],
        "normalizer": {"type": "BertNormalizer", "lowercase": lowercase},
        "model": {"type": "WordPiece", "vocab": {"[UNK]": 0, "Paris": 4, "[CLS]": 2, "[SEP]": 3, "[PAD]": 1}},
    })
    .to_string()
}

fn pieces(stored: &StoredTokenizer, text: &str) -> Vec<String> {
    let tokenizer = stored.tokenizer().unwrap();
    tokenizer.tokenize(text).into_iter().map(|id| tokenizer.piece(id).unwrap().to_owned()).collect()
}

#[test]
fn a_vocabulary_is_read_line_by_line() {
    let short = "[PAD]\n[UNK]\n[CLS]\n[SEP]\nParis\n##s\n";
    for text in [short.to_owned(), short.replace('\n', "\r\n"), format!("\u{feff}{short}\n\n")] {
        let stored = read(&[("vocab.txt", &text)]).unwrap();
        assert_eq!(stored.vocab, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "Paris", "##s"]);
        assert!(stored.path.ends_with("vocab.txt"));
        // The same file by itself.
        let alone = StoredTokenizer::from_vocab(text.into_bytes(), "v.txt".into(), None).unwrap();
        assert_eq!((alone.vocab, alone.settings), (stored.vocab, stored.settings));
    }
}

#[test]
fn a_tokenizer_file_stands_in_for_the_vocabulary() {
    let stored = read(&[("tokenizer.json", &tokenizer_json(false))]).unwrap();
    assert_eq!(stored.vocab, ["[UNK]", "[PAD]", "[CLS]", "[SEP]", "Paris"]);
    assert_eq!((stored.pieces(), stored.tokenizer().unwrap().piece(5)), (6, Some("[EXTRA]")));
    assert!(stored.path.ends_with("tokenizer.json") && !stored.settings.do_lower_case);
    let alone = StoredTokenizer::from_vocab(tokenizer_json(false).into_bytes(), "t".into(), None).unwrap();
    assert_eq!(alone.settings, stored.settings);
}

#[test]
fn unusable_vocabularies_say_why() {
    let json = tokenizer_json(true);
    for (name, text, expected) in [
        ("vocab.txt", "hello\nworld\n".to_owned(), "vocabulary of 2 pieces lacks [UNK], [CLS]"),
        ("tokenizer.json", json.replace("WordPiece", "BPE"), "tokenizer.json: its model is BPE"),
        ("tokenizer.json", json.replace(":5", ":7"), "tokenizer.json: no piece has id 5"),
        ("tokenizer.json", json.replace(":4", ":2"), "have the same id 2"),
        ("tokenizer.json", json.replace(":4", ":-4"), "piece \"Paris\" has no id"),
        ("tokenizer.json", "{}".to_owned(), "no model.vocab"),
        ("tokenizer.json", "{".to_owned(), "EOF"),
    ] {
        let message = refusal(&[(name, &text)]);
        assert!(message.contains(expected), "{message}");
    }
    assert!(refusal(&[]).contains("copy the vocabulary there"));
    let home = folder(&[]);
    std::fs::write(home.path().join("vocab.txt"), b"[UNK]\n[CLS]\n\xff\n").unwrap();
    let error = StoredTokenizer::from_folder(home.path(), None).unwrap_err().to_string();
    assert!(error.contains("line 3 of the vocabulary is not UTF-8"), "{error}");
}

#[test]
fn the_casing_is_decided_by_the_best_witness() {
    use SettingSource::{Flag, TokenizerConfig, TokenizerJson, Vocabulary};
    let sequence =
        r#"{"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "Lowercase"}]}}"#;
    let bert =
        |lower: bool| json!({"normalizer": {"type": "BertNormalizer", "lowercase": lower}}).to_string();
    let says = |lower: bool| format!("{{\"do_lower_case\": {lower}}}");
    // Vocabulary, tokenizer_config.json, tokenizer.json, flag; lower-casing, source, whether it warns of the casing.
    for (vocab, config, json, flag, lower, source, warns) in [
        (CASED, None, None, None, false, Vocabulary, false),
        (UNCASED, None, None, None, true, Vocabulary, false),
        (CASED, None, Some(bert(true)), None, true, TokenizerJson, true),
        (UNCASED, None, Some(bert(true)), None, true, TokenizerJson, false),
        (UNCASED, None, Some(sequence.to_owned()), None, true, TokenizerJson, false),
        (UNCASED, None, Some(r#"{"normalizer": null}"#.to_owned()), None, false, TokenizerJson, true),
        (CASED, None, Some("{}".to_owned()), None, false, Vocabulary, false),
        (CASED, Some(says(false)), Some(bert(true)), None, false, TokenizerConfig, false),
        (UNCASED, Some(says(false)), None, None, false, TokenizerConfig, true),
        (CASED, Some("{}".to_owned()), None, None, false, Vocabulary, false),
        (CASED, Some(says(true)), None, Some(false), false, Flag, false),
        (CASED, Some(says(false)), None, Some(true), true, Flag, true),
    ] {
        let home = folder(&[("vocab.txt", vocab)]);
        for (name, text) in [("tokenizer_config.json", &config), ("tokenizer.json", &json)] {
            if let Some(text) = text {
                std::fs::write(home.path().join(name), text).unwrap();
            }
        }
        let casing = StoredTokenizer::from_folder(home.path(), flag).unwrap().casing;
        let case = format!("{vocab:?} {config:?} {json:?} {flag:?}");
        assert_eq!((casing.do_lower_case, casing.source), (lower, source), "{case}");
        assert_eq!(casing.warning.is_some(), warns, "{case}: {casing:?}");
    }
    let error = refusal(&[("vocab.txt", CASED), ("tokenizer_config.json", "not json")]);
    assert!(error.contains("tokenizer_config.json"), "{error}");
}

#[test]
fn settings_are_obeyed() {
    let cut = |config: serde_json::Value, text: &str| {
        let stored = read(&[("vocab.txt", CASED), ("tokenizer_config.json", &config.to_string())]).unwrap();
        pieces(&stored, text).join(" ")
    };
    assert_eq!(cut(json!({"do_lower_case": false}), "é"), "é");
    assert_eq!(cut(json!({"do_lower_case": false, "strip_accents": true}), "É"), "E");
    assert_eq!(cut(json!({"do_lower_case": true}), "É NEW"), "[UNK] new");
    assert_eq!(cut(json!({"do_lower_case": true, "strip_accents": false}), "É NEW"), "é new");
    assert_eq!(cut(json!({"do_lower_case": true, "strip_accents": null}), "É NEW"), "[UNK] new");
    assert_eq!(cut(json!({}), "日本"), "日 本");
    assert_eq!(cut(json!({"tokenize_chinese_chars": false}), "日本"), "日本");
    assert_eq!(cut(json!({"do_lower_case": true}), "Paris, Pariss"), "[UNK] , [UNK]");
    let kept = json!({"do_lower_case": true, "never_split": ["Paris", "x-y"]});
    assert_eq!(cut(kept, "Paris Paris, x-y"), "Paris [UNK] , [UNK]");
    assert_eq!(cut(json!({"max_input_chars_per_word": 5}), "Paris Pariss"), "Paris [UNK]");
    assert_eq!(cut(json!({"clean_text": false}), "Pa\u{200b}ris"), "[UNK]");
    assert_eq!(cut(json!({"clean_text": true}), "Pa\u{200b}ris"), "Paris");
    assert_eq!(cut(json!({"unk_token": {"content": "[MASK]"}}), "what Paris"), "[MASK] Paris");
    assert_eq!(cut(json!({"wordpieces_prefix": "##"}), "Pariss"), "Paris ##s");
    assert_eq!(cut(json!({"wordpieces_prefix": "@@"}), "Pariss"), "[UNK]");
}

#[test]
fn what_is_not_done_is_refused_by_name() {
    let config = |text: &str| refusal(&[("vocab.txt", CASED), ("tokenizer_config.json", text)]);
    for (text, expected) in [
        (
            r#"{"tokenizer_class": "BertJapaneseTokenizer"}"#,
            "tokenizer_class is BertJapaneseTokenizer; supported",
        ),
        (
            r#"{"tokenizer_class": "RobertaTokenizerFast"}"#,
            "tokenizer_class is RobertaTokenizerFast; supported",
        ),
        (r#"{"tokenizer_class": "PreTrainedTokenizerFast"}"#, "defined by tokenizer.json, and there is none"),
        (r#"{"word_tokenizer_type": "mecab"}"#, "word_tokenizer_type is \"mecab\""),
        (r#"{"subword_tokenizer_type": "character"}"#, "subword_tokenizer_type is \"character\""),
        (r#"{"do_basic_tokenize": false}"#, "do_basic_tokenize is false; supported is true"),
        (r#"{"split_special_tokens": true}"#, "split_special_tokens is true"),
        (r#"{"strip_accents": "yes"}"#, "strip_accents is \"yes\"; set strip_accents to true or false"),
        (r#"{"never_split": "Paris"}"#, "never_split is \"Paris\""),
        (r#"{"wordpieces_prefix": ""}"#, "wordpieces_prefix is empty"),
        (r#"{"max_input_chars_per_word": 0}"#, "max_input_chars_per_word is 0"),
        (r#"{"cls_token": "<s>"}"#, "vocabulary of 15 pieces lacks <s>"),
        (r#"{"added_tokens_decoder": {"17": {"content": "x"}}}"#, "added token \"x\" has id 17"),
        (r#"{"added_tokens_decoder": {"5": {"content": "x"}}}"#, "added token \"x\" has id 5"),
        (r#"{"added_tokens_decoder": {"1": {"content": "Paris"}}}"#, "\"Paris\" has the ids 1 and 5"),
        ("[]", "tokenizer_config.json: it holds [], not an object"),
    ] {
        let message = config(text);
        let remedy = message.rsplit_once("; ").unwrap().1;
        assert!(crate::advice::is_remedy(remedy), "{message}");
        assert!(message.contains(expected), "{text}: {message}");
    }
    let class = r#"{"tokenizer_class": "BertJapaneseTokenizer"}"#;
    let message = refusal(&[("vocab.txt", CASED), ("config.json", class)]);
    assert!(message.contains("config.json: tokenizer_class is BertJapaneseTokenizer"), "{message}");
    for class in ["BertTokenizer", "BertTokenizerFast", "ElectraTokenizerFast", "DistilBertTokenizer"] {
        let config = json!({"tokenizer_class": class}).to_string();
        read(&[("vocab.txt", CASED), ("tokenizer_config.json", &config)]).unwrap();
    }

    let with = |key: &str, value: serde_json::Value| {
        let mut tokenizer: serde_json::Value = serde_json::from_str(&tokenizer_json(false)).unwrap();
        tokenizer[key] = value;
        refusal(&[("tokenizer.json", &tokenizer.to_string())])
    };
    for (key, value, expected) in [
        (
            "normalizer",
            json!({"type": "Precompiled", "precompiled_charsmap": ""}),
            "its normalizer is Precompiled",
        ),
        (
            "normalizer",
            json!({"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "_"}]}),
            "Prepend",
        ),
        (
            "normalizer",
            json!({"type": "Replace", "pattern": {"Regex": "(a+)+"}, "content": ""}),
            "the pattern of Replace",
        ),
        (
            "pre_tokenizer",
            json!({"type": "ByteLevel"}),
            "its pre_tokenizer is ByteLevel; supported are BertPreTokenizer",
        ),
        ("pre_tokenizer", json!({"type": "Metaspace"}), "its pre_tokenizer is Metaspace"),
        ("pre_tokenizer", json!(null), "pre_tokenizer is null"),
        ("post_processor", json!({"type": "RobertaProcessing"}), "its post_processor is RobertaProcessing"),
        (
            "post_processor",
            json!({"type": "TemplateProcessing", "pair": []}),
            "puts a pair of texts together as []",
        ),
    ] {
        let message = with(key, value);
        let remedy = message.rsplit_once("; ").unwrap().1;
        assert!(crate::advice::is_remedy(remedy), "{message}");
        assert!(message.contains(expected) && message.contains("tokenizer.json"), "{message}");
    }
}

#[test]
fn files_that_disagree_are_named() {
    let json = json!({
        "normalizer": {"type": "BertNormalizer", "lowercase": true, "strip_accents": true},
        "model": {"vocab": {"[PAD]": 0, "[UNK]": 2}},
    });
    let config = r#"{"do_lower_case": false, "strip_accents": false}"#;
    let stored = read(&[
        ("vocab.txt", CASED),
        ("tokenizer.json", &json.to_string()),
        ("tokenizer_config.json", config),
    ])
    .unwrap();
    let warnings = stored.warnings.join("\n");
    for expected in [
        "tokenizer_config.json says do_lower_case is false, tokenizer.json says true: tokenizer_config.json counts",
        "tokenizer_config.json says strip_accents is false, tokenizer.json says true",
        "vocab.txt and tokenizer.json differ in 1 pieces (id 2 is \"[CLS]\" and \"[UNK]\"): vocab.txt counts",
    ] {
        assert!(warnings.contains(expected), "{warnings}");
    }
    assert!(!stored.settings.do_lower_case && !stored.settings.strips_accents());
    // What comes to the same is no disagreement, and the user's word ends it.
    let config = r#"{"do_lower_case": true, "strip_accents": null}"#;
    let files =
        [("vocab.txt", CASED), ("tokenizer.json", &json.to_string()), ("tokenizer_config.json", config)];
    assert_eq!(read(&files).unwrap().warnings.len(), 2, "vocabulary and casing");
    // A generic class is whatever tokenizer.json says.
    let config = r#"{"do_lower_case": false, "tokenizer_class": "PreTrainedTokenizerFast"}"#;
    let files =
        [("vocab.txt", CASED), ("tokenizer.json", &json.to_string()), ("tokenizer_config.json", config)];
    assert!(read(&files).unwrap().settings.do_lower_case);
}

#[test]
fn more_rows_than_pieces_is_a_note_and_fewer_an_error() {
    let stored = read(&[("vocab.txt", CASED)]).unwrap();
    assert_eq!(stored.check(15).unwrap(), None);
    let note = stored.check(20).unwrap().unwrap();
    assert!(note.contains("has 15 pieces for the 20 rows"), "{note}");
    let error = stored.check(14).unwrap_err();
    assert!(matches!(error, CheckpointError::VocabularySize { pieces: 15, rows: 14, .. }), "{error}");
    let added = r#"{"[NEW]": 15, "[NEWER]": 16}"#;
    let stored = read(&[("vocab.txt", CASED), ("added_tokens.json", added)]).unwrap();
    assert!(stored.check(16).is_err() && stored.check(17).unwrap().is_none());
}

/// Writes the tokenizer and reads it again.
fn again(stored: &StoredTokenizer) -> (tempfile::TempDir, StoredTokenizer) {
    let home = tempfile::tempdir().unwrap();
    let mut files = StagedFiles::new(home.path()).unwrap();
    write::stage(&mut files, &stored.vocab, &stored.settings, &BertConfig::default()).unwrap();
    files.commit().unwrap();
    let again = StoredTokenizer::from_folder(home.path(), None).unwrap();
    (home, again)
}

#[test]
fn saving_keeps_every_setting() {
    let sequence = json!({
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}, {"type": "Lowercase"}]},
        "pre_tokenizer": {"type": "Whitespace"},
        "added_tokens": [{"id": 15, "content": "New York", "normalized": true, "special": false}],
    });
    for (config, json) in [
        (json!({"do_lower_case": true}), None),
        (json!({"do_lower_case": false, "strip_accents": true, "tokenize_chinese_chars": false}), None),
        (json!({"do_lower_case": true, "strip_accents": false, "never_split": ["Paris", "x-y"]}), None),
        (json!({"clean_text": false, "max_input_chars_per_word": 7, "wordpieces_prefix": "@@"}), None),
        (json!({"unk_token": "E", "additional_special_tokens": ["[A]", "Paris"]}), None),
        (
            json!({"added_tokens_decoder": {
                "15": {"content": "New York", "lstrip": true, "rstrip": true, "single_word": true, "normalized": true},
                "16": {"content": "<e>", "special": true},
            }}),
            None,
        ),
        (json!({}), Some(sequence.clone())),
        (json!({"tokenizer_class": "PreTrainedTokenizerFast", "do_lower_case": true}), Some(sequence)),
        (json!({}), Some(json!({"normalizer": null, "pre_tokenizer": {"type": "BertPreTokenizer"}}))),
    ] {
        let home = folder(&[("vocab.txt", CASED), ("tokenizer_config.json", &config.to_string())]);
        if let Some(json) = &json {
            std::fs::write(home.path().join("tokenizer.json"), json.to_string()).unwrap();
        }
        let stored = StoredTokenizer::from_folder(home.path(), None).unwrap();
        let (folder, read_again) = again(&stored);
        assert_eq!(read_again.settings, stored.settings, "{config} {json:?}");
        assert_eq!((&read_again.vocab, read_again.pieces()), (&stored.vocab, stored.pieces()));
        let unexpected: Vec<_> =
            read_again.warnings.iter().filter(|w| !stored.warnings.contains(w)).collect();
        assert!(unexpected.is_empty(), "{config}: {unexpected:?}");
        let text = "Paris, NEW york new  York É 日本 x-y [A] <e>x [SEP]. Pariss";
        assert_eq!(pieces(&read_again, text), pieces(&stored, text), "{config} {json:?}");
        // As transformers reads it, if there is a tokenizer.json: alone.
        let alone = folder.path().join("tokenizer.json");
        if alone.is_file() && stored.settings.never_split.is_empty() {
            let alone = StoredTokenizer::from_vocab(std::fs::read(&alone).unwrap(), alone, None).unwrap();
            assert_eq!(pieces(&alone, text), pieces(&stored, text), "{config} {json:?}");
        }
    }
}

#[test]
fn the_users_word_on_casing_goes_before_a_sequence() {
    let json = |steps: serde_json::Value| {
        json!({"normalizer": steps, "pre_tokenizer": {"type": "WhitespaceSplit"}}).to_string()
    };
    let cut = |steps: serde_json::Value, lower: bool| {
        let home = folder(&[("vocab.txt", CASED), ("tokenizer.json", &json(steps))]);
        let stored = StoredTokenizer::from_folder(home.path(), Some(lower)).unwrap();
        assert_eq!(again(&stored).1.settings, stored.settings);
        pieces(&stored, "NEW E").join(" ")
    };
    let sequence = json!({"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Lowercase"}]});
    assert_eq!(cut(sequence.clone(), true), "new [UNK]");
    assert_eq!(cut(sequence, false), "[UNK] E");
    assert_eq!(cut(json!({"type": "Lowercase"}), false), "[UNK] E");
    assert_eq!(cut(json!(null), true), "new [UNK]");
    let bert = json!({"type": "BertNormalizer", "lowercase": true, "clean_text": true, "handle_chinese_chars": true, "strip_accents": null});
    assert_eq!(cut(bert, false), "[UNK] E");
}

#[test]
fn a_program_without_files_reads_bytes() {
    let files = TokenizerFiles {
        vocab: Some(CASED.into()),
        tokenizer_config: Some(br#"{"strip_accents": true}"#.to_vec()),
        ..TokenizerFiles::default()
    };
    let stored = StoredTokenizer::from_files(&files, None).unwrap();
    assert_eq!(pieces(&stored, "É"), ["E"]);
    assert_eq!(stored.path, Path::new("vocab.txt"));
}
