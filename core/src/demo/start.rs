//! The demo model's architecture and starting weights.
//!
//! Weights that are merely small and random take a model this small far longer than a demo lasts to find out that
//! a word in the question may also stand in the passage. So they are random *with structure*: half of the attention
//! heads start out looking for equal words, the other half for near positions (after the "mimetic" initialisation
//! of Trockman and Kolter, 2023, where query and key weights also start out alike). Everything else is learned.

use super::vocab;
use crate::{
    checkpoint::{HostTensor, Weights, fresh, fresh_tensor},
    config::{BertConfig, names},
};

/// Positions and segments start out in the first so many features of an embedding, words in the others.
const POSITION_WIDTH: usize = 32;
/// Longest wavelength of the position features, over 2 pi, in word pieces.
const LONGEST_WAVE: f64 = 30.0;
/// How strongly equal words attract each other at first.
const WORD_GAIN: f64 = 1.1;
/// How strongly near positions attract each other at first.
const POSITION_GAIN: f64 = 1.0;

/// The demo model: three layers, 128 features, four heads.
#[must_use]
pub fn config() -> BertConfig {
    BertConfig {
        vocab_size: vocab::pieces().len(),
        hidden_size: 128,
        num_hidden_layers: 3,
        num_attention_heads: 4,
        intermediate_size: 256,
        hidden_dropout_prob: 0.0,
        attention_probs_dropout_prob: 0.0,
        max_position_embeddings: 192,
        initializer_range: 0.08,
        ..BertConfig::default()
    }
}

/// Starting weights of a model with this configuration, determined by the seed.
#[must_use]
pub fn weights(config: &BertConfig, seed: u64) -> Weights {
    let mut weights = fresh(config, seed);
    let split = POSITION_WIDTH.min(config.hidden_size);
    let embedding = |name: &str| format!("{}.{name}_embeddings.weight", names::EMBEDDINGS);
    edit(&mut weights, &embedding("word"), |_, column, value| if column < split { 0.0 } else { value });
    edit(&mut weights, &embedding("token_type"), |_, column, value| if column < split { value } else { 0.0 });
    edit(&mut weights, &embedding("position"), |position, column, _| {
        if column < split { wave(position, column, split) * config.initializer_range } else { 0.0 }
    });
    for layer in 0..config.num_hidden_layers {
        let name = |part: &str| format!("{}.{layer}.attention.{part}.weight", names::LAYERS);
        let query = attention_pattern(config, split, &name("self.query"), seed);
        weights.insert(name("self.key"), query.clone());
        weights.insert(name("self.query"), query);
        for part in ["self.value", "output.dense"] {
            let rotation = orthogonal(&name(part), config.hidden_size, config.hidden_size, seed);
            weights.insert(name(part), tensor(&rotation));
        }
    }
    weights
}

/// Sines in the first half of the position features, cosines in the second, of unit variance.
fn wave(position: usize, column: usize, width: usize) -> f64 {
    let waves = width / 2;
    #[allow(clippy::cast_precision_loss, reason = "positions and features number in the hundreds")]
    let (position, wave, waves_f64) = (position as f64, (column % waves) as f64, waves as f64);
    let angle = position * libm::exp(-libm::log(LONGEST_WAVE) * wave / waves_f64);
    std::f64::consts::SQRT_2 * if column < waves { libm::sin(angle) } else { libm::cos(angle) }
}

/// Query weights whose first half of heads sees only word features, the second half only position features, each
/// through a random rotation. `[hidden, hidden]`.
fn attention_pattern(config: &BertConfig, split: usize, name: &str, seed: u64) -> HostTensor {
    let (hidden, head_size) = (config.hidden_size, config.head_size());
    let mut rows = vec![vec![0.0; hidden]; hidden];
    for head in 0..config.num_attention_heads {
        let (features, gain) = if head < config.num_attention_heads / 2 {
            (split..hidden, WORD_GAIN)
        } else {
            (0..split, POSITION_GAIN)
        };
        let rotation = orthogonal(&format!("{name}.{head}"), head_size, features.len(), seed);
        for (row, directions) in rows[head * head_size..][..head_size].iter_mut().zip(rotation) {
            for (value, direction) in row[features.clone()].iter_mut().zip(directions) {
                *value = gain * direction;
            }
        }
    }
    tensor(&rows)
}

/// `count` random directions at right angles (as far as `width` allows), by Gram and Schmidt. `[count][width]`.
fn orthogonal(name: &str, count: usize, width: usize, seed: u64) -> Vec<Vec<f64>> {
    let random = fresh_tensor(name, vec![count, width], 1.0, seed);
    let mut rows: Vec<Vec<f64>> = Vec::with_capacity(count);
    for values in random.values.chunks(width) {
        let mut row: Vec<f64> = values.iter().map(|&value| f64::from(value)).collect();
        for earlier in rows.iter().take(width - 1) {
            let along = dot(&row, earlier);
            row.iter_mut().zip(earlier).for_each(|(value, direction)| *value -= along * direction);
        }
        let length = dot(&row, &row).sqrt();
        row.iter_mut().for_each(|value| *value /= length);
        rows.push(row);
    }
    rows
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Changes each value of a matrix, given its row and column.
fn edit(weights: &mut Weights, name: &str, change: impl Fn(usize, usize, f64) -> f64) {
    let Some(tensor) = weights.get_mut(name) else { return };
    let width = tensor.shape.last().copied().unwrap_or(1).max(1);
    for (index, value) in tensor.values.iter_mut().enumerate() {
        *value = single(change(index / width, index % width, f64::from(*value)));
    }
}

fn tensor(rows: &[Vec<f64>]) -> HostTensor {
    let width = rows.first().map_or(0, Vec::len);
    HostTensor {
        shape: vec![rows.len(), width],
        values: rows.iter().flatten().map(|&value| single(value)).collect(),
    }
}

#[allow(clippy::cast_possible_truncation, reason = "weights are single precision")]
fn single(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parameter_shapes;

    #[test]
    fn every_parameter_is_there_in_its_shape() {
        let config = config();
        config.validate().unwrap();
        let weights = weights(&config, 7);
        for (name, shape) in parameter_shapes(&config, false) {
            assert_eq!(weights[&name].shape, shape, "{name}");
            assert_eq!(weights[&name].values.len(), shape.iter().product::<usize>(), "{name}");
            assert!(weights[&name].values.iter().all(|value| value.is_finite()), "{name}");
        }
    }

    #[test]
    fn directions_are_at_right_angles() {
        let rows = orthogonal("test", 24, 32, 5);
        for (i, a) in rows.iter().enumerate() {
            for (j, b) in rows.iter().enumerate() {
                let expected = if i == j { 1.0 } else { 0.0 };
                assert!((dot(a, b) - expected).abs() < 1e-9, "{i} {j}");
            }
        }
    }

    #[test]
    fn equal_words_attract_each_other() {
        let config = config();
        let weights = weights(&config, 7);
        let words = &weights["bert.embeddings.word_embeddings.weight"].values;
        let query = &weights["bert.encoder.layer.0.attention.self.query.weight"].values;
        let (hidden, head_size) = (config.hidden_size, config.head_size());
        let project = |word: usize| -> Vec<f64> {
            let word = &words[word * hidden..][..hidden];
            let row = |row: &[f32]| row.iter().zip(word).map(|(a, b)| f64::from(a * b)).sum();
            query.chunks(hidden).take(head_size).map(row).collect()
        };
        let (one, other) = (project(200), project(300));
        assert!(dot(&one, &one) > 3.0 * dot(&one, &other).abs());
    }
}
