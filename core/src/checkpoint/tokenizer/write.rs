//! A tokenizer's files, so that reading them gives the same settings and pieces, here and in `transformers`.

use serde_json::{Map, Value, json};

use super::super::{CheckpointError, files::Target, save::pretty};
use crate::{
    config::BertConfig,
    tokenizer::{MAX_CHARS_PER_WORD, PREFIX, TokenizerSettings},
};

/// Stages `vocab.txt`, `tokenizer_config.json`, `special_tokens_map.json` and, if there is anything that only they can say,
/// `added_tokens.json` and `tokenizer.json`.
pub(in crate::checkpoint) fn stage(
    files: &mut impl Target,
    vocab: &[String],
    settings: &TokenizerSettings,
    model: &BertConfig,
) -> Result<(), CheckpointError> {
    files.stage("vocab.txt", |out| vocab.iter().try_for_each(|piece| writeln!(out, "{piece}")))?;
    let config = tokenizer_config(settings, model);
    files.stage("tokenizer_config.json", |out| pretty(out, &config))?;
    files.stage("special_tokens_map.json", |out| pretty(out, &Value::Object(special_tokens(settings))))?;
    if let Some(added) = added_tokens(vocab, settings) {
        files.stage("added_tokens.json", |out| pretty(out, &added))?;
    }
    if needs_tokenizer_json(settings) {
        let tokenizer = tokenizer_json(vocab, settings);
        files.stage("tokenizer.json", |out| pretty(out, &tokenizer))?;
    }
    Ok(())
}

fn special_tokens(settings: &TokenizerSettings) -> Map<String, Value> {
    let roles = settings.special.by_key().into_iter();
    let mut tokens: Map<_, _> = roles.map(|(key, token)| (key.to_owned(), json!(token))).collect();
    let others = settings.added.iter().filter(|token| token.special && !settings.special.has(&token.content));
    let others: Vec<&str> = others.map(|token| token.content.as_str()).collect();
    if !others.is_empty() {
        tokens.insert("additional_special_tokens".to_owned(), json!(others));
    }
    tokens
}

fn tokenizer_config(settings: &TokenizerSettings, model: &BertConfig) -> Value {
    let mut config = special_tokens(settings);
    let mut put = |key: &str, value: Value| config.insert(key.to_owned(), value);
    // Steps that are not BERT's are in tokenizer.json alone.
    let class =
        if settings.steps.is_some() { "PreTrainedTokenizerFast" } else { model.family.tokenizer_class };
    put("tokenizer_class", json!(class));
    put("do_lower_case", json!(settings.do_lower_case));
    put("do_basic_tokenize", json!(true));
    if settings.steps.is_none() {
        put("tokenize_chinese_chars", json!(settings.tokenize_chinese_chars));
        put("strip_accents", json!(settings.strip_accents));
    }
    put("model_max_length", json!(model.max_position_embeddings));
    if model.type_vocab_size == 0 {
        // Without this a generic class hands the model segments, which it does not take.
        put("model_input_names", json!(["input_ids", "attention_mask"]));
    }
    if !settings.clean_text {
        put("clean_text", json!(false));
    }
    if !settings.never_split.is_empty() {
        put("never_split", json!(settings.never_split));
    }
    if settings.wordpieces_prefix != PREFIX {
        put("wordpieces_prefix", json!(settings.wordpieces_prefix));
    }
    if settings.max_input_chars_per_word != MAX_CHARS_PER_WORD {
        put("max_input_chars_per_word", json!(settings.max_input_chars_per_word));
    }
    if !settings.added.is_empty() {
        let tokens = settings.added.iter().map(|token| {
            let described = json!({
                "content": token.content,
                "lstrip": token.lstrip,
                "normalized": token.normalized,
                "rstrip": token.rstrip,
                "single_word": token.single_word,
                "special": token.special,
            });
            (token.id.to_string(), described)
        });
        put("added_tokens_decoder", Value::Object(tokens.collect()));
    }
    Value::Object(config)
}

/// Ids of the tokens that are no pieces of the vocabulary, as older versions of `transformers` read them.
fn added_tokens(vocab: &[String], settings: &TokenizerSettings) -> Option<Value> {
    let beyond = settings.added.iter().filter(|token| token.id as usize >= vocab.len());
    let ids: Map<_, _> = beyond.map(|token| (token.content.clone(), json!(token.id))).collect();
    (!ids.is_empty()).then_some(Value::Object(ids))
}

/// Whether `transformers` cannot know the tokenizer from the other files.
fn needs_tokenizer_json(settings: &TokenizerSettings) -> bool {
    settings.steps.is_some()
        || !settings.clean_text
        || settings.wordpieces_prefix != PREFIX
        || settings.max_input_chars_per_word != MAX_CHARS_PER_WORD
}

fn tokenizer_json(vocab: &[String], settings: &TokenizerSettings) -> Value {
    // Of equal pieces the last one counts.
    let ids: Map<String, Value> =
        vocab.iter().enumerate().map(|(id, piece)| (piece.clone(), json!(id))).collect();
    let added =
        |token: &str| settings.added.iter().find(|added| added.content == token).map(|added| json!(added.id));
    let id_of = |token: &str| ids.get(token).cloned().or_else(|| added(token)).unwrap_or_default();
    let special = &settings.special;
    let described = |id: Value, content: &str| {
        json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
               "normalized": false, "special": true})
    };
    let added: Vec<Value> = if settings.added.is_empty() {
        let roles = special.by_key().into_iter().filter(|(_, token)| ids.contains_key(*token));
        let mut roles: Vec<_> = roles.map(|(_, token)| described(id_of(token), token)).collect();
        roles.sort_by_key(|token| token.get("id").and_then(Value::as_u64));
        roles
    } else {
        settings.added.iter().map(|token| json!(token)).collect()
    };
    let (normalizer, pre_tokenizer) = match &settings.steps {
        Some(steps) => (steps.normalizer.clone(), steps.pre_tokenizer.clone()),
        None => (
            json!({
                "type": "BertNormalizer",
                "clean_text": settings.clean_text,
                "handle_chinese_chars": settings.tokenize_chinese_chars,
                "strip_accents": settings.strip_accents,
                "lowercase": settings.do_lower_case,
            }),
            json!({"type": "BertPreTokenizer"}),
        ),
    };
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer,
        "post_processor": {
            "type": "BertProcessing",
            "sep": [special.sep, id_of(&special.sep)],
            "cls": [special.cls, id_of(&special.cls)],
        },
        "decoder": {"type": "WordPiece", "prefix": settings.wordpieces_prefix, "cleanup": true},
        "model": {
            "type": "WordPiece",
            "unk_token": special.unk,
            "continuing_subword_prefix": settings.wordpieces_prefix,
            "max_input_chars_per_word": settings.max_input_chars_per_word,
            "vocab": ids,
        },
    })
}
