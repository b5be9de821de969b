//! SpanBERT and its SQuAD 2.0 trainer.
//!
//! Data flows one way: [`squad`] JSON, [`features`] windows, [`batch`]es, the [`model`] behind an
//! [`engine`], then [`answers`] and [`score`]s; [`train`] learns. What needs files, threads, processes or a clock is behind
//! the `native` feature: the modules at the end of the list, and the module `native` within [`run`] and [`train`]. The `spanbert` command line is the package
//! `spanbert-cli` in `core/cli`.
#![recursion_limit = "256"]

// Helpers of tests that several crates share name this one from outside.
#[cfg(test)]
extern crate self as spanbert_core;

pub mod advice;
pub mod answers;
pub mod ask;
pub mod atomic;
pub mod batch;
pub mod breakdown;
pub mod checkpoint;
pub mod demo;
pub mod engine;
pub mod evaluate;
pub mod features;
pub mod gzip;
pub mod hash;
pub mod message;
mod percentile;
mod python_json;
pub mod run;
pub mod score;
pub mod squad;
pub mod text_file;
pub mod tokenizer;
pub mod train;

#[cfg(feature = "native")]
pub mod bench;
#[cfg(feature = "native")]
pub mod fetch;
#[cfg(feature = "native")]
pub mod interrupt;
#[cfg(feature = "cpu")]
pub mod open;
#[cfg(feature = "native")]
pub mod pretrain;
#[cfg(feature = "cpu")]
pub mod selftest;
#[cfg(feature = "native")]
pub mod user_folders;

pub(crate) use spanbert_model::json;
pub use spanbert_model::{config, model, random};
