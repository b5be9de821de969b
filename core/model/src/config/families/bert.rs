//! BERT, SpanBERT among it: all names are canonical.

use crate::config::{BertConfig, Family};

/// BERT.
pub static BERT: Family = Family {
    model_type: "bert",
    title: "BERT",
    class: "Bert",
    prefix: "bert",
    modules: &["embeddings", "encoder", "pooler"],
    encoder_names: &[],
    head_names: &[],
    aside: &[],
    config_keys: &[],
    without_keys: &["embedding_size", "head_dropout_prob"],
    defaults: BertConfig::default,
    dropout_after_attention: true,
    tokenizer_class: "BertTokenizer",
};
