//! Hyper-parameters of a pre-training, and what it was started with.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{MaskedUnit, MaskingOptions, PretrainError};
use crate::hash::Fingerprint;

/// Every hyper-parameter; the defaults are the paper's (section 4.2), but for the number of steps, which follows from the
/// corpus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PretrainRecipe {
    /// Highest learning rate.
    pub learning_rate: f64,
    /// Share of the updates in which it rises to that.
    pub warmup_proportion: f64,
    /// Passes over the corpus.
    pub num_train_epochs: usize,
    /// Most updates.
    pub max_steps: Option<usize>,
    /// Texts of an update.
    pub train_batch_size: usize,
    /// Texts on the device at once; the result is the same.
    pub micro_batch: usize,
    /// Longest text in pieces, `[CLS]` and `[SEP]` included.
    pub max_seq_length: usize,
    /// Decay of everything but biases and LayerNorm.
    pub weight_decay: f64,
    /// Largest gradient norm.
    pub max_grad_norm: f64,
    /// What is masked.
    pub masking: MaskedUnit,
    /// Share of the pieces that is masked.
    pub mask_share: f64,
    /// Whether the span-boundary objective is learnt as well.
    pub span_boundary: bool,
    /// Seed of everything random.
    pub seed: u64,
    /// Minutes between checkpoints to resume from.
    pub checkpoint_minutes: f64,
}

impl Default for PretrainRecipe {
    fn default() -> Self {
        Self {
            learning_rate: 1e-4,
            warmup_proportion: 0.1,
            num_train_epochs: 1,
            max_steps: None,
            train_batch_size: 256,
            micro_batch: 16,
            max_seq_length: 512,
            weight_decay: 0.01,
            max_grad_norm: 1.0,
            masking: MaskedUnit::Spans,
            mask_share: MaskingOptions::default().budget,
            span_boundary: true,
            seed: 42,
            checkpoint_minutes: 5.0,
        }
    }
}

impl PretrainRecipe {
    /// Refuses what cannot be trained with.
    ///
    /// # Errors
    /// Names the first value out of bounds.
    pub fn check(&self) -> Result<(), PretrainError> {
        let refuse = |key: &'static str, bounds: &'static str| Err(PretrainError::Value { key, bounds });
        if !(self.learning_rate > 0.0 && self.learning_rate < 1.0) {
            return refuse("learning_rate", "between 0 and 1");
        }
        if !(0.0..1.0).contains(&self.warmup_proportion) {
            return refuse("warmup_proportion", "from 0, below 1");
        }
        if self.num_train_epochs == 0 || self.max_steps == Some(0) {
            return refuse("num_train_epochs and max_steps", "at least 1");
        }
        if self.train_batch_size == 0 || self.micro_batch == 0 {
            return refuse("train_batch_size and micro_batch", "at least 1");
        }
        if self.max_seq_length < 8 {
            return refuse("max_seq_length", "at least 8");
        }
        if self.span_boundary && self.masking == MaskedUnit::Pieces {
            return refuse("span_boundary", "false where single pieces are masked");
        }
        if !(self.mask_share > 0.0 && self.mask_share <= 0.5) {
            return refuse("mask_share", "above 0, at most 0.5");
        }
        if !(self.weight_decay >= 0.0 && self.weight_decay <= 1.0) {
            return refuse("weight_decay", "from 0 to 1");
        }
        if !(self.max_grad_norm > 0.0 && self.max_grad_norm.is_finite()) {
            return refuse("max_grad_norm", "above 0");
        }
        if !(self.checkpoint_minutes >= 0.0 && self.checkpoint_minutes.is_finite()) {
            return refuse("checkpoint_minutes", "at least 0");
        }
        Ok(())
    }
}

/// `pretrain.toml` in the run folder: what a resumed run is to be the same as.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PretrainRecord {
    /// Whether text is lower-cased.
    pub do_lower_case: bool,
    /// The checkpoint begun with; absent for random weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<PathBuf>,
    /// Hyper-parameters.
    pub recipe: PretrainRecipe,
    /// The files of the corpus.
    pub corpus: Vec<Fingerprint>,
}
