//! Outputs of the reference implementation. Not part of the project: tests that need them are skipped, with a
//! word, where they are absent.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail like tests")]

use std::{collections::BTreeMap, path::PathBuf};

use safetensors::{Dtype, SafeTensors};
use spanbert_core::checkpoint::{HostTensor, Weights};

/// The folder with oracle and data: `$SPANBERT_SHARED`, else `shared` beside the workspace.
#[must_use]
pub fn shared() -> Option<PathBuf> {
    let folder = std::env::var_os("SPANBERT_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")), PathBuf::from);
    if folder.join("oracle").is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no oracle");
    None
}

/// Tensors of a safetensors file: f32 and f64 as f32, i64 as well (they are ids and positions).
///
/// # Panics
/// If the file is not there or not what the oracle's README says: the oracle is broken, not the code.
#[must_use]
pub fn tensors(name: &str) -> Weights {
    let path = shared().expect("checked by the caller").join("oracle").join(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let mut weights = BTreeMap::new();
    for (name, view) in file.tensors() {
        let data = view.data();
        let values: Vec<f32> = match view.dtype() {
            Dtype::F32 => {
                data.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
            }
            Dtype::F64 => {
                data.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap()) as f32).collect()
            }
            Dtype::I64 => {
                data.chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().unwrap()) as f32).collect()
            }
            other => panic!("{name} is {other:?}"),
        };
        weights.insert(name, HostTensor { shape: view.shape().to_vec(), values });
    }
    weights
}

/// A JSON file of the oracle.
///
/// # Panics
/// As [`tensors`].
#[must_use]
pub fn json(name: &str) -> serde_json::Value {
    let path = shared().expect("checked by the caller").join("oracle").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("JSON")
}
