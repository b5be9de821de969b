//! `state.json`: where a training is now, small enough to list hundreds of runs.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{BestScore, Outcome, Phase, RunError, are_counts};
use crate::json;

/// The contents of `state.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    /// What the trainer is busy with.
    pub phase: Phase,
    /// How it ended; absent while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Updates done.
    pub step: usize,
    /// Updates of the whole run; 0 until the data is read.
    pub total_steps: usize,
    /// Epoch, from 0.
    pub epoch: usize,
    /// Seconds to the end as far as can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_secs: Option<f64>,
    /// Best evaluation so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best: Option<BestScore>,
    /// The trainer's process.
    pub pid: u32,
    /// When it started, RFC 3339, UTC.
    pub started: String,
    /// When this was written.
    pub updated: String,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why it is complete although updates were left (early stopping).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl RunState {
    /// Reads the content of a `state.json`; `path` names it in errors.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn from_json(text: &[u8], path: &Path) -> Result<Self, RunError> {
        let damaged = |message| RunError::Damaged { path: path.to_owned(), message };
        let state: Self = json::parse(text).map_err(|error| damaged(error.to_string()))?;
        let best = state.best.as_ref().map_or(0, |best| best.step);
        if are_counts([state.step, state.total_steps, state.epoch, best]) {
            Ok(state)
        } else {
            Err(damaged("a number of steps or epochs that no training can reach".into()))
        }
    }
}
