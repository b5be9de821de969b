//! What a run was made with, read by a thread.

use std::{
    path::{Path, PathBuf},
    sync::mpsc::Receiver,
};

use egui::Context;
use spanbert_core::{
    advice::Advice,
    pretrain::PretrainRecord,
    run::{Environment, Layout},
    train::Recipe,
};

use crate::background;

/// A run whose form is to be filled.
pub(super) struct Run {
    pub(super) root: PathBuf,
    pub(super) begun: Begun,
    pub(super) environment: Environment,
    /// Whether it is to be resumed.
    pub(super) resumes: bool,
}

/// What it was made with.
pub(super) enum Begun {
    FineTuning(Box<Recipe>),
    Pretraining(Box<PretrainRecord>),
}

/// A run that is being read.
pub(super) struct Reading(Receiver<Result<Run, String>>);

impl Reading {
    /// Starts to read.
    pub(super) fn start(context: &Context, run: &Path, resumes: bool) -> Option<Self> {
        let run = run.to_owned();
        background::find(context, "run", move || read(run, resumes)).ok().map(Self)
    }

    /// The run, once it is read.
    pub(super) fn poll(&self) -> Option<Result<Run, String>> {
        self.0.try_recv().ok()
    }
}

fn read(root: PathBuf, resumes: bool) -> Result<Run, String> {
    let layout = Layout::new(&root);
    let begun = if layout.pretraining().is_file() {
        let record = PretrainRecord::read(&layout).map_err(|error| error.in_one_line())?;
        Begun::Pretraining(Box::new(record))
    } else {
        let recipe = Recipe::from_path(&layout.recipe()).map_err(|error| error.in_one_line())?;
        Begun::FineTuning(Box::new(recipe))
    };
    let environment = Environment::read(&layout).map_err(|error| error.in_one_line())?;
    Ok(Run { root, begun, environment, resumes })
}
