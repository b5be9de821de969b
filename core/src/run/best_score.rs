//! The best evaluation of a run.

use serde::{Deserialize, Serialize};

use crate::score::HeldOutScores;

/// The best evaluation so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BestScore {
    /// Name of the score.
    pub metric: String,
    /// Its value: in percent, or a loss in nats.
    pub value: f64,
    /// Updates before it.
    pub step: usize,
}

impl BestScore {
    /// Whether it is a loss, as of a pre-training, and lower is better.
    #[must_use]
    pub fn is_loss(&self) -> bool {
        self.metric == HeldOutScores::METRIC
    }
}
