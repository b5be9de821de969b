//! The model's architecture (`config.json` of a Hugging Face directory).

mod activation;
mod family;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use spanbert_backends::ops::Activation;

pub(crate) use self::family::Family;
use crate::{advice::Advice, json};

/// Longest side of any parameter and the like; far above every BERT, low enough that products do not overflow.
const MAX_SIZE: usize = 1 << 24;
const MAX_LAYERS: usize = 1024;

/// Architecture of a BERT encoder, with BERT-base's values where `config.json` is silent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BertConfig {
    /// Number of word pieces.
    pub vocab_size: usize,
    /// Width of the hidden states.
    pub hidden_size: usize,
    /// Number of transformer layers.
    pub num_hidden_layers: usize,
    /// Attention heads per layer; divides `hidden_size`.
    pub num_attention_heads: usize,
    /// Width of the feed-forward layer.
    pub intermediate_size: usize,
    /// Activation of the feed-forward layer by the name that `transformers` has for it; see [`activation`](Self::activation).
    pub hidden_act: String,
    /// Dropout after embeddings, attention output and feed-forward output.
    pub hidden_dropout_prob: f64,
    /// Dropout on attention probabilities.
    pub attention_probs_dropout_prob: f64,
    /// Longest input in word pieces.
    pub max_position_embeddings: usize,
    /// Number of segment ids; with one, question and passage share it.
    pub type_vocab_size: usize,
    /// Standard deviation of fresh weights.
    pub initializer_range: f64,
    /// Added to the variance inside LayerNorm's square root.
    pub layer_norm_eps: f64,
    /// Word piece id of `[PAD]`; its embedding gets no gradient.
    pub pad_token_id: usize,
}

impl Default for BertConfig {
    fn default() -> Self {
        Self {
            vocab_size: 28_996,
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3072,
            hidden_act: "gelu".into(),
            hidden_dropout_prob: 0.1,
            attention_probs_dropout_prob: 0.1,
            max_position_embeddings: 512,
            type_vocab_size: 2,
            initializer_range: 0.02,
            layer_norm_eps: 1e-12,
            pad_token_id: 0,
        }
    }
}

/// Why a `config.json` cannot be used. Every variant names the file (or other source) it came from.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {cause}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        cause: std::io::Error,
    },
    /// The text is not a JSON object with values of the expected types.
    #[error("{origin}: {}", crate::json::said(cause))]
    Json {
        /// File or other source of the text.
        origin: String,
        /// What the parser said, with line and column.
        cause: serde_json::Error,
    },
    /// The model is no BERT.
    #[error("{origin}: {found}, and only BERT (model_type \"bert\") is supported")]
    Family {
        /// File or other source of the text.
        origin: String,
        /// The key that says so, its value and what it means.
        found: String,
        /// Models that can be used.
        instead: &'static str,
    },
    /// The activation is not implemented.
    #[error("{origin}: hidden_act is {value:?}, which is not implemented")]
    Activation {
        /// File or other source of the text.
        origin: String,
        /// The activation's name.
        value: String,
        /// The names that are known.
        supported: String,
    },
    /// A value is well-formed but not one this model can have.
    #[error("{origin}: {key} is {value}: {why}")]
    Value {
        /// File or other source of the text.
        origin: String,
        /// The key of `config.json`.
        key: &'static str,
        /// Its value.
        value: String,
        /// What it should be.
        why: &'static str,
    },
}

impl Advice for ConfigError {
    fn remedy(&self) -> String {
        match self {
            Self::Io { .. } => "check the path and that you may read it".into(),
            Self::Json { .. } => "give the config.json of a Hugging Face BERT".into(),
            Self::Family { instead, .. } => format!("use {instead}"),
            Self::Activation { supported, .. } => {
                format!("use a model whose hidden_act is one of {supported}")
            }
            Self::Value { key, .. } => match *key {
                "position_embedding_type" | "is_decoder" | "add_cross_attention" => {
                    "use a BERT encoder with absolute positions, such as spanbert-base or bert-base-cased"
                        .into()
                }
                "quantization_config" => "use the model that was quantised".into(),
                "pruned_heads" => "use the model before pruning".into(),
                _ => format!("correct {key}, or download the file again"),
            },
        }
    }
}

impl BertConfig {
    /// The sizes of bert-large-cased and SpanBERT-large; [`default`](Self::default) has those of base.
    #[must_use]
    pub fn large() -> Self {
        Self {
            hidden_size: 1024,
            num_hidden_layers: 24,
            num_attention_heads: 16,
            intermediate_size: 4096,
            ..Self::default()
        }
    }

    /// Reads and validates a `config.json`.
    ///
    /// # Errors
    /// If the file cannot be read, is not JSON, or describes a model other than the BERT encoder of
    /// [`validate`](Self::validate).
    pub fn from_path(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|cause| ConfigError::Io { path: path.to_path_buf(), cause })?;
        Self::from_json(&text, &path.display().to_string())
    }

    /// Parses and validates the text of a `config.json`; `origin` names it in errors. Keys that BERT does not have
    /// are ignored, absent ones take the reference's defaults (SpanBERT's own file lacks several).
    ///
    /// # Errors
    /// As [`from_path`](Self::from_path).
    pub fn from_json(text: &str, origin: &str) -> Result<Self, ConfigError> {
        let wrong = |cause| ConfigError::Json { origin: origin.into(), cause };
        let reject = |key, value: String, why| ConfigError::Value { origin: origin.into(), key, value, why };
        let mut config: Value = json::parse(text.as_bytes()).map_err(wrong)?;
        let variant = Variant::deserialize(&config).map_err(wrong)?;
        if let Some((found, instead)) = variant.foreign() {
            return Err(ConfigError::Family { origin: origin.into(), found, instead });
        }
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
        // A null is an absent key (older exporters write `"pad_token_id": null`).
        if let Value::Object(keys) = &mut config {
            keys.retain(|_, value| !value.is_null());
        }
        let config: Self = serde_json::from_value(config).map_err(wrong)?;
        config.validate_as(origin)?;
        Ok(config)
    }

    /// Checks that the sizes are consistent and the activation is one the model has.
    ///
    /// # Errors
    /// On a zero or absurd size, heads that do not divide the hidden size, an activation that is not implemented, a
    /// probability outside `[0, 1)`, or a padding id outside the vocabulary.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.validate_as("configuration")
    }

    fn validate_as(&self, origin: &str) -> Result<(), ConfigError> {
        let reject =
            |key, value: String, why| Err(ConfigError::Value { origin: origin.into(), key, value, why });
        for (key, size) in [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("type_vocab_size", self.type_vocab_size),
        ] {
            if size == 0 {
                return reject(key, "0".into(), "it must be at least 1");
            }
            if size > MAX_SIZE {
                return reject(key, size.to_string(), "no BERT is that large");
            }
        }
        if self.num_hidden_layers > MAX_LAYERS {
            let why = "no BERT is that deep";
            return reject("num_hidden_layers", self.num_hidden_layers.to_string(), why);
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            let value = format!("{} with hidden_size {}", self.num_attention_heads, self.hidden_size);
            return reject("num_attention_heads", value, "the heads must divide the hidden size");
        }
        if activation::by_name(&self.hidden_act).is_none() {
            let (origin, value) = (origin.into(), self.hidden_act.clone());
            return Err(ConfigError::Activation { origin, value, supported: activation::names() });
        }
        for (key, probability) in [
            ("hidden_dropout_prob", self.hidden_dropout_prob),
            ("attention_probs_dropout_prob", self.attention_probs_dropout_prob),
        ] {
            if !(0.0..1.0).contains(&probability) {
                return reject(key, probability.to_string(), "a dropout probability lies in [0, 1)");
            }
        }
        if !(self.layer_norm_eps > 0.0 && self.layer_norm_eps < 1.0) {
            return reject(
                "layer_norm_eps",
                self.layer_norm_eps.to_string(),
                "it must be a small positive number",
            );
        }
        if !(self.initializer_range >= 0.0 && self.initializer_range.is_finite()) {
            let why = "a standard deviation is finite and not negative";
            return reject("initializer_range", self.initializer_range.to_string(), why);
        }
        if self.pad_token_id >= self.vocab_size {
            let value = format!("{} with vocab_size {}", self.pad_token_id, self.vocab_size);
            return reject("pad_token_id", value, "it must be an id of the vocabulary");
        }
        Ok(())
    }

    /// Activation of the feed-forward layer, of a configuration that [`validate`](Self::validate) accepts.
    #[must_use]
    pub fn activation(&self) -> Activation {
        activation::by_name(&self.hidden_act).unwrap_or_default()
    }

    /// Width of one attention head.
    #[must_use]
    pub fn head_size(&self) -> usize {
        self.hidden_size / self.num_attention_heads
    }

    /// Number of weights of the encoder and the question-answering head, without the pooler (which extractive
    /// question answering does not use).
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        parameter_shapes(self, false).iter().map(|(_, shape)| shape.iter().product::<usize>()).sum()
    }

    /// The `config.json` that `transformers.AutoModelForQuestionAnswering` loads.
    #[must_use]
    pub fn to_hugging_face(&self) -> Value {
        json!({
            "architectures": ["BertForQuestionAnswering"],
            "model_type": "bert",
            "attention_probs_dropout_prob": self.attention_probs_dropout_prob,
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
        })
    }
}

/// Keys that decide whether the model is a plain BERT encoder at all.
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
    /// What says that the model is no BERT, and what to use instead. Without a `model_type`, as in files of 2019, the
    /// class decides.
    fn foreign(&self) -> Option<(String, &'static str)> {
        let (found, family) = match (&self.model_type, &self.architectures) {
            (Some(kind), _) if kind == "bert" => return None,
            (Some(kind), _) => (format!("model_type is {kind:?}"), Family::of_model_type(kind)),
            (None, classes) => {
                let class = classes.as_ref()?.get(0)?.as_str()?;
                (format!("architectures is [{class:?}]"), Some(Family::of_class(class)?))
            }
        };
        Some(match family {
            Some(Family { title, difference, instead, .. }) => {
                (format!("{found}: {title} is another family ({difference})"), instead)
            }
            None => (found, Family::usual()),
        })
    }

    /// The method by which the weights were quantised, if they were.
    fn quantization(&self) -> Option<String> {
        let settings = self.quantization_config.as_ref().filter(|settings| !settings.is_null())?;
        let method = settings.get("quant_method").and_then(Value::as_str).unwrap_or("set");
        Some(method.to_owned())
    }
}

/// Every parameter's canonical name and shape in PyTorch layout (linear weights `[out, in]`), in the order of the
/// reference's `named_parameters`. The pooler's two are optional: extractive question answering does not use it.
#[must_use]
pub fn parameter_shapes(config: &BertConfig, with_pooler: bool) -> Vec<(String, Vec<usize>)> {
    let (hidden, wide) = (config.hidden_size, config.intermediate_size);
    let mut table: Vec<(String, Vec<usize>)> = Vec::with_capacity(16 * config.num_hidden_layers + 9);
    let mut add = |name: String, shape: &[usize]| table.push((name, shape.to_vec()));
    let embeddings = "bert.embeddings";
    add(format!("{embeddings}.word_embeddings.weight"), &[config.vocab_size, hidden]);
    add(format!("{embeddings}.position_embeddings.weight"), &[config.max_position_embeddings, hidden]);
    add(format!("{embeddings}.token_type_embeddings.weight"), &[config.type_vocab_size, hidden]);
    add(format!("{embeddings}.LayerNorm.weight"), &[hidden]);
    add(format!("{embeddings}.LayerNorm.bias"), &[hidden]);
    for layer in 0..config.num_hidden_layers {
        for (part, outputs, inputs) in [
            ("attention.self.query", hidden, hidden),
            ("attention.self.key", hidden, hidden),
            ("attention.self.value", hidden, hidden),
            ("attention.output.dense", hidden, hidden),
            ("attention.output.LayerNorm", hidden, 0),
            ("intermediate.dense", wide, hidden),
            ("output.dense", hidden, wide),
            ("output.LayerNorm", hidden, 0),
        ] {
            let weight: &[usize] = if inputs == 0 { &[outputs] } else { &[outputs, inputs] };
            add(format!("bert.encoder.layer.{layer}.{part}.weight"), weight);
            add(format!("bert.encoder.layer.{layer}.{part}.bias"), &[outputs]);
        }
    }
    if with_pooler {
        add("bert.pooler.dense.weight".into(), &[hidden, hidden]);
        add("bert.pooler.dense.bias".into(), &[hidden]);
    }
    add("qa_outputs.weight".into(), &[2, hidden]);
    add("qa_outputs.bias".into(), &[2]);
    table
}

#[cfg(test)]
mod tests {
    use super::*;

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
        for kind in [
            "roberta",
            "deberta-v2",
            "albert",
            "electra",
            "distilbert",
            "xlm-roberta",
            "mpnet",
            "longformer",
            "modernbert",
            "t5",
        ] {
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
    fn parameter_counts_are_those_of_bert() {
        // bert-base-cased: 108,310,272 with the pooler (590,592), plus the head's 768 * 2 + 2.
        assert_eq!(BertConfig::default().parameter_count(), 108_310_272 - 590_592 + 1538);
        assert_eq!(parameter_shapes(&BertConfig::default(), true).len(), 5 + 12 * 16 + 2 + 2);
    }

    #[test]
    fn what_is_written_reads_back() {
        let config = BertConfig { vocab_size: 77, layer_norm_eps: 1e-5, ..BertConfig::default() };
        let text = config.to_hugging_face().to_string();
        assert_eq!(BertConfig::from_json(&text, "written").unwrap(), config);
    }
}
