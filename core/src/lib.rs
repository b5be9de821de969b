//! SpanBERT and its SQuAD 2.0 trainer.
//!
//! Data flows one way: [`squad`] JSON, [`features`] windows, [`batch`]es, the [`model`] behind an
//! [`engine`], then [`answers`] and [`score`]s. The modules up to there build for any platform; the ones
//! behind the `cli` feature use files, threads and a terminal.
#![recursion_limit = "256"]

pub mod advice;
pub mod answers;
pub mod ask;
pub mod atomic;
pub mod batch;
pub mod breakdown;
pub mod checkpoint;
pub mod config;
pub mod engine;
pub mod features;
mod gzip;
mod json;
pub mod model;
pub mod score;
pub mod squad;
pub mod text_file;
pub mod tokenizer;

#[cfg(feature = "cli")]
pub mod bench;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "cli")]
pub mod demo;
#[cfg(feature = "cli")]
pub mod evaluate;
#[cfg(feature = "cli")]
pub mod fetch;
#[cfg(feature = "cli")]
pub mod open;
#[cfg(feature = "cli")]
pub mod piece_cache;
#[cfg(feature = "cli")]
pub mod pretrain;
#[cfg(feature = "cli")]
pub mod run;
#[cfg(feature = "cli")]
pub mod selftest;
#[cfg(feature = "cli")]
pub mod train;
