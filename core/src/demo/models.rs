//! The demonstration's models in memory: one with random weights, made on the spot, and the same pre-trained.

use std::path::Path;

use super::{start, vocab, weights::PRETRAINED};
use crate::{
    checkpoint::{CheckpointError, SAFETENSORS_FILE, StartingModel, weights_from_bytes},
    tokenizer::TokenizerSettings,
};

/// Seed of the starting weights.
const WEIGHTS_SEED: u64 = 42;

/// The model with random weights, in memory.
#[must_use]
pub fn random_model() -> StartingModel {
    let config = start::config();
    StartingModel {
        weights: start::weights(&config, WEIGHTS_SEED),
        config,
        vocab: vocab::pieces(),
        settings: TokenizerSettings::bert(false),
        notes: vec!["a small model with random weights".to_owned()],
        warnings: Vec::new(),
        files: Vec::new(),
    }
}

/// The pre-trained model, in memory: what the demonstration fine-tunes. Its question-answering head is random.
///
/// # Errors
/// If the program's own copy is damaged.
pub fn pretrained_model() -> Result<StartingModel, CheckpointError> {
    let random = random_model();
    let path = Path::new("assets/demo/pretrained").join(SAFETENSORS_FILE);
    let (weights, _) = weights_from_bytes(path, &PRETRAINED, &random.config, WEIGHTS_SEED)?;
    let notes = vec!["a small model, pre-trained on generated text".to_owned()];
    Ok(StartingModel { weights, notes, ..random })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pretrained_model_is_the_random_one_further_on() {
        let (pretrained, random) = (pretrained_model().unwrap(), random_model());
        let encoder = |model: &StartingModel| {
            let names = model.weights.keys().filter(|name| crate::config::names::is_encoder(name));
            names.cloned().collect::<Vec<_>>()
        };
        assert_eq!(encoder(&pretrained), encoder(&random));
        let query = "bert.encoder.layer.0.attention.self.query.weight";
        assert_ne!(pretrained.weights[query], random.weights[query]);
        // Pre-training has not seen questions and their answers' places: the head is as random as before.
        let head = |model: &StartingModel| model.weights["qa_outputs.weight"].values.clone();
        for (one, other) in head(&pretrained).into_iter().zip(head(&random)) {
            assert!((one - other).abs() < 1e-3, "{one} {other}");
        }
    }
}
