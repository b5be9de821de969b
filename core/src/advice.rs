//! What to do about an error: every error that reaches a user says it beside its cause.

pub use spanbert_model::advice::*;

#[cfg(test)]
#[path = "advice_tests.rs"]
mod tests;
