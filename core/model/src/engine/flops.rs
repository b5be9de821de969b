//! Arithmetic that the model asks for, whatever a program does to deliver it.
//!
//! The convention is that of Kaplan et al., "Scaling Laws for Neural Language Models" (2020, section 2.1), and of
//! Chowdhery et al., "PaLM" (2022, appendix B, "model FLOPs utilization"), with the attention of a bidirectional
//! encoder: every weight of a matrix product counts one multiplication and one addition for each position, and
//! attention `4 S D` a layer and position (`2 S D` for the scores, `2 S D` for the sum of values), `S` being the padded
//! length and `D` the hidden size. So a forward pass over `P` positions takes
//!
//! ```text
//! P (2 (L (4 D² + 2 D W) + 2 D) + 4 L S D)
//! ```
//!
//! with `L` layers and a feed-forward network of width `W`; the last `2 D` are the head's. Embeddings of a width `E` of their
//! own add `E D` weights for their projection. The backward pass takes twice that. Embeddings, biases, LayerNorm, GELU,
//! softmax, dropout and the optimizer count nothing, and neither does what is computed twice to save memory. Padding counts:
//! it is computed.

use crate::config::BertConfig;

/// Operations of a forward pass over `rows` rows of `length` positions.
#[must_use]
pub fn forward_flops(config: &BertConfig, rows: usize, length: usize) -> f64 {
    let (hidden, wide) = (config.hidden_size as f64, config.intermediate_size as f64);
    let (layers, length) = (config.num_hidden_layers as f64, length as f64);
    let embedding = config.embedding_width() as f64;
    let projection = if embedding == hidden { 0.0 } else { embedding * hidden };
    let weights = projection + layers * (4.0 * hidden * hidden + 2.0 * hidden * wide) + 2.0 * hidden;
    rows as f64 * length * (2.0 * weights + 4.0 * layers * length * hidden)
}

/// Operations of a forward and backward pass: three times those of the forward pass.
#[must_use]
pub fn training_flops(config: &BertConfig, rows: usize, length: usize) -> f64 {
    3.0 * forward_flops(config, rows, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bert_base_counts_by_hand() {
        let config = BertConfig::default();
        // 12 layers of 4 * 768² + 2 * 768 * 3072 weights are 84,934,656; the head has 1,536.
        let linear = 2.0 * (84_934_656.0 + 1_536.0) * 384.0;
        let attention = 4.0 * 12.0 * 384.0 * 768.0 * 384.0;
        assert_eq!(forward_flops(&config, 1, 384), linear + attention);
        assert_eq!(training_flops(&config, 32, 384), 96.0 * (linear + attention));
    }

    #[test]
    fn a_projection_of_the_embeddings_counts() {
        let small = (crate::config::Family::of_model_type("electra").unwrap().defaults)();
        let plain = BertConfig { embedding_size: Some(256), ..small.clone() };
        assert_eq!(forward_flops(&small, 1, 64) - forward_flops(&plain, 1, 64), 2.0 * 64.0 * 128.0 * 256.0);
    }

    #[test]
    fn attention_grows_with_the_square_of_the_length() {
        let config = BertConfig::default();
        let (short, long) = (forward_flops(&config, 2, 128), forward_flops(&config, 1, 256));
        assert_eq!(long - short, 4.0 * 12.0 * 768.0 * (256.0 * 256.0 - 2.0 * 128.0 * 128.0));
    }
}
