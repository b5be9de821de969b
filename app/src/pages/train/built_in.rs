//! The demonstration's model and data, as sources of a training.

use std::sync::{Arc, mpsc::Receiver};

use egui::Context;
use spanbert_core::{demo, squad::Dataset, tokenizer::BertTokenizer};

use super::sources::{Data, Model};
use crate::{background, widgets::count};

/// The demonstration's model and data.
pub(super) struct BuiltIn {
    pub(super) model: Arc<Model>,
    pub(super) train: Arc<Data>,
    pub(super) dev: Arc<Data>,
}

/// How far they are.
pub(super) enum Demo {
    /// Not asked for.
    Unused,
    /// On a thread.
    Making(Receiver<Option<Box<BuiltIn>>>),
    /// There.
    Made(Box<BuiltIn>),
}

impl Demo {
    /// Writes the data on a thread: it takes half a second.
    pub(super) fn make(context: &Context) -> Self {
        // Without the thread there are no facts to show; the training itself does not need them.
        background::find(context, "demo", built_in).map_or(Self::Unused, Self::Making)
    }

    /// Takes in what the thread has made.
    pub(super) fn poll(&mut self) {
        if let Self::Making(receiver) = self
            && let Ok(made) = receiver.try_recv()
        {
            *self = made.map_or(Self::Unused, Self::Made);
        }
    }

    /// What is there.
    pub(super) fn made(&self) -> Option<&BuiltIn> {
        match self {
            Self::Made(made) => Some(made),
            Self::Unused | Self::Making(_) => None,
        }
    }
}

fn built_in() -> Option<Box<BuiltIn>> {
    let start = demo::random_model();
    let tokenizer = BertTokenizer::new(start.vocab, start.settings).ok()?;
    let facts = vec![
        spanbert_core::checkpoint::architecture(&start.config),
        format!("{} parameters", count(start.config.parameter_count())),
    ];
    let model =
        Arc::new(Model { config: start.config, tokenizer, facts, notes: Vec::new(), has_fresh_head: true });
    let data = |name| {
        let json = demo::built_in(name)?.ok()?;
        Dataset::from_json(&json, name).ok().map(Data::from).map(Arc::new)
    };
    Some(Box::new(BuiltIn { model, train: data(demo::TRAIN_NAME)?, dev: data(demo::DEV_NAME)? }))
}
