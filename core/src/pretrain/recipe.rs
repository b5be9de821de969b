//! Hyper-parameters of a pre-training, and what it was started with.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{MaskedUnit, MaskingOptions, PretrainError};
use crate::{
    hash::Fingerprint,
    train::{MicroBatchSize, Precision, recipe_macro::recipe},
};

recipe! {
    /// Every hyper-parameter of a pre-training; the defaults are the paper's (section 4.2), but for the number of updates,
    /// which follows from the corpus.
    recipe PretrainRecipe;
    /// Command-line flags of a pre-training's recipe; what is not given keeps its value.
    flags PretrainRecipeArgs {}
    set {
        /// Highest learning rate; the paper's is 1e-4, which is the default.
        [value_name = "X"] learning_rate: f64 = 1e-4,
        /// Share of the updates in which the learning rate rises (0.1); then it falls to 0.
        [value_name = "X"] warmup_proportion: f64 = 0.1,
        /// Passes over the corpus (1), masked anew each time.
        [value_name = "N"] num_train_epochs: usize = 1,
        /// Texts per update (256).
        [value_name = "N"] train_batch_size: usize = 256,
        /// Texts computed at once on the device (16): a number, or auto for as many as fit. Fewer are tried if the device
        /// runs out of memory. Does not change the result but for rounding.
        [value_name = "auto|N"] micro_batch: MicroBatchSize = MicroBatchSize::Windows(16),
        /// Longest text in word pieces, the two special ones included; without it 512, or as many as the model has positions.
        [value_name = "N"] max_seq_length: usize = 512,
        /// Decay of weights per update (0.01), times the learning rate; biases and LayerNorm are not decayed.
        [value_name = "X"] weight_decay: f64 = 0.01,
        /// Largest norm of all gradients together (1.0).
        [value_name = "X"] max_grad_norm: f64 = 1.0,
        /// What is masked: spans of whole words, or single pieces as in the first BERT, without the span-boundary objective.
        [value_enum] masking: MaskedUnit = MaskedUnit::Spans,
        /// Share of the pieces that is masked (0.15); more teaches a small model faster (Wettig et al., 2023).
        [value_name = "X"] mask_share: f64 = MaskingOptions::default().budget,
        /// Whether the span-boundary objective is learnt as well.
        [num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL"]
        span_boundary: bool = true,
        /// Seed of everything random: fresh weights, order, masks, dropout, and which documents are held out.
        [value_name = "N"] seed: u64 = 42,
        /// Minutes between training checkpoints (5), to resume from.
        [value_name = "X"] checkpoint_minutes: f64 = 5.0,
        /// Number format of the operands of the layers' matrix products; heads, weights, sums and the optimizer are f32 in any
        /// case. A half format is for GPUs that have it.
        [value_enum] precision: Precision = Precision::F32,
        /// Under fp16, the factor on the loss that keeps gradients from vanishing; 0 adapts it to overflows.
        [value_name = "X"] loss_scale: f64 = 0.0,
        /// Share of the corpus's documents that are held out: the model never trains on them and is evaluated on them. The
        /// same documents, wherever they stand, for the same seed. Not with --eval-file.
        [value_name = "SHARE"] eval_share: f64 = 0.0,
        /// Held-out texts per batch in evaluation (16), if they fit. Does not change the result.
        [value_name = "N"] eval_batch_size: usize = 16,
    }
    unset {
        /// Stop after this many updates; the learning rate reaches 0 there.
        [value_name = "N"] max_steps: usize,
        /// Updates between evaluations on held-out text; without it ten evaluations are spread over the run. One is made after
        /// the last update in any case.
        [value_name = "N"] eval_steps: usize,
        /// End the run once this many evaluations in a row have not lowered the loss on held-out text. The learning rate is
        /// scheduled for the whole run in any case.
        [value_name = "N"] early_stopping_patience: usize,
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
        if self.train_batch_size == 0 || self.eval_batch_size == 0 {
            return refuse("train_batch_size and eval_batch_size", "at least 1");
        }
        if self.eval_steps == Some(0) || self.early_stopping_patience == Some(0) {
            return refuse("eval_steps and early_stopping_patience", "at least 1");
        }
        if !(self.eval_share >= 0.0 && self.eval_share <= 0.5) {
            return refuse("eval_share", "from 0 to 0.5");
        }
        if !(self.loss_scale == 0.0 || (1.0..=16_777_216.0).contains(&self.loss_scale)) {
            return refuse("loss_scale", "0, or from 1 to 2^24");
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
    /// The files of held-out text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub eval_corpus: Vec<Fingerprint>,
}

impl PretrainRecord {
    /// Parses the text of a `pretrain.toml`.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn from_toml(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// Whether there is text to evaluate on.
    #[must_use]
    pub fn evaluates(&self) -> bool {
        self.recipe.eval_share > 0.0 || !self.eval_corpus.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_version_wrote_is_read() {
        let text = "do_lower_case = false\n\n[recipe]\nlearning_rate = 0.0003\nwarmup_proportion = 0.1\nnum_train_epochs = 2\n\
                    max_steps = 30\ntrain_batch_size = 24\nmicro_batch = 7\nmax_seq_length = 96\nweight_decay = 0.01\n\
                    max_grad_norm = 1.0\nmasking = \"spans\"\nmask_share = 0.15\nspan_boundary = true\nseed = 42\n\
                    checkpoint_minutes = 5.0\n\n[[corpus]]\npath = \"corpus.txt\"\nbytes = 3\nsha256 = \"ab\"\n";
        let record: PretrainRecord = toml::from_str(text).unwrap();
        let expected = PretrainRecipe {
            learning_rate: 3e-4,
            num_train_epochs: 2,
            max_steps: Some(30),
            train_batch_size: 24,
            micro_batch: MicroBatchSize::Windows(7),
            max_seq_length: 96,
            ..PretrainRecipe::default()
        };
        assert_eq!((&record.recipe, record.evaluates()), (&expected, false));
        assert_eq!(toml::from_str::<PretrainRecord>(&toml::to_string(&record).unwrap()).unwrap(), record);
    }

    #[test]
    fn values_out_of_bounds_are_named() {
        let base = PretrainRecipe::default;
        for (key, recipe) in [
            ("eval_share", PretrainRecipe { eval_share: 0.6, ..base() }),
            ("eval_share", PretrainRecipe { eval_share: f64::NAN, ..base() }),
            ("eval_steps", PretrainRecipe { eval_steps: Some(0), ..base() }),
            ("loss_scale", PretrainRecipe { loss_scale: 0.5, ..base() }),
            ("span_boundary", PretrainRecipe { masking: MaskedUnit::Pieces, ..base() }),
        ] {
            let told = recipe.check().unwrap_err().to_string();
            assert!(told.starts_with(key), "{told}");
        }
        base().check().unwrap();
    }
}
