//! The fields of a recipe, written once: the struct, its defaults, its command-line flags and its documentation.

use std::path::PathBuf;

use super::{
    micro_batch_size::MicroBatchSize,
    recipe::{EvalMetric, OptimizerKind, Precision, Preset, RecipeError},
    recipe_macro::recipe,
    schedule::LrSchedule,
};
use crate::batch::TrainMode;

recipe! {
    /// Every hyper-parameter of a training, with the reference's default (`run_squad.py`).
    recipe Recipe of "train";
    /// Command-line flags of a recipe; what is not given keeps its value.
    flags RecipeArgs {
        /// Start from a named recipe instead of the reference's defaults.
        #[arg(long, value_enum, conflicts_with = "recipe")]
        preset: Option<Preset>,
        /// Start from a recipe.toml, such as the one in a run folder.
        #[arg(long, value_name = "FILE")]
        recipe: Option<PathBuf>,
    }
    set {
        /// Windows per optimizer update. How many run at once is chosen to fit memory (`micro_batch`) and does not change the
        /// result.
        [value_name = "N"] train_batch_size: usize = 32,
        /// Parts of a batch computed one after the other before an update, as in the reference: the batch is cut
        /// into this many, and a remainder at the end of an epoch is carried into the next.
        [value_name = "N"] gradient_accumulation_steps: usize = 1,
        /// Passes over the training data. Only whole ones are made, as in the reference: 1.5 makes one pass, with a
        /// learning rate that is scheduled for one and a half and ends before it reaches 0.
        [value_name = "N"] num_train_epochs: f64 = 3.0,
        /// Share of all updates during which the learning rate rises linearly; lr_schedule says what follows.
        [value_name = "SHARE"] warmup_proportion: f64 = 0.1,
        /// What the learning rate does after the warm-up: it falls linearly to 0 as in the reference, stays constant, or
        /// falls along half a cosine to 0, with the formulas of transformers' schedulers.
        [value_enum] lr_schedule: LrSchedule = LrSchedule::Linear,
        /// Optimizer arithmetic of the reference's f32 path or of its fp16 path.
        [value_enum] optimizer: OptimizerKind = OptimizerKind::BertAdam,
        /// Decay of weights per update, times the learning rate; biases and LayerNorm are not decayed.
        [value_name = "X"] weight_decay: f64 = 0.01,
        /// Largest gradient norm: of each parameter (bert_adam) or of all together (fused_adam).
        [value_name = "X"] max_grad_norm: f64 = 1.0,
        /// Factor of the learning rate from each layer to the one below it: the head has the whole rate, the embeddings the
        /// lowest. 1 is the reference's, the same rate everywhere.
        [value_name = "X"] layer_lr_decay: f64 = 1.0,
        /// Correct the bias of the optimizer's moments towards 0, as Adam's paper does and the reference does not; with few
        /// updates or little warm-up it makes the first ones smaller.
        [num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL"]
        bias_correction: bool = false,
        /// Share of each answer's start and end that their neighbouring word pieces get in the loss, half of it each. 0 is
        /// the reference's.
        [value_name = "SHARE"] label_smoothing: f64 = 0.0,
        /// With a teacher, its share in the loss; the gold answers have the rest.
        [value_name = "SHARE"] distillation_weight: f64 = 0.5,
        /// With a teacher, the temperature at which the two models' probabilities are compared; the higher, the more its less
        /// likely answers count.
        [value_name = "X"] distillation_temperature: f64 = 2.0,
        /// Order of the training windows: by length with shuffled batches, shuffled, or by length.
        [value_enum] train_mode: TrainMode = TrainMode::RandomSorted,
        /// Seed of data order, dropout and fresh weights.
        [value_name = "N"] seed: u64 = 42,
        /// Longest model input in word pieces: question, context window and three special pieces.
        [value_name = "N"] max_seq_length: usize = 384,
        /// Step from one window of a long context to the next, in word pieces (not their overlap).
        [value_name = "N"] doc_stride: usize = 128,
        /// Longest question in word pieces; the rest is cut off.
        [value_name = "N"] max_query_length: usize = 64,
        /// Pad every window to max_seq_length, exactly as the reference does; slower. Otherwise a batch is padded
        /// to its longest window.
        [num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL"]
        pad_to_max_length: bool = false,
        /// Number format of the operands of the layers' matrix products. Weights, sums, softmax, LayerNorm, GELU and
        /// the optimizer are f32 in any case. A half format is for devices that have it (bf16 also on processors with
        /// AMX or AVX-512 BF16); on other processors it is imitated, slowly, to check its arithmetic.
        [value_enum] precision: Precision = Precision::F32,
        /// Under fp16, the factor on the loss that keeps gradients from vanishing; 0 adapts it to overflows.
        [value_name = "X"] loss_scale: f64 = 0.0,
        /// Windows per batch in evaluation, if they fit; a GPU with room takes more. Does not change the result.
        free [value_name = "N"] eval_batch_size: usize = 8,
        /// Evaluations per epoch on the development set.
        [value_name = "N"] eval_per_epoch: usize = 10,
        /// Score that decides which weights are kept as the best.
        [value_enum] eval_metric: EvalMetric = EvalMetric::F1,
        /// Windows computed at once on the device: a number, or auto for as many as fit, of a small model on a processor a
        /// few for each thread. Does not change the result.
        free [value_name = "auto|N"] micro_batch: MicroBatchSize = MicroBatchSize::Auto,
        /// Share of the training questions that may be left out because their answer cannot be learnt from: it is empty,
        /// or not where the data says. More than that is an error. The run folder's skipped.jsonl lists them.
        free [value_name = "SHARE"] allow_skipped: f64 = 0.01,
        /// Candidate answers kept per question.
        [value_name = "N"] n_best_size: usize = 20,
        /// Longest answer in word pieces.
        [value_name = "N"] max_answer_length: usize = 30,
    }
    unset {
        /// Highest learning rate; without it the reference's eight rates are tried one after the other.
        [value_name = "RATE"] learning_rate: f64,
        /// Dropout of hidden states and attention; without it the checkpoint's config.json decides.
        [value_name = "P"] dropout: f64,
        /// Evaluate and save a running average of the weights, with this decay per update (0.999, say), and train on with the
        /// weights themselves; without it there is no average, as in the reference.
        [value_name = "X"] ema_decay: f64,
        /// Learn from every batch twice: as it is, and with each window's word embeddings moved by a vector of this length (0.5,
        /// say) in the direction in which the loss rises most; both gradients count (adversarial training, FGM). An update
        /// takes twice as long, so compare it with a training of twice as many epochs.
        [value_name = "X"] adversarial_epsilon: f64,
        /// Learn from a larger fine-tuned checkpoint too, of any family but with the same vocabulary: its logits for every window,
        /// beside the gold answers (knowledge distillation). It answers every window once, and its logits are kept in memory for
        /// the epochs to come.
        free [value_name = "DIR"] teacher: String,
        /// Whether text is lower-cased; without it the checkpoint decides.
        [num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL"]
        do_lower_case: bool,
        /// Batches are padded to a multiple of this; without it 64 on GPUs and 8 on CPUs.
        [value_name = "N"] length_multiple: usize,
        /// Stop after this many updates of each training; the schedule stays that of the whole training.
        free [value_name = "N"] max_steps: usize,
        /// Sum the gradients of a batch in N parts, in pairs of a fixed order: 1 to N workers (--distributed) then give the same
        /// bits. Without it micro-batches are summed one after another, and several workers make as many parts as they are.
        free [value_name = "N"] parts: usize,
        /// Train on the first N questions of the data only, in the order of the file and with all their windows; for
        /// quick trials and learning curves. Hugging Face's run_qa.py takes the same questions, and then only the first N
        /// of their windows.
        [value_name = "N"] max_train_samples: usize,
        /// End the training once this many evaluations in a row have not improved eval_metric. The learning rate is
        /// scheduled for the whole training in any case. Needs development data.
        free [value_name = "N"] early_stopping_patience: usize,
        /// Write a training checkpoint, to resume from, every this many updates.
        free [value_name = "N"] checkpoint_steps: usize,
        /// Write a training checkpoint every this many minutes; without it and checkpoint_steps every five.
        free [value_name = "X"] checkpoint_minutes: f64,
    }
}

impl RecipeArgs {
    /// The recipe these flags ask for: the file's, the preset's or the reference's, with the flags put over it.
    ///
    /// # Errors
    /// If the recipe file cannot be read.
    pub fn resolve(&self) -> Result<Recipe, RecipeError> {
        self.resolve_over(self.preset.map_or_else(Recipe::default, Preset::recipe))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        recipe: RecipeArgs,
    }

    fn parse(arguments: &[&str]) -> Recipe {
        Command::try_parse_from([&["spanbert"], arguments].concat()).unwrap().recipe.resolve().unwrap()
    }

    #[test]
    fn no_flags_give_the_defaults() {
        assert_eq!(parse(&[]), Recipe::default());
    }

    #[test]
    fn dashes_and_underscores_are_the_same() {
        let recipe =
            parse(&["--train-batch-size", "16", "--learning-rate", "2e-5", "--eval-metric", "best_f1"]);
        let same =
            parse(&["--train_batch_size", "16", "--learning_rate", "2e-5", "--eval_metric", "best_f1"]);
        assert_eq!(recipe, same);
        assert_eq!((recipe.train_batch_size, recipe.learning_rate), (16, Some(2e-5)));
    }

    #[test]
    fn flags_go_over_a_preset() {
        let recipe = parse(&["--preset", "spanbert-base-squad2", "--num-train-epochs", "2"]);
        let expected = Recipe { num_train_epochs: 2.0, ..Preset::SpanbertBaseSquad2.recipe() };
        assert_eq!(recipe, expected);
    }

    #[test]
    fn switches_take_an_optional_value() {
        assert_eq!(parse(&["--do_lower_case"]).do_lower_case, Some(true));
        assert_eq!(parse(&["--do-lower-case=false"]).do_lower_case, Some(false));
        assert!(parse(&["--pad-to-max-length"]).pad_to_max_length);
    }

    #[test]
    fn a_recipe_file_is_a_base() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("recipe.toml");
        std::fs::write(&path, Preset::Student.recipe().to_toml()).unwrap();
        let recipe = parse(&["--recipe", path.to_str().unwrap(), "--seed", "7"]);
        assert_eq!(recipe, Recipe { seed: 7, ..Preset::Student.recipe() });
    }
}
