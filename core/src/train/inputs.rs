//! Everything a training is given, read and checked before anything is written.

use std::sync::Arc;

use super::{DataSource, ModelSource, Recipe, StartingModel, TrainError, samples::first_questions};
use crate::{
    checkpoint::Weights,
    config::BertConfig,
    features::{Example, SkippedQuestion, training_examples},
    run::Fingerprint,
    squad::{Dataset, SquadVersion},
    tokenizer::BertTokenizer,
};

/// What was read.
pub(super) struct Inputs {
    /// Architecture, as in the checkpoint.
    pub config: BertConfig,
    pub tokenizer: Arc<BertTokenizer>,
    /// The model's files.
    pub files: Vec<Fingerprint>,
    /// What to tell the user.
    pub notes: Vec<String>,
    pub warnings: Vec<String>,
    pub train: Dataset,
    pub dev: Option<Arc<Dataset>>,
    pub examples: Vec<Example>,
}

impl Inputs {
    /// Reads model and data; the weights come apart because the first engine takes them.
    pub fn read(
        model: ModelSource<'_>,
        train: DataSource<'_>,
        dev: Option<DataSource<'_>>,
        recipe: &Recipe,
    ) -> Result<(Self, Weights), TrainError> {
        let model = match model {
            ModelSource::Directory(directory) => {
                StartingModel::from_directory(directory, recipe.do_lower_case, recipe.seed)?
            }
            ModelSource::Ready(model) => *model,
        };
        recipe.validate(&model.config)?;
        let tokenizer = BertTokenizer::from_vocab(model.vocab, model.do_lower_case)?;
        let (train, dev) = (train.read()?, dev.map(|dev| dev.read().map(Arc::new)).transpose()?);
        let mut notes = model.notes;
        let train = match recipe.max_train_samples {
            Some(most) => {
                let all = train.counts().questions;
                notes.push(format!("training on the first {} of {all} questions", most.min(all)));
                first_questions(train, most)
            }
            None => train,
        };
        let (examples, skipped) = training_examples(&train)?;
        let mut warnings = model.warnings;
        warnings.extend(skipped_warning(&train, &skipped));
        if dev.is_none() {
            warnings.push("no development data: the weights at the end are kept, no best ones".into());
        }
        let inputs = Self {
            config: model.config,
            tokenizer: Arc::new(tokenizer),
            files: model.files,
            notes,
            warnings,
            train,
            dev,
            examples,
        };
        Ok((inputs, model.weights))
    }

    /// Compares what the user says with what the data says.
    pub fn check_version(&self, version_2_with_negative: bool, recipe: &Recipe) -> Result<(), TrainError> {
        let file = |dataset: &Dataset| dataset.source_name.clone();
        let version_1 = |dataset: &&Dataset| dataset.version == SquadVersion::V1;
        if version_2_with_negative
            && let Some(dataset) =
                [Some(&self.train), self.dev.as_deref()].into_iter().flatten().find(version_1)
        {
            return Err(TrainError::NotVersion2 { file: file(dataset) });
        }
        match self.dev.as_deref().filter(version_1) {
            Some(dataset) if recipe.eval_metric.needs_version_2() => {
                Err(TrainError::Metric { metric: recipe.eval_metric.key(), file: file(dataset) })
            }
            _ => Ok(()),
        }
    }

    /// The architecture with the recipe's dropout.
    pub fn training_config(&self, recipe: &Recipe) -> BertConfig {
        let mut config = self.config.clone();
        if let Some(dropout) = recipe.dropout {
            config.hidden_dropout_prob = dropout;
            config.attention_probs_dropout_prob = dropout;
        }
        config
    }
}

fn skipped_warning(train: &Dataset, skipped: &[SkippedQuestion]) -> Option<String> {
    let first = skipped.first()?;
    let (count, file) = (skipped.len(), &train.source_name);
    Some(format!("{count} questions of {file} are left out, as in the reference; the first: {first}"))
}
