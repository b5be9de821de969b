//! Peak memory and duration of training steps on a model of random weights, for `tests/measurements`.
//!
//! `measure_memory BACKEND FUSION LAYERS HIDDEN HEADS VOCABULARY ROWS LENGTH direct|recompute STEPS`, one JSON object
//! on standard output. One process measures one configuration: a peak cannot be taken back.
#![recursion_limit = "256"]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that fails says where")]

use std::time::Instant;

use serde_json::json;
use spanbert_backends::{DeviceChoice, Fusion, Precision};
use spanbert_core::{
    batch::{Batch, Targets},
    checkpoint::fresh,
    config::BertConfig,
    engine::{MicroBatch, OptimizerConfig, open_training},
};

// The released binary's allocator (there it also keeps freed pages, which this program does not ask for).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    // SAFETY: no other thread exists yet.
    #[allow(unsafe_code)]
    unsafe {
        spanbert_backends::quiet_vulkan();
    }
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [backend, fusion, layers, hidden, heads, vocabulary, rows, length, mode, steps] = words.as_slice()
    else {
        panic!("ten arguments are needed; see the head of {}", file!());
    };
    let number = |text: &String| text.parse::<usize>().expect("a number");
    let (hidden, rows, length) = (number(hidden), number(rows), number(length));
    let config = BertConfig {
        vocab_size: number(vocabulary),
        hidden_size: hidden,
        num_hidden_layers: number(layers),
        num_attention_heads: number(heads),
        intermediate_size: 4 * hidden,
        ..BertConfig::default()
    };
    let choice: DeviceChoice = backend.parse().expect("a backend");
    let fusion = if fusion == "fused" { Fusion::Fused } else { Fusion::Unfused };
    let weights = fresh(&config, 1);
    let mut engine =
        open_training(&choice, fusion, &config, weights, OptimizerConfig::bert_adam(), Precision::F32)
            .unwrap();
    engine.set_recompute(mode == "recompute");
    let loaded = peak_bytes();
    let batch = batch(&config, rows, length);
    let weight = 0.5 / rows as f32;
    let (mut seconds, mut losses) = (Vec::new(), Vec::new());
    for seed in 0..number(steps) as u64 {
        let start = Instant::now();
        let micro =
            MicroBatch { batch: &batch, first_row: 0, start_weight: weight, end_weight: weight, seed };
        engine.accumulate(&micro).unwrap();
        engine.update(1e-5).unwrap();
        losses.extend(engine.drain_metrics().unwrap().into_iter().map(|metrics| metrics.loss));
        seconds.push(start.elapsed().as_secs_f64());
    }
    let memory = engine.memory().map(|memory| (memory.in_use, memory.reserved));
    println!(
        "{}",
        json!({
            "backend": backend, "fusion": fusion, "layers": config.num_hidden_layers, "hidden": hidden,
            "rows": rows, "length": length, "mode": mode, "step_seconds": seconds, "losses": losses,
            "peak_bytes_after_loading": loaded, "peak_bytes": peak_bytes(),
            "device_in_use_and_reserved_bytes": memory,
        })
    );
}

/// Rows without padding: the most that a batch of this shape can need.
fn batch(config: &BertConfig, rows: usize, length: usize) -> Batch {
    let size = rows * length;
    Batch {
        rows,
        length,
        input_ids: (0..size).map(|index| (index * 7919 % (config.vocab_size - 1) + 1) as i32).collect(),
        segment_ids: (0..size).map(|index| i32::from(index % length > 12)).collect(),
        attention_mask: vec![1; size],
        targets: Some(Targets { start: vec![1; rows], end: vec![2; rows], smoothing: 0.0 }),
    }
}

/// The process's largest resident size so far (Linux), 0 elsewhere.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|text| text.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kibibytes.unwrap_or(0) << 10
}
