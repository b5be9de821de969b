//! Fine-tuning: a checkpoint, SQuAD files and their recipe.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
};

use egui::{Context, Ui};
use spanbert_backends::DeviceInfo;
use spanbert_core::{
    advice::Advice,
    checkpoint::config_file,
    demo,
    features::WindowOptions,
    fetch::Places,
    run::Environment,
    squad::SquadVersion,
    train::{
        DeviceLimits, Forecast, PastSpeed, Precision, Preset, Recipe, RecipeError, TrainError, WindowLengths,
    },
};

use super::{
    estimate::{Forecasts, Measured, Told, facts_ui, hint_ui},
    fields::Fields,
    form::{Base, Errors, FormRecipe, RecipeForm},
    sources::{Origin, Sources},
    task::Task,
};
use crate::{action::Action, dialogs::Purpose, page_view::Env, settings::LastSources, toasts::Toast};

impl Fields for Recipe {
    const ALL: &'static [(&'static str, &'static str)] = Self::FIELDS;
}

impl FormRecipe for Recipe {
    const COMMON: &'static [&'static str] = &[
        "learning_rate",
        "num_train_epochs",
        "train_batch_size",
        "max_seq_length",
        "doc_stride",
        "warmup_proportion",
        "precision",
        "eval_per_epoch",
        "eval_metric",
        "seed",
    ];
    const MAY_CHANGE: &'static [&'static str] = Self::MAY_CHANGE;

    fn named() -> Vec<(Base, Self)> {
        let preset = |preset: Preset, name, word| (Base::named(name, word), preset.recipe());
        vec![
            preset(Preset::SpanbertBaseSquad2, "SpanBERT-base on SQuAD 2.0, as published", "squad2"),
            preset(Preset::Student, "The same with batch 16", "student"),
            preset(Preset::Squad1, "SpanBERT-base on SQuAD 1.1, as published", "squad1"),
            preset(Preset::Demo, "Demonstration", DEMO),
            (Base::named("Defaults of run_squad.py", "squad2"), Self::default()),
        ]
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

/// Word of the demonstration's recipe.
const DEMO: &str = "demo";

/// What window lengths follow from.
#[derive(Clone, PartialEq)]
struct Question {
    model: usize,
    train: usize,
    dev: Option<usize>,
    windows: WindowOptions,
    samples: Option<usize>,
}

/// The form's state.
pub(super) struct FineTuning {
    pub(super) sources: Sources,
    form: RecipeForm<Recipe>,
    lengths: Measured<Question, WindowLengths>,
    forecast: Forecasts<Recipe>,
}

impl FineTuning {
    /// The published recipe, nothing chosen.
    pub(super) fn new(context: &Context, places: Places) -> Self {
        Self {
            sources: Sources::new(context, places),
            form: RecipeForm::new(),
            lengths: Measured::default(),
            forecast: Forecasts::default(),
        }
    }

    /// Fills the form with a run's recipe and sources.
    pub(super) fn fill(
        &mut self,
        context: &Context,
        base: Base,
        recipe: Recipe,
        environment: &Environment,
        resumes: bool,
    ) {
        self.form.fill(base, recipe, resumes);
        let train = environment.train_data.as_ref().map(|file| file.path.clone());
        if train.as_deref() == Some(demo::TRAIN_NAME) {
            return self.sources.choose_demo(context);
        }
        self.sources.origin = Origin::Files;
        let dev = environment.dev_data.as_ref().map(|file| file.path.clone());
        self.sources.model.set(context, environment.model.as_deref().unwrap_or(Path::new("")));
        self.sources.train.set(context, Path::new(&train.unwrap_or_default()));
        self.sources.dev.set(context, Path::new(&dev.unwrap_or_default()));
    }

    /// What is wrong with each field; without a model, as for BERT's number of positions.
    fn errors(&self) -> Errors {
        let config = self.sources.good_model().map(|model| model.config.clone()).unwrap_or_default();
        self.form.errors(self.form.recipe().field_errors(&config))
    }

    /// Flags and files.
    fn files(&self) -> Vec<OsString> {
        let arguments = self.sources.arguments().into_iter();
        arguments.flat_map(|(flag, path)| [flag.into(), path.into_os_string()]).collect()
    }
}

impl Task for FineTuning {
    fn poll(&mut self, context: &Context) {
        self.sources.poll(context);
        self.form.poll();
        let (Some(model), Some(train)) = (self.sources.good_model(), self.sources.good_train()) else {
            return self.lengths.poll(context, None, || || Err(String::new()));
        };
        if !self.errors().is_empty() {
            return;
        }
        let (recipe, dev) = (self.form.recipe(), self.sources.good_dev());
        let question = Question {
            model: Arc::as_ptr(model) as usize,
            train: Arc::as_ptr(train) as usize,
            dev: dev.map(|dev| Arc::as_ptr(dev) as usize),
            windows: recipe.window_options(),
            samples: recipe.max_train_samples,
        };
        let (recipe, model, train, dev) = (recipe.clone(), model.clone(), train.clone(), dev.cloned());
        self.lengths.poll(context, Some(question), || {
            move || {
                let dev = dev.as_ref().map(|dev| &dev.dataset);
                WindowLengths::measure(&recipe, &model.tokenizer, &train.dataset, dev)
                    .map_err(|error| error.in_one_line())
            }
        });
    }

    fn restore(&mut self, context: &Context, env: &Env<'_>) {
        let LastSources { model, train, dev } = env.settings.train.clone();
        if let Some(path) = model {
            self.sources.model.set(context, &path);
        }
        if let Some(path) = train {
            self.sources.train.set(context, &path);
        }
        if let Some(path) = dev {
            self.sources.dev.set(context, &path);
        }
    }

    fn sources_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        if self.sources.ui(ui, env, self.form.is_resumed()) {
            match self.sources.origin {
                Origin::Demo => self.form.set_named(Some(DEMO)),
                Origin::Files => self.form.set_named(None),
            }
        }
    }

    fn recipe_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        let errors = self.errors();
        self.form.ui(ui, env, &errors);
    }

    fn estimate_ui(&mut self, ui: &mut Ui, device: Option<&DeviceInfo>, speeds: &[PastSpeed]) {
        let (Some(model), Some(device)) = (self.sources.good_model(), device) else {
            return hint_ui(ui, "Choose device, checkpoint and data to see what the training takes");
        };
        let otherwise = "Choose training data to see what the training takes";
        let Some(lengths) = self.lengths.show(ui, "Cutting the data into windows", otherwise) else { return };
        let recipe = self.form.recipe();
        let key = (recipe.clone(), device.choice.to_string(), Arc::as_ptr(&lengths) as usize);
        let forecast = self
            .forecast
            .of(key, |recipe| Forecast::new(recipe, &model.config, &lengths, &DeviceLimits::from(device)));
        let told = Told {
            forecast,
            row: "window",
            row_help: "Training windows (question and passage chunk), each used once per epoch",
            batch: recipe.batch_rows(),
            precision: recipe.precision,
            evaluated: "the development set",
            about: false,
        };
        facts_ui(ui, &told, device, speeds);
    }

    fn missing(&self, device: Option<&DeviceInfo>) -> Vec<String> {
        let mut missing = self.sources.missing();
        missing.extend(self.form.missing(&self.errors(), device));
        let recipe = self.form.recipe();
        let has_dev = self.sources.origin == Origin::Demo || self.sources.dev.path().is_some();
        if recipe.early_stopping_patience.is_some() && !has_dev {
            missing.push(TrainError::NothingToWaitFor.to_string());
        }
        if recipe.learning_rate.is_none() && !has_dev {
            let text =
                "without a learning rate several are tried, and the best is chosen by development data";
            missing.push(text.to_owned());
        }
        let metric = recipe.eval_metric;
        if let Some(dev) = self.sources.good_dev()
            && metric.needs_version_2()
            && dev.dataset.version == SquadVersion::V1
        {
            missing.push(format!("{} needs SQuAD 2.0 development data", metric.key()));
        }
        missing
    }

    fn word(&self) -> &str {
        self.form.base().word
    }

    fn command(&self, env: &mut Env<'_>) -> Vec<OsString> {
        if self.sources.origin == Origin::Demo {
            return vec!["demo".into()];
        }
        if let Some(model) = self.sources.model.path() {
            env.settings.remember_checkpoint(&model);
        }
        env.settings.train = LastSources {
            model: self.sources.model.path(),
            train: self.sources.train.path(),
            dev: self.sources.dev.path(),
        };
        std::iter::once("train".into()).chain(self.files()).collect()
    }

    fn resuming(&self) -> Vec<OsString> {
        if self.sources.origin == Origin::Demo { Vec::new() } else { self.files() }
    }

    fn recipe(&self) -> String {
        self.form.recipe().written()
    }

    fn take_path(&mut self, context: &Context, purpose: Purpose, path: PathBuf, env: &mut Env<'_>) -> bool {
        let ends_with = |kind: &str| path.extension().is_some_and(|extension| extension == kind);
        let purpose = match purpose {
            Purpose::Dropped if config_file(&path).is_some() => Purpose::TrainCheckpoint,
            Purpose::Dropped if ends_with("toml") => Purpose::Recipe,
            Purpose::Dropped if ends_with("json") => {
                let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
                let for_dev =
                    name.contains("dev") || (self.sources.train.path().is_some() && !name.contains("train"));
                if for_dev { Purpose::DevData } else { Purpose::TrainData }
            }
            other => other,
        };
        match purpose {
            Purpose::TrainCheckpoint => self.sources.model.set(context, &path),
            Purpose::TrainData => self.sources.train.set(context, &path),
            Purpose::DevData => self.sources.dev.set(context, &path),
            Purpose::Recipe => {
                self.form.read_file(context, path);
                return true;
            }
            _ => return false,
        }
        if self.sources.origin == Origin::Demo {
            self.sources.origin = Origin::Files;
            self.form.set_named(None);
            env.ask(Action::Say(Toast::info("Switched from the demonstration to your own files".to_owned())));
        }
        true
    }
}
