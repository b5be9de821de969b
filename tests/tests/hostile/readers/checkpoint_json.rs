//! The text files of a checkpoint: configuration, vocabulary, tokenizer, and our own notes.

use std::path::Path;

use spanbert_core::{
    ask::{AskOptions, PreparedQuestion},
    checkpoint::{SpanbertMeta, StoredTokenizer, TokenizerFiles, canonical_name},
    config::{BertConfig, parameter_shapes},
    engine::Logits,
    features::WindowOptions,
};

use super::{check_message, squad::tokenizer};

pub(super) fn read_vocab_txt(bytes: &[u8]) {
    read_tokenizer(TokenizerFiles { vocab: Some(bytes.to_vec()), ..TokenizerFiles::default() }, bytes);
}

/// The same text as every file of JSON that a tokenizer has, with and without a vocabulary beside it.
pub(super) fn read_tokenizer_json(bytes: &[u8]) {
    let none = TokenizerFiles::default;
    let vocab = Some(b"[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n##a\nb\n".to_vec());
    let text = Some(bytes.to_vec());
    for files in [
        TokenizerFiles { tokenizer: text.clone(), ..none() },
        TokenizerFiles { vocab: vocab.clone(), tokenizer: text.clone(), ..none() },
        TokenizerFiles { vocab: vocab.clone(), tokenizer_config: text.clone(), ..none() },
        TokenizerFiles { vocab: vocab.clone(), special_tokens_map: text.clone(), ..none() },
        TokenizerFiles { vocab, added_tokens: text, ..none() },
    ] {
        read_tokenizer(files, bytes);
    }
}

/// Cuts the file itself into the pieces it defines.
fn read_tokenizer(files: TokenizerFiles, text: &[u8]) {
    for lower_case in [None, Some(false), Some(true)] {
        let stored = match StoredTokenizer::from_files(&files, lower_case) {
            Ok(stored) => stored,
            Err(error) => return check_message(&error),
        };
        match stored.tokenizer() {
            Ok(tokenizer) => {
                let text = String::from_utf8_lossy(text.get(..1024).unwrap_or(text));
                let ids = tokenizer.tokenize(&text);
                assert!(ids.iter().all(|&id| (id as usize) < stored.pieces()));
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
                assert_eq!(canonical_name(name, config.family), *name);
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
