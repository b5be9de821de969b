//! Inputs turned into what the loop runs over.

use std::sync::Arc;

use super::{
    Host, Recipe, Schedule, Share, TrainError, TrainingData, development::DevelopmentSet, inputs::Inputs,
};
use crate::{
    batch::Order,
    features::{Window, windows},
    run::Phase,
};

/// Windows, their order and the course of the training.
pub(super) struct Preparation {
    pub windows: Vec<Window>,
    pub question_ids: Vec<String>,
    pub order: Order,
    pub schedule: Schedule,
    pub development: Option<DevelopmentSet>,
}

impl Preparation {
    /// What the loop is fed with.
    pub fn training_data(
        &self,
        length_multiple: usize,
        micro_batch: usize,
        share: Option<Share>,
    ) -> TrainingData<'_> {
        let Self { windows, question_ids, order, .. } = self;
        TrainingData { windows, question_ids, order, length_multiple, micro_batch, share }
    }
}

/// Tokenises training and development data.
pub(super) fn prepare(
    inputs: &Inputs,
    recipe: &Recipe,
    length_multiple: usize,
    host: &mut dyn Host,
) -> Result<Preparation, TrainError> {
    let counts = inputs.train.counts();
    let detail = format!("{} questions of {}", counts.questions, inputs.train.source_name);
    host.detailed_phase(Phase::Tokenising, detail)?;
    let windows = windows(&inputs.examples, &inputs.tokenizer, &recipe.window_options(), true)?;
    if windows.is_empty() {
        return Err(TrainError::NoWindows { file: inputs.train.source_name.clone() });
    }
    let lengths: Vec<usize> = windows.iter().map(|window| window.input_ids.len()).collect();
    let order = Order::new(&lengths, recipe.batch_rows(), recipe.train_mode, recipe.seed);
    let schedule = Schedule::new(recipe, order.batch_count());
    if schedule.steps() == 0 {
        let (batches, accumulation) = (order.batch_count(), schedule.accumulation);
        return Err(TrainError::TooFewBatches { batches, accumulation });
    }
    let development = match &inputs.dev {
        Some(dev) => {
            let detail = format!("{} questions of {}", dev.counts().questions, dev.source_name);
            host.detailed_phase(Phase::Tokenising, detail)?;
            let (dev, tokenizer) = (Arc::clone(dev), Arc::clone(&inputs.tokenizer));
            Some(DevelopmentSet::new(dev, tokenizer, recipe, length_multiple)?)
        }
        None => None,
    };
    let question_ids = inputs.examples.iter().map(|example| example.qas_id.clone()).collect();
    Ok(Preparation { windows, question_ids, order, schedule, development })
}
