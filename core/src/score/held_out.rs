//! How well a pre-trained model predicts masked pieces of text that it does not learn from.

use serde::{Deserialize, Serialize};

/// Scores of a pre-training on held-out text. Losses are means over what is predicted, in nats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HeldOutScores {
    /// Sum of both objectives' losses; the lowest decides which weights are the best.
    pub loss: f64,
    /// Of masked language modelling.
    pub mlm_loss: f64,
    /// e to the power of `mlm_loss`.
    pub mlm_perplexity: f64,
    /// Masked pieces predicted right, in percent.
    pub mlm_accuracy: f64,
    /// Of the span-boundary objective; none if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sbo_loss: Option<f64>,
    /// Pieces that it predicts right, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sbo_accuracy: Option<f64>,
    /// Masked pieces.
    pub pieces: usize,
}

impl HeldOutScores {
    /// Name of the score that decides which weights are the best.
    pub const METRIC: &str = "held_out_loss";

    /// Name and value of all there are but the number of pieces.
    #[must_use]
    pub fn entries(&self) -> Vec<(&'static str, f64)> {
        let mut entries = vec![
            (Self::METRIC, self.loss),
            ("mlm_loss", self.mlm_loss),
            ("mlm_perplexity", self.mlm_perplexity),
            ("mlm_accuracy", self.mlm_accuracy),
        ];
        entries.extend(self.sbo_loss.map(|loss| ("sbo_loss", loss)));
        entries.extend(self.sbo_accuracy.map(|accuracy| ("sbo_accuracy", accuracy)));
        entries
    }
}
