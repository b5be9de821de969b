//! Answers from logits: n-best lists, "no answer" scores, and the way back from word pieces to the passage's text
//! (`make_predictions` of the reference).
//!
//! [`WindowCandidates`] keeps what matters of a window's logits, [`predict`] turns all windows' candidates into one
//! [`Prediction`] per question, and [`predictions_json`] and its siblings write the reference's files.

mod candidates;
mod context;
mod files;
mod final_text;
pub mod jsonl;
mod npy;
mod options;
mod predict;
mod prediction;
mod softmax;

pub use candidates::{Candidate, WindowCandidates, best_indexes};
pub use files::{nbest_json, null_odds_json, predictions_json};
pub use final_text::final_text;
pub use npy::{NpyError, NpyLogits};
pub use options::{AnswerError, AnswerOptions};
pub use predict::predict;
pub use prediction::{AnswerSpan, NbestEntry, Prediction};
pub use softmax::softmax;
