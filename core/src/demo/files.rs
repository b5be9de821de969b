//! The demo written to a folder, as a user's own model and data would lie there.

use std::path::{Path, PathBuf};

use super::{
    AnswerSpan,
    built_in::{pretrained_model, random_model},
    corpus,
    generate::{GeneratedPassage, GeneratedQuestion, GeneratorOptions, generate},
    world::Split,
};
use crate::{
    advice::{self, Advice},
    checkpoint::{CheckpointError, SaveCheckpoint, SpanbertMeta, save},
    run::{WriteError, write_atomic},
    squad::{Answer, Article, Paragraph, Question},
};

/// The training set: 60,000 questions about 10,000 passages, as many as a demonstration has time for.
pub const TRAIN: GeneratorOptions =
    GeneratorOptions { passages: 10_000, questions_per_passage: 6, split: Split::Train, seed: 1 };
/// The dev set: 900 questions about 150 passages, with other names.
pub const DEV: GeneratorOptions =
    GeneratorOptions { passages: 150, questions_per_passage: 6, split: Split::Dev, seed: 2 };
/// Passages in an article.
const PASSAGES_PER_ARTICLE: usize = 25;
/// Documents to pre-train on.
const DOCUMENTS: usize = 60_000;
const CORPUS_SEED: u64 = 11;

/// Where the demo lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoFiles {
    /// Hugging Face folder with the pre-trained model.
    pub model: PathBuf,
    /// The same with random weights.
    pub random: PathBuf,
    /// SQuAD 2.0 file to train on.
    pub train: PathBuf,
    /// SQuAD 2.0 file to evaluate on.
    pub dev: PathBuf,
}

/// Why the demo could not be written.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The model.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The data.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The data as JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The folder.
    #[error("cannot make the folder {path}: {source}")]
    Folder {
        /// The folder.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

impl Advice for DemoError {
    fn remedy(&self) -> String {
        match self {
            Self::Checkpoint(error) => error.remedy(),
            Self::Write(error) => error.remedy(),
            Self::Json(_) => advice::REPORT.into(),
            Self::Folder { .. } => "name a folder you may write to".into(),
        }
    }
}

/// Name under which the training set goes in run folders.
pub const TRAIN_NAME: &str = "demo train";
/// Name under which the dev set goes in run folders.
pub const DEV_NAME: &str = "demo dev";

/// The data set of this name as a SQuAD file, if it is one of the demo's.
#[must_use]
pub fn built_in(name: &str) -> Option<serde_json::Result<String>> {
    match name {
        TRAIN_NAME => Some(squad_json("train", &TRAIN)),
        DEV_NAME => Some(squad_json("dev", &DEV)),
        _ => None,
    }
}

/// Writes the model, pre-trained and with random weights, and both data sets into `folder`: `model/`, `random/`, `train.json`,
/// `dev.json`.
///
/// # Errors
/// If the folder cannot be written.
pub fn write(folder: &Path) -> Result<DemoFiles, DemoError> {
    let files = DemoFiles {
        model: folder.join("model"),
        random: folder.join("random"),
        train: folder.join("train.json"),
        dev: folder.join("dev.json"),
    };
    std::fs::create_dir_all(folder)
        .map_err(|source| DemoError::Folder { path: folder.display().to_string(), source })?;
    for (path, model) in [(&files.model, pretrained_model()?), (&files.random, random_model())] {
        save(
            path,
            &SaveCheckpoint {
                config: &model.config,
                weights: &model.weights,
                vocab: &model.vocab,
                settings: &model.settings,
                meta: &SpanbertMeta::default(),
            },
        )?;
    }
    write_atomic(&files.train, squad_json("train", &TRAIN)?.as_bytes())?;
    write_atomic(&files.dev, squad_json("dev", &DEV)?.as_bytes())?;
    Ok(files)
}

/// Writes text to pre-train on into `folder`: `corpus.txt`.
///
/// # Errors
/// If the folder cannot be written.
pub fn write_corpus(folder: &Path) -> Result<(), DemoError> {
    let documents = corpus::documents(DOCUMENTS, CORPUS_SEED);
    write_atomic(&folder.join("corpus.txt"), (documents.join("\n\n") + "\n").as_bytes())?;
    Ok(())
}

/// A generated data set as SQuAD 2.0 JSON; `name` begins the questions' ids.
///
/// # Errors
/// Never in practice: texts and numbers always serialise.
pub fn squad_json(name: &str, options: &GeneratorOptions) -> serde_json::Result<String> {
    let file = serde_json::json!({ "version": "v2.0", "data": articles(name, options) });
    serde_json::to_string(&file)
}

fn articles(name: &str, options: &GeneratorOptions) -> Vec<Article> {
    generate(options)
        .chunks(PASSAGES_PER_ARTICLE)
        .enumerate()
        .map(|(article, passages)| Article {
            title: format!("Chronicle of the islands, volume {}", article + 1),
            paragraphs: passages
                .iter()
                .enumerate()
                .map(|(index, passage)| {
                    let number = article * PASSAGES_PER_ARTICLE + index;
                    paragraph(name, options.split, number, passage)
                })
                .collect(),
        })
        .collect()
}

fn paragraph(name: &str, split: Split, passage_index: usize, passage: &GeneratedPassage) -> Paragraph {
    // Like SQuAD's: one answer to learn from, all that are right to be judged by.
    let answers = if split == Split::Train { 1 } else { usize::MAX };
    let question = |(index, generated): (usize, &GeneratedQuestion)| {
        let answer = |span: &AnswerSpan| Answer { text: span.text.clone(), answer_start: Some(span.start) };
        Question {
            id: format!("{name}-{passage_index:04}-{index}"),
            question: generated.question.clone(),
            answers: generated.answers.iter().take(answers).map(answer).collect(),
            plausible_answers: generated.plausible.iter().map(answer).collect(),
            is_impossible: Some(generated.answers.is_empty()),
        }
    };
    Paragraph {
        context: passage.context.clone(),
        questions: passage.questions.iter().enumerate().map(question).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::squad::Dataset;

    fn dataset(name: &str, options: &GeneratorOptions) -> Dataset {
        Dataset::from_json(&squad_json(name, options).unwrap(), name).unwrap()
    }

    #[test]
    fn both_sets_are_faultless_squad() {
        for (name, options, questions) in [("train", TRAIN, 60_000), ("dev", DEV, 900)] {
            let dataset = dataset(name, &options);
            dataset.validate().unwrap();
            assert!(dataset.warnings.is_empty(), "{:?}", dataset.warnings.first());
            let counts = dataset.counts();
            assert_eq!((counts.questions, counts.unanswerable), (questions, questions / 3), "{name}");
        }
    }

    #[test]
    fn the_data_never_change() {
        let known = [
            ("dev", DEV, "87a6fc14f86f24df8244c3226525d6667f556a5e40355c85682a14343dee6700"),
            ("train", TRAIN, "e16fd3ab468d310bed753ed624289e897c786123032aeaca3208ce20800dcd38"),
        ];
        for (name, options, hash) in known {
            let text = squad_json(name, &options).unwrap();
            assert_eq!(
                crate::run::sha256_hex(text.as_bytes()),
                hash,
                "results of the demo were measured with another {name} set"
            );
        }
    }

    #[test]
    fn the_folder_holds_a_model_and_data() {
        let folder = tempfile::tempdir().unwrap();
        let files = write(folder.path()).unwrap();
        let checkpoint = crate::checkpoint::load(&files.model, Default::default()).unwrap();
        assert!(!checkpoint.casing.do_lower_case);
        assert_eq!(Dataset::from_path(&files.dev).unwrap().counts().questions, 900);
    }
}
