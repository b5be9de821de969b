//! The pages, each with its state.

pub mod ask;
pub mod evaluate;
pub mod runs;
pub mod settings;
pub mod train;
pub mod welcome;
