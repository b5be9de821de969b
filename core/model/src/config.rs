//! The model's architecture (`config.json` of a Hugging Face directory).

mod activation;
mod error;
mod families;
mod family;
mod hugging_face;
pub mod names;
mod pretraining_heads;
mod unsupported;

use serde::{Deserialize, Serialize};
use spanbert_backends::ops::Activation;

pub use self::unsupported::Unsupported;
pub use self::{
    error::ConfigError,
    families::{BERT, FAMILIES},
    family::Family,
    names::parameter_shapes,
    pretraining_heads::{POSITION_WIDTH, SPAN_POSITIONS, head_shapes},
};

/// Longest side of any parameter and the like; far above every BERT, low enough that products do not overflow.
const MAX_SIZE: usize = 1 << 24;
const MAX_LAYERS: usize = 1024;

/// Architecture of an encoder. Fields have BERT's names, whatever the family's `config.json` calls them; the default is
/// BERT-base.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BertConfig {
    /// Whose names its files have, and in what it differs from BERT.
    #[serde(
        rename = "model_type",
        serialize_with = "family::serialize",
        deserialize_with = "family::deserialize"
    )]
    pub family: &'static Family,
    /// Number of word pieces.
    pub vocab_size: usize,
    /// Width of the embeddings, if it may differ from that of the hidden states: a linear layer then stands between
    /// them. See [`embedding_width`](Self::embedding_width).
    pub embedding_size: Option<usize>,
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
    /// Dropout before the question-answering head.
    pub head_dropout_prob: f64,
    /// Longest input in word pieces.
    pub max_position_embeddings: usize,
    /// Number of segment ids; with one, question and passage share it, with 0 there are no embeddings of segments.
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
            family: &BERT,
            vocab_size: 28_996,
            embedding_size: None,
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3072,
            hidden_act: "gelu".into(),
            hidden_dropout_prob: 0.1,
            attention_probs_dropout_prob: 0.1,
            head_dropout_prob: 0.0,
            max_position_embeddings: 512,
            type_vocab_size: 2,
            initializer_range: 0.02,
            layer_norm_eps: 1e-12,
            pad_token_id: 0,
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

    /// Names of architectures, as [`named`](Self::named) knows them.
    pub const NAMES: [&'static str; 3] = ["base", "large", "minilm"];

    /// An architecture by its name: BERT-base, BERT-large, or MiniLM-L6-H384-uncased, the encoder of the sentence transformer
    /// all-MiniLM-L6-v2.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "base" => Self::default(),
            "large" => Self::large(),
            "minilm" => Self {
                vocab_size: 30_522,
                hidden_size: 384,
                num_hidden_layers: 6,
                num_attention_heads: 12,
                intermediate_size: 1536,
                ..Self::default()
            },
            _ => return None,
        })
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
        let reject = |field, value: String, why| {
            let key = self.family.config_key(field);
            Err(ConfigError::Value { origin: origin.into(), key, value, why })
        };
        let segments = usize::from(self.family.has("type_vocab_size"));
        for (key, size, least) in [
            ("vocab_size", self.vocab_size, 1),
            ("hidden_size", self.hidden_size, 1),
            ("embedding_size", self.embedding_width(), 1),
            ("num_hidden_layers", self.num_hidden_layers, 1),
            ("num_attention_heads", self.num_attention_heads, 1),
            ("intermediate_size", self.intermediate_size, 1),
            ("max_position_embeddings", self.max_position_embeddings, 1),
            ("type_vocab_size", self.type_vocab_size, segments),
        ] {
            if size < least {
                return reject(key, size.to_string(), "it must be at least 1");
            }
            if size > MAX_SIZE {
                return reject(key, size.to_string(), "no BERT is that large");
            }
        }
        if self.num_hidden_layers > MAX_LAYERS {
            let why = "no BERT is that deep";
            return reject("num_hidden_layers", self.num_hidden_layers.to_string(), why);
        }
        if self.embedding_width() != self.hidden_size && !self.family.has("embedding_size") {
            let value = format!("{} with hidden_size {}", self.embedding_width(), self.hidden_size);
            return reject(
                "embedding_size",
                value,
                "embeddings of this family are as wide as the hidden states",
            );
        }
        if self.type_vocab_size > 0 && !self.family.has("type_vocab_size") {
            let value = self.type_vocab_size.to_string();
            return reject("type_vocab_size", value, "this family has no embeddings of segments");
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            let hidden = self.family.config_key("hidden_size");
            let value = format!("{} with {hidden} {}", self.num_attention_heads, self.hidden_size);
            return reject("num_attention_heads", value, "the heads must divide the hidden size");
        }
        if activation::by_name(&self.hidden_act).is_none() {
            let (origin, value) = (origin.into(), self.hidden_act.clone());
            let key = self.family.config_key("hidden_act");
            return Err(ConfigError::Activation { origin, key, value, supported: activation::names() });
        }
        for (key, probability) in [
            ("hidden_dropout_prob", self.hidden_dropout_prob),
            ("attention_probs_dropout_prob", self.attention_probs_dropout_prob),
            ("head_dropout_prob", self.head_dropout_prob),
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

    /// Width of the embeddings: `embedding_size`, else that of the hidden states.
    #[must_use]
    pub fn embedding_width(&self) -> usize {
        self.embedding_size.unwrap_or(self.hidden_size)
    }

    /// Sets every dropout that a model of the family has.
    pub fn set_dropout(&mut self, probability: f64) {
        self.hidden_dropout_prob = probability;
        self.attention_probs_dropout_prob = probability;
        if self.family.has("head_dropout_prob") {
            self.head_dropout_prob = probability;
        }
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
}
