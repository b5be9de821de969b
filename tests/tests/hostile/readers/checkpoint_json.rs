//! The text files of a checkpoint: configuration, vocabulary, tokenizer, and our own notes.

use std::path::{Path, PathBuf};

use spanbert_core::{
    ask::{AskOptions, PreparedQuestion},
    checkpoint::{
        SpanbertMeta, Vocabulary, canonical_name, lower_case_of_tokenizer, lower_case_of_tokenizer_config,
    },
    config::{BertConfig, parameter_shapes},
    engine::Logits,
    features::WindowOptions,
    tokenizer::{BertTokenizer, pieces_from_vocab_text},
};

use super::{check_message, squad::tokenizer};

pub(super) fn read_vocab_txt(bytes: &[u8]) {
    match Vocabulary::from_vocab_txt(bytes, PathBuf::from("vocab.txt")) {
        Ok(vocabulary) => use_pieces(vocabulary.pieces, bytes),
        Err(error) => check_message(&error),
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        use_pieces(pieces_from_vocab_text(text), bytes);
    }
}

pub(super) fn read_tokenizer_json(bytes: &[u8]) {
    match Vocabulary::from_tokenizer_json(bytes, PathBuf::from("tokenizer.json")) {
        Ok(vocabulary) => use_pieces(vocabulary.pieces, bytes),
        Err(error) => check_message(&error),
    }
    for read in [lower_case_of_tokenizer, lower_case_of_tokenizer_config] {
        if let Err(error) = read(bytes) {
            check_message(&error);
        }
    }
}

/// Cuts the file itself into the pieces it defines.
fn use_pieces(pieces: Vec<String>, text: &[u8]) {
    let size = pieces.len();
    for lower_case in [false, true] {
        match BertTokenizer::from_vocab(pieces.clone(), lower_case) {
            Ok(tokenizer) => {
                let text = String::from_utf8_lossy(text.get(..1024).unwrap_or(text));
                let ids = tokenizer.tokenize(&text);
                assert!(ids.iter().all(|&id| (id as usize) < size));
            }
            Err(error) => return check_message(&error),
        }
    }
}

pub(super) fn read_config_json(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match BertConfig::from_json(&text, "config.json") {
        Ok(config) => {
            assert!(config.head_size() > 0 && config.parameter_count() > 0);
            for (name, _) in parameter_shapes(&config, true).iter().take(40) {
                assert_eq!(canonical_name(name), *name);
            }
            let again = BertConfig::from_json(&config.to_hugging_face().to_string(), "again").unwrap();
            assert_eq!(again, config);
        }
        Err(error) => check_message(&error),
    }
    match SpanbertMeta::from_json(bytes, Path::new("spanbert.json")) {
        Ok(meta) => use_meta(&meta),
        Err(error) => check_message(&error),
    }
}

/// Answers a question as a checkpoint's notes say.
fn use_meta(meta: &SpanbertMeta) {
    let default = AskOptions::default();
    let options = AskOptions {
        windows: WindowOptions {
            max_seq_length: meta.max_seq_length.unwrap_or(default.windows.max_seq_length),
            doc_stride: meta.doc_stride.unwrap_or(default.windows.doc_stride),
            max_query_length: meta.max_query_length.unwrap_or(default.windows.max_query_length),
        },
        n_best_size: meta.n_best_size.unwrap_or(default.n_best_size),
        max_answer_length: meta.max_answer_length.unwrap_or(default.max_answer_length),
        threshold: meta.threshold.unwrap_or(0.0),
        ..default
    };
    let question = match PreparedQuestion::new(tokenizer(), "the a b c left . who ?", "who left ?", &options)
    {
        Ok(question) => question,
        Err(error) => return check_message(&error),
    };
    let logits: Vec<Logits> = question
        .batches()
        .iter()
        .map(|batch| {
            let values: Vec<f32> = (0..batch.rows * batch.length).map(|at| (at * 7 % 5) as f32).collect();
            Logits { rows: batch.rows, length: batch.length, start: values.clone(), end: values }
        })
        .collect();
    match question.answer(&logits) {
        Ok(answer) => assert!(answer.answers.len() <= options.n_best_size),
        Err(error) => check_message(&error),
    }
}
