//! SpanBERT Studio, in a window and in a browser: it draws what the library computes and decides nothing itself.
//!
//! Runs and trainings need folders and processes, which browsers have not; what else differs is behind [`background`], [`files`],
//! [`dialogs`], [`settings`] and [`worker`].
#![recursion_limit = "256"]

pub mod action;
pub mod background;
pub mod command;
pub mod dialogs;
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
mod dropped;
pub mod files;
mod fonts;
pub mod icon;
#[cfg(not(target_family = "wasm"))]
pub mod launch;
#[cfg_attr(target_family = "wasm", path = "kept_models.rs")]
pub mod library;
pub mod page;
pub mod page_view;
pub mod pages;
pub mod probe;
pub mod settings;
pub mod shell;
mod symbols;
pub mod theme;
pub mod toasts;
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
mod web;
pub mod widgets;
pub mod worker;

pub use shell::StudioApp;
#[cfg(not(target_family = "wasm"))]
pub use shell::{FindDevices, Options};

/// The window's title.
pub const TITLE: &str = "SpanBERT Studio";
