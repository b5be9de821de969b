//! Half precision on a GPU, a software one included: its numbers are those of the processor, which imitates the format,
//! and what the device lacks is refused.
#![recursion_limit = "256"]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use burn::tensor::Tensor;
use serde_json::json;
use spanbert_backends::{
    BertBackend, DeviceChoice, DeviceInfo, DeviceTask, Fusion, Precision, dispatch, fault, ops,
};
use spanbert_core::{
    advice::Advice,
    batch::{Batch, Targets},
    checkpoint::{Weights, fresh},
    config::BertConfig,
    engine::{
        EngineError, InferenceEngine, Logits, MicroBatch, OptimizerConfig, TrainingEngine, open_inference,
        open_training,
    },
};
use spanbert_tests::{device, gradients::difference};

/// Fixed, so that both sides scale alike.
const LOSS_SCALE: f32 = 1024.0;

fn config() -> BertConfig {
    BertConfig {
        vocab_size: 50,
        hidden_size: 32,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        intermediate_size: 64,
        max_position_embeddings: 64,
        initializer_range: 0.1,
        hidden_dropout_prob: 0.2,
        attention_probs_dropout_prob: 0.2,
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

fn learning(
    choice: &DeviceChoice,
    fusion: Fusion,
    precision: Precision,
    loss_scale: f32,
) -> Box<dyn TrainingEngine> {
    let optimizer = OptimizerConfig { loss_scale, ..OptimizerConfig::fused_adam() };
    open_training(choice, fusion, &config(), fresh(&config(), 7), optimizer, precision).unwrap()
}

fn answering(choice: &DeviceChoice, fusion: Fusion, precision: Precision) -> Box<dyn InferenceEngine> {
    open_inference(choice, fusion, &config(), fresh(&config(), 7), precision).unwrap()
}

fn accumulate(engine: &mut dyn TrainingEngine, batch: &Batch, seed: u64) {
    let weight = 0.5 / batch.rows as f32;
    engine
        .accumulate(&MicroBatch { batch, first_row: 0, start_weight: weight, end_weight: weight, seed })
        .unwrap();
}

/// Largest difference by the largest expected logit.
fn apart(expected: &Logits, actual: &Logits) -> f32 {
    let largest =
        |values: &mut dyn Iterator<Item = f32>| values.fold(0.0f32, |most, value| most.max(value.abs()));
    let differences = expected.start.iter().zip(&actual.start).chain(expected.end.iter().zip(&actual.end));
    assert!(actual.start.iter().chain(&actual.end).all(|value| value.is_finite()), "{actual:?}");
    largest(&mut differences.map(|(a, b)| a - b)) / largest(&mut expected.start.iter().copied())
}

/// The device, if it computes in a half format.
fn device_with(precision: Precision) -> Option<DeviceInfo> {
    let device = device::under_test()?;
    if device.precisions.contains(&precision) {
        return Some(device);
    }
    println!("skipped: this device does not compute in {precision}");
    None
}

#[test]
fn f16_on_the_gpu_is_what_the_processor_imitates() {
    equals_the_imitation(Precision::F16, 1.0, 3e-2);
}

/// Three bits of significand fewer: eight times the rounding.
#[test]
fn bf16_on_the_gpu_is_what_the_processor_imitates() {
    equals_the_imitation(Precision::Bf16, 8.0, 6e-2);
}

/// `rounding`: of the format, by that of f16. `after_updates`: of logits then, for which Adam hands on the signs of gradients
/// that are zero but for rounding, so that they do not grow with it.
fn equals_the_imitation(precision: Precision, rounding: f32, after_updates: f32) {
    let Some(device) = device_with(precision) else { return };
    let run = |choice: &DeviceChoice, fusion| {
        let batch = batch(5, 32);
        let logits = answering(choice, fusion, precision).predict(&batch).unwrap();
        let mut engine = learning(choice, fusion, precision, LOSS_SCALE);
        let gradients = |engine: &mut dyn TrainingEngine| -> Weights {
            // Twice, because kernels may come from a cache the second time.
            accumulate(engine, &batch, 3);
            engine.discard_gradients();
            accumulate(engine, &batch, 3);
            let gradients = engine.gradients().unwrap();
            engine.discard_gradients();
            gradients
        };
        let direct = gradients(engine.as_mut());
        engine.set_recompute(true);
        let recomputed = gradients(engine.as_mut());
        engine.set_recompute(false);
        for seed in 0..4 {
            accumulate(engine.as_mut(), &batch, seed);
            engine.update(1e-3).unwrap();
        }
        let metrics = engine.drain_metrics().unwrap();
        assert!(metrics.len() == 4 && metrics.iter().all(|metrics| metrics.overflowed_at.is_none()));
        (logits, direct, recomputed, metrics, engine.predict(&batch).unwrap())
    };
    let expected = run(&DeviceChoice::Cpu, Fusion::Fused);
    let single = answering(&DeviceChoice::Cpu, Fusion::Fused, Precision::F32).predict(&batch(5, 32)).unwrap();
    let imitated = apart(&single, &expected.0);
    assert!(imitated > 1e-5 * rounding, "the imitation is f32");
    for fusion in [Fusion::Fused, Fusion::Unfused] {
        let (logits, direct, recomputed, metrics, updated) = run(&device.choice, fusion);
        let seen = (
            apart(&expected.0, &logits),
            difference(&expected.1, &direct),
            difference(&direct, &recomputed),
            apart(&expected.4, &updated),
        );
        println!(
            "{fusion}: {precision} from f32 {imitated:e}; logits, gradients, recomputed, after updates: {seen:?}"
        );
        assert!(seen.0 < 2e-3 * rounding && seen.3 < after_updates, "{fusion}: {seen:?}");
        let wide = f64::from(rounding);
        assert!(seen.1.0 < 2e-2 * wide && seen.2.0 < 1e-2 * wide, "{fusion}: {seen:?}");
        for (ours, theirs) in metrics.iter().zip(&expected.3) {
            let losses = (ours.loss - theirs.loss).abs();
            assert!(losses < 5e-3 * rounding * theirs.loss, "{fusion}: {ours:?} {theirs:?}");
            let norms = (ours.grad_norm - theirs.grad_norm).abs();
            assert!(norms < 1e-2 * rounding * theirs.grad_norm, "{fusion}: {ours:?} {theirs:?}");
        }
    }
    assert_eq!(fault::check(), Ok(()));
}

/// A linear layer whose sum stands still in a half format: 2048 and then quarters, of which f16 adds none to 2048.
struct LongSum;

impl DeviceTask for LongSum {
    type Output = Vec<f32>;

    fn run<B: BertBackend>(self, device: B::Device) -> Vec<f32> {
        let input = 4096;
        let mut row = vec![0.25f32; input];
        row[0] = 2048.0;
        let x = Tensor::<B, 1>::from_floats(row.as_slice(), &device).reshape([1, input]).repeat_dim(0, 32);
        let weight = Tensor::<B, 2>::ones([input, 32], &device);
        let y = ops::linear(x, weight, Tensor::zeros([32], &device), Precision::F16);
        y.into_data().into_vec().unwrap()
    }
}

#[test]
fn products_of_f16_are_summed_in_f32() {
    let Some(device) = device_with(Precision::F16) else { return };
    for (choice, fusion) in [
        (&DeviceChoice::Cpu, Fusion::Fused),
        (&device.choice, Fusion::Fused),
        (&device.choice, Fusion::Unfused),
    ] {
        let sums = dispatch(choice, fusion, LongSum).unwrap();
        // 3071.75, of which f16 has the neighbours 3070 and 3072.
        assert!(sums.iter().all(|&sum| sum == 3072.0), "{choice} {fusion}: {sums:?}");
    }
}

#[test]
fn an_overflow_on_the_gpu_leaves_weights_and_moments() {
    let Some(device) = device_with(Precision::F16) else { return };
    for fusion in [Fusion::Fused, Fusion::Unfused] {
        let mut engine = learning(&device.choice, fusion, Precision::F16, 0.0);
        accumulate(engine.as_mut(), &batch(3, 32), 0);
        engine.update(1e-3).unwrap();
        engine.drain_metrics().unwrap();
        let mut state = engine.optimizer_state().unwrap();
        state.loss_scale = Some(
            serde_json::from_value(json!({"scale": 16_777_216.0, "updates": 0, "adapts": true})).unwrap(),
        );
        engine.load_optimizer_state(state).unwrap();
        let (weights, state) = (engine.weights().unwrap(), engine.optimizer_state().unwrap());
        accumulate(engine.as_mut(), &batch(3, 32), 1);
        engine.update(1e-3).unwrap();
        let metrics = engine.drain_metrics().unwrap();
        assert_eq!(metrics[0].overflowed_at, Some(16_777_216.0), "{fusion}: {metrics:?}");
        let after = engine.optimizer_state().unwrap();
        assert_eq!(after.loss_scale.unwrap().scale(), 8_388_608.0);
        assert_eq!((after.first, after.second), (state.first, state.second), "{fusion}");
        assert_eq!(engine.weights().unwrap(), weights, "{fusion}");
    }
}

#[test]
fn a_format_that_the_device_lacks_is_refused_with_those_it_has() {
    let Some(device) = device::under_test() else { return };
    let lacks = |precision: &Precision| !device.precisions.contains(precision);
    let Some(lacking) = [Precision::Bf16, Precision::F16].into_iter().find(lacks) else {
        println!("skipped: this device computes in every format");
        return;
    };
    let choice = &device.choice;
    let (config, weights) = (config(), fresh(&config(), 7));
    let answering = open_inference(choice, Fusion::Fused, &config, weights.clone(), lacking).err().unwrap();
    let optimizer = OptimizerConfig::bert_adam();
    let learning = open_training(choice, Fusion::Fused, &config, weights, optimizer, lacking).err().unwrap();
    for error in [answering, learning] {
        assert!(matches!(error, EngineError::Backend(_)), "{error}");
        let text = error.in_one_line();
        assert!(text.contains(&format!("does not compute in {lacking}, only in f32")), "{text}");
        assert!(text.contains("; use --precision f32"), "{text}");
    }
    assert_eq!(fault::check(), Ok(()));
}
