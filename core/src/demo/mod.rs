//! A complete small example that needs no download: an invented world, questions about it, and a small SpanBERT.
//!
//! Everything is made by code in this folder from fixed seeds: the passages and questions ([`generate`]), text to pre-train
//! on ([`corpus`]), the word pieces ([`vocab`]) and the model's random weights ([`start`]). `spanbert demo` fine-tunes that
//! model, pre-trained ([`pretrained_model`]), like any other checkpoint on any other data; a copy that is fine-tuned already is
//! part of the program too (`trained_folder`). [`passages()`] are about real things.

pub mod corpus;
mod data;
pub mod facts;
#[cfg(feature = "native")]
mod files;
pub mod generate;
mod models;
mod passages;
pub mod start;
pub mod statistics;
mod tell;
mod template;
mod trained;
pub mod vocab;
mod weights;
mod words;
pub mod world;

pub use data::{DEV, DEV_NAME, TRAIN, TRAIN_NAME, built_in, squad_json};
#[cfg(feature = "native")]
pub use files::{DemoError, DemoFiles, write, write_corpus};
pub use models::{pretrained_model, random_model};
pub use passages::passages;
pub use tell::AnswerSpan;
#[cfg(feature = "native")]
pub use trained::trained_folder;
pub use trained::{LABEL, MODEL_NAME, trained_files};
