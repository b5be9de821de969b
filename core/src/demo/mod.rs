//! A complete small example that needs no download: an invented world, questions about it, and a tiny SpanBERT.
//!
//! Everything is made by code in this folder from fixed seeds: the passages and questions ([`generate`]), the word
//! pieces ([`vocab`]) and the model's starting weights ([`start`]). Nothing is trained beforehand; `spanbert demo`
//! trains it like any other checkpoint on any other data.

pub mod facts;
pub mod files;
pub mod generate;
pub mod random;
pub mod start;
pub mod vocab;
pub mod world;

pub use files::{
    DEV, DEV_NAME, DemoError, DemoFiles, TRAIN, TRAIN_NAME, built_in, squad_json, starting_model, write,
};
