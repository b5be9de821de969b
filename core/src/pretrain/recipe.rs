//! Hyper-parameters of a pre-training, and what it was started with.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{MaskedUnit, MaskingOptions, PretrainError};
use crate::{
    config::BertConfig,
    hash::{Fingerprint, UnreadableFile},
    run::{Layout, counted},
    train::{
        FieldError, LARGEST_COUNT, MicroBatchSize, Precision, check, field_changes, file_changes,
        recipe_macro::recipe,
    },
};

recipe! {
    /// Every hyper-parameter of a pre-training; the defaults are the paper's (section 4.2), but for the number of updates,
    /// which follows from the corpus.
    recipe PretrainRecipe of "pretrain";
    /// Command-line flags of a pre-training's recipe; what is not given keeps its value.
    flags PretrainRecipeArgs {
        /// Start from a recipe file instead of the defaults, such as the pretrain.toml of a run folder.
        #[arg(long, value_name = "FILE")]
        recipe: Option<PathBuf>,
    }
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
        free [value_name = "auto|N"] micro_batch: MicroBatchSize = MicroBatchSize::Windows(16),
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
        free [value_name = "X"] checkpoint_minutes: f64 = 5.0,
        /// Number format of the operands of the layers' matrix products; heads, weights, sums and the optimizer are f32 in any
        /// case. A half format is for devices that have it.
        [value_enum] precision: Precision = Precision::F32,
        /// Under fp16, the factor on the loss that keeps gradients from vanishing; 0 adapts it to overflows.
        [value_name = "X"] loss_scale: f64 = 0.0,
        /// Share of the corpus's documents that are held out: the model never trains on them and is evaluated on them. The
        /// same documents, wherever they stand, for the same seed. Not with --eval-file.
        [value_name = "SHARE"] eval_share: f64 = 0.0,
        /// Held-out texts per batch in evaluation (16), if they fit. Does not change the result.
        free [value_name = "N"] eval_batch_size: usize = 16,
    }
    unset {
        /// Stop after this many updates; the learning rate reaches 0 there.
        [value_name = "N"] max_steps: usize,
        /// Sum the gradients of a batch in N parts, in pairs of a fixed order: 1 to N workers (--distributed) with as many threads
        /// each then give the same bits. Without it micro-batches are summed one after another, and several workers make as many parts as they are.
        free [value_name = "N"] parts: usize,
        /// Updates between evaluations on held-out text; without it ten evaluations are spread over the run. One is made after
        /// the last update in any case.
        [value_name = "N"] eval_steps: usize,
        /// End the run once this many evaluations in a row have not lowered the loss on held-out text. The learning rate is
        /// scheduled for the whole run in any case.
        free [value_name = "N"] early_stopping_patience: usize,
    }
}

impl PretrainRecipe {
    /// Every field that is out of bounds, alone or against the model.
    #[must_use]
    pub fn field_errors(&self, config: &BertConfig) -> Vec<FieldError> {
        let mut found = Vec::new();
        self.check_counts(&mut found);
        self.check_numbers(&mut found);
        let (length, positions) = (self.max_seq_length, config.max_position_embeddings);
        let remedy = format!("use at most {positions}");
        let allowed = format!("the model has {positions} positions");
        check(&mut found, length <= positions, "max_seq_length", length, allowed, remedy);
        let holds = !(self.span_boundary && self.masking == MaskedUnit::Pieces);
        let allowed = "single pieces have no boundaries to be predicted from";
        check(&mut found, holds, "span_boundary", true, allowed, "set it to false, or mask spans");
        found
    }

    /// Fields that do not go together with files of held-out text, or with their absence.
    #[must_use]
    pub fn held_out_errors(&self, has_files: bool) -> Vec<FieldError> {
        let mut found = Vec::new();
        let (share, evaluates) = (self.eval_share, self.eval_share > 0.0 || has_files);
        let allowed = "documents are held out of the corpus only where no files of held-out text are given";
        let remedy = "set it to 0, or leave the files out";
        check(&mut found, !(share > 0.0 && has_files), "eval_share", share, allowed, remedy);
        let patience = self.early_stopping_patience;
        check(
            &mut found,
            patience.is_none() || evaluates,
            "early_stopping_patience",
            patience.unwrap_or_default(),
            "it waits for the loss on held-out text, of which there is none",
            "add files of held-out text or an eval_share, or leave it out",
        );
        found
    }

    fn check_counts(&self, found: &mut Vec<FieldError>) {
        let counts = [
            ("num_train_epochs", Some(self.num_train_epochs), 1, "use 1 for a single pass over the corpus"),
            ("max_steps", self.max_steps, 1, "leave it out to train to the end"),
            ("train_batch_size", Some(self.train_batch_size), 1, "use 256, as the paper does"),
            ("eval_batch_size", Some(self.eval_batch_size), 1, "use 16"),
            ("micro_batch", self.micro_batch.windows(), 1, "use auto, which takes as many as fit"),
            ("eval_steps", self.eval_steps, 1, "leave it out for ten evaluations"),
            ("parts", self.parts, 1, "leave it out, which sums one micro-batch after another"),
            ("early_stopping_patience", self.early_stopping_patience, 1, "leave it out to train to the end"),
            (
                "max_seq_length",
                Some(self.max_seq_length),
                8,
                "use 512, or as many as the model has positions",
            ),
        ];
        for (field, value, least, remedy) in counts {
            let value = value.unwrap_or(least);
            check(found, value >= least, field, value, format!("at least {least} is needed"), remedy);
            check(found, value <= LARGEST_COUNT, field, value, format!("at most {LARGEST_COUNT}"), remedy);
        }
        let (parts, rows) = (self.parts.unwrap_or(1), self.train_batch_size);
        let allowed = format!("a batch has {}", counted(rows, "text"));
        check(
            found,
            parts <= rows.max(1),
            "parts",
            parts,
            allowed,
            "use at most as many parts as a batch has texts",
        );
        let allowed = format!("at most {} can be stored", i64::MAX);
        check(found, i64::try_from(self.seed).is_ok(), "seed", self.seed, allowed, "choose a smaller one");
    }

    fn check_numbers(&self, found: &mut Vec<FieldError>) {
        let (rate, warmup, share) = (self.learning_rate, self.warmup_proportion, self.mask_share);
        let (norm, scale) = (self.max_grad_norm, self.loss_scale);
        let (minutes, held_out) = (self.checkpoint_minutes, self.eval_share);
        let remedy = "use 1e-4, as the paper does";
        check(
            found,
            rate > 0.0 && rate < 1.0,
            "learning_rate",
            rate,
            "it must be above 0 and below 1",
            remedy,
        );
        let allowed = "it must be at least 0 and below 1";
        check(found, (0.0..1.0).contains(&warmup), "warmup_proportion", warmup, allowed, "use 0.1");
        let allowed = "it must be above 0 and at most 0.5";
        check(
            found,
            share > 0.0 && share <= 0.5,
            "mask_share",
            share,
            allowed,
            "use 0.15, as the paper does",
        );
        let (decay, allowed) = (self.weight_decay, "it must be between 0 and 1");
        check(found, (0.0..=1.0).contains(&decay), "weight_decay", decay, allowed, "use 0.01");
        let allowed = "it must be above 0 and finite";
        check(found, norm > 0.0 && norm.is_finite(), "max_grad_norm", norm, allowed, "use 1.0");
        let holds = scale == 0.0 || (1.0..=16_777_216.0).contains(&scale);
        let allowed = "it must be 0 or between 1 and 2^24";
        check(found, holds, "loss_scale", scale, allowed, "use 0, which adapts it to overflows");
        let (holds, allowed) = (minutes >= 0.0 && minutes.is_finite(), "it must be at least 0 and finite");
        check(found, holds, "checkpoint_minutes", minutes, allowed, "use 5");
        let allowed = "it must be between 0 and 0.5";
        let holds = (0.0..=0.5).contains(&held_out);
        check(
            found,
            holds,
            "eval_share",
            held_out,
            allowed,
            "use 0.01 to hold out one document in a hundred",
        );
    }
}

/// What a run is resumed with, where that is not what it began with.
#[derive(Clone, Debug, Default)]
pub struct Resumption {
    /// Another recipe; only the fields that [may change](PretrainRecipe::MAY_CHANGE) differ, unless it is forced.
    pub recipe: Option<PretrainRecipe>,
    /// The files of the corpus, if they have moved.
    pub corpus: Vec<PathBuf>,
    /// The files of held-out text, if they have moved.
    pub eval_corpus: Vec<PathBuf>,
    /// Go on although recipe or text are not those the run began with.
    pub force: bool,
}

/// What files hold.
pub(super) fn fingerprints(files: &[PathBuf]) -> Result<Vec<Fingerprint>, UnreadableFile> {
    files.iter().map(|path| Fingerprint::of(path)).collect()
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
    /// Reads the record of a run.
    ///
    /// # Errors
    /// If there is none, or it holds anything else.
    pub fn read(layout: &Layout) -> Result<Self, PretrainError> {
        let path = layout.pretraining();
        let wrong = |what: String| PretrainError::Record { path: path.clone(), what };
        if !path.exists() && layout.recipe().exists() {
            return Err(PretrainError::FineTuning(layout.root().to_owned()));
        }
        let text = std::fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
        Self::from_toml(&text).map_err(wrong)
    }

    /// The record of the run as it is to be resumed; files that are not named again are looked for where they were.
    pub(super) fn resumed_with(&self, resumption: &Resumption) -> Result<Self, PretrainError> {
        let files = |again: &[PathBuf], before: &[Fingerprint]| {
            let paths = if again.is_empty() {
                before.iter().map(|file| PathBuf::from(&file.path)).collect()
            } else {
                again.to_vec()
            };
            let mut files = fingerprints(&paths)?;
            // As the run began with them: elsewhere they may be listed in another order.
            files.sort_by_key(|file| {
                before.iter().position(|known| known.sha256 == file.sha256).unwrap_or(usize::MAX)
            });
            Ok(files)
        };
        let moved = |files: Result<Vec<Fingerprint>, UnreadableFile>, flag| {
            files.map_err(|error| PretrainError::Moved { error, flag })
        };
        Ok(Self {
            recipe: resumption.recipe.clone().unwrap_or_else(|| self.recipe.clone()),
            corpus: moved(files(&resumption.corpus, &self.corpus), "--corpus")?,
            eval_corpus: moved(files(&resumption.eval_corpus, &self.eval_corpus), "--eval-file")?,
            ..self.clone()
        })
    }

    /// Every difference that would make the rest of the run another one, a phrase each.
    pub(super) fn changes(&self, now: &Self) -> Vec<String> {
        let mut found = field_changes(self.recipe.differences(&now.recipe), PretrainRecipe::MAY_CHANGE);
        found.extend(file_changes("the corpus", &self.corpus, &now.corpus));
        found.extend(file_changes("the held-out text", &self.eval_corpus, &now.eval_corpus));
        found
    }

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
            ("learning_rate", PretrainRecipe { learning_rate: f64::NAN, ..base() }),
            ("warmup_proportion", PretrainRecipe { warmup_proportion: 1.0, ..base() }),
            ("num_train_epochs", PretrainRecipe { num_train_epochs: 0, ..base() }),
            ("max_steps", PretrainRecipe { max_steps: Some(0), ..base() }),
            ("train_batch_size", PretrainRecipe { train_batch_size: 0, ..base() }),
            ("micro_batch", PretrainRecipe { micro_batch: MicroBatchSize::Windows(usize::MAX), ..base() }),
            ("eval_batch_size", PretrainRecipe { eval_batch_size: 0, ..base() }),
            ("early_stopping_patience", PretrainRecipe { early_stopping_patience: Some(0), ..base() }),
            ("max_seq_length", PretrainRecipe { max_seq_length: 7, ..base() }),
            ("max_seq_length", PretrainRecipe { max_seq_length: 513, ..base() }),
            ("seed", PretrainRecipe { seed: u64::MAX, ..base() }),
            ("mask_share", PretrainRecipe { mask_share: 0.0, ..base() }),
            ("weight_decay", PretrainRecipe { weight_decay: -0.1, ..base() }),
            ("max_grad_norm", PretrainRecipe { max_grad_norm: f64::INFINITY, ..base() }),
            ("checkpoint_minutes", PretrainRecipe { checkpoint_minutes: -1.0, ..base() }),
            ("span_boundary", PretrainRecipe { masking: MaskedUnit::Pieces, ..base() }),
        ] {
            let config = BertConfig::default();
            for error in recipe.field_errors(&config) {
                assert!(crate::advice::is_remedy(&error.remedy), "{key}: {}", error.remedy);
            }
            let told = recipe.validate(&config).unwrap_err().to_string();
            assert!(told.starts_with(&format!("recipe: {key} is ")), "{told}");
        }
        base().validate(&BertConfig::default()).unwrap();
    }
}
