//! SpanBERT in a browser: models that answer, in a Web Worker, spoken to by [`message`]s.
//!
//! The page stays free while a model works, and lives on if the worker ends: a panic ends a module for browsers, and nothing in it
//! can prevent that. [`Session`] is all of the worker that is no browser's own, so it runs and is tested anywhere. `www` has the
//! script that starts the worker and the one by which a page speaks to it; `.ci/web/build.sh` puts all of it into a folder.
#![recursion_limit = "256"]

pub mod message;
pub mod remedy;
mod session;
mod training;
mod trouble;
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
mod worker;

pub use session::{Page, Session};
