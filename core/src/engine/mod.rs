//! The model on a device behind an object-safe interface: everything above it is compiled once, not per backend.

mod ensemble;
mod in_turn;
#[cfg(feature = "cpu")]
mod open;

pub use ensemble::Ensemble;
pub use in_turn::{InTurn, OpenMember};
#[cfg(feature = "cpu")]
pub use open::{open_inference, open_pretraining, open_training};
pub use spanbert_model::engine::*;
