//! Random initial weights, equal on every platform.

use super::{HostTensor, Weights};
use crate::{
    config::{BertConfig, parameter_shapes},
    random::{SplitMix, fnv1a, mix},
};

/// Random weights of a whole model without the pooler: linear and embedding weights from
/// normal(0, `initializer_range`), biases 0, LayerNorm 1 and 0, as the reference's `init_bert_weights`. The padding
/// row is as random as the others there, and so here.
#[must_use]
pub fn fresh(config: &BertConfig, seed: u64) -> Weights {
    parameter_shapes(config, false)
        .into_iter()
        .map(|(name, shape)| {
            let tensor = fresh_tensor(&name, shape, config.initializer_range, seed);
            (name, tensor)
        })
        .collect()
}

/// The fresh values of one parameter, which depend on nothing but its name, shape and the seed.
#[must_use]
pub fn fresh_tensor(name: &str, shape: Vec<usize>, initializer_range: f64, seed: u64) -> HostTensor {
    let count = shape.iter().product();
    let values = if name.ends_with(".bias") {
        vec![0.0; count]
    } else if name.ends_with(".LayerNorm.weight") {
        vec![1.0; count]
    } else {
        let mut normal = Normal { random: SplitMix::new(fnv1a(name) ^ mix(seed)), spare: None };
        #[allow(clippy::cast_possible_truncation, reason = "weights are single precision")]
        (0..count).map(|_| (normal.next() * initializer_range) as f32).collect()
    };
    HostTensor { shape, values }
}

/// Standard normal numbers by Marsaglia's polar method. Only the four operations, `sqrt` (exact by IEEE 754) and our
/// own logarithm are used: the platforms' mathematical libraries differ in the last bit.
struct Normal {
    random: SplitMix,
    spare: Option<f64>,
}

impl Normal {
    fn next(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let (x, y) = (self.random.symmetric(), self.random.symmetric());
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                let scale = (-2.0 * ln(square) / square).sqrt();
                self.spare = Some(y * scale);
                return x * scale;
            }
        }
    }
}

/// Natural logarithm of a positive normal number: `ln(m * 2^e) = e ln 2 + 2 atanh((m - 1) / (m + 1))` with m within
/// [1/sqrt 2, sqrt 2], where the series to s^23 is good to the last bits.
fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let mut exponent = i32::try_from(bits >> 52 & 0x7ff).unwrap_or(0) - 1023;
    let mut mantissa = f64::from_bits(bits & ((1 << 52) - 1) | 1023 << 52);
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa /= 2.0;
        exponent += 1;
    }
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let series = (0..12).rev().fold(0.0, |sum, k| sum * square + 1.0 / f64::from(2 * k + 1));
    f64::from(exponent) * std::f64::consts::LN_2 + 2.0 * s * series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_a_logarithm() {
        for x in
            [1e-300, 3.7e-16, 0.1, 0.5, std::f64::consts::FRAC_1_SQRT_2, 0.999_999_9, 1.0, 1.5, 7.0, 1e200]
        {
            assert!((ln(x) - x.ln()).abs() <= 4e-16 * x.ln().abs().max(0.5), "{x}: {} {}", ln(x), x.ln());
        }
    }

    /// The constants come from tests/scripts/splitmix_golden.py: the demonstration starts from these weights.
    #[test]
    fn fresh_weights_stay_what_they_are() {
        let values = fresh_tensor("a.weight", vec![3], 0.02, 1).values;
        assert_eq!(values, [0.002_457_418_f32, 0.002_115_432, -0.016_748_806]);
    }

    #[test]
    fn weights_are_normal_and_depend_on_name_and_seed() {
        let draw = |name: &str, seed| fresh_tensor(name, vec![100, 100], 0.02, seed).values;
        let values: Vec<f64> = draw("a.weight", 1).iter().map(|&value| f64::from(value) / 0.02).collect();
        let moment = |power: i32| values.iter().map(|value| value.powi(power)).sum::<f64>() / 1e4;
        // Standard errors at n = 10,000: 0.01, 0.014, 0.1.
        assert!(moment(1).abs() < 0.04, "mean {}", moment(1));
        assert!((moment(2) - 1.0).abs() < 0.06, "variance {}", moment(2));
        assert!((moment(4) - 3.0).abs() < 0.4, "kurtosis {}", moment(4));
        assert_ne!(draw("a.weight", 1), draw("b.weight", 1));
        assert_ne!(draw("a.weight", 1), draw("a.weight", 2));
        assert_eq!(draw("a.weight", 1), draw("a.weight", 1));
    }

    #[test]
    fn a_fresh_model_is_complete() {
        let config = BertConfig {
            vocab_size: 10,
            hidden_size: 4,
            num_hidden_layers: 1,
            num_attention_heads: 2,
            intermediate_size: 8,
            max_position_embeddings: 6,
            ..BertConfig::default()
        };
        let weights = fresh(&config, 7);
        assert_eq!(
            weights.values().map(|tensor| tensor.values.len()).sum::<usize>(),
            config.parameter_count()
        );
        assert_eq!(weights["bert.encoder.layer.0.output.LayerNorm.weight"].values, [1.0; 4]);
        assert_eq!(weights["bert.embeddings.LayerNorm.bias"].values, [0.0; 4]);
        assert_eq!(weights["qa_outputs.bias"].values, [0.0; 2]);
        assert!(weights["qa_outputs.weight"].values.iter().all(|&value| value != 0.0 && value.abs() < 0.2));
    }
}
