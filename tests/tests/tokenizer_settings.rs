//! Tokenizer settings of checkpoints: obeyed as the `tokenizers` library obeys them, kept by saving, or refused by name.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use assert_cmd::Command;
use proptest::prelude::*;
use serde_json::{Value, json};
use spanbert_core::{
    checkpoint::{LoadOptions, SaveCheckpoint, SpanbertMeta, StoredTokenizer, fresh, load, save},
    config::BertConfig,
    tokenizer::{CachedTokenizer, TokenizerSettings},
};
use spanbert_tests::small;
use tempfile::TempDir;
use tokenizers::{
    AddedToken, Tokenizer, models::wordpiece::WordPiece, normalizers::BertNormalizer,
    pre_tokenizers::bert::BertPreTokenizer,
};

/// Texts in many scripts: accents composed and decomposed, ideographs, control characters, odd white space, added tokens.
/// None of what Unicode 14 does not know, no capital sigma at a word's end, no special token that touches a word: there the
/// reference, whom we follow, differs from the library (`oracle_tokenizer`).
const TEXTS: [&str; 24] = [
    "",
    " \t\n",
    "The quick brown fox, aged 12½, jumped over Dr. Varga-Holt's $5 (€6) fence!",
    "ÉLAN Élan élan e\u{301}lan naïve façade Ångström ÅNGSTRÖM Łódź İstanbul ıĞ ẞ ß ﬁ",
    "Ελλάδα Σίσυφος ἀρχή ΐ Ϊ́",
    "Ёлка ёлка Йод йод и\u{306} Україна їжак",
    "日本語のテキスト、東京タワー。ab日本cd 𠀀𪜀 々〆 한국어 텍스트 ガか\u{3099}",
    "हिन्दी में क़लम ज़रा বাংলা தமிழ் ไทย เที่ยว ພາສາ မြန်မာ",
    "עִבְרִית שָׁלוֹם العَرَبِيَّة ٱلسَّلَامُ فارسی",
    "Tiếng Việt đẹp Việt Nam TIẾNG VIỆT",
    "a\u{200b}b\u{ad}c\u{b}d\u{7f}e\u{85}f\u{fffd}g\0h \u{feff}i",
    "a\u{a0}b\u{2009}c\u{3000}d\u{2028}e\u{2029}f\tg\nh\r\ni\u{205f}j",
    "«guillemets» “quotes” ‘x’ —dash– …dots ¿qué? ¡no! 1,000.50 a_b @c #d",
    "👍 sign 👩‍👩‍👧 family 🇩🇪 flag ☃\u{fe0f}",
    "[SEP] alone and [MASK] alone [CLS]",
    "New York new york NEW YORK New  York NewYork New\tYork",
    "<e1>Ann</e1> saw <E1>Bob</e1>, <e1> [ENT]x [ent] x[ENT]y",
    "cafe CAFÉ café cafés décafé cafe\u{301}",
    "wordpiece wordpieces word piece, wordpiece's _wordpiece wordpiece2",
    "東京 東京都 x東京y",
    "loooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooong",
    "ⅣⅫ ① ² ½ ™ ℡ Ⓐ ﷺ",
    "𝒜𝓁𝓅𝒽𝒶 𝟙𝟚𝟛 Ａｂｃ ｱｲｳ",
    "e\u{327}\u{301} ế q\u{323}\u{307} q\u{307}\u{323}",
];

/// Added tokens of all sorts: content, single_word, lstrip, rstrip, normalized, special. Three are pieces.
const ADDED: [(&str, bool, bool, bool, bool, bool); 8] = [
    ("New York", false, false, false, true, false),
    ("<e1>", false, false, false, false, true),
    ("[ENT]", false, true, true, false, true),
    ("café", true, false, false, true, false),
    ("東京", false, false, false, true, false),
    ("wordpiece", true, false, true, true, false),
    ("fox", false, true, false, false, false),
    ("é", true, false, false, false, false),
];

/// Pieces that cover the texts letter by letter, and some longer ones.
fn vocab() -> Vec<String> {
    let mut pieces: Vec<String> = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map(str::to_owned).to_vec();
    pieces.extend(
        ["wordpiece", "fox", "##ox", "york", "new", "elan", "Élan", "élan", "ab日本cd", "日本"]
            .map(str::to_owned),
    );
    let mut letters: Vec<char> = TEXTS.concat().chars().collect();
    letters.extend(letters.clone().iter().flat_map(|letter| letter.to_lowercase()));
    let mut decomposed = tokenizers::NormalizedString::from(letters.iter().collect::<String>());
    letters.extend(decomposed.nfd().get().chars());
    letters.sort_unstable();
    letters.dedup();
    for letter in letters.into_iter().filter(|letter| !letter.is_whitespace()) {
        // Not all, so that some words are unknown.
        if letter as u32 % 17 != 3 {
            pieces.push(letter.to_string());
            pieces.push(format!("##{letter}"));
        }
    }
    let mut seen = std::collections::HashSet::new();
    pieces.retain(|piece| seen.insert(piece.clone()));
    pieces
}

/// The library's own tokenizer with these settings.
fn library(vocab: &[String], bert: BertNormalizer, added: bool) -> Tokenizer {
    let text = vocab.join("\n");
    let ids = WordPiece::read_bytes(text.as_bytes()).unwrap();
    let model = WordPiece::builder().vocab(ids).unk_token("[UNK]".into()).build().unwrap();
    let mut tokenizer = Tokenizer::new(model);
    tokenizer.with_normalizer(Some(bert)).unwrap();
    tokenizer.with_pre_tokenizer(Some(BertPreTokenizer));
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map(|token| AddedToken::from(token, true));
    tokenizer.add_special_tokens(special).unwrap();
    if added {
        let tokens = ADDED.map(|(content, single_word, lstrip, rstrip, normalized, special)| AddedToken {
            content: content.to_owned(),
            single_word,
            lstrip,
            rstrip,
            normalized,
            special,
        });
        tokenizer.add_tokens(tokens).unwrap();
    }
    tokenizer
}

fn library_ids(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
    tokenizer.encode(text, false).unwrap().get_ids().to_vec()
}

/// A folder with the tokenizer's files.
fn folder(vocab: &[String], config: &Value) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("vocab.txt"), vocab.join("\n") + "\n").unwrap();
    fs::write(home.path().join("tokenizer_config.json"), config.to_string()).unwrap();
    home
}

/// All combinations of what BERT's normaliser can be told, as the library and as `tokenizer_config.json` say it.
fn combinations() -> Vec<(BertNormalizer, Value)> {
    let mut all = Vec::new();
    for bits in 0..8 {
        let [clean, chinese, lower] = [1, 2, 4].map(|bit| bits & bit == 0);
        for strip in [None, Some(false), Some(true)] {
            let config = json!({"clean_text": clean, "tokenize_chinese_chars": chinese, "strip_accents": strip,
                                "do_lower_case": lower});
            all.push((BertNormalizer::new(clean, chinese, strip, lower), config));
        }
    }
    all
}

fn with_added(mut config: Value, vocab: &[String]) -> Value {
    let mut next = vocab.len();
    let mut decoder = serde_json::Map::new();
    for (content, single_word, lstrip, rstrip, normalized, special) in ADDED {
        let id = vocab.iter().position(|piece| piece == content).unwrap_or_else(|| {
            next += 1;
            next - 1
        });
        let token = json!({"content": content, "single_word": single_word, "lstrip": lstrip, "rstrip": rstrip,
                           "normalized": normalized, "special": special});
        decoder.insert(id.to_string(), token);
    }
    config["added_tokens_decoder"] = Value::Object(decoder);
    config
}

/// Our ids, which must be the same however they are asked for.
fn our_ids(stored: &StoredTokenizer, text: &str) -> Vec<u32> {
    let tokenizer = stored.tokenizer().unwrap();
    let ids = tokenizer.tokenize(text);
    let mut cached = Vec::new();
    CachedTokenizer::new(&tokenizer, 64).tokenize_into(text, &mut cached);
    assert_eq!(cached, ids, "{text:?}");
    ids
}

/// Writes a tokenizer as a checkpoint has it, and reads it again.
fn saved(stored: &StoredTokenizer) -> (TempDir, StoredTokenizer) {
    let home = tempfile::tempdir().unwrap();
    let config = BertConfig { vocab_size: stored.pieces(), ..small::config() };
    save(
        home.path(),
        &SaveCheckpoint {
            config: &config,
            weights: &fresh(&config, 1),
            vocab: &stored.vocab,
            settings: &stored.settings,
            meta: &SpanbertMeta::default(),
        },
    )
    .unwrap();
    let again = StoredTokenizer::from_folder(home.path(), None).unwrap();
    (home, again)
}

#[test]
fn every_setting_gives_the_librarys_pieces() {
    let vocab = vocab();
    for (bert, config) in combinations() {
        for added in [false, true] {
            let config = if added { with_added(config.clone(), &vocab) } else { config.clone() };
            let home = folder(&vocab, &config);
            let stored = StoredTokenizer::from_folder(home.path(), None).unwrap();
            let library = library(&vocab, bert, added);
            for text in TEXTS {
                assert_eq!(our_ids(&stored, text), library_ids(&library, text), "{config} {text:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn texts_of_all_sorts_have_the_librarys_pieces(
        parts in prop::collection::vec((0..TEXTS.len(), any::<prop::sample::Index>(), 0_usize..12), 0..12),
        combination in 0_usize..24,
        spaces in any::<bool>(),
    ) {
        let vocab = vocab();
        let text: Vec<String> = parts.iter().map(|(text, from, length)| {
            let letters: Vec<char> = TEXTS[*text].chars().collect();
            let from = from.index(letters.len().max(1));
            letters.iter().skip(from).take(*length).collect()
        }).collect();
        let text = text.join(if spaces { " " } else { "" });
        let (bert, config) = combinations().swap_remove(combination);
        let home = folder(&vocab, &with_added(config, &vocab));
        let stored = StoredTokenizer::from_folder(home.path(), None).unwrap();
        prop_assert_eq!(our_ids(&stored, &text), library_ids(&library(&vocab, bert, true), &text), "{:?}", text);
    }
}

/// `tokenizer.json` files whose steps are not BERT's.
fn pipelines() -> Vec<Value> {
    let sequence = |steps: Value| json!({"type": "Sequence", "normalizers": steps});
    let bert = json!({"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                      "strip_accents": null, "lowercase": true});
    let post = json!({"type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                   {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
        "pair": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                 {"SpecialToken": {"id": "[SEP]", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}},
                 {"SpecialToken": {"id": "[SEP]", "type_id": 1}}],
        "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
                           "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}}});
    vec![
        json!({"normalizer": bert, "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": post}),
        json!({"normalizer": sequence(json!([{"type": "NFD"}, {"type": "Lowercase"}, {"type": "StripAccents"}])),
               "pre_tokenizer": {"type": "BertPreTokenizer"}}),
        json!({"normalizer": sequence(json!([{"type": "NFKC"}, bert])), "pre_tokenizer": {"type": "Whitespace"}}),
        json!({"normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "WhitespaceSplit"}}),
        json!({"normalizer": null, "pre_tokenizer": {"type": "BertPreTokenizer"}}),
        json!({"normalizer": sequence(json!([{"type": "Replace", "pattern": {"String": "ß"}, "content": "ss"},
                                             {"type": "Strip", "strip_left": true, "strip_right": true}])),
               "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
                   {"type": "WhitespaceSplit"}, {"type": "Punctuation", "behavior": "Isolated"},
                   {"type": "Digits", "individual_digits": true}]}}),
    ]
}

#[test]
fn tokenizer_json_alone_gives_the_librarys_pieces_and_survives_saving() {
    let vocab = vocab();
    let ids: serde_json::Map<_, _> = vocab.iter().cloned().zip((0..).map(Value::from)).collect();
    for (number, mut pipeline) in pipelines().into_iter().enumerate() {
        // Special tokens are left out of the texts of the first one, which is the reference's tokenizer.
        let tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
        let mut added: Vec<Value> = (0..)
            .zip(tokens)
            .map(|(id, token)| {
                json!({"id": id, "content": token,
            "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true})
            })
            .collect();
        if number > 0 {
            added.push(
                json!({"id": vocab.len(), "content": "New York", "single_word": false, "lstrip": false,
                              "rstrip": false, "normalized": true, "special": false}),
            );
        }
        pipeline["version"] = json!("1.0");
        pipeline["added_tokens"] = json!(added);
        pipeline["model"] = json!({"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                                   "max_input_chars_per_word": 50, "vocab": ids});
        let bytes = pipeline.to_string().into_bytes();
        let library = Tokenizer::from_bytes(&bytes).unwrap();
        let stored = StoredTokenizer::from_vocab(bytes, "tokenizer.json".into(), None).unwrap();
        let (home, again) = saved(&stored);
        assert_eq!(again.settings, stored.settings, "{pipeline}");
        // What transformers would load.
        let written = fs::read(home.path().join("tokenizer.json")).unwrap();
        let rewritten = Tokenizer::from_bytes(&written).unwrap();
        for text in TEXTS {
            let expected = library_ids(&library, text);
            assert_eq!(our_ids(&stored, text), expected, "{} {text:?}", pipeline["normalizer"]);
            assert_eq!(our_ids(&again, text), expected, "{} {text:?}", pipeline["normalizer"]);
            assert_eq!(library_ids(&rewritten, text), expected, "{} {text:?}", pipeline["normalizer"]);
        }
    }
}

#[test]
fn saving_keeps_settings_and_pieces() {
    let vocab = vocab();
    for (_, config) in combinations() {
        for config in [config.clone(), with_added(config, &vocab)] {
            let home = folder(&vocab, &config);
            let stored = StoredTokenizer::from_folder(home.path(), None).unwrap();
            let (_home, again) = saved(&stored);
            assert_eq!((&again.settings, &again.vocab), (&stored.settings, &stored.vocab), "{config}");
            assert!(
                again.warnings.iter().all(|warning| stored.warnings.contains(warning)),
                "{:?}",
                again.warnings
            );
            for text in TEXTS {
                assert_eq!(our_ids(&again, text), our_ids(&stored, text), "{config} {text:?}");
            }
        }
    }
}

/// The program, with its caches in a folder of the test.
fn spanbert(home: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spanbert_cli"));
    command.env("XDG_CACHE_HOME", home.join("cache")).current_dir(home).args(arguments).output().unwrap()
}

fn succeeds(home: &Path, arguments: &[&str]) -> (String, String) {
    let output = spanbert(home, arguments);
    let [out, errors] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {errors}");
    (out, errors)
}

fn fails(home: &Path, arguments: &[&str]) -> String {
    let output = spanbert(home, arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {errors}");
    errors
}

/// A small model with `spare` rows beyond its pieces, and data for it.
fn small_model(spare: usize, settings: &TokenizerSettings) -> (TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let model = home.path().join("model");
    let rows = settings.ids_with(small::vocab().len()) + spare;
    let config = BertConfig { vocab_size: rows, max_position_embeddings: 96, ..small::config() };
    let checkpoint = SaveCheckpoint {
        config: &config,
        weights: &fresh(&config, 1),
        vocab: &small::vocab(),
        settings,
        meta: &SpanbertMeta::default(),
    };
    save(&model, &checkpoint).unwrap();
    fs::write(home.path().join("data.json"), small::dataset(4, true).to_string()).unwrap();
    (home, model)
}

/// Changes a key of the model's tokenizer_config.json.
fn set(model: &Path, key: &str, value: Value) {
    let path = model.join("tokenizer_config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    config[key] = value;
    fs::write(path, config.to_string()).unwrap();
}

#[test]
fn a_vocabulary_shorter_than_the_embedding_works_everywhere() {
    let (home, model) = small_model(9, &TokenizerSettings::bert(true));
    let home = home.path();
    let pieces = small::vocab().len();
    let (described, _) = succeeds(home, &["inspect", "model"]);
    let note = format!("has {pieces} pieces for the {} rows", pieces + 9);
    assert!(described.contains(&note), "{described}");
    let window = ["--max-seq-length", "32", "--doc-stride", "8", "--max-query-length", "10"];
    let train = [
        "train",
        "--model",
        "model",
        "--train-file",
        "data.json",
        "--dev-file",
        "data.json",
        "--output-dir",
        "run",
        "--backend",
        "cpu",
        "--num-train-epochs",
        "1",
        "--learning-rate",
        "1e-3",
    ];
    succeeds(home, &[&train[..], &window].concat());
    for trained in ["run/best", "run/last"] {
        let config = fs::read_to_string(home.join(trained).join("config.json")).unwrap();
        let config: Value = serde_json::from_str(&config).unwrap();
        assert_eq!(config["vocab_size"], pieces + 9);
        let text = fs::read_to_string(home.join(trained).join("vocab.txt")).unwrap();
        assert_eq!(text.lines().count(), pieces);
    }
    let (_, told) = succeeds(
        home,
        &[
            "predict",
            "--model",
            "run/best",
            "--data",
            "data.json",
            "--backend",
            "cpu",
            "--output-dir",
            "answers",
        ],
    );
    assert!(told.contains(&note), "{told}");
    succeeds(home, &["export", "run/best", "--output-dir", "exported", "--dtype", "fp16"]);
    assert_eq!(load(&home.join("exported"), LoadOptions::default()).unwrap().config.vocab_size, pieces + 9);
    fs::write(home.join("corpus.txt"), "ada lives in oslo . ben lives in rome .\n\ncleo lives in bonn .\n")
        .unwrap();
    succeeds(
        home,
        &[
            "pretrain",
            "--model",
            "model",
            "--corpus",
            "corpus.txt",
            "--output-dir",
            "pretrained",
            "--backend",
            "cpu",
            "--num-train-epochs",
            "1",
            "--train-batch-size",
            "2",
            "--max-seq-length",
            "16",
        ],
    );
    let pretrained = load(&home.join("pretrained/last"), LoadOptions::default()).unwrap();
    assert_eq!((pretrained.config.vocab_size, pretrained.vocab.len()), (pieces + 9, pieces));

    // Only more pieces than rows is an error.
    let mut text = fs::read_to_string(model.join("vocab.txt")).unwrap();
    text.extend((0..10).map(|number| format!("extra{number}\n")));
    fs::write(model.join("vocab.txt"), text).unwrap();
    let told = fails(home, &["predict", "--model", "model", "--data", "data.json", "--output-dir", "more"]);
    assert!(told.contains(&format!("has {} pieces, but the model's vocabulary", pieces + 10)), "{told}");
}

#[test]
fn commands_obey_settings_and_keep_them() {
    let settings = TokenizerSettings {
        strip_accents: Some(false),
        never_split: vec!["x-y".to_owned()],
        ..TokenizerSettings::bert(true)
    };
    let (home, model) = small_model(2, &settings);
    let home = home.path();
    set(
        &model,
        "added_tokens_decoder",
        json!({
            "32": {"content": "New Oslo", "normalized": true, "special": false},
        }),
    );
    set(&model, "additional_special_tokens", json!(["<e>"]));
    let data = json!({"version": "v2.0", "data": [{"title": "t", "paragraphs": [{
        "context": "ada lives in x-y . <e>rome riga",
        "qas": [{"id": "1", "question": "who lives in NEW Oslo ?", "answers": [], "is_impossible": true}],
    }]}]});
    fs::write(home.join("odd.json"), data.to_string()).unwrap();
    let pieces = |model: &str| {
        let (lines, told) = succeeds(home, &["features", "--model", model, "--data", "odd.json"]);
        let window: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
        (window["input_ids"].clone(), told)
    };
    let (ids, told) = pieces("model");
    for expected in ["strip_accents false", "never_split x-y", "windows of 96 pieces instead of 384"] {
        assert!(told.contains(expected), "{told}");
    }
    let ids: Vec<u64> = serde_json::from_value(ids).unwrap();
    assert!(ids.contains(&32) && ids.contains(&33), "added tokens are found: {ids:?}");
    let loaded = StoredTokenizer::from_folder(&model, None).unwrap();
    succeeds(home, &["export", "model", "--output-dir", "exported", "--dtype", "f32"]);
    let exported = StoredTokenizer::from_folder(&home.join("exported"), None).unwrap();
    assert_eq!((exported.settings, exported.vocab), (loaded.settings.clone(), loaded.vocab));
    assert_eq!(json!(ids), pieces("exported").0);
    succeeds(
        home,
        &[
            "train",
            "--model",
            "model",
            "--train-file",
            "data.json",
            "--output-dir",
            "run",
            "--backend",
            "cpu",
            "--num-train-epochs",
            "1",
            "--learning-rate",
            "1e-3",
            "--max-seq-length",
            "32",
            "--doc-stride",
            "8",
            "--max-query-length",
            "10",
        ],
    );
    let last = StoredTokenizer::from_folder(&home.join("run/last"), None).unwrap();
    assert_eq!(last.settings, loaded.settings);
    // As the run was trained, and said.
    let (again, told) = pieces("run/last");
    assert_eq!(json!(ids), again);
    assert!(told.contains("windows of 32 pieces, as"), "{told}");
}

#[test]
fn what_is_not_supported_is_refused_by_every_command() {
    let (home, model) = small_model(0, &TokenizerSettings::bert(true));
    let home = home.path();
    set(&model, "tokenizer_class", json!("BertJapaneseTokenizer"));
    for command in [
        &["features", "--model", "model", "--data", "data.json"][..],
        &["inspect", "model"],
        &["export", "model", "--output-dir", "there", "--dtype", "fp16"],
        &[
            "train",
            "--model",
            "model",
            "--train-file",
            "data.json",
            "--output-dir",
            "run",
            "--learning-rate",
            "1e-3",
        ],
        &["predict", "--model", "model", "--data", "data.json", "--output-dir", "out"],
    ] {
        let told = fails(home, command);
        assert!(
            told.contains("tokenizer_class is BertJapaneseTokenizer; supported are"),
            "{command:?}: {told}"
        );
        assert!(told.contains("take a model whose words are not cut by MeCab"), "{command:?}: {told}");
    }
}

#[test]
fn inspect_and_features_read_the_same_vocabulary() {
    let usual = small::vocab().join("\n");
    for (text, good) in [
        (usual.clone() + "\n", true),
        (usual.replace('\n', "\r\n"), true),
        (format!("\u{feff}{usual}\n\n\r\n \n"), true),
        (usual.replace('\n', "\r"), true),
        (usual.replace("[PAD]\n", "[pad]\n"), false),
        (usual.replace("[SEP]\n", "[sep]\n"), false),
    ] {
        let (home, model) = small_model(0, &TokenizerSettings::bert(true));
        fs::write(model.join("vocab.txt"), &text).unwrap();
        let home = home.path();
        let features = ["features", "--data", "data.json"];
        for command in [
            &["inspect", "model"][..],
            &[&features[..], &["--model", "model"]].concat(),
            &[&features[..], &["--vocab", "model/vocab.txt"]].concat(),
        ] {
            if good {
                succeeds(home, command);
            } else {
                let told = fails(home, command);
                assert!(told.contains("lacks ["), "{command:?}: {told}");
            }
        }
    }
}
