//! What `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json` say.

use serde_json::{Map, Value};

use super::said::{ROLES, Refusal, Said, SaidToken, boolean, count, id_of, short, text};

/// Reads a `tokenizer_config.json`.
pub(super) fn read(config: &Value) -> Result<Said, Refusal> {
    let object = object(config)?;
    refuse_others(object)?;
    let strip_accents = match object.get("strip_accents") {
        None => None,
        Some(_) => Some(boolean(object, "strip_accents")?),
    };
    let mut said = Said {
        class: text(object, "tokenizer_class")?,
        do_lower_case: boolean(object, "do_lower_case")?,
        strip_accents,
        tokenize_chinese_chars: boolean(object, "tokenize_chinese_chars")?,
        clean_text: boolean(object, "clean_text")?,
        never_split: words(object, "never_split")?,
        wordpieces_prefix: text(object, "wordpieces_prefix")?,
        max_input_chars_per_word: count(object, "max_input_chars_per_word")?,
        ..special_tokens(object)?
    };
    if let Some(decoder) = object.get("added_tokens_decoder").filter(|decoder| !decoder.is_null()) {
        let Value::Object(decoder) = decoder else {
            return Err(Refusal::new(
                format!("added_tokens_decoder is {}", short(decoder)),
                "write it as an object from ids to tokens",
            ));
        };
        // Before those without ids, which are the same ones as a rule.
        let listed = std::mem::take(&mut said.added);
        for (id, token) in decoder {
            let Some(mut token) = SaidToken::read("added_tokens_decoder", token, false)? else { continue };
            token.id = Some(id_of(&token.content, &id.parse::<u64>().map_or(Value::Null, Value::from))?);
            said.added.push(token);
        }
        said.added.extend(listed);
    }
    Ok(said)
}

/// Reads a `special_tokens_map.json`, whose keys `tokenizer_config.json` may have too.
pub(super) fn read_special_tokens(map: &Value) -> Result<Said, Refusal> {
    special_tokens(object(map)?)
}

/// Reads an `added_tokens.json`: ids by token. Special are those that another file calls so.
pub(super) fn read_added_tokens(added: &Value, special: impl Fn(&str) -> bool) -> Result<Said, Refusal> {
    let added = object(added)?.iter().map(|(content, id)| {
        let id = Some(id_of(content, id)?);
        Ok(SaidToken { id, ..SaidToken::plain(content, special(content)) })
    });
    Ok(Said { added: added.collect::<Result<_, Refusal>>()?, ..Said::default() })
}

fn object(value: &Value) -> Result<&Map<String, Value>, Refusal> {
    value.as_object().ok_or_else(|| {
        Refusal::new(
            format!("it holds {}, not an object", short(value)),
            "copy the checkpoint's own file there",
        )
    })
}

fn special_tokens(object: &Map<String, Value>) -> Result<Said, Refusal> {
    let mut said = Said::default();
    for key in ROLES {
        if let Some(token) = object.get(key)
            && let Some(token) = SaidToken::read(key, token, true)?
        {
            said.roles.push((key, token));
        }
    }
    for key in ["additional_special_tokens", "extra_special_tokens"] {
        let tokens: Vec<&Value> = match object.get(key) {
            None | Some(Value::Null) => continue,
            Some(Value::Array(tokens)) => tokens.iter().collect(),
            Some(Value::Object(tokens)) => tokens.values().collect(),
            Some(other) => {
                return Err(Refusal::new(
                    format!("{key} is {}", short(other)),
                    format!("write {key} as a list of tokens"),
                ));
            }
        };
        for token in tokens {
            said.added.extend(SaidToken::read(key, token, true)?);
        }
    }
    Ok(said)
}

fn words(object: &Map<String, Value>, key: &str) -> Result<Option<Vec<String>>, Refusal> {
    let wrong = |value: &Value| {
        Refusal::new(format!("{key} is {}", short(value)), format!("write {key} as a list of strings"))
    };
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let words = value.as_array().ok_or_else(|| wrong(value))?;
            let word = |word: &Value| word.as_str().map(str::to_owned).ok_or_else(|| wrong(value));
            words.iter().map(word).collect::<Result<_, _>>().map(Some)
        }
    }
}

/// Settings that ask for another way of cutting text.
fn refuse_others(object: &Map<String, Value>) -> Result<(), Refusal> {
    for (key, usual) in [("word_tokenizer_type", "basic"), ("subword_tokenizer_type", "wordpiece")] {
        if let Some(kind) = text(object, key)?.filter(|kind| kind != usual) {
            return Err(Refusal::new(
                format!("{key} is {kind:?}; supported is {usual:?}"),
                "take a model whose words are cut as BERT's are, such as google-bert/bert-base-multilingual-cased",
            ));
        }
    }
    for (key, usual) in [
        ("do_basic_tokenize", true),
        ("do_word_tokenize", true),
        ("do_subword_tokenize", true),
        ("split_special_tokens", false),
    ] {
        if boolean(object, key)?.is_some_and(|value| value != usual) {
            return Err(Refusal::new(
                format!(
                    "{key} is {}; supported is {usual}, transformers' own tokenizers disagree about the other",
                    !usual
                ),
                format!(
                    "set {key} to {usual} if the model was trained with BertTokenizerFast, else take another checkpoint"
                ),
            ));
        }
    }
    Ok(())
}
