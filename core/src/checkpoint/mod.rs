//! Checkpoints in and out: Hugging Face directories, through plain host tensors.
//!
//! Reading: [`load`] takes a directory with safetensors or a PyTorch state dict, old or new, whole or in shards, and gives
//! canonical names and single precision; [`load_files`] takes the same from memory; [`inspect`] says what a directory holds. Writing: [`save`] makes a directory that
//! `transformers` loads. [`fresh`] makes random weights.

mod canonical;
mod casing;
mod directory;
mod error;
#[cfg(feature = "native")]
mod export;
mod files;
mod foreign;
mod inspect;
mod keys;
mod meta;
pub mod pickle;
mod report;
pub mod safetensors;
mod save;
mod shards;
mod starting_model;
mod stored;
mod tokenizer;
mod weights_file;

pub use crate::atomic::StagedFiles;
pub use canonical::canonical_name;
pub use casing::Casing;
#[cfg(feature = "native")]
pub(crate) use directory::check_description;
pub use directory::{
    Checkpoint, LoadOptions, config_file, load, load_files, load_weights, weights_from_bytes,
};
pub use error::CheckpointError;
#[cfg(feature = "native")]
pub use export::{Exported, export};
pub use files::Files;
#[cfg(feature = "native")]
pub(crate) use foreign::instead;
pub use inspect::{Inspection, inspect};
pub use keys::Mismatch;
pub use meta::{META_FILE, SpanbertMeta};
pub use report::{LoadReport, Rename, architecture};
pub use safetensors::{FloatType, from_safetensors_bytes, to_safetensors};
pub use save::{SaveCheckpoint, save, save_in_memory};
#[cfg(feature = "native")]
pub use save::{save_pretrained, save_tokenizer};
#[cfg(feature = "native")]
pub(crate) use shards::{MAX_INDEX_BYTES, SAFETENSORS_INDEX, ShardIndex, TORCH_INDEX};
pub use spanbert_model::host::{HostTensor, Weights, fresh, fresh_tensor};
pub(crate) use starting_model::made_of;
pub use starting_model::{StartingModel, fingerprints};
pub use stored::{StoredTensor, StoredType};
pub use tokenizer::{Decided, SettingSource, StoredTokenizer, TokenizerFiles};
pub use weights_file::{SAFETENSORS_FILE, TORCH_FILE, WeightsFormat};
