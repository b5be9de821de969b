//! The toy SpanBERT, and what it is given to read.

use spanbert_backends::DeviceInfo;

use crate::{
    batch::{Batch, Targets},
    checkpoint::{Weights, fresh},
    config::BertConfig,
};

/// Seed of weights and inputs.
const SEED: u64 = 0x5EED;

/// Rows and length of each batch: a short and a full window, one row and several; a software rasteriser would take minutes for
/// the full one.
pub(super) fn shapes(device: &DeviceInfo) -> &'static [(usize, usize)] {
    if device.software { &[(1, 64), (3, 64)] } else { &[(1, 64), (3, 384)] }
}

/// Small, but with every part of the real model; sizes are multiples of what tensor cores take.
pub(super) fn config(dropout: f64) -> BertConfig {
    BertConfig {
        vocab_size: 96,
        hidden_size: 64,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        intermediate_size: 128,
        hidden_dropout_prob: dropout,
        attention_probs_dropout_prob: dropout,
        max_position_embeddings: 384,
        // Wide enough for logits of about 1, so that differences mean something.
        initializer_range: 0.1,
        ..BertConfig::default()
    }
}

/// Fresh weights whose biases and LayerNorm scales are not 0 and 1 either.
pub(super) fn weights(config: &BertConfig) -> Weights {
    let mut weights = fresh(config, SEED);
    for tensor in weights.values_mut().filter(|tensor| tensor.shape.len() == 1) {
        for (index, value) in tensor.values.iter_mut().enumerate() {
            *value += 0.1 * libm::sinf(index as f32);
        }
    }
    weights
}

/// Rows of decreasing length, so that padding is masked; question first, then document.
pub(super) fn batch(rows: usize, length: usize) -> Batch {
    let real = |row: usize| length - row * length / (2 * rows);
    let cell = |value: fn(usize, usize) -> i32| -> Vec<i32> {
        (0..rows)
            .flat_map(|row| (0..length).map(move |position| (row, position)))
            .map(|(row, position)| if position < real(row) { value(row, position) } else { 0 })
            .collect()
    };
    let target =
        |part: usize| (0..rows).map(|row| (real(row) / part + row) as i32 % real(row) as i32).collect();
    Batch {
        rows,
        length,
        input_ids: cell(|row, position| ((row * 31 + position * 7) % 95 + 1) as i32),
        segment_ids: cell(|_, position| i32::from(position > 12)),
        attention_mask: cell(|_, _| 1),
        targets: Some(Targets { start: target(3), end: target(2), smoothing: 0.0 }),
    }
}
