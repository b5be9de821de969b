//! The training engine on a GPU, a software one included: what it drops and recomputes is what the processor drops
//! and recomputes, and a tensor beyond the device's limit is a fault that says so.
#![recursion_limit = "256"]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{
    process::Command,
    time::{Duration, Instant},
};

use spanbert_backends::{DeviceChoice, Fusion, Precision, fault};
use spanbert_core::{
    batch::{Batch, Targets, micro_batches},
    checkpoint::{Weights, fresh},
    config::BertConfig,
    engine::{
        EngineError, MicroBatch, OptimizerConfig, TrainingEngine,
        memory::{Work, largest_buffer, rows_that_fit},
        open_training,
    },
};
use spanbert_tests::{
    device::{self, TWO_LAYERS, tf32_rounding},
    gradients::difference,
};

/// Has the test binary run its own failing half: a fault poisons the process.
const CHILD: &str = "SPANBERT_TEST_ROWS";
/// Longest that a step which is to fail may take; a hang is a failure.
const PATIENCE: Duration = Duration::from_secs(240);

fn config(dropout: f64) -> BertConfig {
    BertConfig {
        vocab_size: 50,
        hidden_size: 32,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        intermediate_size: 64,
        max_position_embeddings: 64,
        initializer_range: 0.1,
        hidden_dropout_prob: dropout,
        attention_probs_dropout_prob: dropout,
        ..BertConfig::default()
    }
}

fn batch(rows: usize, length: usize) -> Batch {
    let cells = |value: fn(usize) -> i32| (0..rows * length).map(value).collect::<Vec<_>>();
    Batch {
        rows,
        length,
        input_ids: cells(|index| (index * 17 % 49 + 1) as i32),
        segment_ids: cells(|index| (index / 7 % 2) as i32),
        attention_mask: cells(|index| i32::from(index % 32 < 27)),
        targets: Some(Targets { start: vec![3; rows], end: vec![5; rows], smoothing: 0.0 }),
    }
}

fn open(choice: &DeviceChoice, fusion: Fusion, config: &BertConfig) -> Box<dyn TrainingEngine> {
    open_training(choice, fusion, config, fresh(config, 7), OptimizerConfig::bert_adam(), Precision::F32)
        .unwrap()
}

fn accumulate(engine: &mut dyn TrainingEngine, batch: &Batch, micro: usize) -> Result<(), EngineError> {
    let weight = 0.5 / batch.rows as f32;
    let mut first_row = 0;
    for part in micro_batches(batch, micro) {
        engine.accumulate(&MicroBatch {
            batch: &part,
            first_row,
            start_weight: weight,
            end_weight: weight,
            seed: 11,
        })?;
        first_row += part.rows;
    }
    Ok(())
}

fn gradients(choice: &DeviceChoice, fusion: Fusion, micro: usize, recompute: bool) -> Weights {
    let mut engine = open(choice, fusion, &config(0.3));
    engine.set_recompute(recompute);
    // Twice, because kernels may come from a cache the second time.
    accumulate(engine.as_mut(), &batch(5, 32), 5).unwrap();
    engine.discard_gradients();
    accumulate(engine.as_mut(), &batch(5, 32), micro).unwrap();
    engine.gradients().unwrap()
}

#[test]
fn gpus_drop_and_recompute_what_the_processor_does() {
    let Some(device) = device::under_test() else { return };
    let choice = device.choice.clone();
    // Sums in another order, or rounded operands besides.
    let most = if device.rounds_to_tf32() { tf32_rounding(TWO_LAYERS.1) } else { 1e-5 };
    let processor = gradients(&DeviceChoice::Cpu, Fusion::Fused, 5, false);
    for fusion in [Fusion::Fused, Fusion::Unfused] {
        let direct = gradients(&choice, fusion, 5, false);
        for (what, expected, actual) in [
            ("the processor and the GPU", &processor, &direct),
            ("one and three micro-batches", &direct, &gradients(&choice, fusion, 2, false)),
            ("direct and recomputed", &direct, &gradients(&choice, fusion, 5, true)),
        ] {
            let largest = difference(expected, actual);
            println!("{fusion}: {what}: {largest:?}");
            assert!(largest.0 <= most, "{fusion}: {what}: {largest:?}");
        }
    }
    assert_eq!(fault::check(), Ok(()));
}

/// Narrow but for its attention probabilities, `rows * 12 * 384 * 384`.
fn attentive() -> BertConfig {
    BertConfig {
        hidden_size: 24,
        num_hidden_layers: 1,
        num_attention_heads: 12,
        intermediate_size: 48,
        max_position_embeddings: 384,
        ..config(0.1)
    }
}

#[test]
fn a_tensor_beyond_the_limit_is_an_out_of_memory_fault() {
    let Some(device) = device::under_test() else { return };
    let choice = device.choice;
    if let Ok(job) = std::env::var(CHILD) {
        return run_job(&choice, &job);
    }
    let Some(limit) = device.max_buffer_bytes else {
        println!("skipped: this device takes tensors of any size");
        return;
    };
    let kind = choice.kind().unwrap();
    let work = Work::Training { recompute: false, accumulates: false, half: false, averages: false };
    let fitting = rows_that_fit(&attentive(), 384, kind, work, u64::MAX, Some(limit)).unwrap();
    if fitting > 32 {
        println!("skipped: {fitting} rows fit into one tensor of this device, too many to try");
        return;
    }
    assert!(largest_buffer(&attentive(), fitting + 1, 384) > limit);
    for fusion in [Fusion::Fused, Fusion::Unfused] {
        for call in ["train", "recompute", "predict"] {
            child(fusion, call, fitting + 1, "out of memory");
        }
        child(fusion, "train", fitting / 2, "fine");
    }
}

/// Starts this test in a process of its own and expects its verdict on its output.
fn child(fusion: Fusion, call: &str, rows: usize, expected: &str) {
    let job = format!("{fusion} {call} {rows}");
    let started = Instant::now();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_tensor_beyond_the_limit_is_an_out_of_memory_fault", "--nocapture"])
        .env(CHILD, &job)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let verdict = text.lines().find_map(|line| line.split_once("verdict: ")).map(|(_, verdict)| verdict);
    println!("{job}: {verdict:?} after {:.1} s", started.elapsed().as_secs_f32());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(verdict.is_some_and(|verdict| verdict.starts_with(expected)), "{job}: {text}\n{errors}");
}

/// One attempt; says what came of it.
fn run_job(choice: &DeviceChoice, job: &str) {
    // What hangs is ended here, without a verdict.
    std::thread::spawn(|| {
        std::thread::sleep(PATIENCE);
        std::process::exit(9);
    });
    let [fusion, call, rows] = job.split(' ').collect::<Vec<_>>()[..] else { panic!("{job}") };
    let fusion = if fusion == "fused" { Fusion::Fused } else { Fusion::Unfused };
    let batch = batch(rows.parse().unwrap(), 384);
    let mut engine = open(choice, fusion, &attentive());
    let mut attempt = || {
        if call == "predict" {
            return engine.predict(&batch).map(|_| ());
        }
        engine.set_recompute(call == "recompute");
        accumulate(engine.as_mut(), &batch, batch.rows)?;
        engine.update(1e-3)?;
        engine.drain_metrics().map(|_| ())
    };
    match attempt() {
        Ok(()) => println!("verdict: fine"),
        Err(EngineError::Fault(fault)) if fault.is_out_of_memory() => {
            println!("verdict: out of memory, {fault}");
            // And it stays that way: nothing is read from a failed device.
            assert!(matches!(engine.weights(), Err(EngineError::Fault(_))));
        }
        Err(other) => println!("verdict: {other:?}"),
    }
}
