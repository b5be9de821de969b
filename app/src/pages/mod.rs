//! The pages, each with its state.

pub mod ask;
mod curves;
pub mod evaluate;
#[cfg(target_family = "wasm")]
pub mod here;
#[cfg(not(target_family = "wasm"))]
pub mod runs;
pub mod settings;
#[cfg(not(target_family = "wasm"))]
pub mod train;
pub mod welcome;
