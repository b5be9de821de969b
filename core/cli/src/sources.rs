//! What a run was made from, for resuming it.

use std::path::{Path, PathBuf};

use spanbert_backends::DeviceChoice;

use super::error::CliError;
use spanbert_core::{
    demo,
    run::{Environment, RunFolder},
    train::{DataSource, Recipe, resume_command},
};

/// Recipe, files and device of a run.
pub(super) struct Sources {
    /// Every hyper-parameter.
    pub(super) recipe: Recipe,
    /// The starting model's folder; the demo's model has none.
    pub(super) model: Option<PathBuf>,
    /// Training data.
    pub(super) train: Data,
    /// Development data.
    pub(super) dev: Option<Data>,
    /// Device.
    pub(super) choice: DeviceChoice,
}

/// A data set of a run.
pub(super) enum Data {
    /// A file.
    File(PathBuf),
    /// A part of the demo's data: its name and its text.
    Demo(String, String),
}

impl Data {
    /// As the trainer takes it.
    pub(super) fn source(&self) -> DataSource<'_> {
        match self {
            Self::File(path) => DataSource::File(path),
            Self::Demo(name, json) => DataSource::BuiltIn { name, json },
        }
    }

    /// What the demo learns from.
    pub(super) fn demo_train() -> Result<Self, CliError> {
        Self::named(demo::TRAIN_NAME)
    }

    /// What the demo is judged by.
    pub(super) fn demo_dev() -> Result<Self, CliError> {
        Self::named(demo::DEV_NAME)
    }

    /// Data by the name that a run records: a part of the demo's, or a file.
    fn named(name: &str) -> Result<Self, CliError> {
        Ok(match demo::built_in(name) {
            Some(json) => Self::Demo(name.to_owned(), json.map_err(CliError::no_json)?),
            None => Self::File(name.into()),
        })
    }
}

impl Sources {
    /// Reads them from the run folder.
    pub(super) fn of_run(run: &Path) -> Result<Self, CliError> {
        let layout = RunFolder::find(run)?;
        if layout.pretraining().exists() {
            return Err(CliError::new(
                format_args!("{} is a pre-training", layout.root().display()),
                format_args!("run `{}`", resume_command(layout.root())),
            ));
        }
        let environment = Environment::read(&layout)?;
        let Some(train) = &environment.train_data else {
            return Err(CliError::new(
                format_args!("{} does not say what was trained on", layout.environment().display()),
                "name the file with --train-file, or start a new run",
            ));
        };
        Ok(Self {
            recipe: Recipe::from_path(&layout.recipe())?,
            train: Data::named(&train.path)?,
            dev: environment.dev_data.as_ref().map(|data| Data::named(&data.path)).transpose()?,
            choice: environment.backend.parse().unwrap_or(DeviceChoice::Auto),
            model: environment.model,
        })
    }
}
