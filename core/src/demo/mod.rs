//! A complete small example that needs no download: an invented world, questions about it, and a small SpanBERT.
//!
//! Everything is made by code in this folder from fixed seeds: the passages and questions ([`generate`]), text to pre-train
//! on ([`corpus`]), the word pieces ([`vocab`]) and the model's random weights ([`start`]). `spanbert demo` fine-tunes that
//! model, pre-trained ([`pretrained_model`]), like any other checkpoint on any other data; a copy that is fine-tuned already is
//! part of the program too ([`trained_folder`]). [`passages()`] are about real things.

mod built_in;
pub mod corpus;
pub mod facts;
pub mod files;
pub mod generate;
mod passages;
pub mod random;
pub mod start;
pub mod statistics;
mod tell;
mod template;
pub mod vocab;
mod words;
pub mod world;

pub use built_in::{LABEL, MODEL_NAME, pretrained_model, random_model, trained_folder};
pub use files::{
    DEV, DEV_NAME, DemoError, DemoFiles, TRAIN, TRAIN_NAME, built_in, squad_json, write, write_corpus,
};
pub use passages::passages;
pub use tell::AnswerSpan;
