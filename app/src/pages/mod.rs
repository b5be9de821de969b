//! The pages, each with its state.

pub mod devices;
