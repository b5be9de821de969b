//! Pre-training: a model or the sizes of a new one, text, and their recipe.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
};

use egui::{Context, Ui};
use spanbert_backends::DeviceInfo;
use spanbert_core::{
    checkpoint::config_file,
    config::BertConfig,
    fetch::Places,
    pretrain::{PretrainRecipe, PretrainRecord, TextLengths},
    train::{DeviceLimits, Forecast, PastSpeed, Precision, RecipeError},
};

use super::{
    estimate::{Forecasts, Measured, Told, facts_ui, hint_ui},
    fields::Fields,
    form::{Base, Errors, FormRecipe, RecipeForm},
    task::Task,
    text_files::Text,
    texts::Texts,
};
use crate::{dialogs::Purpose, page_view::Env};

impl Fields for PretrainRecipe {
    const ALL: &'static [(&'static str, &'static str)] = Self::FIELDS;
}

impl FormRecipe for PretrainRecipe {
    const COMMON: &'static [&'static str] = &[
        "learning_rate",
        "num_train_epochs",
        "max_steps",
        "train_batch_size",
        "max_seq_length",
        "masking",
        "mask_share",
        "precision",
        "eval_share",
        "seed",
    ];
    const MAY_CHANGE: &'static [&'static str] = Self::MAY_CHANGE;

    fn named() -> Vec<(Base, Self)> {
        vec![(Base::named("Defaults, as in the SpanBERT paper", "pretrain"), Self::default())]
    }

    fn read(path: &Path) -> Result<Self, RecipeError> {
        Self::from_path(path)
    }

    fn written(&self) -> String {
        self.to_toml()
    }

    fn precision(&self) -> Precision {
        self.precision
    }
}

/// Words in the names of files that are dropped for text to evaluate on.
const HELD_OUT: [&str; 7] = ["dev", "eval", "held", "heldout", "test", "valid", "validation"];

/// What the lengths of texts follow from.
#[derive(Clone, PartialEq)]
struct Question {
    pieces: (usize, bool),
    corpus: Vec<usize>,
    held_out: Vec<usize>,
    max_seq_length: usize,
}

/// The form's state.
pub(super) struct Pretraining {
    texts: Texts,
    form: RecipeForm<PretrainRecipe>,
    lengths: Measured<Question, TextLengths>,
    forecast: Forecasts<(PretrainRecipe, BertConfig)>,
}

impl Pretraining {
    /// The paper's recipe, nothing chosen.
    pub(super) fn new(places: Places) -> Self {
        Self {
            texts: Texts::new(places),
            form: RecipeForm::new(),
            lengths: Measured::default(),
            forecast: Forecasts::default(),
        }
    }

    /// Fills the form with what a run began with.
    pub(super) fn fill(
        &mut self,
        context: &Context,
        base: Base,
        run: &Path,
        record: &PretrainRecord,
        resumes: bool,
    ) {
        self.texts.is_resumed = resumes;
        self.texts.set_run(context, run, record);
        self.form.fill(base, record.recipe.clone(), resumes);
    }

    /// What is wrong with each field; without a model, as for BERT's number of positions.
    fn errors(&self) -> Errors {
        let recipe = self.form.recipe();
        let mut found = recipe.field_errors(&self.texts.architecture().unwrap_or_default());
        found.extend(recipe.held_out_errors(!self.texts.held_out.paths().is_empty()));
        self.form.errors(found)
    }
}

impl Task for Pretraining {
    fn poll(&mut self, context: &Context) {
        self.texts.poll(context);
        self.form.poll();
        let (corpus, held_out) = (self.texts.corpus.good(), self.texts.held_out.good());
        let pieces = self.texts.pieces().filter(|_| !corpus.is_empty());
        let places = |files: &[&Arc<Text>]| files.iter().map(|text| Arc::as_ptr(text) as usize).collect();
        let max_seq_length = self.form.recipe().max_seq_length;
        let question = pieces.as_ref().map(|pieces| Question {
            pieces: pieces.key(),
            corpus: places(&corpus),
            held_out: places(&held_out),
            max_seq_length,
        });
        let own = |files: Vec<&Arc<Text>>| files.into_iter().cloned().collect::<Vec<_>>();
        let (corpus, held_out) = (own(corpus), own(held_out));
        self.lengths.poll(context, question, || {
            move || {
                let samples = |files: &'_ [Arc<Text>]| files.iter().map(|text| text.sample.clone()).collect();
                let (corpus, held_out): (Vec<_>, Vec<_>) = (samples(&corpus), samples(&held_out));
                let pieces = pieces.ok_or_else(String::new)?;
                pieces.with(|tokenizer| {
                    TextLengths::measure(
                        &corpus.iter().collect::<Vec<_>>(),
                        &held_out.iter().collect::<Vec<_>>(),
                        tokenizer,
                        max_seq_length,
                    )
                })
            }
        });
    }

    fn restore(&mut self, context: &Context, env: &Env<'_>) {
        self.texts.restore(context, &env.settings.pretrain);
    }

    fn sources_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        self.texts.ui(ui, env);
    }

    fn recipe_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        let errors = self.errors();
        self.form.ui(ui, env, &errors);
    }

    fn estimate_ui(&mut self, ui: &mut Ui, device: Option<&DeviceInfo>, speeds: &[PastSpeed]) {
        let config = self.texts.architecture();
        let (Some(config), Some(device)) = (config, device) else {
            return hint_ui(ui, "Choose device, model and corpus to see what the training takes");
        };
        if !self.errors().is_empty() {
            return hint_ui(ui, "Correct the settings to see what the training takes");
        }
        let recipe = self.form.recipe();
        let lengths = if self.texts.makes_vocabulary() {
            hint_ui(ui, "How many updates it takes is known once its vocabulary is made");
            ui.add_space(6.0);
            Arc::default()
        } else {
            let otherwise = "Choose a corpus to see what the training takes";
            let Some(lengths) = self.lengths.show(ui, "Cutting the text into pieces", otherwise) else {
                return;
            };
            lengths
        };
        // Without lengths there is no place to tell them apart by.
        let place = if lengths.corpus.is_empty() { 0 } else { Arc::as_ptr(&lengths) as usize };
        let key = ((recipe.clone(), config), device.choice.to_string(), place);
        let forecast = self.forecast.of(key, |(recipe, config)| {
            Forecast::of_pretraining(recipe, config, &lengths, &DeviceLimits::from(device))
        });
        let told = Told {
            forecast,
            row: "text",
            row_help: "Texts of at most max seq length pieces that the corpus is cut into, each used once per epoch",
            batch: recipe.train_batch_size,
            precision: recipe.precision,
            evaluated: "held-out text",
            about: lengths.is_estimate() || recipe.eval_share > 0.0,
        };
        facts_ui(ui, &told, device, speeds);
    }

    fn missing(&self, device: Option<&DeviceInfo>) -> Vec<String> {
        let mut missing = self.texts.missing();
        missing.extend(self.form.missing(&self.errors(), device));
        missing
    }

    fn word(&self) -> &str {
        self.form.base().word
    }

    fn command(&self, env: &mut Env<'_>) -> Vec<OsString> {
        env.settings.pretrain = self.texts.last();
        if let Some(model) = &env.settings.pretrain.model {
            let model = model.clone();
            env.settings.remember_checkpoint(&model);
        }
        std::iter::once("pretrain".into()).chain(self.texts.arguments()).collect()
    }

    fn resuming(&self) -> Vec<OsString> {
        self.texts.arguments()
    }

    fn recipe(&self) -> String {
        self.form.recipe().written()
    }

    fn take_path(&mut self, context: &Context, purpose: Purpose, path: PathBuf, _env: &mut Env<'_>) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let ends_with = |kinds: &[&str]| kinds.iter().any(|kind| name.ends_with(kind));
        let purpose = match purpose {
            Purpose::Dropped if path.is_dir() && config_file(&path).is_some() => Purpose::TrainCheckpoint,
            Purpose::Dropped if name == "config.json" => Purpose::Architecture,
            Purpose::Dropped if name == "vocab.txt" || name == "tokenizer.json" => Purpose::Vocabulary,
            Purpose::Dropped if ends_with(&[".toml"]) => Purpose::Recipe,
            Purpose::Dropped if ends_with(&[".txt", ".md", ".text", ".json", ".gz"]) => {
                let mut words = name.split(|letter: char| !letter.is_alphanumeric());
                if words.any(|word| HELD_OUT.contains(&word)) {
                    Purpose::HeldOutText
                } else {
                    Purpose::Corpus
                }
            }
            other => other,
        };
        let is_model =
            matches!(purpose, Purpose::TrainCheckpoint | Purpose::Architecture | Purpose::Vocabulary);
        if is_model && self.texts.is_resumed {
            return false;
        }
        match purpose {
            Purpose::TrainCheckpoint => self.texts.set_model(context, &path),
            Purpose::Architecture => self.texts.set_config(context, &path),
            Purpose::Vocabulary => self.texts.set_vocabulary(context, &path),
            Purpose::Corpus => self.texts.corpus.add(context, &path),
            Purpose::HeldOutText => self.texts.held_out.add(context, &path),
            Purpose::Recipe => self.form.read_file(context, path),
            _ => return false,
        }
        true
    }
}
