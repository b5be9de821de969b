//! What a `tokenizer.json` says.

use serde_json::{Value, json};

use super::said::{Refusal, Said, SaidToken, boolean, count, short, text};
use crate::tokenizer::TextSteps;

const NORMALIZERS: [&str; 11] = [
    "BertNormalizer",
    "NFC",
    "NFD",
    "NFKC",
    "NFKD",
    "Nmt",
    "Strip",
    "StripAccents",
    "Lowercase",
    "Replace",
    "Sequence",
];
const PRE_TOKENIZERS: [&str; 8] = [
    "BertPreTokenizer",
    "Whitespace",
    "WhitespaceSplit",
    "Punctuation",
    "Digits",
    "CharDelimiterSplit",
    "Split",
    "Sequence",
];
/// What to do about a step that is not among them.
const ANOTHER: &str = "take a checkpoint with a BERT tokenizer, such as SpanBERT/spanbert-base-cased";

/// Reads everything but the vocabulary.
pub(super) fn read(tokenizer: &Value) -> Result<Said, Refusal> {
    let mut said = steps(tokenizer)?;
    let model = tokenizer.get("model").filter(|model| !model.is_null());
    if let Some(model) = model {
        let kind = model.get("type").and_then(Value::as_str).unwrap_or("WordPiece");
        let Some(object) = model.as_object().filter(|_| kind == "WordPiece") else {
            return Err(Refusal::new(
                format!("its model is {kind}; only WordPiece vocabularies are supported"),
                ANOTHER,
            ));
        };
        said.wordpieces_prefix = text(object, "continuing_subword_prefix")?;
        said.max_input_chars_per_word = count(object, "max_input_chars_per_word")?;
        let unk = text(object, "unk_token")?;
        said.roles.extend(unk.map(|token| ("unk_token", SaidToken::plain(&token, true))));
    }
    if let Some(post) = tokenizer.get("post_processor").filter(|post| !post.is_null()) {
        for (key, token) in around(post)? {
            said.roles.push((key, SaidToken::plain(&token, true)));
        }
    }
    if let Some(padding) = tokenizer.get("padding").and_then(Value::as_object) {
        let pad = text(padding, "pad_token")?;
        said.roles.extend(pad.map(|token| ("pad_token", SaidToken::plain(&token, true))));
    }
    let added = tokenizer.get("added_tokens").and_then(Value::as_array).map(Vec::as_slice);
    for token in added.unwrap_or_default() {
        said.added.extend(SaidToken::read("added_tokens", token, false)?);
    }
    Ok(said)
}

/// The pieces of `model.vocab` by id, with those of the added tokens that fill its gaps.
pub(super) fn vocabulary(tokenizer: &Value) -> Result<Vec<String>, String> {
    let vocab = tokenizer.pointer("/model/vocab").and_then(Value::as_object);
    let vocab = vocab.ok_or("no model.vocab in it")?;
    let mut by_id = std::collections::BTreeMap::new();
    let mut put = |piece: &'_ str, id: Option<u64>| {
        let id = id.ok_or_else(|| format!("piece {piece:?} has no id"))?;
        match by_id.insert(id, piece.to_owned()).filter(|other| other != piece) {
            Some(other) => Err(format!("pieces {other:?} and {piece:?} have the same id {id}")),
            None => Ok(()),
        }
    };
    for (piece, id) in vocab {
        put(piece, id.as_u64())?;
    }
    let own = vocab.values().filter_map(Value::as_u64).max().map_or(0, |last| last.saturating_add(1));
    let added = tokenizer.get("added_tokens").and_then(Value::as_array).map(Vec::as_slice);
    for token in added.unwrap_or_default() {
        if let (Some(piece), Some(id)) =
            (token.get("content").and_then(Value::as_str), token.get("id").and_then(Value::as_u64))
        {
            put(piece, Some(id))?;
        }
    }
    if let Some((expected, _)) = by_id.keys().enumerate().find(|&(index, &id)| index as u64 != id) {
        return Err(format!("no piece has id {expected}"));
    }
    Ok(by_id.into_iter().take_while(|(id, _)| *id < own).map(|(_, piece)| piece).collect())
}

/// What happens to text before WordPiece: BERT's settings if they can say it, else the steps as they stand.
fn steps(tokenizer: &Value) -> Result<Said, Refusal> {
    let (normalizer, pre_tokenizer) = (tokenizer.get("normalizer"), tokenizer.get("pre_tokenizer"));
    if pre_tokenizer.is_some_and(Value::is_null) {
        return Err(Refusal::new("pre_tokenizer is null: nothing cuts text into words", ANOTHER));
    }
    check_steps("normalizer", normalizer, &NORMALIZERS)?;
    check_steps("pre_tokenizer", pre_tokenizer, &PRE_TOKENIZERS)?;
    let (single_normalizer, single_pre) = (normalizer.map(single), pre_tokenizer.map(single));
    if single_pre.is_none_or(|step| kind_of(step) == "BertPreTokenizer") {
        match single_normalizer {
            None => return Ok(Said::default()),
            Some(Value::Null) => {
                return Ok(Said {
                    do_lower_case: Some(false),
                    strip_accents: Some(None),
                    tokenize_chinese_chars: Some(false),
                    clean_text: Some(false),
                    ..Said::default()
                });
            }
            Some(Value::Object(step)) if step.get("type").is_some_and(|kind| kind == "BertNormalizer") => {
                return Ok(Said {
                    do_lower_case: Some(boolean(step, "lowercase")?.unwrap_or(true)),
                    strip_accents: Some(boolean(step, "strip_accents")?),
                    tokenize_chinese_chars: Some(boolean(step, "handle_chinese_chars")?.unwrap_or(true)),
                    clean_text: Some(boolean(step, "clean_text")?.unwrap_or(true)),
                    ..Said::default()
                });
            }
            Some(_) => {}
        }
    }
    let normalizer = normalizer.cloned().unwrap_or(Value::Null);
    let pre_tokenizer = pre_tokenizer.cloned().unwrap_or_else(|| json!({"type": "BertPreTokenizer"}));
    let do_lower_case = Some(lowers(&normalizer));
    Ok(Said { do_lower_case, steps: Some(TextSteps { normalizer, pre_tokenizer }), ..Said::default() })
}

/// The only step of a sequence of one.
fn single(mut step: &Value) -> &Value {
    while let Some([only]) = parts(step) {
        step = only;
    }
    step
}

/// The steps of a sequence.
fn parts(step: &Value) -> Option<&[Value]> {
    let parts = step.get("normalizers").or_else(|| step.get("pretokenizers"));
    parts.and_then(Value::as_array).map(Vec::as_slice)
}

fn kind_of(step: &Value) -> &str {
    let kind = step.get("type").and_then(Value::as_str);
    kind.unwrap_or(if parts(step).is_some() { "Sequence" } else { "" })
}

/// Refuses steps that are not known, or whose patterns could take for ever.
fn check_steps(part: &str, step: Option<&Value>, known: &[&str]) -> Result<(), Refusal> {
    let Some(step) = step.filter(|step| !step.is_null()) else { return Ok(()) };
    let kind = kind_of(step);
    if !known.contains(&kind) {
        let kind = if kind.is_empty() { short(step) } else { kind.to_owned() };
        return Err(Refusal::new(
            format!("its {part} is {kind}; supported are {}", known.join(", ")),
            ANOTHER,
        ));
    }
    if let Some(pattern) = step.get("pattern").filter(|pattern| pattern.get("String").is_none()) {
        return Err(Refusal::new(
            format!("the pattern of {kind} in its {part} is {}; supported are plain strings", short(pattern)),
            ANOTHER,
        ));
    }
    parts(step).unwrap_or_default().iter().try_for_each(|step| check_steps(part, Some(step), known))
}

/// Whether a normaliser lower-cases.
fn lowers(normalizer: &Value) -> bool {
    match kind_of(normalizer) {
        "Lowercase" => true,
        "BertNormalizer" => normalizer.get("lowercase").and_then(Value::as_bool).unwrap_or(true),
        _ => parts(normalizer).unwrap_or_default().iter().any(lowers),
    }
}

/// The normaliser with or without lower-casing, whatever it was.
pub(super) fn with_lower_case(normalizer: &Value, lower: bool) -> Value {
    if lowers(normalizer) == lower {
        return normalizer.clone();
    }
    if lower {
        let mut steps: Vec<Value> = match (normalizer, parts(normalizer)) {
            (Value::Null, _) => Vec::new(),
            (_, Some(parts)) => parts.to_vec(),
            (one, None) => vec![one.clone()],
        };
        steps.push(json!({"type": "Lowercase"}));
        return json!({"type": "Sequence", "normalizers": steps});
    }
    match kind_of(normalizer) {
        "Lowercase" => Value::Null,
        "BertNormalizer" => {
            let mut normalizer = normalizer.clone();
            // What follows lower-casing has followed it until now.
            let strip = normalizer.get("strip_accents").and_then(Value::as_bool).unwrap_or(false);
            normalizer["strip_accents"] = json!(strip);
            normalizer["lowercase"] = json!(false);
            normalizer
        }
        _ => {
            let steps = parts(normalizer).unwrap_or_default().iter().map(|step| with_lower_case(step, false));
            let steps: Vec<Value> = steps.filter(|step| !step.is_null()).collect();
            json!({"type": "Sequence", "normalizers": steps})
        }
    }
}

/// The tokens that a post-processor puts around the texts, if it does it as BERT.
fn around(post: &Value) -> Result<Vec<(&'static str, String)>, Refusal> {
    let other = |what: String| Err(Refusal::new(what, ANOTHER));
    let token = |key: &str| post.get(key).and_then(|pair| pair.get(0)).and_then(Value::as_str);
    match kind_of(post) {
        "BertProcessing" => match (token("cls"), token("sep")) {
            (Some(cls), Some(sep)) => Ok(vec![("cls_token", cls.to_owned()), ("sep_token", sep.to_owned())]),
            _ => other("its post_processor BertProcessing lacks cls or sep".to_owned()),
        },
        "TemplateProcessing" => {
            let pair = post.get("pair").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let special =
                |part: &Value| part.pointer("/SpecialToken/id").and_then(Value::as_str).map(str::to_owned);
            let text = |part: &Value, name: &str| part.pointer("/Sequence/id").is_some_and(|id| id == name);
            match pair {
                [cls, a, sep, b, end]
                    if text(a, "A")
                        && text(b, "B")
                        && special(sep).is_some()
                        && special(sep) == special(end) =>
                {
                    let tokens = special(cls).zip(special(sep));
                    let tokens = tokens.map(|(cls, sep)| vec![("cls_token", cls), ("sep_token", sep)]);
                    tokens.map_or_else(
                        || other("its post_processor begins a pair of texts without a token".to_owned()),
                        Ok,
                    )
                }
                _ => other(format!(
                    "its post_processor puts a pair of texts together as {}; supported is [CLS] A [SEP] B [SEP]",
                    short(&Value::from(pair.to_vec()))
                )),
            }
        }
        kind => other(format!(
            "its post_processor is {kind}; supported are BertProcessing and TemplateProcessing"
        )),
    }
}
