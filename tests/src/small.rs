//! Small trainings on the CPU: a model, invented data and a recipe that take a fraction of a second.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "helpers of tests fail like tests")]

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use spanbert_backends::{BackendKind, DeviceChoice, Fusion, Precision};
use spanbert_core::{
    checkpoint::{SaveCheckpoint, SpanbertMeta, StartingModel, fresh, save},
    config::BertConfig,
    engine::{OptimizerConfig, open_inference, open_training},
    run::{Event, Layout, StepEvent, read_history},
    tokenizer::TokenizerSettings,
    train::{
        DataSource, DeviceLimits, EvalMetric, ModelSource, Recipe, Silent, Start, StopFlag, TrainError,
        TrainJob, TrainOutcome, run_training,
    },
};

const NAMES: [&str; 8] = ["ada", "ben", "cleo", "dan", "eva", "finn", "gil", "hana"];
const PLACES: [&str; 8] = ["oslo", "rome", "lima", "bonn", "kyiv", "bern", "riga", "cork"];

/// Its word pieces.
#[must_use]
pub fn vocab() -> Vec<String> {
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
    let words = ["who", "where", "lives", "in", "does", "live", "?", ".", "and", "a", "baker"];
    special.into_iter().chain(words).chain(NAMES).chain(PLACES).map(str::to_owned).collect()
}

/// One paragraph a pair of names: "ada lives in oslo . ben lives in rome ." with three questions, one of them about
/// someone who is not there.
#[must_use]
pub fn dataset(paragraphs: usize, version_2: bool) -> Value {
    let paragraphs: Vec<Value> = (0..paragraphs)
        .map(|index| {
            let (one, two, absent) = (NAMES[index % 8], NAMES[(index + 3) % 8], NAMES[(index + 5) % 8]);
            let (here, there) = (PLACES[(index * 3 + 1) % 8], PLACES[(index * 5 + 2) % 8]);
            let context = format!("{one} lives in {here} . {two} lives in {there} .");
            let question = |name: &str, answer: Option<&str>| {
                let answers: Vec<Value> = answer
                    .map(|text| {
                        let start = context.find(&format!("{name} lives")).unwrap() + name.len() + 10;
                        json!({"text": text, "answer_start": start})
                    })
                    .into_iter()
                    .collect();
                let mut question = json!({
                    "id": format!("{index}-{name}"),
                    "question": format!("where does {name} live ?"),
                    "answers": answers,
                });
                if version_2 {
                    question["is_impossible"] = json!(answer.is_none());
                }
                question
            };
            let mut questions = vec![question(one, Some(here)), question(two, Some(there))];
            if version_2 {
                questions.push(question(absent, None));
            }
            json!({"context": context, "qas": questions})
        })
        .collect();
    json!({"version": "test", "data": [{"title": "people", "paragraphs": paragraphs}]})
}

/// [`model`] as a Hugging Face directory.
///
/// # Panics
/// If it cannot be written.
pub fn write_model(directory: &Path) {
    write_model_of(directory, &config());
}

/// A model of another shape as a Hugging Face directory.
///
/// # Panics
/// If it cannot be written.
pub fn write_model_of(directory: &Path, config: &BertConfig) {
    let checkpoint = SaveCheckpoint {
        config,
        weights: &fresh(config, 1),
        vocab: &vocab(),
        settings: &TokenizerSettings::bert(true),
        meta: &SpanbertMeta::default(),
    };
    save(directory, &checkpoint).unwrap();
}

/// Two layers, with weights of their own making.
#[must_use]
pub fn model() -> ModelSource<'static> {
    ModelSource::Ready(Box::new(StartingModel::fresh(config(), vocab(), true, 1)))
}

/// The shape of [`model`].
#[must_use]
pub fn config() -> BertConfig {
    BertConfig {
        vocab_size: vocab().len(),
        hidden_size: 32,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        intermediate_size: 64,
        max_position_embeddings: 32,
        ..BertConfig::default()
    }
}

/// A layer whose attention probabilities are far larger than all else, so that a batch is short of memory by them.
#[must_use]
pub fn many_heads(positions: usize) -> BertConfig {
    BertConfig {
        hidden_size: 24,
        num_hidden_layers: 1,
        num_attention_heads: 12,
        intermediate_size: 24,
        max_position_embeddings: positions,
        ..config()
    }
}

/// Two epochs, four evaluations, dropout.
#[must_use]
pub fn recipe() -> Recipe {
    Recipe {
        train_batch_size: 8,
        eval_batch_size: 16,
        learning_rate: Some(2e-3),
        num_train_epochs: 2.0,
        max_seq_length: 32,
        max_query_length: 12,
        doc_stride: 8,
        eval_per_epoch: 2,
        eval_metric: EvalMetric::BestF1,
        dropout: Some(0.1),
        ..Recipe::default()
    }
}

/// A processor with all the memory there is.
pub const LIMITS: DeviceLimits =
    DeviceLimits { backend: BackendKind::Cpu, memory_bytes: None, max_buffer_bytes: None };

/// A folder that goes with the test.
pub struct Folder(tempfile::TempDir);

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

impl Folder {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A path in it.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a data set into it.
    pub fn data(&self, name: &str, dataset: &Value) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, dataset.to_string()).unwrap();
        path
    }
}

/// Trains on the CPU; `change` has the last word on the job.
///
/// # Errors
/// As [`run_training`].
pub fn train<'a>(
    train: &'a Path,
    dev: Option<&'a Path>,
    recipe: Recipe,
    output: &'a Path,
    change: impl FnOnce(&mut TrainJob<'a>),
) -> Result<TrainOutcome, TrainError> {
    let precision: Precision = recipe.precision.into();
    let mut job = TrainJob {
        model: model(),
        train_data: DataSource::File(train),
        dev_data: dev.map(DataSource::File),
        recipe,
        output,
        start: Start::New,
        limits: LIMITS,
        choice: "cpu",
        device: "cpu",
        version_2_with_negative: false,
        notes: Vec::new(),
        open: Box::leak(Box::new(move |config: &BertConfig, weights, optimizer: &OptimizerConfig| {
            open_training(&DeviceChoice::Cpu, Fusion::Unfused, config, weights, *optimizer, precision)
        })),
        open_teacher: Box::leak(Box::new(move |config: &BertConfig, weights| {
            open_inference(&DeviceChoice::Cpu, Fusion::Unfused, config, weights, precision)
        })),
        // Hardly any memory is lost: one of them has no size, the other one byte.
        observer: Box::leak(Box::new(Silent)),
        stop: StopFlag::new(),
        inject_fault: None,
        workers: None,
    };
    change(&mut job);
    run_training(job)
}

/// All updates of a run, each once.
#[must_use]
pub fn steps(layout: &Layout) -> Vec<StepEvent> {
    let records = read_history(&layout.events()).unwrap().into_iter();
    records
        .filter_map(|record| if let Event::Step(step) = record.event { Some(step) } else { None })
        .collect()
}
