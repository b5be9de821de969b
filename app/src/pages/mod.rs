//! The pages, each with its state.

pub mod ask;
#[cfg(not(target_family = "wasm"))]
mod curves;
pub mod evaluate;
#[cfg(not(target_family = "wasm"))]
pub mod runs;
pub mod settings;
#[cfg(not(target_family = "wasm"))]
pub mod train;
pub mod welcome;
