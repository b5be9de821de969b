//! PyTorch state dicts (`pytorch_model.bin`), read strictly.
//!
//! A pickle is a program. This reader runs none of it: it knows the instructions and the few constructors that
//! describe tensors and dictionaries, refuses everything else by name, bounds its own memory by constants and the
//! file's size, and checks every tensor against its storage. The two containers are the zip archive of PyTorch 1.6
//! and later and the sequence of pickles before it; both are documented by `torch/serialization.py`.

mod archive;
mod cursor;
mod error;
mod legacy;
mod machine;
mod state_dict;
mod value;

use std::collections::BTreeMap;

pub use error::PickleError;

use super::stored::StoredTensor;

/// Which container a state dict came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// Zip archive (PyTorch 1.6 and later).
    Zip,
    /// Sequence of pickles (before PyTorch 1.6; the released SpanBERT).
    Legacy,
}

/// The tensors of a file by the names they have there.
#[derive(Debug)]
pub struct StateDict<'a> {
    /// How they were packed.
    pub container: Container,
    /// The tensors, not yet decoded.
    pub tensors: BTreeMap<String, StoredTensor<'a>>,
    /// Names of entries that are no tensors.
    pub ignored: Vec<String>,
}

/// Reads the state dict in the bytes of a `pytorch_model.bin`.
///
/// # Errors
/// If the container or the pickle is damaged, cut short, compressed, big-endian, too large, or asks to call anything
/// but the constructors of tensors and ordered dictionaries.
pub fn read_state_dict(bytes: &[u8]) -> Result<StateDict<'_>, PickleError> {
    if bytes.starts_with(archive::LOCAL_HEADER) { archive::read(bytes) } else { legacy::read(bytes) }
}
