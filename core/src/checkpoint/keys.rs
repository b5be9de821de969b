//! From the names in a file to canonical names, and what that leaves missing, unused or mismatched.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    canonical::{Ambiguity, CanonicalNames},
    stored::StoredTensor,
};
use crate::config::{BertConfig, names, parameter_shapes};

/// A tensor whose shape is not the one the configuration asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// Its usual name in the family's checkpoints.
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
    /// Canonical names of required parameters that are absent, in the model's order.
    pub missing: Vec<String>,
    /// Tensors of the file that are no parameters of the model.
    pub unused: Vec<String>,
    /// Whether layers beyond those of the configuration are among them.
    pub further_layers: bool,
    /// Parameters found with another shape.
    pub mismatched: Vec<Mismatch>,
    /// What stands before names of the file and was left out.
    pub prefixes: Vec<String>,
}

impl KeyMap {
    /// Matches the tensors of a file with the parameters of a model. The pooler may be absent altogether.
    ///
    /// # Errors
    /// If two tensors mean the same parameter.
    pub fn new(tensors: &BTreeMap<String, StoredTensor<'_>>, config: &BertConfig) -> Result<Self, Ambiguity> {
        let CanonicalNames { stored: mut by_canonical, prefixes } =
            CanonicalNames::of(tensors.keys().map(String::as_str), config.family)?;
        let has_pooler = ["weight", "bias"]
            .iter()
            .all(|part| by_canonical.contains_key(&format!("{}.{part}", names::POOLER)));
        let mut map = Self { prefixes: prefixes.into_iter().collect(), ..Self::default() };
        for (name, expected) in parameter_shapes(config, has_pooler) {
            let Some(stored) = by_canonical.remove(&name) else {
                map.missing.push(name);
                continue;
            };
            match tensors.get(&stored) {
                Some(tensor) if tensor.shape() != expected => {
                    let name = config.family.own_name(&name);
                    map.mismatched.push(Mismatch { name, found: tensor.shape().to_vec(), expected });
                }
                _ => drop(map.found.insert(name, stored)),
            }
        }
        map.further_layers = by_canonical.keys().any(|name| name.starts_with(names::LAYERS));
        map.unused = by_canonical.into_values().collect();
        Ok(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::stored::StoredType;

    #[test]
    fn two_names_for_one_parameter_are_an_error() {
        let tensor = StoredTensor::dense(&[0], StoredType::F32, &[]).unwrap();
        let names = ["bert.pooler.dense.bias", "pooler.dense.bias"];
        let tensors = names.map(|name| (name.to_owned(), tensor.clone())).into();
        let error = KeyMap::new(&tensors, &BertConfig::default()).unwrap_err();
        assert_eq!((error.first.as_str(), error.second.as_str()), (names[0], names[1]));
    }
}
