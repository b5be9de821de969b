//! Canonical names of parameters, BERT's in current Hugging Face checkpoints, and the shapes that belong to them.

use super::BertConfig;

/// How names of the encoder's parameters begin.
pub const ENCODER: &str = "bert.";
/// The embeddings, their LayerNorm and projection.
pub const EMBEDDINGS: &str = "bert.embeddings";
/// The table of word pieces.
pub const WORD_EMBEDDINGS: &str = "bert.embeddings.word_embeddings.weight";
/// The layers; a number follows.
pub const LAYERS: &str = "bert.encoder.layer";
/// The pooler, which extractive question answering does not use.
pub const POOLER: &str = "bert.pooler.dense";
/// The question-answering head.
pub const QA_OUTPUTS: &str = "qa_outputs";

/// Whether a parameter belongs to the encoder rather than to a head.
pub fn is_encoder(name: &str) -> bool {
    name.starts_with(ENCODER)
}

/// Every parameter's canonical name and shape in PyTorch layout (linear weights `[out, in]`), in the order of the
/// reference's `named_parameters`. The pooler's two are optional: extractive question answering does not use it.
#[must_use]
pub fn parameter_shapes(config: &BertConfig, with_pooler: bool) -> Vec<(String, Vec<usize>)> {
    let (hidden, wide, embedding) = (config.hidden_size, config.intermediate_size, config.embedding_width());
    let mut table: Vec<(String, Vec<usize>)> = Vec::with_capacity(16 * config.num_hidden_layers + 11);
    let mut add = |name: String, shape: &[usize]| table.push((name, shape.to_vec()));
    add(WORD_EMBEDDINGS.to_owned(), &[config.vocab_size, embedding]);
    add(format!("{EMBEDDINGS}.position_embeddings.weight"), &[config.max_position_embeddings, embedding]);
    if config.type_vocab_size > 0 {
        add(format!("{EMBEDDINGS}.token_type_embeddings.weight"), &[config.type_vocab_size, embedding]);
    }
    add(format!("{EMBEDDINGS}.LayerNorm.weight"), &[embedding]);
    add(format!("{EMBEDDINGS}.LayerNorm.bias"), &[embedding]);
    if embedding != hidden {
        add(format!("{EMBEDDINGS}.projection.weight"), &[hidden, embedding]);
        add(format!("{EMBEDDINGS}.projection.bias"), &[hidden]);
    }
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
            add(format!("{LAYERS}.{layer}.{part}.weight"), weight);
            add(format!("{LAYERS}.{layer}.{part}.bias"), &[outputs]);
        }
    }
    if with_pooler {
        add(format!("{POOLER}.weight"), &[hidden, hidden]);
        add(format!("{POOLER}.bias"), &[hidden]);
    }
    add(format!("{QA_OUTPUTS}.weight"), &[2, hidden]);
    add(format!("{QA_OUTPUTS}.bias"), &[2]);
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameter_counts_are_those_of_bert() {
        // bert-base-cased: 108,310,272 with the pooler (590,592), plus the head's 768 * 2 + 2.
        assert_eq!(BertConfig::default().parameter_count(), 108_310_272 - 590_592 + 1538);
        assert_eq!(parameter_shapes(&BertConfig::default(), true).len(), 5 + 12 * 16 + 2 + 2);
    }
}
