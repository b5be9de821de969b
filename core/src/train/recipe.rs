//! Every hyper-parameter of a training, in one struct.
//!
//! The command line ([`RecipeArgs`](super::RecipeArgs)), `recipe.toml` in the run folder and the app's form are
//! views of [`Recipe`]; field documentation is written once, in [`recipe_fields`](super::recipe_fields).

use serde::{Deserialize, Serialize};

pub use super::recipe_fields::Recipe;
use super::recipe_validate::FieldError;
use crate::{advice::Advice, batch::TrainMode, features::WindowOptions};

/// Learning rates tried one after the other when the recipe names none (`run_squad.py`).
pub const SWEEP_LEARNING_RATES: [f64; 8] = [1e-6, 2e-6, 3e-6, 5e-6, 1e-5, 2e-5, 3e-5, 5e-5];

/// Which of the reference's two optimizers updates the weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum OptimizerKind {
    /// Full-precision path of the reference: eps 1e-6, each parameter's gradient clipped on its own.
    #[default]
    BertAdam,
    /// The reference's `--fp16` path (apex): eps 1e-8, gradient clipped by its global norm.
    FusedAdam,
}

/// Number format of the operands of the layers' matrix products; everything else, sums included, is f32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Precision {
    /// 32-bit floats throughout; on CUDA matrix products may round their operands to TF32.
    #[default]
    F32,
    /// bfloat16: the range of f32, eight bits of significand.
    Bf16,
    /// IEEE half precision, with a loss scale (the reference's --fp16).
    #[value(alias = "f16")]
    Fp16,
}

impl From<Precision> for spanbert_backends::Precision {
    fn from(precision: Precision) -> Self {
        match precision {
            Precision::F32 => Self::F32,
            Precision::Bf16 => Self::Bf16,
            Precision::Fp16 => Self::F16,
        }
    }
}

/// The development score that decides which weights are kept as `best/`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
pub enum EvalMetric {
    /// Exact match, unanswered above the reference's threshold of 1.0.
    #[serde(rename = "exact")]
    #[value(name = "exact")]
    Exact,
    /// Token F1, unanswered above the reference's threshold of 1.0.
    #[default]
    #[serde(rename = "f1")]
    #[value(name = "f1")]
    F1,
    /// Exact match at the best threshold; SQuAD 2.0 only.
    #[serde(rename = "best_exact")]
    #[value(name = "best_exact")]
    BestExact,
    /// Token F1 at the best threshold; SQuAD 2.0 only.
    #[serde(rename = "best_f1")]
    #[value(name = "best_f1")]
    BestF1,
    /// Exact match over answerable questions, unanswered above 1.0; SQuAD 2.0 only.
    #[serde(rename = "HasAns_exact")]
    #[value(name = "HasAns_exact")]
    HasAnsExact,
    /// Token F1 over answerable questions, unanswered above 1.0; SQuAD 2.0 only.
    #[serde(rename = "HasAns_f1")]
    #[value(name = "HasAns_f1")]
    HasAnsF1,
    /// Exact match over unanswerable questions, unanswered above 1.0; SQuAD 2.0 only.
    #[serde(rename = "NoAns_exact")]
    #[value(name = "NoAns_exact")]
    NoAnsExact,
    /// Token F1 over unanswerable questions, unanswered above 1.0; SQuAD 2.0 only.
    #[serde(rename = "NoAns_f1")]
    #[value(name = "NoAns_f1")]
    NoAnsF1,
}

impl EvalMetric {
    /// The key of the score in `results.json` and in the reference's `eval_results.txt`.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::F1 => "f1",
            Self::BestExact => "best_exact",
            Self::BestF1 => "best_f1",
            Self::HasAnsExact => "HasAns_exact",
            Self::HasAnsF1 => "HasAns_f1",
            Self::NoAnsExact => "NoAns_exact",
            Self::NoAnsF1 => "NoAns_f1",
        }
    }

    /// Whether the score exists only for data with unanswerable questions.
    #[must_use]
    pub fn needs_version_2(self) -> bool {
        !matches!(self, Self::Exact | Self::F1)
    }
}

/// Named recipes (`--preset`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// SpanBERT-base on SQuAD 2.0 as published: batch 32, 2e-5, 4 epochs, windows of 512.
    #[value(name = "spanbert-base-squad2")]
    SpanbertBaseSquad2,
    /// The same with batch 16 for training and evaluation, for smaller GPUs.
    Student,
    /// SpanBERT-base on SQuAD 1.1 as published: as SQuAD 2.0, best weights by F1.
    Squad1,
    /// A small model on the built-in data set, in a minute or two on a laptop.
    Demo,
}

impl Preset {
    /// The recipe under this name.
    #[must_use]
    pub fn recipe(self) -> Recipe {
        let published = Recipe {
            eval_batch_size: 32,
            learning_rate: Some(2e-5),
            num_train_epochs: 4.0,
            max_seq_length: 512,
            eval_metric: EvalMetric::BestF1,
            ..Recipe::default()
        };
        match self {
            Self::SpanbertBaseSquad2 => published,
            Self::Student => Recipe { train_batch_size: 16, eval_batch_size: 16, ..published },
            Self::Squad1 => Recipe { eval_metric: EvalMetric::F1, ..published },
            Self::Demo => Recipe {
                // Small batches: what a small model lacks is updates.
                train_batch_size: 8,
                eval_batch_size: 32,
                learning_rate: Some(5e-4),
                // The generator has more questions than there is time: none is asked twice.
                num_train_epochs: 1.0,
                // A full learning rate too soon undoes what the small model has learnt before.
                warmup_proportion: 0.2,
                max_seq_length: 128,
                doc_stride: 64,
                max_query_length: 32,
                eval_per_epoch: 1,
                eval_metric: EvalMetric::BestF1,
                ..Recipe::default()
            },
        }
    }
}

/// Why a recipe cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// A value is outside what is allowed.
    #[error("recipe: {0}")]
    Field(#[from] FieldError),
    /// The file could not be read.
    #[error("cannot read the recipe {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The text is not a recipe.
    #[error("{path} is not a recipe: {message}")]
    Parse {
        /// The file.
        path: String,
        /// Line, column and cause.
        message: String,
        /// The command whose help lists the fields.
        command: &'static str,
    },
}

impl Advice for RecipeError {
    fn remedy(&self) -> String {
        match self {
            Self::Field(error) => error.remedy(),
            Self::Read { .. } => "give a recipe.toml, such as the one in a run folder".into(),
            Self::Parse { command, .. } => format!("look up names and values in `spanbert {command} --help`"),
        }
    }
}

impl Recipe {
    /// Learning rates to train with, one training each: the recipe's, else the reference's sweep.
    #[must_use]
    pub fn learning_rates(&self) -> Vec<f64> {
        self.learning_rate.map_or_else(|| SWEEP_LEARNING_RATES.to_vec(), |rate| vec![rate])
    }

    /// Windows in one batch of the data order: `train_batch_size / gradient_accumulation_steps`.
    #[must_use]
    pub fn batch_rows(&self) -> usize {
        self.train_batch_size / self.gradient_accumulation_steps.max(1)
    }

    /// Forward and backward passes over each batch.
    #[must_use]
    pub fn passes(&self) -> usize {
        if self.adversarial_epsilon.is_some() { 2 } else { 1 }
    }

    /// What a user may not expect of these values, a sentence each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let (epochs, whole) = (self.num_train_epochs, self.whole_epochs());
        if epochs.fract() != 0.0 {
            let passes = if whole == 1 { "1 pass".to_owned() } else { format!("{whole} passes") };
            warnings.push(format!(
                "num_train_epochs is {epochs}: {passes} over the data will be made, with a learning rate scheduled for \
                 {epochs}, as in the reference"
            ));
        }
        let default = Self::default();
        if self.teacher.is_none()
            && (self.distillation_weight, self.distillation_temperature)
                != (default.distillation_weight, default.distillation_temperature)
        {
            warnings
                .push("distillation_weight and distillation_temperature do nothing without a teacher".into());
        }
        warnings
    }

    /// Lowers a `max_seq_length` that nobody asked for to the positions of the model; gives a note if it had to.
    pub fn fit_length(&mut self, positions: usize) -> Option<String> {
        let before = self.max_seq_length;
        if before <= positions {
            return None;
        }
        self.max_seq_length = positions;
        Some(format!("max_seq_length is {positions} instead of {before}: the model has no more positions"))
    }

    /// Whole epochs trained; the fraction only stretches the schedule, as in the reference.
    #[must_use]
    pub fn whole_epochs(&self) -> usize {
        self.num_train_epochs.max(0.0) as usize
    }

    /// How contexts are cut into windows.
    #[must_use]
    pub fn window_options(&self) -> WindowOptions {
        WindowOptions {
            max_seq_length: self.max_seq_length,
            doc_stride: self.doc_stride,
            max_query_length: self.max_query_length,
        }
    }

    /// Padded length of a batch whose longest window has `longest` pieces; `multiple` as in
    /// [`length_multiple`](Self::length_multiple) once a device has been chosen.
    #[must_use]
    pub fn padded_length(&self, longest: usize, multiple: usize) -> usize {
        if self.pad_to_max_length {
            self.max_seq_length
        } else {
            crate::batch::padded_length(longest, multiple, self.max_seq_length)
        }
    }

    /// The multiple lengths are padded to: the recipe's, else the backend's
    /// ([`BackendKind::length_multiple`](spanbert_backends::BackendKind::length_multiple)).
    #[must_use]
    pub fn length_multiple_for(&self, backend: spanbert_backends::BackendKind) -> usize {
        self.length_multiple.unwrap_or(backend.length_multiple())
    }

    /// Whether the order of batches changes from epoch to epoch.
    #[must_use]
    pub fn shuffles(&self) -> bool {
        self.train_mode != TrainMode::Sorted
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::train::LrSchedule;

    #[test]
    fn defaults_are_the_reference_s() {
        let recipe = Recipe::default();
        assert_eq!((recipe.train_batch_size, recipe.eval_batch_size, recipe.eval_per_epoch), (32, 8, 10));
        assert_eq!((recipe.max_seq_length, recipe.doc_stride, recipe.max_query_length), (384, 128, 64));
        assert_eq!((recipe.n_best_size, recipe.max_answer_length, recipe.seed), (20, 30, 42));
        assert_eq!(recipe.eval_metric, EvalMetric::F1);
        assert_eq!(recipe.train_mode, TrainMode::RandomSorted);
        assert_eq!(recipe.learning_rates(), SWEEP_LEARNING_RATES);
        assert_eq!((recipe.num_train_epochs, recipe.warmup_proportion), (3.0, 0.1));
    }

    #[test]
    fn toml_round_trip_keeps_every_field() {
        for preset in [Preset::SpanbertBaseSquad2, Preset::Student, Preset::Squad1, Preset::Demo] {
            let recipe = Recipe { do_lower_case: Some(false), dropout: Some(0.0), ..preset.recipe() };
            let text = recipe.to_toml();
            assert_eq!(Recipe::from_toml(&text, "recipe.toml").unwrap(), recipe, "{text}");
        }
        let text = Recipe::default().to_toml();
        assert!(text.contains("# learning_rate =\n"), "{text}");
        assert_eq!(Recipe::from_toml(&text, "recipe.toml").unwrap(), Recipe::default());
    }

    #[test]
    fn precisions_have_their_names_in_toml_and_in_flags() {
        use clap::ValueEnum;
        for (name, precision) in
            [("f32", Precision::F32), ("bf16", Precision::Bf16), ("fp16", Precision::Fp16)]
        {
            let recipe = Recipe::from_toml(&format!("precision = \"{name}\""), "r.toml").unwrap();
            assert_eq!((recipe.precision, Precision::from_str(name, false)), (precision, Ok(precision)));
            assert!(recipe.to_toml().contains(&format!("precision = \"{name}\"\n")));
        }
        assert_eq!(Precision::from_str("f16", false), Ok(Precision::Fp16));
        let error = Recipe::from_toml("precision = \"fp8\"", "r.toml").unwrap_err().to_string();
        assert!(error.contains("line 1") && error.contains("bf16"), "{error}");
    }

    #[test]
    fn mistakes_in_toml_are_named_with_their_line() {
        let error = Recipe::from_toml("seed = 1\ntrain_batchsize = 3\n", "r.toml").unwrap_err().to_string();
        assert!(error.contains("r.toml, line 2") && error.contains("train_batchsize"), "{error}");
        let error = Recipe::from_toml("eval_metric = \"em\"\n", "r.toml").unwrap_err().to_string();
        assert!(error.contains("line 1") && error.contains("best_f1"), "{error}");
        let error = Recipe::from_path(Path::new("/nonexistent/recipe.toml")).unwrap_err().to_string();
        assert!(error.contains("/nonexistent/recipe.toml"), "{error}");
    }

    #[test]
    fn recipes_of_earlier_versions_mean_the_same() {
        // As written before there was a choice of schedules.
        let recipe = Recipe::from_toml("learning_rate = 2e-5\nwarmup_proportion = 0.1\n", "r.toml").unwrap();
        assert_eq!(recipe.lr_schedule, LrSchedule::Linear);
        assert_eq!((recipe.max_train_samples, recipe.early_stopping_patience), (None, None));
        let text = "lr_schedule = \"cosine\"\nmax_train_samples = 9\nearly_stopping_patience = 3";
        let recipe = Recipe::from_toml(text, "r.toml").unwrap();
        assert_eq!(Recipe::from_toml(&recipe.to_toml(), "r.toml").unwrap(), recipe);
        let found = (recipe.lr_schedule, recipe.max_train_samples, recipe.early_stopping_patience);
        assert_eq!(found, (LrSchedule::Cosine, Some(9), Some(3)));
    }

    #[test]
    fn a_fraction_of_an_epoch_is_said_not_to_be_trained() {
        let warnings = |epochs| Recipe { num_train_epochs: epochs, ..Recipe::default() }.warnings();
        assert_eq!(warnings(2.0), Vec::<String>::new());
        let text = warnings(1.5).concat();
        assert!(text.contains("num_train_epochs is 1.5: 1 pass over the data"), "{text}");
        assert!(warnings(2.5).concat().contains("2 passes"));
    }

    #[test]
    fn a_default_length_is_lowered_to_the_model_s() {
        let mut recipe = Recipe::default();
        assert_eq!(recipe.fit_length(384), None);
        let note = recipe.fit_length(128).unwrap();
        assert_eq!(recipe.max_seq_length, 128);
        assert!(note.contains("128 instead of 384"), "{note}");
    }

    #[test]
    fn integers_are_accepted_for_fractions() {
        let recipe = Recipe::from_toml("num_train_epochs = 4", "r.toml").unwrap();
        assert_eq!(recipe.num_train_epochs, 4.0);
    }
}
