//! `config.json` of a Hugging Face directory, read and written.

use std::{
    io::{Error, ErrorKind},
    path::Path,
};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{BERT, BertConfig, ConfigError, Family, unsupported::Unsupported};
use crate::json;

impl BertConfig {
    /// Reads and validates a `config.json`.
    ///
    /// # Errors
    /// If the file cannot be read, is not JSON, or describes a model other than the BERT encoder of
    /// [`validate`](Self::validate).
    pub fn from_path(path: &Path) -> Result<Self, ConfigError> {
        let bytes =
            std::fs::read(path).map_err(|cause| ConfigError::Io { path: path.to_path_buf(), cause })?;
        Self::from_bytes(&bytes, path)
    }

    /// [`from_path`](Self::from_path) with the file's content at hand; `path` names it in errors.
    ///
    /// # Errors
    /// As [`from_path`](Self::from_path).
    pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self, ConfigError> {
        let text = std::str::from_utf8(bytes).map_err(|_| {
            let cause = Error::new(ErrorKind::InvalidData, "stream did not contain valid UTF-8");
            ConfigError::Io { path: path.to_path_buf(), cause }
        })?;
        Self::from_json(text, &path.display().to_string())
    }

    /// Parses and validates the text of a `config.json`; `origin` names it in errors. Keys that BERT does not have
    /// are ignored, absent ones take the reference's defaults (SpanBERT's own file lacks several).
    ///
    /// # Errors
    /// As [`from_path`](Self::from_path).
    pub fn from_json(text: &str, origin: &str) -> Result<Self, ConfigError> {
        let wrong = |cause| ConfigError::Json { origin: origin.into(), cause };
        let reject = |key, value: String, why| ConfigError::Value { origin: origin.into(), key, value, why };
        let config: Value = json::parse(text.as_bytes()).map_err(wrong)?;
        let variant = Variant::deserialize(&config).map_err(wrong)?;
        let family = variant.family().map_err(|(found, instead)| ConfigError::Family {
            origin: origin.into(),
            found,
            instead,
        })?;
        if let Some(kind) = variant.position_embedding_type.as_ref().filter(|kind| *kind != "absolute") {
            let why = "only \"absolute\" position embeddings are supported";
            return Err(reject("position_embedding_type", format!("{kind:?}"), why));
        }
        if variant.is_decoder == Some(true) {
            return Err(reject("is_decoder", "true".into(), "only the bidirectional encoder is supported"));
        }
        if variant.add_cross_attention == Some(true) {
            let why = "only an encoder without cross-attention is supported";
            return Err(reject("add_cross_attention", "true".into(), why));
        }
        if let Some(method) = variant.quantization() {
            let why = "quantised weights are not read";
            return Err(reject("quantization_config", method, why));
        }
        let pruned = variant.pruned_heads.as_ref().and_then(Value::as_object).map_or(0, Map::len);
        if pruned > 0 {
            let why = "models with heads cut out are not supported";
            return Err(reject("pruned_heads", format!("set for {pruned} layers"), why));
        }
        let config: Self = serde_json::from_value(in_canonical_keys(config, family)).map_err(wrong)?;
        config.validate_as(origin)?;
        Ok(config)
    }

    /// The `config.json` that `transformers.AutoModelForQuestionAnswering` loads.
    #[must_use]
    pub fn to_hugging_face(&self) -> Value {
        let described = json!({
            "attention_probs_dropout_prob": self.attention_probs_dropout_prob,
            "embedding_size": self.embedding_width(),
            "head_dropout_prob": self.head_dropout_prob,
            "hidden_act": self.hidden_act,
            "hidden_dropout_prob": self.hidden_dropout_prob,
            "hidden_size": self.hidden_size,
            "initializer_range": self.initializer_range,
            "intermediate_size": self.intermediate_size,
            "layer_norm_eps": self.layer_norm_eps,
            "max_position_embeddings": self.max_position_embeddings,
            "num_attention_heads": self.num_attention_heads,
            "num_hidden_layers": self.num_hidden_layers,
            "pad_token_id": self.pad_token_id,
            "position_embedding_type": "absolute",
            "torch_dtype": "float32",
            "type_vocab_size": self.type_vocab_size,
            "vocab_size": self.vocab_size,
        });
        let family = self.family;
        let mut config = json!({
            "architectures": [family.class_for("QuestionAnswering")],
            "model_type": family.model_type,
        });
        for (field, value) in described.as_object().into_iter().flatten() {
            if family.has(field) {
                let own = family.config_keys.iter().find(|(name, _)| name == field);
                config[own.map_or(field.as_str(), |(_, key)| key)] = value.clone();
            }
        }
        config
    }
}

/// A `config.json` with the program's names for its keys, complete by the family's defaults.
fn in_canonical_keys(config: Value, family: &'static Family) -> Value {
    let Value::Object(mut config) = config else { return config };
    // A null is an absent key (older exporters write `"pad_token_id": null`).
    config.retain(|_, value| !value.is_null());
    // The family's own key goes before BERT's, which `transformers` takes for some of them as well.
    for &(field, key) in family.config_keys {
        if let Some(value) = config.remove(key) {
            config.insert(field.to_owned(), value);
        }
    }
    config.retain(|key, _| family.has(key));
    config.insert("model_type".to_owned(), json!(family.model_type));
    let Ok(Value::Object(mut complete)) = serde_json::to_value((family.defaults)()) else {
        return Value::Object(config);
    };
    complete.extend(config);
    Value::Object(complete)
}

/// Keys that decide whether the model is an encoder that is computed like BERT at all.
#[derive(Deserialize)]
struct Variant {
    model_type: Option<String>,
    architectures: Option<Value>,
    quantization_config: Option<Value>,
    pruned_heads: Option<Value>,
    position_embedding_type: Option<String>,
    is_decoder: Option<bool>,
    add_cross_attention: Option<bool>,
}

impl Variant {
    /// The model's family, or what says that it is none of ours and what to use instead. Without a `model_type`, as in
    /// files of 2019, the class decides; without either it is BERT.
    fn family(&self) -> Result<&'static Family, (String, &'static str)> {
        let class = self.architectures.as_ref().and_then(|classes| classes.get(0)?.as_str());
        let (found, unsupported) = match (&self.model_type, class) {
            (Some(kind), _) => match Family::of_model_type(kind) {
                Some(family) => return Ok(family),
                None => (format!("model_type is {kind:?}"), Unsupported::of_model_type(kind)),
            },
            (None, None) => return Ok(&BERT),
            (None, Some(class)) => match (Family::of_class(class), Unsupported::of_class(class)) {
                (Some(family), _) => return Ok(family),
                (None, None) => return Ok(&BERT),
                (None, unsupported) => (format!("architectures is [{class:?}]"), unsupported),
            },
        };
        Err(match unsupported {
            Some(Unsupported { title, difference, instead, .. }) => {
                (format!("{found}: {title} is another family ({difference})"), instead)
            }
            None => (found, Unsupported::usual()),
        })
    }

    /// The method by which the weights were quantised, if they were.
    fn quantization(&self) -> Option<String> {
        let settings = self.quantization_config.as_ref().filter(|settings| !settings.is_null())?;
        let method = settings.get("quant_method").and_then(Value::as_str).unwrap_or("set");
        Some(method.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advice::Advice;

    #[test]
    fn absent_keys_take_the_reference_defaults() {
        let config =
            BertConfig::from_json(r#"{"vocab_size": 200, "hidden_size": 32, "num_attention_heads": 4}"#, "c");
        let config = config.unwrap();
        assert_eq!(config.layer_norm_eps, 1e-12);
        assert_eq!((config.hidden_size, config.intermediate_size, config.head_size()), (32, 3072, 8));
    }

    #[test]
    fn nulls_and_foreign_keys_are_ignored() {
        let text =
            r#"{"model_type": "bert", "pad_token_id": null, "directionality": "bidi", "label2id": {"a": 0}}"#;
        assert_eq!(BertConfig::from_json(text, "c").unwrap(), BertConfig::default());
    }

    #[test]
    fn unsupported_models_are_named() {
        for (text, expected) in [
            (r#"{"model_type": "roberta"}"#, "model_type is \"roberta\""),
            (r#"{"model_type": "roberta"}"#, "RoBERTa is another family"),
            (r#"{"model_type": "xlm-roberta"}"#, "bert-base-multilingual-cased"),
            (r#"{"model_type": "gpt9"}"#, "model_type is \"gpt9\", and only BERT"),
            (r#"{"architectures": ["AlbertForMaskedLM"]}"#, "ALBERT is another family"),
            (r#"{"hidden_act": "mish"}"#, "hidden_act is \"mish\", which is not implemented"),
            (r#"{"hidden_act": "mish"}"#, "gelu_new"),
            (r#"{"quantization_config": {"quant_method": "gptq"}}"#, "quantization_config is gptq"),
            (r#"{"pruned_heads": {"0": [1]}}"#, "pruned_heads is set for 1 layers"),
            (r#"{"position_embedding_type": "relative_key"}"#, "position_embedding_type is \"relative_key\""),
            (r#"{"is_decoder": true}"#, "is_decoder is true"),
            (r#"{"add_cross_attention": true}"#, "add_cross_attention is true"),
            (r#"{"num_attention_heads": 7}"#, "num_attention_heads is 7 with hidden_size 768"),
            (r#"{"hidden_size": 0}"#, "hidden_size is 0"),
            (r#"{"num_attention_heads": 0}"#, "num_attention_heads is 0"),
            (r#"{"num_hidden_layers": 1000000}"#, "num_hidden_layers is 1000000"),
            (r#"{"vocab_size": 99999999999}"#, "vocab_size is 99999999999"),
            (r#"{"vocab_size": -1}"#, "invalid value"),
            (r#"{"vocab_size": "big"}"#, "invalid type"),
            (r#"{"hidden_dropout_prob": 1.0}"#, "hidden_dropout_prob is 1"),
            (r#"{"pad_token_id": 28996}"#, "pad_token_id is 28996"),
            (r#"{"layer_norm_eps": 0}"#, "layer_norm_eps is 0"),
            ("[1]", "invalid"),
            ("", "EOF"),
        ] {
            let message = BertConfig::from_json(text, "somewhere/config.json").unwrap_err().in_one_line();
            assert!(message.contains(expected), "{text}: {message}");
            assert!(message.contains("somewhere/config.json"), "{message}");
        }
    }

    #[test]
    fn every_family_people_try_is_named_with_what_to_use_instead() {
        for kind in
            ["roberta", "deberta-v2", "albert", "xlm-roberta", "mpnet", "longformer", "modernbert", "t5"]
        {
            let text = format!(r#"{{"model_type": "{kind}"}}"#);
            let message = BertConfig::from_json(&text, "c").unwrap_err().in_one_line();
            let (cause, remedy) = message.rsplit_once("; ").unwrap();
            assert!(cause.contains(&format!("model_type is \"{kind}\"")), "{message}");
            assert!(remedy.starts_with("use ") && remedy.to_lowercase().contains("bert"), "{message}");
        }
        // What looks like one and is none.
        for text in [
            r#"{"model_type": "bert", "architectures": ["SpanRobertaForX"]}"#,
            r#"{"architectures": ["BertForMaskedLM"]}"#,
            r#"{"architectures": []}"#,
            r#"{"quantization_config": null, "pruned_heads": {}}"#,
        ] {
            BertConfig::from_json(text, "c").unwrap();
        }
    }

    #[test]
    fn the_activation_s_name_is_kept() {
        for name in ["gelu_new", "relu", "gelu_python"] {
            let config = BertConfig { hidden_act: name.into(), ..BertConfig::default() };
            let text = config.to_hugging_face().to_string();
            assert_eq!(BertConfig::from_json(&text, "c").unwrap().hidden_act, name);
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let config = BertConfig { vocab_size: 77, layer_norm_eps: 1e-5, ..BertConfig::default() };
        let text = config.to_hugging_face().to_string();
        assert_eq!(BertConfig::from_json(&text, "written").unwrap(), config);
    }
}
