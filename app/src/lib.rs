//! SpanBERT Studio, the desktop application: it draws what the library computes and decides nothing itself.
#![recursion_limit = "256"]

pub mod action;
pub mod command;
pub mod dialogs;
pub mod icon;
pub mod launch;
pub mod library;
pub mod page;
pub mod page_view;
pub mod pages;
pub mod probe;
pub mod settings;
pub mod shell;
pub mod theme;
pub mod toasts;
pub mod widgets;
pub mod worker;

pub use shell::{Options, StudioApp};

/// The window's title.
pub const TITLE: &str = "SpanBERT Studio";
