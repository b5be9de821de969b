//! Everything a training is given, read and checked before anything is written.

use std::sync::Arc;

use super::{DataSource, ModelSource, Recipe, TrainError, samples::first_questions, teacher::TeacherModel};
use crate::{
    checkpoint::{StartingModel, Weights},
    config::BertConfig,
    features::{Example, SkippedQuestion, usable_examples},
    hash::Fingerprint,
    squad::{Dataset, Question, SquadVersion},
    tokenizer::BertTokenizer,
};

/// What was read.
pub(super) struct Inputs {
    /// Architecture, as in the checkpoint.
    pub config: BertConfig,
    pub tokenizer: Arc<BertTokenizer>,
    /// The model's files.
    #[cfg_attr(not(feature = "native"), allow(dead_code, reason = "goes into environment.json"))]
    pub files: Vec<Fingerprint>,
    /// What to tell the user.
    pub notes: Vec<String>,
    pub warnings: Vec<String>,
    pub train: Dataset,
    pub dev: Option<Arc<Dataset>>,
    pub examples: Vec<Example>,
    /// The questions left out of training.
    pub skipped: Vec<SkippedQuestion>,
    /// What is learnt from besides.
    pub teacher: Option<TeacherModel>,
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
        let tokenizer = BertTokenizer::new(model.vocab, model.settings)?;
        let teacher = recipe.teacher.as_deref().map(|folder| TeacherModel::read(folder, &tokenizer, recipe));
        let teacher = teacher.transpose()?;
        let (train, dev) = (train.read_for_training()?, dev.map(|dev| dev.read().map(Arc::new)).transpose()?);
        let mut notes = model.notes;
        notes.extend(teacher.as_ref().map(|teacher| teacher.note.clone()));
        notes.extend([Some(&train), dev.as_deref()].into_iter().flatten().filter_map(Dataset::reading_note));
        let train = match recipe.max_train_samples {
            Some(most) => {
                let all = train.counts().questions;
                notes.push(format!("training on the first {} of {all} questions", most.min(all)));
                first_questions(train, most)
            }
            None => train,
        };
        let (examples, skipped) = usable_examples(&train);
        check_skipped(&train, &skipped, recipe.allow_skipped)?;
        let mut warnings = model.warnings;
        warnings.extend(train.warning_lines());
        warnings.extend(skipped_warning(&train, &skipped));
        warnings.extend(several_answers_warning(&train));
        warnings.extend(dev.iter().flat_map(|dev| dev.warning_lines()));
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
            skipped,
            teacher,
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
            config.set_dropout(dropout);
        }
        config
    }
}

/// Refuses data of which too much cannot be learnt from.
fn check_skipped(train: &Dataset, skipped: &[SkippedQuestion], allowed: f64) -> Result<(), TrainError> {
    let questions = train.counts().questions;
    let share = skipped.len() as f64 / questions.max(1) as f64;
    match skipped.first() {
        Some(first) if share > allowed => Err(TrainError::TooManySkipped {
            file: train.source_name.clone(),
            skipped: skipped.len(),
            questions,
            allowed,
            first: first.to_string(),
            // Rounded up to whole percents, to be typed.
            enough: (share * 100.0).ceil() / 100.0,
        }),
        _ => Ok(()),
    }
}

fn skipped_warning(train: &Dataset, skipped: &[SkippedQuestion]) -> Option<String> {
    let first = skipped.first()?;
    let (count, all, file) = (skipped.len(), train.counts().questions, &train.source_name);
    let questions = if all == 1 { "question" } else { "questions" };
    let are = if count == 1 { "is" } else { "are" };
    Some(format!(
        "{file}: {count} of {all} {questions} {are} left out, as listed in skipped.jsonl; the first: {first}"
    ))
}

/// Says that only one of several answers is learnt.
fn several_answers_warning(train: &Dataset) -> Option<String> {
    let several = |question: &Question| question.is_impossible != Some(true) && question.answers.len() > 1;
    let count = train.questions().filter(|(_, _, question)| several(question)).count();
    let questions = if count == 1 { "question has" } else { "questions have" };
    (count > 0).then(|| {
        format!("{}: {count} {questions} several answers; training takes the first", train.source_name)
    })
}
