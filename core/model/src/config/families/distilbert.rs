//! DistilBERT (Sanh et al., 2019): BERT without segments and pooler, other names throughout, and a dropout before the head
//! instead of after the attention.
//!
//! A file may ask for sinusoidal positions (`sinusoidal_pos_embds`). They are values like any others, and in the file with
//! the rest, so they are read as such and learnt on, as `transformers` 5 does.

use crate::config::{BertConfig, Family};

/// DistilBERT.
pub static DISTILBERT: Family = Family {
    model_type: "distilbert",
    title: "DistilBERT",
    class: "DistilBert",
    prefix: "distilbert",
    modules: &["embeddings", "transformer"],
    encoder_names: &[
        ("encoder.layer.*.attention.self.query", "transformer.layer.*.attention.q_lin"),
        ("encoder.layer.*.attention.self.key", "transformer.layer.*.attention.k_lin"),
        ("encoder.layer.*.attention.self.value", "transformer.layer.*.attention.v_lin"),
        ("encoder.layer.*.attention.output.dense", "transformer.layer.*.attention.out_lin"),
        ("encoder.layer.*.attention.output.LayerNorm", "transformer.layer.*.sa_layer_norm"),
        ("encoder.layer.*.intermediate.dense", "transformer.layer.*.ffn.lin1"),
        ("encoder.layer.*.output.dense", "transformer.layer.*.ffn.lin2"),
        ("encoder.layer.*.output.LayerNorm", "transformer.layer.*.output_layer_norm"),
    ],
    head_names: &[
        ("cls.predictions.transform.dense", "vocab_transform"),
        ("cls.predictions.transform.LayerNorm", "vocab_layer_norm"),
        ("cls.predictions", "vocab_projector"),
    ],
    aside: &[],
    config_keys: &[
        ("hidden_size", "dim"),
        ("num_hidden_layers", "n_layers"),
        ("num_attention_heads", "n_heads"),
        ("intermediate_size", "hidden_dim"),
        ("hidden_act", "activation"),
        ("hidden_dropout_prob", "dropout"),
        ("attention_probs_dropout_prob", "attention_dropout"),
        ("head_dropout_prob", "qa_dropout"),
    ],
    // LayerNorm's epsilon is a constant of the code there.
    without_keys: &["embedding_size", "layer_norm_eps", "position_embedding_type", "type_vocab_size"],
    defaults: || BertConfig {
        family: &DISTILBERT,
        vocab_size: 30_522,
        num_hidden_layers: 6,
        head_dropout_prob: 0.1,
        type_vocab_size: 0,
        ..BertConfig::default()
    },
    dropout_after_attention: false,
    tokenizer_class: "DistilBertTokenizer",
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{advice::Advice, config::parameter_shapes};

    #[test]
    fn its_keys_are_read_and_written() {
        let text = r#"{"model_type": "distilbert", "dim": 24, "n_layers": 3, "n_heads": 6, "hidden_dim": 48,
            "activation": "relu", "dropout": 0.2, "attention_dropout": 0.3, "qa_dropout": 0.4, "vocab_size": 50,
            "layer_norm_eps": 1, "type_vocab_size": 2, "embedding_size": 7, "pad_token_id": null, "sinusoidal_pos_embds": true}"#;
        let config = BertConfig::from_json(text, "c").unwrap();
        assert_eq!(
            config,
            BertConfig {
                family: &DISTILBERT,
                vocab_size: 50,
                hidden_size: 24,
                num_hidden_layers: 3,
                num_attention_heads: 6,
                intermediate_size: 48,
                hidden_act: "relu".into(),
                hidden_dropout_prob: 0.2,
                attention_probs_dropout_prob: 0.3,
                head_dropout_prob: 0.4,
                type_vocab_size: 0,
                ..BertConfig::default()
            }
        );
        let written = config.to_hugging_face();
        assert_eq!((&written["dim"], &written["qa_dropout"]), (&24.into(), &0.4.into()));
        assert_eq!(written["architectures"][0], "DistilBertForQuestionAnswering");
        for key in ["hidden_size", "layer_norm_eps", "type_vocab_size", "embedding_size", "head_dropout_prob"]
        {
            assert_eq!(written.get(key), None, "{key}");
        }
        assert_eq!(BertConfig::from_json(&written.to_string(), "written").unwrap(), config);
    }

    #[test]
    fn its_own_key_goes_before_bert_s() {
        let read = |text: &str| BertConfig::from_json(text, "c").unwrap().hidden_size;
        assert_eq!(read(r#"{"model_type": "distilbert", "hidden_size": 24, "n_heads": 2}"#), 24);
        assert_eq!(read(r#"{"model_type": "distilbert", "hidden_size": 24, "dim": 48, "n_heads": 2}"#), 48);
        // Files of 2019 name the class only.
        assert_eq!(read(r#"{"architectures": ["DistilBertForMaskedLM"], "dim": 48, "n_heads": 2}"#), 48);
    }

    #[test]
    fn what_is_wrong_is_named_by_its_own_key() {
        for (text, expected) in [
            (r#""dim": 0"#, "dim is 0"),
            (r#""n_heads": 7"#, "n_heads is 7 with dim 768"),
            (r#""qa_dropout": 1"#, "qa_dropout is 1"),
            (r#""activation": "mish""#, "activation is \"mish\", which is not implemented"),
        ] {
            let text = format!(r#"{{"model_type": "distilbert", {text}}}"#);
            let message = BertConfig::from_json(&text, "c").unwrap_err().in_one_line();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn its_size_is_that_of_distilbert_base() {
        // distilbert-base-uncased: 66,362,880; the head has 768 * 2 + 2 more.
        let config = (DISTILBERT.defaults)();
        assert_eq!(config.parameter_count(), 66_362_880 + 1538);
        let names: Vec<String> =
            parameter_shapes(&config, false).iter().map(|(name, _)| DISTILBERT.own_name(name)).collect();
        assert!(names.contains(&"distilbert.transformer.layer.5.sa_layer_norm.bias".to_owned()));
        assert!(!names.iter().any(|name| name.contains("token_type")));
    }
}
