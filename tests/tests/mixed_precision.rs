//! Low precisions on the CPU, which imitates those that it has no instructions for: how far from f32 training in the half formats and
//! answering in int8 are, and what the loss scale does.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use serde_json::json;
use spanbert_backends::{DeviceChoice, Fusion, Precision};
use spanbert_core::{
    advice::Advice,
    batch::{Batch, Targets},
    checkpoint::{Weights, fresh},
    config::BertConfig,
    engine::{LossScale, MicroBatch, OptimizerConfig, TrainingEngine, open_inference, open_training},
    run::{Event, read_events},
    train::{Ending, OptimizerKind, Recipe, Start, TrainError},
};
use spanbert_tests::{
    gradients::difference,
    small::{self, Folder, dataset, steps},
};

const HALVES: [Precision; 2] = [Precision::Bf16, Precision::F16];

fn config(dropout: f64) -> BertConfig {
    BertConfig {
        vocab_size: 50,
        hidden_size: 24,
        num_hidden_layers: 2,
        num_attention_heads: 3,
        intermediate_size: 48,
        max_position_embeddings: 40,
        // Wide enough for logits of about 1, so that differences mean something.
        initializer_range: 0.1,
        hidden_dropout_prob: dropout,
        attention_probs_dropout_prob: dropout,
        ..BertConfig::default()
    }
}

fn open_with(
    weights: Weights,
    optimizer: OptimizerConfig,
    dropout: f64,
    precision: Precision,
) -> Box<dyn TrainingEngine> {
    open_training(&DeviceChoice::Cpu, Fusion::Unfused, &config(dropout), weights, optimizer, precision)
        .unwrap()
}

fn open(dropout: f64, precision: Precision) -> Box<dyn TrainingEngine> {
    open_with(fresh(&config(dropout), 7), OptimizerConfig::fused_adam(), dropout, precision)
}

fn batch(rows: usize) -> Batch {
    let cells = |value: fn(usize) -> i32| (0..rows * 32).map(value).collect::<Vec<_>>();
    Batch {
        rows,
        length: 32,
        input_ids: cells(|index| (index * 17 % 49 + 1) as i32),
        segment_ids: cells(|index| (index / 7 % 2) as i32),
        attention_mask: cells(|index| i32::from(index % 32 < 27)),
        targets: Some(Targets { start: vec![3; rows], end: vec![5; rows], smoothing: 0.0 }),
    }
}

fn accumulate(engine: &mut dyn TrainingEngine, batch: &Batch, seed: u64) {
    let weight = 0.5 / batch.rows as f32;
    engine
        .accumulate(&MicroBatch { batch, first_row: 0, start_weight: weight, end_weight: weight, seed })
        .unwrap();
}

/// Puts a loss scale in force, as a checkpoint does.
fn set_scale(engine: &mut dyn TrainingEngine, scale: f32, updates: u32) {
    let mut state = engine.optimizer_state().unwrap();
    let saved: LossScale =
        serde_json::from_value(json!({"scale": scale, "updates": updates, "adapts": true})).unwrap();
    state.loss_scale = Some(saved);
    engine.load_optimizer_state(state).unwrap();
}

fn scale(engine: &mut dyn TrainingEngine) -> f32 {
    engine.optimizer_state().unwrap().loss_scale.unwrap().scale()
}

#[test]
fn logits_and_gradients_are_those_of_f32_but_for_rounding() {
    let batch = batch(6);
    let logits = |precision| {
        let (config, weights) = (config(0.0), fresh(&config(0.0), 7));
        let mut engine =
            open_inference(&DeviceChoice::Cpu, Fusion::Unfused, &config, weights, precision).unwrap();
        let answering = engine.predict(&batch).unwrap();
        // A model that learns answers alike; only the layout of its weights may differ.
        let learning = open(0.0, precision).predict(&batch).unwrap();
        (answering, learning)
    };
    let gradients = |precision| {
        let mut engine = open(0.2, precision);
        accumulate(engine.as_mut(), &batch, 3);
        let gradients = engine.gradients().unwrap();
        (gradients, engine.last_loss().unwrap().unwrap())
    };
    let (expected, (gradients_f32, loss_f32)) = (logits(Precision::F32), gradients(Precision::F32));
    let largest = |values: &[f32]| values.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    let size = largest(&expected.0.start);
    assert!(size > 0.3, "the logits are {size}");
    for (precision, least, most) in [(Precision::Bf16, 1e-4, 2e-2), (Precision::F16, 1e-5, 3e-3)] {
        let (answering, learning) = logits(precision);
        let apart =
            |a: &[f32], b: &[f32]| largest(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>()) / size;
        let from_f32 = apart(&answering.start, &expected.0.start);
        let (gradients, loss) = gradients(precision);
        let gradient = difference(&gradients_f32, &gradients);
        println!("{precision}: logits {from_f32:e}, gradients {gradient:?}, loss {loss} for {loss_f32}");
        assert!((least..most).contains(&from_f32), "{precision}: {from_f32}");
        assert!(apart(&answering.end, &learning.end) < most, "{precision}");
        assert!(
            gradient.0 > f64::from(least) && gradient.0 < f64::from(5.0 * most),
            "{precision}: {gradient:?}"
        );
        assert!((loss - loss_f32).abs() < most * loss_f32, "{precision}: {loss} for {loss_f32}");
    }
}

#[test]
fn int8_answers_like_f32_whatever_is_beside_a_window_and_does_not_learn() {
    let weights = || fresh(&config(0.0), 7);
    let open = |precision| {
        open_inference(&DeviceChoice::Cpu, Fusion::Unfused, &config(0.0), weights(), precision).unwrap()
    };
    let (mut single, mut int8) = (open(Precision::F32), open(Precision::Int8));
    let (expected, found) = (single.predict(&batch(6)).unwrap(), int8.predict(&batch(6)).unwrap());
    let largest =
        |values: &mut dyn Iterator<Item = f32>| values.fold(0.0f32, |largest, v| largest.max(v.abs()));
    let size = largest(&mut expected.start.iter().copied());
    let apart = largest(&mut expected.start.iter().zip(&found.start).map(|(a, b)| a - b)) / size;
    println!("int8: logits {apart:e} from f32");
    assert!((1e-4..5e-2).contains(&apart), "{apart}");
    // Every row has a scale of its own, so that a window's logits are the same bits in any batch.
    let alone = int8.predict(&batch(1)).unwrap();
    assert_eq!((&alone.start[..], &alone.end[..]), (&found.start[..32], &found.end[..32]));

    let refused = open_training(
        &DeviceChoice::Cpu,
        Fusion::Unfused,
        &config(0.0),
        weights(),
        OptimizerConfig::bert_adam(),
        Precision::Int8,
    );
    let error = refused.err().unwrap();
    assert!(error.to_string().contains("int8"), "{error}");
    assert_eq!(error.remedy(), "use f32 or a half precision");
}

#[test]
fn recomputed_gradients_are_the_direct_ones_to_the_bit_in_half_too() {
    let batch = batch(5);
    for precision in HALVES {
        let run = |recompute| {
            let mut engine = open(0.2, precision);
            engine.set_recompute(recompute);
            for step in 0..3 {
                accumulate(engine.as_mut(), &batch, step);
                engine.update(1e-3).unwrap();
            }
            (engine.drain_metrics().unwrap(), engine.weights().unwrap(), engine.optimizer_state().unwrap())
        };
        assert_eq!(run(false), run(true), "{precision}");
    }
}

#[test]
fn half_formats_learn_what_f32_learns() {
    let batch = batch(8);
    let last = |precision| {
        let mut engine = open(0.0, precision);
        for step in 0..60 {
            accumulate(engine.as_mut(), &batch, step);
            engine.update(3e-3).unwrap();
        }
        let metrics = engine.drain_metrics().unwrap();
        assert_eq!(metrics.len(), 60);
        (metrics[0].loss, metrics[59].loss)
    };
    let (first, f32) = last(Precision::F32);
    assert!(f32 < 0.2 * first, "{first} to {f32}");
    for precision in HALVES {
        let (_, half) = last(precision);
        assert!(half < 0.2 * first, "{precision}: {first} to {half}");
    }
}

#[test]
fn an_overflow_leaves_everything_as_it_was_but_the_scale() {
    let batch = batch(4);
    let mut engine = open(0.0, Precision::F16);
    // Moments that are not 0.
    accumulate(engine.as_mut(), &batch, 0);
    engine.update(1e-3).unwrap();
    set_scale(engine.as_mut(), 16_777_216.0, 7);
    engine.drain_metrics().unwrap();
    let before = (engine.weights().unwrap(), engine.optimizer_state().unwrap());
    let mut halvings = 0;
    loop {
        accumulate(engine.as_mut(), &batch, 1);
        engine.update(1e-3).unwrap();
        let metrics = engine.drain_metrics().unwrap();
        assert!(metrics.len() == 1 && metrics[0].loss.is_finite(), "{metrics:?}");
        let Some(overflowed_at) = metrics[0].overflowed_at else {
            assert!(metrics[0].grad_norm.is_finite());
            break;
        };
        halvings += 1;
        assert_eq!(overflowed_at, 2.0 * scale(engine.as_mut()));
        let state = engine.optimizer_state().unwrap();
        assert_eq!(engine.weights().unwrap(), before.0, "after {halvings} overflows");
        assert_eq!((&state.first, &state.second), (&before.1.first, &before.1.second));
    }
    assert!(halvings > 2, "2^24 should overflow more than {halvings} times");
    assert_eq!(scale(engine.as_mut()), 16_777_216.0 / 2f32.powi(halvings));
    assert_ne!(engine.weights().unwrap(), before.0, "the update that did not overflow is made");
}

#[test]
fn a_thousand_good_updates_double_the_scale() {
    let batch = batch(2);
    let mut engine = open(0.0, Precision::F16);
    accumulate(engine.as_mut(), &batch, 0);
    engine.update(1e-3).unwrap();
    set_scale(engine.as_mut(), 64.0, 998);
    for expected in [64.0, 128.0, 128.0] {
        accumulate(engine.as_mut(), &batch, 1);
        engine.update(1e-3).unwrap();
        assert_eq!(scale(engine.as_mut()), expected);
    }
}

/// The scale itself is a power of two and must not be seen in the result.
#[test]
fn updates_do_not_depend_on_the_scale() {
    let batch = batch(4);
    let run = |fixed: f32, optimizer: OptimizerConfig| {
        let optimizer = OptimizerConfig { loss_scale: fixed, ..optimizer };
        let mut engine = open_with(fresh(&config(0.0), 7), optimizer, 0.0, Precision::F16);
        for step in 0..4 {
            accumulate(engine.as_mut(), &batch, step);
            engine.update(1e-3).unwrap();
        }
        let metrics = engine.drain_metrics().unwrap();
        assert!(metrics.iter().all(|metrics| metrics.overflowed_at.is_none()), "{metrics:?}");
        metrics
    };
    // Both ways of clipping.
    for optimizer in [OptimizerConfig::bert_adam(), OptimizerConfig::fused_adam()] {
        for (one, other) in run(256.0, optimizer).iter().zip(run(4096.0, optimizer)) {
            assert!((one.loss - other.loss).abs() < 1e-3 * one.loss, "{one:?} {other:?}");
            assert!((one.grad_norm - other.grad_norm).abs() < 5e-3 * one.grad_norm, "{one:?} {other:?}");
        }
    }
}

#[test]
fn saved_state_goes_on_bitwise_after_an_overflow() {
    let batch = batch(5);
    let train = |engine: &mut dyn TrainingEngine, steps: std::ops::Range<u64>| {
        for step in steps {
            accumulate(engine, &batch, step);
            engine.update(1e-3).unwrap();
        }
    };
    let begin = || {
        let mut engine = open(0.1, Precision::F16);
        train(engine.as_mut(), 0..1);
        set_scale(engine.as_mut(), 16_777_216.0, 0);
        engine
    };
    let mut through = begin();
    train(through.as_mut(), 1..30);
    let overflows = through.drain_metrics().unwrap().iter().filter(|m| m.overflowed_at.is_some()).count();
    assert!(overflows > 2 && overflows < 25, "{overflows}");
    for stop in [2, overflows as u64, 20] {
        let mut first = begin();
        train(first.as_mut(), 1..stop);
        let mut second =
            open_with(first.weights().unwrap(), OptimizerConfig::fused_adam(), 0.1, Precision::F16);
        second.load_optimizer_state(first.optimizer_state().unwrap()).unwrap();
        train(second.as_mut(), stop..30);
        assert_eq!(through.weights().unwrap(), second.weights().unwrap(), "stopped before update {stop}");
        assert_eq!(through.optimizer_state().unwrap(), second.optimizer_state().unwrap());
    }
}

#[test]
fn only_fp16_has_a_loss_scale() {
    for precision in [Precision::F32, Precision::Bf16] {
        assert_eq!(open(0.0, precision).optimizer_state().unwrap().loss_scale, None, "{precision}");
    }
    let initial = open(0.0, Precision::F16).optimizer_state().unwrap().loss_scale.unwrap();
    assert_eq!((initial.scale(), initial.is_sound()), (65_536.0, true));
}

fn recipe() -> Recipe {
    Recipe {
        precision: spanbert_core::train::Precision::Fp16,
        optimizer: OptimizerKind::FusedAdam,
        ..small::recipe()
    }
}

fn run(
    recipe: Recipe,
    folder: &Folder,
    name: &str,
    start: Start,
) -> Result<spanbert_core::train::TrainOutcome, TrainError> {
    let data = folder.data("train.json", &dataset(24, true));
    small::train(&data, None, recipe, &folder.path(name), |job| job.start = start)
}

/// What a run says of overflows.
fn warnings(layout: &spanbert_core::run::Layout) -> Vec<String> {
    let records = read_events(&layout.events()).unwrap().into_iter();
    records
        .filter_map(|record| if let Event::Warning { message } = record.event { Some(message) } else { None })
        .filter(|message| message.contains("beyond fp16"))
        .collect()
}

#[test]
fn overflows_are_recorded_and_the_scale_is_in_the_checkpoint() {
    let folder = Folder::new();
    let outcome = run(Recipe { checkpoint_steps: Some(9), ..recipe() }, &folder, "run", Start::New).unwrap();
    assert_eq!((outcome.ending, outcome.steps), (Ending::Completed, 18));
    let told = warnings(&outcome.layout);
    // Every update is an event, one without a norm for each that was left out.
    let left_out = steps(&outcome.layout).iter().filter(|step| step.grad_norm.is_none()).count();
    assert_eq!((steps(&outcome.layout).len(), told.len()), (18, left_out));
    let progress = std::fs::read_to_string(outcome.layout.checkpoint(18).join("progress.json")).unwrap();
    let progress: serde_json::Value = serde_json::from_str(&progress).unwrap();
    let expected = 65_536.0 / 2f64.powi(left_out as i32);
    assert_eq!(progress["loss_scale"]["scale"].as_f64(), Some(expected), "{told:?}");
}

#[test]
fn a_fixed_scale_that_is_too_large_is_told_of_at_every_update() {
    let folder = Folder::new();
    let recipe = Recipe { loss_scale: 16_777_216.0, max_steps: Some(3), ..recipe() };
    let outcome = run(recipe, &folder, "run", Start::New).unwrap();
    let told = warnings(&outcome.layout);
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(told[1], "step 2: a gradient is beyond fp16 at loss scale 16777216; this update is left out");
}
