//! The model on a device behind an object-safe interface: everything above it is compiled once, not per backend.

#[cfg(feature = "cpu")]
mod open;

#[cfg(feature = "cpu")]
pub use open::{open_inference, open_pretraining, open_training};
pub use spanbert_model::engine::*;
