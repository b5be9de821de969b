//! SpanBERT in Burn tensors, and the engines that run and train it, generic over Burn backends.
//!
//! The floor of `spanbert-core`, whose modules these are: it re-exports them. They are a crate of their own so that what stands
//! above them is compiled without them. Nothing here names a backend: `spanbert-cpu` and `spanbert-gpu` do.
#![recursion_limit = "256"]

pub mod advice;
pub mod batch;
pub mod config;
pub mod engine;
pub mod host;
pub mod json;
pub mod model;
pub mod random;
