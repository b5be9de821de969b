//! What a recipe may hold, checked before anything is loaded or written.

use super::recipe::Recipe;
use crate::{advice::Advice, config::BertConfig, run::counted};

/// A field outside its bounds.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{field} is {value}, but {allowed}")]
pub struct FieldError {
    /// The field's name.
    pub field: &'static str,
    /// Its value, as written.
    pub value: String,
    /// What is allowed.
    pub allowed: String,
    /// What to do.
    pub remedy: String,
}

impl Advice for FieldError {
    fn remedy(&self) -> String {
        self.remedy.clone()
    }
}

/// Beyond any use, and small enough that sums of counts and TOML's integers hold it.
pub(crate) const LARGEST_COUNT: usize = u32::MAX as usize;

/// Notes a field that is out of bounds.
pub(crate) fn check(
    found: &mut Vec<FieldError>,
    holds: bool,
    field: &'static str,
    value: impl std::fmt::Display,
    allowed: impl Into<String>,
    remedy: impl Into<String>,
) {
    if !holds {
        let (value, allowed, remedy) = (value.to_string(), allowed.into(), remedy.into());
        found.push(FieldError { field, value, allowed, remedy });
    }
}

impl Recipe {
    /// Every field that is out of bounds, alone or against the model.
    #[must_use]
    pub fn field_errors(&self, config: &BertConfig) -> Vec<FieldError> {
        let mut found = Vec::new();
        self.check_counts(&mut found);
        self.check_numbers(&mut found);
        self.check_lengths(config, &mut found);
        found
    }

    fn check_counts(&self, found: &mut Vec<FieldError>) {
        let counts = [
            ("train_batch_size", Some(self.train_batch_size), "use 32, as the reference does"),
            (
                "gradient_accumulation_steps",
                Some(self.gradient_accumulation_steps),
                "use 1, as the reference does",
            ),
            ("eval_batch_size", Some(self.eval_batch_size), "use 8, as the reference does"),
            ("eval_per_epoch", Some(self.eval_per_epoch), "use 1 to evaluate once an epoch"),
            ("n_best_size", Some(self.n_best_size), "use 20, as the reference does"),
            ("max_answer_length", Some(self.max_answer_length), "use 30, as the reference does"),
            ("max_query_length", Some(self.max_query_length), "use 64, as the reference does"),
            ("doc_stride", Some(self.doc_stride), "use 128, as the reference does"),
            ("length_multiple", self.length_multiple, "leave it out to let the device decide"),
            ("max_steps", self.max_steps, "leave it out to train to the end"),
            ("micro_batch", self.micro_batch.windows(), "use auto, which takes as many as fit"),
            ("parts", self.parts, "leave it out, which sums one micro-batch after another"),
            ("max_train_samples", self.max_train_samples, "leave it out to train on all questions"),
            ("early_stopping_patience", self.early_stopping_patience, "leave it out to train to the end"),
            ("checkpoint_steps", self.checkpoint_steps, "leave it out to save every few minutes"),
        ];
        for (field, value, remedy) in counts {
            check(found, value != Some(0), field, 0, "at least 1 is needed", remedy);
            let value = value.unwrap_or(1);
            check(found, value <= LARGEST_COUNT, field, value, format!("at most {LARGEST_COUNT}"), remedy);
        }
        let minutes = self.checkpoint_minutes;
        check(
            found,
            minutes.is_none_or(|minutes| minutes.is_finite() && minutes > 0.0),
            "checkpoint_minutes",
            minutes.unwrap_or_default(),
            "it must be above 0",
            "leave it out to save every few minutes",
        );
        check(
            found,
            self.train_batch_size.is_multiple_of(self.gradient_accumulation_steps),
            "gradient_accumulation_steps",
            self.gradient_accumulation_steps,
            format!("it must divide train_batch_size ({})", self.train_batch_size),
            "choose a divisor, or use micro_batch, which takes any size and gives the same result",
        );
        let parts = self.parts.unwrap_or(1);
        check(
            found,
            parts <= self.batch_rows().max(1),
            "parts",
            parts,
            format!("a batch has {}", counted(self.batch_rows(), "window")),
            "use at most as many parts as a batch has windows",
        );
        check(
            found,
            i64::try_from(self.seed).is_ok(),
            "seed",
            self.seed,
            format!("at most {} can be stored", i64::MAX),
            "choose a smaller one",
        );
    }

    fn check_numbers(&self, found: &mut Vec<FieldError>) {
        if let Some(rate) = self.learning_rate {
            let remedy = "use 2e-5, which suits SpanBERT-base, or leave it out to try the reference's eight";
            check(
                found,
                rate > 0.0 && rate <= 1.0,
                "learning_rate",
                rate,
                "it must be above 0 and at most 1",
                remedy,
            );
        }
        check(
            found,
            self.num_train_epochs >= 1.0 && self.num_train_epochs <= 10_000.0,
            "num_train_epochs",
            self.num_train_epochs,
            "it must be between 1 and 10000",
            "use max_steps for less than an epoch",
        );
        let warmup = self.warmup_proportion;
        check(
            found,
            (0.0..1.0).contains(&warmup),
            "warmup_proportion",
            warmup,
            "it must be at least 0 and below 1",
            "use 0.1, as the reference does",
        );
        check(
            found,
            (0.0..=1.0).contains(&self.weight_decay),
            "weight_decay",
            self.weight_decay,
            "it must be between 0 and 1",
            "use 0.01, as the reference does",
        );
        check(
            found,
            self.max_grad_norm > 0.0 && self.max_grad_norm.is_finite(),
            "max_grad_norm",
            self.max_grad_norm,
            "it must be above 0 and finite",
            "use 1.0, as the reference does",
        );
        check(
            found,
            self.layer_lr_decay > 0.0 && self.layer_lr_decay <= 1.0,
            "layer_lr_decay",
            self.layer_lr_decay,
            "it must be above 0 and at most 1",
            "use 1, which gives every layer the same rate as the reference does",
        );
        check(
            found,
            (0.0..1.0).contains(&self.label_smoothing),
            "label_smoothing",
            self.label_smoothing,
            "it must be at least 0 and below 1",
            "use 0, as the reference does",
        );
        check(
            found,
            self.distillation_weight > 0.0 && self.distillation_weight <= 1.0,
            "distillation_weight",
            self.distillation_weight,
            "it must be above 0 and at most 1",
            "use 0.5, or leave the teacher out",
        );
        check(
            found,
            self.distillation_temperature > 0.0 && self.distillation_temperature <= 100.0,
            "distillation_temperature",
            self.distillation_temperature,
            "it must be above 0 and at most 100",
            "use 2, or 1 to compare probabilities as they are",
        );
        let ema_decay = self.ema_decay.unwrap_or(0.5);
        check(
            found,
            ema_decay > 0.0 && ema_decay < 1.0,
            "ema_decay",
            ema_decay,
            "it must be between 0 and 1",
            "leave it out to evaluate the weights themselves, or use 0.999",
        );
        let epsilon = self.adversarial_epsilon.unwrap_or(1.0);
        check(
            found,
            epsilon > 0.0 && epsilon <= 1000.0,
            "adversarial_epsilon",
            epsilon,
            "it must be above 0 and at most 1000",
            "use 0.5, or leave it out to learn from every batch once",
        );
        check(
            found,
            self.loss_scale == 0.0 || (1.0..=16_777_216.0).contains(&self.loss_scale),
            "loss_scale",
            self.loss_scale,
            "it must be 0 or between 1 and 2^24",
            "use 0, which adapts it as the reference does",
        );
        check(
            found,
            (0.0..=1.0).contains(&self.allow_skipped),
            "allow_skipped",
            self.allow_skipped,
            "it must be between 0 and 1",
            "use 0.01 to leave out one question in a hundred",
        );
        let dropout = self.dropout.unwrap_or(0.0);
        let remedy = "leave it out to take the checkpoint's";
        check(
            found,
            (0.0..1.0).contains(&dropout),
            "dropout",
            dropout,
            "it must be at least 0 and below 1",
            remedy,
        );
    }

    fn check_lengths(&self, config: &BertConfig, found: &mut Vec<FieldError>) {
        let positions = config.max_position_embeddings;
        check(
            found,
            self.max_seq_length <= positions,
            "max_seq_length",
            self.max_seq_length,
            format!("this checkpoint has {positions} positions"),
            format!("use at most {positions}"),
        );
        // The question, [CLS], two [SEP] and at least one piece of the context.
        check(
            found,
            self.max_seq_length >= self.max_query_length.saturating_add(4),
            "max_seq_length",
            self.max_seq_length,
            format!(
                "a question of max_query_length ({}) pieces, three special pieces and some context must fit",
                self.max_query_length
            ),
            if self.max_query_length.saturating_add(4) <= positions {
                format!(
                    "use at least {} or shorten max_query_length",
                    self.max_query_length.saturating_add(4)
                )
            } else {
                // No length that the checkpoint has positions for is long enough.
                let most = self.max_seq_length.min(positions).saturating_sub(4);
                format!("use a max_query_length of at most {most}")
            },
        );
        let multiple = self.length_multiple.unwrap_or(1);
        check(
            found,
            multiple <= self.max_seq_length,
            "length_multiple",
            multiple,
            format!("it is beyond max_seq_length ({})", self.max_seq_length),
            "use a smaller one, or pad_to_max_length",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::{MicroBatchSize, recipe::Preset};

    fn message(recipe: Recipe) -> String {
        recipe.validate(&BertConfig::default()).unwrap_err().in_one_line()
    }

    #[test]
    fn presets_fit_bert_base() {
        for preset in [Preset::SpanbertBaseSquad2, Preset::Student, Preset::Squad1, Preset::Demo] {
            preset.recipe().validate(&BertConfig::default()).unwrap();
        }
        Recipe::default().validate(&BertConfig::default()).unwrap();
    }

    #[test]
    fn every_bound_names_its_field() {
        let base = Recipe::default;
        let cases = [
            ("train_batch_size", Recipe { train_batch_size: 0, ..base() }),
            ("gradient_accumulation_steps", Recipe { gradient_accumulation_steps: 0, ..base() }),
            ("gradient_accumulation_steps", Recipe { gradient_accumulation_steps: 5, ..base() }),
            ("eval_batch_size", Recipe { eval_batch_size: 0, ..base() }),
            ("eval_per_epoch", Recipe { eval_per_epoch: 0, ..base() }),
            ("n_best_size", Recipe { n_best_size: 0, ..base() }),
            ("max_answer_length", Recipe { max_answer_length: 0, ..base() }),
            ("doc_stride", Recipe { doc_stride: 0, ..base() }),
            ("n_best_size", Recipe { n_best_size: usize::MAX, ..base() }),
            ("doc_stride", Recipe { doc_stride: usize::MAX, ..base() }),
            ("micro_batch", Recipe { micro_batch: MicroBatchSize::Windows(usize::MAX), ..base() }),
            ("checkpoint_minutes", Recipe { checkpoint_minutes: Some(0.0), ..base() }),
            ("max_steps", Recipe { max_steps: Some(0), ..base() }),
            ("max_train_samples", Recipe { max_train_samples: Some(0), ..base() }),
            ("parts", Recipe { parts: Some(0), ..base() }),
            ("parts", Recipe { parts: Some(33), ..base() }),
            ("early_stopping_patience", Recipe { early_stopping_patience: Some(0), ..base() }),
            ("seed", Recipe { seed: u64::MAX, ..base() }),
            ("learning_rate", Recipe { learning_rate: Some(-1.0), ..base() }),
            ("learning_rate", Recipe { learning_rate: Some(f64::NAN), ..base() }),
            ("num_train_epochs", Recipe { num_train_epochs: 0.5, ..base() }),
            ("num_train_epochs", Recipe { num_train_epochs: f64::INFINITY, ..base() }),
            ("warmup_proportion", Recipe { warmup_proportion: 1.0, ..base() }),
            ("weight_decay", Recipe { weight_decay: -0.1, ..base() }),
            ("max_grad_norm", Recipe { max_grad_norm: 0.0, ..base() }),
            ("layer_lr_decay", Recipe { layer_lr_decay: 0.0, ..base() }),
            ("layer_lr_decay", Recipe { layer_lr_decay: 1.5, ..base() }),
            ("label_smoothing", Recipe { label_smoothing: 1.0, ..base() }),
            ("distillation_weight", Recipe { distillation_weight: 0.0, ..base() }),
            ("distillation_weight", Recipe { distillation_weight: f64::NAN, ..base() }),
            ("distillation_temperature", Recipe { distillation_temperature: 0.0, ..base() }),
            ("distillation_temperature", Recipe { distillation_temperature: 101.0, ..base() }),
            ("ema_decay", Recipe { ema_decay: Some(1.0), ..base() }),
            ("adversarial_epsilon", Recipe { adversarial_epsilon: Some(0.0), ..base() }),
            ("adversarial_epsilon", Recipe { adversarial_epsilon: Some(f64::NAN), ..base() }),
            ("loss_scale", Recipe { loss_scale: 0.5, ..base() }),
            ("loss_scale", Recipe { loss_scale: f64::NAN, ..base() }),
            ("loss_scale", Recipe { loss_scale: 33_554_432.0, ..base() }),
            ("allow_skipped", Recipe { allow_skipped: 1.5, ..base() }),
            ("allow_skipped", Recipe { allow_skipped: f64::NAN, ..base() }),
            ("dropout", Recipe { dropout: Some(1.0), ..base() }),
            ("max_seq_length", Recipe { max_seq_length: 513, ..base() }),
            ("max_seq_length", Recipe { max_seq_length: 67, ..base() }),
            ("max_query_length", Recipe { max_query_length: usize::MAX, ..base() }),
            ("length_multiple", Recipe { length_multiple: Some(385), ..base() }),
        ];
        for (field, recipe) in cases {
            for error in recipe.field_errors(&BertConfig::default()) {
                assert!(crate::advice::is_remedy(&error.remedy), "{field}: {}", error.remedy);
            }
            let text = message(recipe);
            assert!(text.starts_with(&format!("recipe: {field} is ")), "{field}: {text}");
        }
    }

    #[test]
    fn all_errors_are_told_at_once() {
        let recipe =
            Recipe { learning_rate: Some(2.0), max_seq_length: 1024, doc_stride: 0, ..Recipe::default() };
        let fields: Vec<_> =
            recipe.field_errors(&BertConfig::default()).into_iter().map(|error| error.field).collect();
        assert_eq!(fields, ["doc_stride", "learning_rate", "max_seq_length"]);
    }

    #[test]
    fn too_long_a_window_says_what_the_checkpoint_holds() {
        let text = message(Recipe { max_seq_length: 1024, ..Recipe::default() });
        let expected =
            "recipe: max_seq_length is 1024, but this checkpoint has 512 positions; use at most 512";
        assert_eq!(text, expected);
    }
}
