//! From the names in a file to canonical names, and what that leaves missing, unused or mismatched.

use std::collections::BTreeMap;

use serde::Serialize;

use super::stored::StoredTensor;
use crate::config::{BertConfig, parameter_shapes};

/// Wrappers around the whole model: `torch.nn.DataParallel`, and SpanBERT's pre-training model (the reference's
/// loader strips `decoder.`).
const WRAPPERS: [&str; 2] = ["module.", "decoder."];

/// Parts of a bare encoder, saved without the `bert.` prefix.
const ENCODER_PARTS: [&str; 3] = ["embeddings.", "encoder.", "pooler."];

/// A tensor whose shape is not the one the configuration asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// Canonical name.
    pub name: String,
    /// Shape in the file.
    pub found: Vec<usize>,
    /// Shape by the configuration.
    pub expected: Vec<usize>,
}

/// How the tensors of a file fill the parameters of a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeyMap {
    /// Parameters found with the right shape: canonical name to name in the file.
    pub found: BTreeMap<String, String>,
    /// Required parameters that are absent, in the model's order.
    pub missing: Vec<String>,
    /// Tensors of the file that are no parameters of the model.
    pub unused: Vec<String>,
    /// Parameters found with another shape.
    pub mismatched: Vec<Mismatch>,
}

/// Two names of the file that mean the same parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ambiguity {
    /// Name in the file.
    pub first: String,
    /// Name in the file.
    pub second: String,
    /// Canonical name.
    pub name: String,
}

impl KeyMap {
    /// Matches the tensors of a file with the parameters of a model. The pooler may be absent altogether.
    ///
    /// # Errors
    /// If two tensors mean the same parameter.
    pub fn new(tensors: &BTreeMap<String, StoredTensor<'_>>, config: &BertConfig) -> Result<Self, Ambiguity> {
        let mut by_canonical = BTreeMap::new();
        for name in tensors.keys() {
            let canonical = canonical_name(name);
            if let Some(first) = by_canonical.insert(canonical.clone(), name.clone()) {
                return Err(Ambiguity { first, second: name.clone(), name: canonical });
            }
        }
        let has_pooler = ["weight", "bias"]
            .iter()
            .all(|part| by_canonical.contains_key(&format!("bert.pooler.dense.{part}")));
        let mut map = Self::default();
        for (name, expected) in parameter_shapes(config, has_pooler) {
            let Some(stored) = by_canonical.remove(&name) else {
                map.missing.push(name);
                continue;
            };
            match tensors.get(&stored) {
                Some(tensor) if tensor.shape() != expected => {
                    map.mismatched.push(Mismatch { name, found: tensor.shape().to_vec(), expected });
                }
                _ => drop(map.found.insert(name, stored)),
            }
        }
        map.unused = by_canonical.into_values().collect();
        Ok(map)
    }
}

/// The name a tensor has in current Hugging Face checkpoints: wrappers stripped, `bert.` in front of the encoder,
/// LayerNorm's old `gamma` and `beta` as `weight` and `bias`.
#[must_use]
pub fn canonical_name(stored: &str) -> String {
    let mut name = stored;
    while let Some(inner) = WRAPPERS.iter().find_map(|wrapper| name.strip_prefix(wrapper)) {
        name = inner;
    }
    let prefix = if ENCODER_PARTS.iter().any(|part| name.starts_with(part)) { "bert." } else { "" };
    for (old, new) in [(".LayerNorm.gamma", ".LayerNorm.weight"), (".LayerNorm.beta", ".LayerNorm.bias")] {
        if let Some(stem) = name.strip_suffix(old) {
            return format!("{prefix}{stem}{new}");
        }
    }
    format!("{prefix}{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::stored::StoredType;

    #[test]
    fn old_and_wrapped_names_become_canonical() {
        for (stored, canonical) in [
            ("bert.embeddings.LayerNorm.gamma", "bert.embeddings.LayerNorm.weight"),
            ("decoder.bert.embeddings.LayerNorm.beta", "bert.embeddings.LayerNorm.bias"),
            ("module.decoder.bert.pooler.dense.bias", "bert.pooler.dense.bias"),
            ("encoder.layer.0.output.dense.bias", "bert.encoder.layer.0.output.dense.bias"),
            ("decoder.qa_outputs.weight", "qa_outputs.weight"),
            ("cls.predictions.decoder.weight", "cls.predictions.decoder.weight"),
            ("cls.predictions.transform.LayerNorm.gamma", "cls.predictions.transform.LayerNorm.weight"),
        ] {
            assert_eq!(canonical_name(stored), canonical);
        }
    }

    #[test]
    fn two_names_for_one_parameter_are_an_error() {
        let tensor = StoredTensor::dense(&[0], StoredType::F32, &[]).unwrap();
        let names = ["bert.pooler.dense.bias", "pooler.dense.bias"];
        let tensors = names.map(|name| (name.to_owned(), tensor.clone())).into();
        let error = KeyMap::new(&tensors, &BertConfig::default()).unwrap_err();
        assert_eq!((error.first.as_str(), error.second.as_str()), (names[0], names[1]));
    }
}
