//! The demo written to a folder, as a user's own model and data would lie there.

use std::path::{Path, PathBuf};

use super::{
    generate::{GeneratedPassage, GeneratedQuestion, GeneratorOptions, generate},
    start, vocab,
    world::Split,
};
use crate::{
    checkpoint::{CheckpointError, SaveCheckpoint, SpanbertMeta, save},
    run::{WriteError, write_atomic},
    squad::{Answer, Article, Paragraph, Question},
    train::StartingModel,
};

/// The training set: 12,000 questions about 2,000 passages.
pub const TRAIN: GeneratorOptions =
    GeneratorOptions { passages: 2000, questions_per_passage: 6, split: Split::Train, seed: 1 };
/// The dev set: 900 questions about 150 passages, with other names.
pub const DEV: GeneratorOptions =
    GeneratorOptions { passages: 150, questions_per_passage: 6, split: Split::Dev, seed: 2 };
/// Passages in an article.
const PASSAGES_PER_ARTICLE: usize = 25;
/// Seed of the starting weights.
const WEIGHTS_SEED: u64 = 42;

/// Where the demo lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoFiles {
    /// Hugging Face folder with the untrained model.
    pub model: PathBuf,
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
    #[error("cannot make the folder {path}: {source}; name a folder you may write to")]
    Folder {
        /// The folder.
        path: String,
        /// Why.
        source: std::io::Error,
    },
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

/// Writes the untrained model and both data sets into `folder`: `model/`, `train.json`, `dev.json`.
///
/// # Errors
/// If the folder cannot be written.
pub fn write(folder: &Path) -> Result<DemoFiles, DemoError> {
    let files = DemoFiles {
        model: folder.join("model"),
        train: folder.join("train.json"),
        dev: folder.join("dev.json"),
    };
    std::fs::create_dir_all(folder)
        .map_err(|source| DemoError::Folder { path: folder.display().to_string(), source })?;
    let model = starting_model();
    save(
        &files.model,
        &SaveCheckpoint {
            config: &model.config,
            weights: &model.weights,
            vocab: &model.vocab,
            do_lower_case: model.do_lower_case,
            meta: &SpanbertMeta::default(),
        },
    )?;
    write_atomic(&files.train, squad_json("train", &TRAIN)?.as_bytes())?;
    write_atomic(&files.dev, squad_json("dev", &DEV)?.as_bytes())?;
    Ok(files)
}

/// The untrained model, in memory.
#[must_use]
pub fn starting_model() -> StartingModel {
    let config = start::config();
    StartingModel {
        weights: start::weights(&config, WEIGHTS_SEED),
        config,
        vocab: vocab::pieces(),
        do_lower_case: false,
        notes: vec!["a tiny model, untrained".to_owned()],
        warnings: Vec::new(),
        files: Vec::new(),
    }
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
                .map(|(index, passage)| paragraph(name, article * PASSAGES_PER_ARTICLE + index, passage))
                .collect(),
        })
        .collect()
}

fn paragraph(name: &str, passage_index: usize, passage: &GeneratedPassage) -> Paragraph {
    let question = |(index, generated): (usize, &GeneratedQuestion)| {
        let answers = |span: &Option<super::generate::AnswerSpan>| {
            span.iter()
                .map(|span| Answer { text: span.text.clone(), answer_start: span.start })
                .collect::<Vec<_>>()
        };
        Question {
            id: format!("{name}-{passage_index:04}-{index}"),
            question: generated.question.clone(),
            answers: answers(&generated.answer),
            plausible_answers: answers(&generated.plausible),
            is_impossible: Some(generated.answer.is_none()),
        }
    };
    Paragraph {
        context: passage.context.clone(),
        questions: passage.questions.iter().enumerate().map(question).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::squad::Dataset;

    fn dataset(name: &str, options: &GeneratorOptions) -> Dataset {
        Dataset::from_json(&squad_json(name, options).unwrap(), name).unwrap()
    }

    #[test]
    fn both_sets_are_faultless_squad() {
        for (name, options, questions) in [("train", TRAIN, 12_000), ("dev", DEV, 900)] {
            let dataset = dataset(name, &options);
            dataset.validate().unwrap();
            assert!(dataset.warnings.is_empty(), "{:?}", dataset.warnings.first());
            let counts = dataset.counts();
            assert_eq!((counts.questions, counts.unanswerable), (questions, questions / 3), "{name}");
        }
    }

    #[test]
    fn the_sets_share_no_names() {
        let names = |name, options| -> BTreeSet<String> {
            let dataset = dataset(name, options);
            let contexts = dataset.articles.iter().flat_map(|article| &article.paragraphs);
            let words = contexts.flat_map(|paragraph| paragraph.context.split([' ', '.', ',']));
            let known: BTreeSet<String> = vocab::pieces().into_iter().collect();
            // What is not a word of the vocabulary is put together from head and tail: a name.
            words.filter(|word| !word.is_empty() && !known.contains(*word)).map(str::to_owned).collect()
        };
        let (train, dev) = (names("train", &TRAIN), names("dev", &DEV));
        assert!(train.len() > 500 && dev.len() > 200, "{} {}", train.len(), dev.len());
        assert_eq!(train.intersection(&dev).count(), 0);
    }

    #[test]
    fn the_data_never_change() {
        let text = squad_json("dev", &DEV).unwrap();
        assert_eq!(
            crate::run::sha256_hex(text.as_bytes()),
            "42ed681e0a7efd224671f110c060a7fc840de339efe848489b205703f4b77216",
            "results of the demo were measured on other data"
        );
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
