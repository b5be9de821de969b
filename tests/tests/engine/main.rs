//! The training engine on the CPU, without outside data: what any change to it must keep.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod adversarial;
mod distillation;
mod options;

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use spanbert_backends::{DeviceChoice, Fusion, Precision};
use spanbert_core::{
    advice::Advice,
    batch::{Batch, Targets, micro_batches},
    checkpoint::{Weights, fresh, fresh_tensor},
    config::BertConfig,
    engine::{EngineError, MicroBatch, OptimizerConfig, TrainingEngine, open_training},
};
use spanbert_tests::gradients::difference;

fn config(dropout: f64) -> BertConfig {
    BertConfig {
        vocab_size: 50,
        hidden_size: 24,
        num_hidden_layers: 2,
        num_attention_heads: 3,
        intermediate_size: 48,
        max_position_embeddings: 40,
        hidden_dropout_prob: dropout,
        attention_probs_dropout_prob: dropout,
        ..BertConfig::default()
    }
}

fn open_with(config: BertConfig, weights: Weights) -> Box<dyn TrainingEngine> {
    open_optimized(config, weights, OptimizerConfig::bert_adam())
}

fn open_optimized(
    config: BertConfig,
    weights: Weights,
    optimizer: OptimizerConfig,
) -> Box<dyn TrainingEngine> {
    open_training(&DeviceChoice::Cpu, Fusion::Unfused, &config, weights, optimizer, Precision::F32).unwrap()
}

fn open(dropout: f64) -> Box<dyn TrainingEngine> {
    open_with(config(dropout), fresh(&config(dropout), 7))
}

/// Rows of different real lengths, padded to 32.
fn batch(rows: usize) -> Batch {
    let length = 32;
    let mut batch = Batch {
        rows,
        length,
        input_ids: Vec::new(),
        segment_ids: Vec::new(),
        attention_mask: Vec::new(),
        targets: Some(Targets { start: Vec::new(), end: Vec::new(), smoothing: 0.0 }),
    };
    let targets = batch.targets.as_mut().unwrap();
    for row in 0..rows {
        let real = 12 + (row * 7) % 20;
        for position in 0..length {
            let inside = position < real;
            batch.input_ids.push(if inside { ((row * 31 + position * 17) % 49 + 1) as i32 } else { 0 });
            batch.segment_ids.push(i32::from(inside && position > 5));
            batch.attention_mask.push(i32::from(inside));
        }
        targets.start.push(((row * 5) % real) as i32);
        targets.end.push(((row * 5 + 1) % real) as i32);
    }
    batch
}

/// What a future gives that has nothing to wait for.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a processor has nothing to wait for"),
    }
}

/// One pass over rows of a batch of `whole` rows that start at `first_row`.
fn accumulate_part(
    engine: &mut dyn TrainingEngine,
    batch: &Batch,
    first_row: usize,
    whole: usize,
    seed: u64,
) {
    let weight = 0.5 / whole as f32;
    engine
        .accumulate(&MicroBatch { batch, first_row, start_weight: weight, end_weight: weight, seed })
        .unwrap();
}

fn accumulate(engine: &mut dyn TrainingEngine, batch: &Batch, whole: usize, seed: u64) {
    accumulate_part(engine, batch, 0, whole, seed);
}

fn accumulate_by(engine: &mut dyn TrainingEngine, batch: &Batch, micro: usize, seed: u64) {
    let mut first_row = 0;
    for part in micro_batches(batch, micro) {
        accumulate_part(engine, &part, first_row, batch.rows, seed);
        first_row += part.rows;
    }
}

/// The same, all parts at once: the processor does them side by side.
fn accumulate_together(engine: &mut dyn TrainingEngine, batch: &Batch, micro: usize, seed: u64) {
    let parts = micro_batches(batch, micro);
    let weight = 0.5 / batch.rows as f32;
    let mut first_row = 0;
    let mut micros = Vec::new();
    for batch in &parts {
        micros.push(MicroBatch { batch, first_row, start_weight: weight, end_weight: weight, seed });
        first_row += batch.rows;
    }
    engine.accumulate_all(&micros).unwrap();
}

fn gradients_by(dropout: f64, micro: usize) -> Weights {
    let mut engine = open(dropout);
    accumulate_by(engine.as_mut(), &batch(32), micro, 3);
    engine.gradients().unwrap()
}

#[test]
fn micro_batches_sum_to_the_whole_batch() {
    for dropout in [0.0, 0.2] {
        let whole = gradients_by(dropout, 32);
        for micro in [1, 4, 11] {
            let largest = difference(&whole, &gradients_by(dropout, micro));
            println!("dropout {dropout}, micro-batches of {micro}: largest difference {largest:?}");
            assert!(largest.0 <= 1e-6, "dropout {dropout}, micro-batches of {micro}: {largest:?}");
        }
    }
    let other = difference(&gradients_by(0.0, 32), &gradients_by(0.2, 32));
    assert!(other.0 > 0.01, "dropout changes nothing: {other:?}");
}

#[test]
fn parts_side_by_side_give_the_bits_of_parts_one_after_another() {
    let batch = batch(14);
    let run = |accumulate: fn(&mut dyn TrainingEngine, &Batch, usize, u64)| {
        let mut engine = open(0.2);
        for step in 0..3 {
            accumulate(engine.as_mut(), &batch, 4, step);
            engine.update(1e-3).unwrap();
        }
        accumulate(engine.as_mut(), &batch, 4, 3);
        let last = (engine.gradients().unwrap(), engine.last_loss().unwrap());
        (last, engine.drain_metrics().unwrap(), engine.weights().unwrap())
    };
    assert_eq!(run(accumulate_by), run(accumulate_together));
    // A part that is refused is told, and the engine goes on.
    let mut engine = open(0.2);
    let mut bad = batch.clone();
    bad.input_ids[3] = 50;
    let micros = [&batch, &bad].map(|batch| MicroBatch {
        batch,
        first_row: 0,
        start_weight: 1.0,
        end_weight: 1.0,
        seed: 0,
    });
    assert!(matches!(
        engine.accumulate_all(&micros),
        Err(EngineError::Input { .. } | EngineError::Defect(_))
    ));
    engine.discard_gradients();
    accumulate_together(engine.as_mut(), &batch, 4, 0);
    engine.update(1e-3).unwrap();
}

#[test]
fn recomputed_gradients_are_the_direct_ones_to_the_bit() {
    let batch = batch(6);
    let run = |recompute| {
        let mut engine = open(0.2);
        engine.set_recompute(recompute);
        let mut seen = Vec::new();
        for step in 0..3 {
            accumulate_by(engine.as_mut(), &batch, 4, step);
            seen.push((engine.gradients().unwrap(), engine.last_loss().unwrap()));
            engine.update(1e-3).unwrap();
        }
        let metrics = engine.drain_metrics().unwrap();
        (seen, metrics, engine.weights().unwrap(), engine.optimizer_state().unwrap())
    };
    let (direct, recomputed) = (run(false), run(true));
    assert_eq!(direct.0[0].0.len(), fresh(&config(0.0), 7).len());
    assert_eq!(direct, recomputed);
}

#[test]
fn changing_over_to_recomputing_changes_nothing() {
    let batch = batch(5);
    let run = |change: Option<usize>| {
        let mut engine = open(0.1);
        for step in 0..6 {
            engine.set_recompute(change == Some(step));
            accumulate_by(engine.as_mut(), &batch, 2, step as u64);
            // A batch that was given up leaves nothing behind.
            if step == 2 {
                engine.discard_gradients();
                accumulate_by(engine.as_mut(), &batch, 2, step as u64);
            }
            engine.update(1e-3).unwrap();
        }
        (engine.weights().unwrap(), engine.drain_metrics().unwrap())
    };
    assert_eq!(run(None), run(Some(2)));
}

#[test]
fn dropout_follows_the_seed_and_spares_evaluation() {
    let batch = batch(6);
    let loss = |seed| {
        let mut engine = open(0.2);
        accumulate(engine.as_mut(), &batch, 6, seed);
        engine.last_loss().unwrap().unwrap()
    };
    assert_eq!(loss(1), loss(1));
    assert_ne!(loss(1), loss(2));
    assert_eq!(open(0.2).predict(&batch).unwrap(), open(0.0).predict(&batch).unwrap());
}

#[test]
fn training_lowers_the_loss() {
    let batch = batch(8);
    let mut engine = open(0.0);
    for _ in 0..60 {
        accumulate(engine.as_mut(), &batch, 8, 0);
        engine.update(3e-3).unwrap();
    }
    let metrics = engine.drain_metrics().unwrap();
    assert_eq!(metrics.len(), 60);
    assert!(metrics.iter().all(|m| m.grad_norm.is_finite() && m.grad_norm > 0.0));
    let (first, last) = (metrics[0].loss, metrics[59].loss);
    assert!(last < 0.2 * first, "loss went from {first} to {last}");
}

#[test]
fn saved_weights_and_moments_continue_bitwise() {
    let batch = batch(5);
    let train = |engine: &mut dyn TrainingEngine, steps: std::ops::Range<u64>| {
        for step in steps {
            accumulate(engine, &batch, 5, step);
            engine.update(1e-3).unwrap();
        }
    };
    let mut through = open(0.1);
    train(through.as_mut(), 0..10);

    let mut first = open(0.1);
    train(first.as_mut(), 0..4);
    let mut second = open_with(config(0.1), first.weights().unwrap());
    second.load_optimizer_state(first.optimizer_state().unwrap()).unwrap();
    train(second.as_mut(), 4..10);

    assert_eq!(through.weights().unwrap(), second.weights().unwrap());
    assert_eq!(through.optimizer_state().unwrap(), second.optimizer_state().unwrap());
}

#[test]
fn what_is_read_without_a_wait_has_the_same_bits() {
    let (mut waits, mut polled) = (open(0.1), open(0.1));
    let batch = batch(3);
    for step in 0..2 {
        for engine in [&mut waits, &mut polled] {
            accumulate(engine.as_mut(), &batch, 3, step);
        }
        assert_eq!(now(polled.gradients_async()).unwrap(), waits.gradients().unwrap());
        for engine in [&mut waits, &mut polled] {
            engine.update(1e-3).unwrap();
        }
    }
    let metrics = waits.drain_metrics().unwrap();
    assert_eq!(metrics.len(), 2);
    assert_eq!(now(polled.drain_metrics_async()).unwrap(), metrics);
    assert_eq!(now(polled.drain_metrics_async()).unwrap(), []);
    assert_eq!(now(polled.predict_async(&batch)).unwrap(), waits.predict(&batch).unwrap());
    assert_eq!(now(polled.weights_async()).unwrap(), waits.weights().unwrap());
    let state = waits.optimizer_state().unwrap();
    assert!(!state.first.is_empty());
    assert_eq!(now(polled.optimizer_state_async()).unwrap(), state);
    let error = now(polled.predict_async(&Batch { rows: 0, ..batch })).unwrap_err();
    assert!(error.to_string().contains("empty batch"), "{error}");
}

#[test]
fn tensors_the_model_does_not_use_are_kept() {
    let mut weights = fresh(&config(0.0), 7);
    let pooler = fresh_tensor("bert.pooler.dense.weight", vec![24, 24], 0.02, 1);
    weights.insert("bert.pooler.dense.weight".into(), pooler.clone());
    let mut engine = open_with(config(0.0), weights.clone());
    assert_eq!(engine.weights().unwrap(), weights);
}

#[test]
fn unfit_input_is_refused_with_a_reason() {
    let mut engine = open(0.0);
    let mut message = |change: &dyn Fn(&mut Batch)| {
        let mut batch = batch(2);
        change(&mut batch);
        match engine.predict(&batch) {
            Err(error @ (EngineError::Input { .. } | EngineError::Defect(_))) => error.in_one_line(),
            other => panic!("accepted: {other:?}"),
        }
    };
    assert!(message(&|b| b.input_ids[3] = 50).contains("input_ids holds 50"));
    assert!(message(&|b| b.input_ids[3] = -1).contains("input_ids holds -1"));
    assert!(message(&|b| b.segment_ids[0] = 2).contains("segment_ids holds 2"));
    assert!(message(&|b| b.attention_mask.truncate(5)).contains("attention_mask has 5 of 64"));
    assert!(message(&|b| b.length = 41).contains("lower max_seq_length"));
    assert!(message(&|b| b.rows = 0).contains("empty batch"));
}

#[test]
fn weights_that_do_not_fit_are_named() {
    let mut weights = fresh(&config(0.0), 7);
    weights.get_mut("qa_outputs.weight").unwrap().shape = vec![24, 2];
    let optimizer = OptimizerConfig::bert_adam();
    let opened =
        open_training(&DeviceChoice::Cpu, Fusion::Unfused, &config(0.0), weights, optimizer, Precision::F32);
    let error = opened.err().unwrap().to_string();
    assert!(error.contains("qa_outputs.weight is [24, 2]"), "{error}");
}
