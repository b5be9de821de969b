//! The README's memory table and the sentences around it say what the program says.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use spanbert_backends::BackendKind;
use spanbert_core::{
    config::BertConfig,
    engine::memory::{Work, estimate},
    train::{DeviceLimits, Forecast, Recipe, WindowLengths},
};

const README: &str = include_str!("../../README.md");
const LENGTH: usize = 512;

/// Windows at once and memory in GB, as the table has them.
fn forecast(backend: BackendKind, gibibytes: u64) -> (usize, String) {
    let limits = DeviceLimits { backend, memory_bytes: Some(gibibytes << 30), max_buffer_bytes: None };
    let recipe = Recipe { max_seq_length: LENGTH, ..Recipe::default() };
    let lengths = WindowLengths { train: vec![LENGTH; 64], dev: None };
    let forecast = Forecast::new(&recipe, &BertConfig::default(), &lengths, &limits);
    assert!(!forecast.fit.recompute);
    (forecast.fit.micro_batch, gigabytes(forecast.memory.total))
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e9)
}

/// In GB, of windows of 512 pieces on CUDA.
fn takes(config: &BertConfig, rows: usize, work: Work) -> String {
    gigabytes(estimate(config, rows, LENGTH, BackendKind::Cuda, work).total)
}

fn training(rows: usize, recompute: bool, half: bool) -> Work {
    Work::Training { recompute, accumulates: rows < 32, half, averages: false }
}

#[test]
fn the_table_holds_what_is_planned() {
    let rows = README.lines().skip_while(|line| !line.starts_with("| device | windows of 512 at once |"));
    let rows: Vec<Vec<&str>> = rows
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let mut cards = Vec::new();
    for row in &rows {
        let &[device, windows, memory] = row.as_slice() else { panic!("{row:?}") };
        let backend = if device.starts_with("GPU") { BackendKind::Cuda } else { BackendKind::Cpu };
        let named = device.split(' ').filter_map(|word| word.parse::<u64>().ok());
        let more: &[u64] = if device.ends_with("or more") { &[32, 40, 48, 80] } else { &[] };
        for gibibytes in named.chain(more.iter().copied()) {
            let (planned, takes) = forecast(backend, gibibytes);
            assert_eq!(windows.split(',').next().unwrap().parse(), Ok(planned), "{device}: {gibibytes} GB");
            assert_eq!(memory.strip_suffix(" GB"), Some(takes.as_str()), "{device}: {gibibytes} GB");
            cards.push((backend == BackendKind::Cuda, gibibytes));
        }
    }
    for gibibytes in [8, 12, 16, 24, 80] {
        assert!(cards.contains(&(true, gibibytes)), "{gibibytes} GB is missing in {rows:?}");
    }
}

#[test]
fn the_sentences_below_it_too() {
    let (base, large) = (BertConfig::default(), BertConfig::large());
    let [one, eight, all] = [1, 8, 32].map(|rows| takes(&large, rows, training(rows, false, false)));
    for sentence in [
        format!("In bf16 or fp16 the whole batch takes {} GB.", takes(&base, 32, training(32, false, true))),
        format!("SpanBERT-large takes {one} GB for one window, {eight} for 8, {all} for 32."),
        format!(
            "layers are computed again ({} GB for base, {} for large)",
            takes(&base, 1, training(1, true, false)),
            takes(&large, 1, training(1, true, false))
        ),
        format!(
            "Answering takes {} GB for base, {} for large.",
            takes(&base, 1, Work::Inference),
            takes(&large, 1, Work::Inference)
        ),
    ] {
        let text = README.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(&sentence), "the README lacks {sentence:?}");
    }
}
