//! Memory of the flagship setting on a CUDA card, by a dry run on the stand-in: allocations are real, kernels are skipped.
//! What the driver handed out at most has to be what the program said before.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{path::Path, process::Command};

use serde_json::{Value, json};
use spanbert_backends::{DeviceChoice, Fusion, runtime::configure, select};
use spanbert_core::{
    checkpoint::StartingModel,
    config::BertConfig,
    engine::{OptimizerConfig, open_training},
    run::{Event, Layout, read_events},
    train::{DeviceLimits, Fit, ModelSource, Precision, Recipe},
};
use spanbert_tests::{
    cuda_on_host::CudaOnHost,
    small::{Folder, train},
};

/// Tells the child where everything is.
const FOLDER: &str = "SPANBERT_TEST_MEMORY_FOLDER";
/// Tells it the format of the matrix products.
const PRECISION: &str = "SPANBERT_TEST_MEMORY_PRECISION";
/// Launches that are executed: a device that is opened has to add two numbers.
const EXECUTED: &str = "2";
/// Windows of a batch.
const ROWS: usize = 32;
/// Every length that windows can be padded to on a GPU.
const LENGTHS: [usize; 8] = [64, 128, 192, 256, 320, 384, 448, 512];

/// What a training said beforehand, and what came of it.
struct Found {
    /// Bytes by estimate, to a tenth of a GB, as the user reads it.
    estimate: f64,
    /// Bytes that the driver had handed out at most.
    peak: f64,
    micro_batch: usize,
    faults: usize,
    evaluations: usize,
    /// Padded lengths, by the sizes of the attention probabilities.
    lengths: Vec<usize>,
}

/// Trains a base model with random weights on a card of `memory`, in a process of its own.
fn train_on(stand_in: &CudaOnHost, memory: &str, precision: Precision) -> Found {
    let folder = Folder::new();
    let log = folder.path("log");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "a_training_in_a_process_of_its_own", "--ignored"]);
    stand_in
        .set(&mut command)
        .env(FOLDER, folder.path(""))
        .env(PRECISION, spanbert_backends::Precision::from(precision).to_string())
        .env("CUDAHOST_MEMORY", memory)
        .env("CUDAHOST_DRY_AFTER", EXECUTED)
        // Kernels that were left out must not be taken for compiled ones.
        .env("CUDAHOST_CACHE", folder.path("kernels"))
        .env("CUDAHOST_LOG", &log);
    let output = command.output().unwrap();
    let text =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success() && text.contains("1 passed"), "{text}");

    let layout = Layout::new(folder.path("run"));
    let events: Vec<Event> =
        read_events(&layout.events()).unwrap().into_iter().map(|record| record.event).collect();
    let count = |wanted: fn(&Event) -> bool| events.iter().filter(|event| wanted(event)).count();
    let allocations = Allocations::read(&log);
    let found = Found {
        estimate: events.iter().find_map(estimate).unwrap(),
        peak: allocations.peak as f64,
        micro_batch: Fit::read(&layout).unwrap().micro_batch,
        faults: count(|event| matches!(event, Event::Fault { .. })),
        evaluations: count(|event| matches!(event, Event::Evaluation { .. })),
        lengths: LENGTHS
            .into_iter()
            .filter(|length| allocations.sizes.contains(&(ROWS * 12 * length * length * 4)))
            .collect(),
    };
    println!(
        "{memory} {precision:?}: {} windows at once, estimate {:.1} GB, peak {:.2} GB",
        found.micro_batch,
        found.estimate / 1e9,
        found.peak / 1e9
    );
    found
}

/// The bytes in `memory by estimate: …, in all 17.2 GB of 25.8 GB`.
fn estimate(event: &Event) -> Option<f64> {
    let Event::Phase { detail: Some(detail), .. } = event else { return None };
    let text = detail.strip_prefix("memory by estimate")?.split_once("in all ")?.1;
    Some(text.split_once(" GB")?.0.parse::<f64>().ok()? * 1e9)
}

/// What the stand-in has noted: `alloc DEVICE SIZE used BYTES`.
struct Allocations {
    sizes: Vec<usize>,
    peak: usize,
}

impl Allocations {
    fn read(log: &Path) -> Self {
        let text = std::fs::read_to_string(log).unwrap();
        let mut allocations = Self { sizes: Vec::new(), peak: 0 };
        for line in text.lines() {
            if let ["alloc", _, size, "used", used] = line.split(' ').collect::<Vec<_>>().as_slice() {
                allocations.sizes.push(size.parse().unwrap());
                allocations.peak = allocations.peak.max(used.parse().unwrap());
            }
        }
        allocations
    }
}

/// The cards that the README names for the whole batch, with batches of all lengths and evaluations in between.
#[test]
fn the_flagship_setting_takes_what_was_said() {
    let Some(stand_in) = CudaOnHost::get() else { return };
    for (memory, precision) in [("24G", Precision::F32), ("16G", Precision::Bf16)] {
        let found = train_on(stand_in, memory, precision);
        assert_eq!(
            (found.micro_batch, found.faults, found.evaluations),
            (ROWS, 0, 2),
            "{memory} {precision:?}"
        );
        let off = found.peak / found.estimate - 1.0;
        assert!(off.abs() < 0.1, "{memory} {precision:?}: {} instead of {}", found.peak, found.estimate);
        // Otherwise it was too easy.
        assert_eq!(found.lengths, LENGTHS, "{memory} {precision:?}");
    }
}

/// Trains for an epoch, from the parent's folder to `run` in it.
#[test]
#[ignore = "started by the tests above, which look at its memory"]
fn a_training_in_a_process_of_its_own() {
    let folder = std::env::var_os(FOLDER).unwrap();
    let folder = Path::new(&folder);
    let name = std::env::var(PRECISION).unwrap();
    let precision = [Precision::F32, Precision::Bf16, Precision::Fp16]
        .into_iter()
        .find(|&precision| spanbert_backends::Precision::from(precision).to_string() == name)
        .unwrap();
    configure(&folder.join("cache")).unwrap();
    let choice: DeviceChoice = "cuda".parse().unwrap();
    let device = select(&choice).unwrap();
    let config = BertConfig::default();
    let recipe = Recipe {
        train_batch_size: ROWS,
        learning_rate: Some(2e-5),
        num_train_epochs: 1.0,
        eval_per_epoch: 2,
        max_seq_length: 512,
        precision,
        ..Recipe::default()
    };
    // Sorted by length, every two batches have one length.
    let (data, dev) = (folder.join("train.json"), folder.join("dev.json"));
    std::fs::write(&data, dataset(2 * ROWS).to_string()).unwrap();
    std::fs::write(&dev, dataset(8).to_string()).unwrap();
    let model = StartingModel::fresh(config.clone(), vocab(&config), true, 1);
    let outcome = train(&data, Some(&dev), recipe, &folder.join("run"), |job| {
        job.model = ModelSource::Ready(Box::new(model));
        job.limits = DeviceLimits::from(&device);
        job.open = Box::leak(Box::new(move |config: &BertConfig, weights, optimizer: &OptimizerConfig| {
            open_training(&choice, Fusion::Unfused, config, weights, *optimizer, precision.into())
        }));
    })
    .unwrap();
    assert_eq!(outcome.steps, 2 * LENGTHS.len());
}

/// As many pieces as the model has, most of them of no use.
fn vocab(config: &BertConfig) -> Vec<String> {
    let used = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "word", "where", "here"].map(str::to_owned);
    let others = (used.len()..config.vocab_size).map(|index| format!("piece{index}"));
    used.into_iter().chain(others).collect()
}

/// `each` windows of every length.
fn dataset(each: usize) -> Value {
    let paragraph = |length: usize, index: usize| {
        // [CLS] where [SEP] here word … word [SEP]
        let context = format!("here{}", " word".repeat(length - 5));
        let answer = json!({"text": "here", "answer_start": 0});
        let question = json!({"id": format!("{length}-{index}"), "question": "where", "answers": [answer]});
        json!({"context": context, "qas": [question]})
    };
    let lengths = LENGTHS.iter().flat_map(|&length| (0..each).map(move |index| (length, index)));
    let paragraphs: Vec<Value> = lengths.map(|(length, index)| paragraph(length, index)).collect();
    json!({"version": "test", "data": [{"title": "words", "paragraphs": paragraphs}]})
}
