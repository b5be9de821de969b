//! The parameters of the heads of SpanBERT's pre-training.

use super::BertConfig;

/// Pieces of a span that the span-boundary objective predicts at most; the reference's limit.
pub const SPAN_POSITIONS: usize = 15;
/// Width of the embedding of a place within a span.
pub const POSITION_WIDTH: usize = 200;

/// Names and shapes of the parameters of both heads, in checkpoint layout.
#[must_use]
pub fn head_shapes(config: &BertConfig) -> Vec<(String, Vec<usize>)> {
    let (hidden, width) = (config.hidden_size, config.embedding_width());
    let transform = |prefix: &str, input: usize, output: usize| {
        [
            (format!("{prefix}.dense.weight"), vec![output, input]),
            (format!("{prefix}.dense.bias"), vec![output]),
            (format!("{prefix}.LayerNorm.weight"), vec![output]),
            (format!("{prefix}.LayerNorm.bias"), vec![output]),
        ]
    };
    let mut shapes: Vec<(String, Vec<usize>)> = Vec::new();
    shapes.extend(transform("cls.predictions.transform", hidden, width));
    shapes.push(("cls.predictions.bias".into(), vec![config.vocab_size]));
    shapes.push(("sbo.position_embeddings.weight".into(), vec![SPAN_POSITIONS, POSITION_WIDTH]));
    shapes.extend(transform("sbo.first", 2 * hidden + POSITION_WIDTH, hidden));
    shapes.extend(transform("sbo.second", hidden, width));
    shapes.push(("sbo.bias".into(), vec![config.vocab_size]));
    shapes
}
