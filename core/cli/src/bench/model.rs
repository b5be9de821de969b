//! The model to measure: an architecture with random weights, or a checkpoint.

use std::path::Path;

use serde::Serialize;

use super::args::SpeedArgs;
use crate::error::CliError;
use spanbert_core::{
    checkpoint::{LoadOptions, Weights, config_file, fresh, load},
    config::BertConfig,
};

/// A model before it is on a device.
pub(super) struct Model {
    /// What it is called.
    pub(super) name: String,
    /// Architecture.
    pub(super) config: BertConfig,
    /// All parameters.
    pub(super) weights: Weights,
}

/// What a report says of it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ModelSummary {
    name: String,
    parameters: usize,
    layers: usize,
    hidden: usize,
    heads: usize,
    feed_forward: usize,
    vocabulary: usize,
    positions: usize,
    dropout: f64,
}

impl Model {
    /// Reads or makes it.
    pub(super) fn of(args: &SpeedArgs) -> Result<Self, CliError> {
        if let Some(model) = &args.model {
            let folder = model.folder()?;
            let options = LoadOptions { lower_case: args.casing.do_lower_case, seed: args.seed };
            let checkpoint = load(&folder, options)?;
            let name = folder.display().to_string();
            return Ok(Self { name, config: checkpoint.config, weights: checkpoint.weights });
        }
        let config = architecture(&args.config)?;
        let weights = fresh(&config, args.seed);
        Ok(Self { name: args.config.clone(), config, weights })
    }

    /// What a report says of it.
    pub(super) fn summary(&self) -> ModelSummary {
        let config = &self.config;
        ModelSummary {
            name: self.name.clone(),
            parameters: config.parameter_count(),
            layers: config.num_hidden_layers,
            hidden: config.hidden_size,
            heads: config.num_attention_heads,
            feed_forward: config.intermediate_size,
            vocabulary: config.vocab_size,
            positions: config.max_position_embeddings,
            dropout: config.hidden_dropout_prob,
        }
    }
}

/// An architecture by name, or read from a `config.json`.
pub(crate) fn architecture(name: &str) -> Result<BertConfig, CliError> {
    if let Some(config) = BertConfig::named(name) {
        return Ok(config);
    }
    let path = Path::new(name);
    let path = if path.is_dir() {
        config_file(path).unwrap_or_else(|| path.join("config.json"))
    } else {
        path.to_owned()
    };
    if !path.exists() {
        return Err(CliError::new(
            format_args!("{name:?} is neither an architecture that has a name nor a file"),
            "use base, large, minilm, a config.json or the folder of one",
        ));
    }
    Ok(BertConfig::from_path(&path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_architectures_have_the_published_sizes() {
        // Without the pooler, with the head of 2 D + 2: bert-large-cased has 333,579,264 with its pooler of 1,049,600.
        let parameters = |name: &str| architecture(name).unwrap().parameter_count();
        assert_eq!(parameters("large"), 333_579_264 - 1_049_600 + 2_050);
        // all-MiniLM-L6-v2 has 22,713,216 with its pooler of 147,840.
        assert_eq!(parameters("minilm"), 22_713_216 - 147_840 + 770);
        let error = architecture("huge").unwrap_err().to_string();
        assert!(error.contains("\"huge\"") && error.contains("minilm"), "{error}");
    }
}
