//! ELECTRA (Clark et al., 2020): BERT whose embeddings may have a width of their own, and no pooler.
//!
//! What is fine-tuned is the discriminator; a file of a pre-training may hold the generator as well.

use crate::config::{BertConfig, Family};

/// ELECTRA.
pub static ELECTRA: Family = Family {
    model_type: "electra",
    title: "ELECTRA",
    class: "Electra",
    prefix: "electra",
    modules: &["embeddings", "embeddings_project", "encoder"],
    encoder_names: &[("embeddings.projection", "embeddings_project")],
    head_names: &[
        ("cls.predictions.transform.dense", "generator_predictions.dense"),
        ("cls.predictions.transform.LayerNorm", "generator_predictions.LayerNorm"),
        ("cls.predictions", "generator_lm_head"),
    ],
    aside: &["generator"],
    config_keys: &[],
    without_keys: &["head_dropout_prob"],
    // Those of electra-small-discriminator.
    defaults: || BertConfig {
        family: &ELECTRA,
        vocab_size: 30_522,
        embedding_size: Some(128),
        hidden_size: 256,
        num_attention_heads: 4,
        intermediate_size: 1024,
        ..BertConfig::default()
    },
    dropout_after_attention: true,
    tokenizer_class: "BertTokenizer",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embeddings_of_a_width_of_their_own_are_read_and_written() {
        let text = r#"{"model_type": "electra", "embedding_size": 768, "hidden_size": 768, "num_attention_heads": 12}"#;
        let base = BertConfig::from_json(text, "c").unwrap();
        assert_eq!((base.embedding_size, base.intermediate_size), (Some(768), 1024));
        let small = BertConfig::from_json(r#"{"architectures": ["ElectraForPreTraining"]}"#, "c").unwrap();
        assert_eq!(small, (ELECTRA.defaults)());
        for config in [base, small] {
            let written = config.to_hugging_face();
            assert_eq!(written["embedding_size"], config.embedding_width());
            assert_eq!(written["architectures"][0], "ElectraForQuestionAnswering");
            assert_eq!(BertConfig::from_json(&written.to_string(), "written").unwrap(), config);
        }
    }

    #[test]
    fn its_size_is_that_of_electra_small() {
        // electra-small-discriminator's encoder: 13,483,008; the head has 256 * 2 + 2 more.
        assert_eq!((ELECTRA.defaults)().parameter_count(), 13_483_008 + 514);
    }
}
