//! Weights: PyTorch's two containers and safetensors, up to a loaded model.

use std::path::PathBuf;

use spanbert_core::{
    checkpoint::{from_safetensors_bytes, pickle::read_state_dict, to_safetensors, weights_from_bytes},
    config::{BertConfig, parameter_shapes},
};

use super::{super::pickles::with_checksums_repaired, check_message};

/// The smallest model there can be.
pub fn tiny_config() -> BertConfig {
    BertConfig {
        vocab_size: 4,
        hidden_size: 2,
        num_hidden_layers: 1,
        num_attention_heads: 1,
        intermediate_size: 2,
        max_position_embeddings: 4,
        ..BertConfig::default()
    }
}

pub(super) fn read_pickle(bytes: &[u8]) {
    read_torch(bytes);
    if bytes.starts_with(b"PK") {
        read_torch(&with_checksums_repaired(bytes.to_vec()));
    }
}

fn read_torch(bytes: &[u8]) {
    match read_state_dict(bytes) {
        Ok(dict) => {
            for tensor in dict.tensors.values() {
                if let Ok(tensor) = tensor.to_host() {
                    assert_eq!(tensor.shape.iter().product::<usize>(), tensor.values.len());
                }
            }
        }
        Err(error) => check_message(&error),
    }
    load("pytorch_model.bin", bytes);
}

pub(super) fn read_safetensors(bytes: &[u8]) {
    match from_safetensors_bytes(bytes) {
        Ok((weights, metadata)) => {
            let again = to_safetensors(&weights, &metadata).unwrap();
            let (same, _) = from_safetensors_bytes(&again).unwrap();
            assert_eq!(same.len(), weights.len());
        }
        Err(error) => check_message(&error),
    }
    load("model.safetensors", bytes);
}

fn load(name: &str, bytes: &[u8]) {
    match weights_from_bytes(PathBuf::from(name), bytes, &tiny_config(), 1) {
        Ok((weights, report)) => {
            check_message(&report);
            for (name, shape) in parameter_shapes(&tiny_config(), false) {
                assert_eq!(weights[&name].shape, shape);
                assert!(weights[&name].values.iter().all(|value| value.is_finite()));
            }
        }
        Err(error) => check_message(&error),
    }
}
