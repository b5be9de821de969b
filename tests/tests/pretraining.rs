//! The pre-training losses and their gradients against PyTorch (`tests/scripts/make_pretraining_fixture.py`), and a model
//! that learns to tell masked spans.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    pin::pin,
    task::{Context, Poll, Waker},
};

use serde::Deserialize;
use spanbert_backends::{BackendKind, DeviceChoice, Fusion, Precision};
use spanbert_core::{
    batch::{
        Batch, FramePieces, MaskedText, MlmTargets, PretrainBatch, SboTargets, collate_masked as collate,
    },
    checkpoint::{HostTensor, Weights},
    config::{BertConfig, SPAN_POSITIONS, head_shapes},
    demo::{self, generate::GeneratorOptions},
    engine::{OptimizerConfig, PretrainEngine, PretrainMicroBatch, open_pretraining},
    model::fresh_pretraining,
    pretrain::{
        MaskPieces, MaskedUnit, MaskingOptions, PretrainError, PretrainJob, PretrainRecipe, PretrainStart,
        mask, recent_losses, run_pretraining,
    },
    random::SplitMix,
    run::{Event, Outcome, RunState},
    tokenizer::TokenizerSettings,
    train::{DeviceLimits, Ending, MicroBatchSize, Observer, Silent, StopFlag, TrainError, TrainOutcome},
};
use spanbert_tests::device::{self, TWO_LAYERS, tf32_rounding};

#[derive(Deserialize)]
struct Fixture {
    config: serde_json::Value,
    batch: FixtureBatch,
    mlm: f64,
    sbo: f64,
    gradients: BTreeMap<String, Expected>,
}

#[derive(Deserialize)]
struct FixtureBatch {
    rows: usize,
    length: usize,
    input_ids: Vec<i32>,
    attention_mask: Vec<i32>,
    mlm: FixtureMlm,
    sbo: FixtureSbo,
}

#[derive(Deserialize)]
struct FixtureMlm {
    places: Vec<i32>,
    pieces: Vec<i32>,
}

#[derive(Deserialize)]
struct FixtureSbo {
    left: Vec<i32>,
    right: Vec<i32>,
    offset: Vec<i32>,
    pieces: Vec<i32>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Expected {
    Values(Vec<f64>),
    /// Sum with alternating signs, and norm.
    Summary {
        sum: f64,
        norm: f64,
    },
}

impl Expected {
    fn norm(&self) -> f64 {
        match self {
            Self::Values(values) => values.iter().map(|value| value * value).sum::<f64>().sqrt(),
            Self::Summary { norm, .. } => *norm,
        }
    }
}

fn fixture() -> (BertConfig, PretrainBatch, Fixture) {
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/pretraining/tiny.json"));
    let fixture: Fixture = serde_json::from_str(&text.unwrap()).unwrap();
    let config = BertConfig::from_json(&fixture.config.to_string(), "fixture").unwrap();
    let FixtureBatch { rows, length, input_ids, attention_mask, mlm, sbo } = &fixture.batch;
    let batch = PretrainBatch {
        batch: Batch {
            rows: *rows,
            length: *length,
            input_ids: input_ids.clone(),
            segment_ids: vec![0; rows * length],
            attention_mask: attention_mask.clone(),
            targets: None,
        },
        mlm: MlmTargets { places: mlm.places.clone(), pieces: mlm.pieces.clone() },
        sbo: SboTargets {
            left: sbo.left.clone(),
            right: sbo.right.clone(),
            offset: sbo.offset.clone(),
            pieces: sbo.pieces.clone(),
        },
    };
    (config, batch, fixture)
}

/// The fixture's weights, by the formula of its script.
fn weights(config: &BertConfig) -> Weights {
    let encoder = spanbert_core::config::parameter_shapes(config, false).into_iter();
    let shapes = encoder.filter(|(name, _)| name.starts_with("bert.")).chain(head_shapes(config));
    let value = |name: &str, index: usize| {
        let base = if name.ends_with("LayerNorm.weight") { 1.0 } else { 0.0 };
        let seed: usize =
            name.bytes().enumerate().map(|(place, byte)| (place + 1) * usize::from(byte)).sum::<usize>()
                % 997;
        base + (((seed + 37 * index) % 101) as f64 - 50.0) / 250.0
    };
    shapes
        .map(|(name, shape)| {
            let count: usize = shape.iter().product();
            let values = (0..count).map(|index| value(&name, index) as f32).collect();
            (name, HostTensor { shape, values })
        })
        .collect()
}

fn open(config: &BertConfig, weights: Weights) -> Box<dyn PretrainEngine> {
    let optimizer = OptimizerConfig::bert_adam();
    open_pretraining(&DeviceChoice::Cpu, Fusion::Unfused, config, weights, optimizer, Precision::F32).unwrap()
}

/// `rounding`: what operands are rounded to, as the share of a gradient's norm by which it may differ.
fn matches_pytorch(choice: &DeviceChoice, fusion: Fusion, rounding: Option<f64>) {
    let (config, batch, fixture) = fixture();
    let optimizer = OptimizerConfig::bert_adam();
    let mut engine =
        open_pretraining(choice, fusion, &config, weights(&config), optimizer, Precision::F32).unwrap();
    let (mlm, sbo) = (batch.mlm.pieces.len() as f64, batch.sbo.pieces.len() as f64);
    let found = engine.predict_masked(&batch).unwrap();
    if *choice == DeviceChoice::Cpu {
        // A processor has nothing to wait for.
        let polled = pin!(engine.predict_masked_async(&batch)).poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Ready(Ok(same)) if same == found));
    }
    for (sums, loss) in [(found.mlm, fixture.mlm), (found.sbo, fixture.sbo)] {
        let most = (1e-5 + rounding.unwrap_or(0.0)) * loss;
        assert!((sums.loss - loss).abs() < most && sums.correct <= sums.targets as f64, "{found:?}");
    }
    let micro = PretrainMicroBatch {
        batch: &batch,
        first_row: 0,
        mlm_weight: (1.0 / mlm) as f32,
        sbo_weight: (1.0 / sbo) as f32,
        seed: 1,
    };
    engine.accumulate(&[micro]).unwrap();
    let gradients = engine.gradients().unwrap();
    assert_eq!(gradients.len(), fixture.gradients.len());
    let norms = fixture.gradients.values().map(Expected::norm);
    let whole = norms.map(|norm| norm * norm).sum::<f64>().sqrt();
    for (name, expected) in &fixture.gradients {
        let found: Vec<f64> = gradients[name].values.iter().map(|&value| f64::from(value)).collect();
        let rounded = rounding.unwrap_or(0.0) * expected.norm().max(whole / 100.0);
        let near = |found: f64, expected: f64, what: &str| {
            assert!(
                (found - expected).abs() < 1e-5 * (1.0 + expected.abs()) + rounded,
                "{name} {what}: {found} {expected}"
            );
        };
        match expected {
            Expected::Values(values) => {
                assert_eq!(found.len(), values.len(), "{name}");
                found.iter().zip(values).for_each(|(found, expected)| near(*found, *expected, "value"));
            }
            Expected::Summary { sum, norm } => {
                let signed = found
                    .iter()
                    .enumerate()
                    .map(|(index, value)| if index % 2 == 0 { *value } else { -value });
                near(signed.sum(), *sum, "sum");
                near(found.iter().map(|value| value * value).sum::<f64>().sqrt(), *norm, "norm");
            }
        }
    }
    engine.update(0.0).unwrap();
    let metrics = engine.drain_metrics().unwrap();
    let losses = metrics[0].pretraining.unwrap();
    for (found, expected) in [(losses.mlm, fixture.mlm / mlm), (losses.sbo, fixture.sbo / sbo)] {
        let most = 1e-5 + rounding.unwrap_or(0.0) * expected;
        assert!((f64::from(found) - expected).abs() < most, "{metrics:?} {expected}");
    }
}

#[test]
fn losses_and_gradients_are_pytorch_s_on_the_processor() {
    matches_pytorch(&DeviceChoice::Cpu, Fusion::Unfused, None);
}

#[test]
fn losses_and_gradients_are_pytorch_s_on_a_gpu() {
    let Some(device) = device::under_test() else { return };
    let rounding = device.rounds_to_tf32().then(|| tf32_rounding(TWO_LAYERS.1));
    for fusion in [Fusion::Unfused, Fusion::Fused] {
        matches_pytorch(&device.choice, fusion, rounding);
    }
}

/// Gradients of the fixture's batch, in fp16 without the loss scale, and both losses.
fn gradients_of(
    config: &BertConfig,
    batch: &PretrainBatch,
    precision: Precision,
    recompute: bool,
) -> (Weights, [f64; 2]) {
    let optimizer = OptimizerConfig::bert_adam();
    let choice = DeviceChoice::Cpu;
    let mut engine =
        open_pretraining(&choice, Fusion::Unfused, config, weights(config), optimizer, precision).unwrap();
    engine.set_recompute(recompute);
    let micro = PretrainMicroBatch {
        batch,
        first_row: 0,
        mlm_weight: 1.0 / batch.mlm.pieces.len() as f32,
        sbo_weight: 1.0 / batch.sbo.pieces.len() as f32,
        seed: 1,
    };
    engine.accumulate(&[micro]).unwrap();
    let last = engine.last_loss().unwrap().unwrap();
    let gradients = engine.gradients().unwrap();
    engine.update(1e-3).unwrap();
    let metrics = engine.drain_metrics().unwrap();
    assert_eq!((metrics[0].loss, metrics[0].overflowed_at), (last, None));
    let losses = metrics[0].pretraining.unwrap();
    (gradients, [losses.mlm, losses.sbo].map(f64::from))
}

fn distance(one: &Weights, other: &Weights) -> f64 {
    assert!(one.keys().eq(other.keys()));
    let square = |x: f64| x * x;
    let (mut apart, mut size) = (0.0, 0.0);
    for (one, other) in one.values().zip(other.values()) {
        for (a, b) in one.values.iter().zip(&other.values) {
            apart += square(f64::from(a - b));
            size += square(f64::from(*a));
        }
    }
    (apart / size).sqrt()
}

#[test]
fn recomputed_activations_give_the_same_gradients_dropout_included() {
    let (config, batch, _) = fixture();
    let config = BertConfig { hidden_dropout_prob: 0.1, attention_probs_dropout_prob: 0.1, ..config };
    let (direct, losses) = gradients_of(&config, &batch, Precision::F32, false);
    let (recomputed, same) = gradients_of(&config, &batch, Precision::F32, true);
    assert_eq!(losses, same);
    let apart = distance(&direct, &recomputed);
    assert!(apart < 1e-6, "{apart}");
    // Without dropout they are others: the draws do count.
    let (dry, _) = gradients_of(&fixture().0, &batch, Precision::F32, true);
    assert!(distance(&direct, &dry) > 0.01);
}

#[test]
fn half_precision_is_near_f32() {
    let (config, batch, _) = fixture();
    let (single, losses) = gradients_of(&config, &batch, Precision::F32, false);
    for (precision, most) in [(Precision::Bf16, 0.05), (Precision::F16, 0.01)] {
        for recompute in [false, true] {
            let (half, found) = gradients_of(&config, &batch, precision, recompute);
            let apart = distance(&single, &half);
            assert!(apart > 1e-6 && apart < most, "{precision}: {apart}");
            for (loss, found) in losses.iter().zip(found) {
                assert!((loss - found).abs() < most * loss, "{precision}: {loss} {found}");
            }
        }
    }
}

#[test]
fn a_batch_in_parts_gives_the_gradients_of_the_whole() {
    let (config, _, _) = fixture();
    let (pieces, starts) = (vec![vec![7, 8, 9, 10, 11, 12, 13, 14], vec![9, 9, 8]], vec![true; 8]);
    let put_in = MaskPieces { mask_id: 4, ordinary: (5..19).collect() };
    let mut random = SplitMix::new(3);
    let masked: Vec<_> = pieces
        .iter()
        .map(|pieces| mask(pieces, &starts[..pieces.len()], &put_in, &MaskingOptions::default(), &mut random))
        .collect();
    let texts: Vec<MaskedText<'_>> =
        pieces.iter().zip(&masked).map(|(pieces, masked)| MaskedText { pieces, masked }).collect();
    let frame = FramePieces { cls: 1, sep: 2, pad: 0 };
    let whole = collate(&texts, frame, 10, SPAN_POSITIONS);
    let gradients = |parts: &[&[MaskedText<'_>]], at_once: bool| {
        let mut engine = open(&config, weights(&config));
        let batches: Vec<_> = parts.iter().map(|part| collate(part, frame, 10, SPAN_POSITIONS)).collect();
        let mut first_row = 0;
        let mut micros = Vec::new();
        for (batch, part) in batches.iter().zip(parts) {
            micros.push(PretrainMicroBatch {
                batch,
                first_row,
                mlm_weight: 1.0 / whole.mlm.pieces.len() as f32,
                sbo_weight: 1.0 / whole.sbo.pieces.len() as f32,
                seed: 1,
            });
            first_row += part.len();
        }
        for micros in micros.chunks(if at_once { micros.len() } else { 1 }) {
            engine.accumulate(micros).unwrap();
        }
        engine.gradients().unwrap()
    };
    let parts = [&texts[..1], &texts[1..]];
    let (whole, parts, at_once) =
        (gradients(&[&texts], false), gradients(&parts, false), gradients(&parts, true));
    for (name, tensor) in &whole {
        // Burn's own operations of the heads round by the number of threads, so side by side is not equal to the bit.
        for found in [&parts, &at_once] {
            for (a, b) in tensor.values.iter().zip(&found[name].values) {
                assert!((a - b).abs() < 1e-6, "{name}: {a} {b}");
            }
        }
    }
}

#[test]
fn masked_spans_are_learnt() {
    let config = BertConfig {
        vocab_size: 24,
        hidden_size: 32,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        intermediate_size: 64,
        max_position_embeddings: 32,
        hidden_dropout_prob: 0.0,
        attention_probs_dropout_prob: 0.0,
        ..BertConfig::default()
    };
    let mut engine = open(&config, fresh_pretraining(&config, 1));
    // Twelve pieces that count upwards from a random one: a masked piece follows from any other.
    let put_in = MaskPieces { mask_id: 4, ordinary: (5..23).collect() };
    let frame = FramePieces { cls: 1, sep: 2, pad: 0 };
    let mut random = SplitMix::new(8);
    let mut losses = Vec::new();
    for _ in 0..400 {
        let pieces: Vec<Vec<u32>> = (0..16)
            .map(|_| {
                let first = random.below(18) as u32;
                (0..12).map(|place| 5 + (first + place) % 18).collect()
            })
            .collect();
        let options = MaskingOptions { max_span_words: 3, ..MaskingOptions::default() };
        let masked: Vec<_> =
            pieces.iter().map(|pieces| mask(pieces, &[true; 12], &put_in, &options, &mut random)).collect();
        let texts: Vec<MaskedText<'_>> =
            pieces.iter().zip(&masked).map(|(pieces, masked)| MaskedText { pieces, masked }).collect();
        let batch = collate(&texts, frame, 14, SPAN_POSITIONS);
        let micro = PretrainMicroBatch {
            batch: &batch,
            first_row: 0,
            mlm_weight: 1.0 / batch.mlm.pieces.len() as f32,
            sbo_weight: 1.0 / batch.sbo.pieces.len() as f32,
            seed: 1,
        };
        engine.accumulate(&[micro]).unwrap();
        engine.update(2e-3).unwrap();
        losses
            .extend(engine.drain_metrics().unwrap().into_iter().map(|metrics| metrics.pretraining.unwrap()));
    }
    let guessing = 18.0_f32.ln();
    assert!((losses[0].mlm - guessing).abs() < 0.6, "{:?}", losses[0]);
    let last = &losses[380..];
    let mean = |value: fn(&spanbert_core::engine::PretrainLosses) -> f32| {
        last.iter().map(value).sum::<f32>() / last.len() as f32
    };
    let (mlm, sbo) = (mean(|losses| losses.mlm), mean(|losses| losses.sbo));
    assert!(mlm < 0.5 && sbo < 0.5, "guessing is {guessing}, this is {mlm} and {sbo}");
}

/// Raises a flag after an update.
struct StopAfter(usize, StopFlag);

impl Observer for StopAfter {
    fn event(&mut self, event: &Event) {
        if matches!(event, Event::Step(step) if step.step >= self.0) {
            self.1.request();
        }
    }
}

fn corpus(folder: &Path) -> PathBuf {
    let options = GeneratorOptions { passages: 60, ..demo::TRAIN };
    let path = folder.join("corpus.json");
    std::fs::write(&path, demo::squad_json("train", &options).unwrap()).unwrap();
    path
}

fn begin(corpus: &Path) -> PretrainStart {
    let model = demo::random_model();
    let recipe = PretrainRecipe {
        train_batch_size: 8,
        micro_batch: MicroBatchSize::Windows(5),
        max_seq_length: 64,
        num_train_epochs: 3,
        learning_rate: 1e-3,
        ..PretrainRecipe::default()
    };
    PretrainStart::New {
        // With dropout: its draws have to be the same after a resumption.
        config: Box::new(BertConfig { hidden_dropout_prob: 0.1, ..model.config }),
        vocab: model.vocab,
        settings: Box::new(TokenizerSettings::bert(false)),
        model: None,
        corpus: vec![corpus.to_owned()],
        eval_corpus: Vec::new(),
        recipe: Box::new(recipe),
    }
}

fn pretrain(
    start: PretrainStart,
    output: &Path,
    observer: &mut dyn Observer,
    stop: StopFlag,
) -> Result<TrainOutcome, PretrainError> {
    run_pretraining(PretrainJob {
        start,
        output,
        limits: DeviceLimits { backend: BackendKind::Cpu, memory_bytes: None, max_buffer_bytes: None },
        choice: "cpu",
        device: "the processor",
        open: &|config, weights, optimizer, precision| {
            open_pretraining(&DeviceChoice::Cpu, Fusion::Unfused, config, weights, optimizer, precision)
        },
        observer,
        stop,
        inject_fault: None,
        workers: None,
    })
}

#[test]
fn a_run_that_was_stopped_ends_as_one_that_was_not() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = corpus(folder.path());
    let [whole, parts] = ["whole", "parts"].map(|name| folder.path().join(name));
    let done = pretrain(begin(&corpus), &whole, &mut Silent, StopFlag::new()).unwrap();
    assert_eq!((done.ending, done.steps), (Ending::Completed, 24));
    let flag = StopFlag::new();
    let stopped = pretrain(begin(&corpus), &parts, &mut StopAfter(5, flag.clone()), flag).unwrap();
    assert_eq!(stopped.ending, Ending::Stopped);
    assert!((5..24).contains(&stopped.steps), "{}", stopped.steps);
    assert_eq!(RunState::read(&stopped.layout).unwrap().outcome, Some(Outcome::Stopped));
    let resumed =
        pretrain(PretrainStart::Resume(Box::default()), &parts, &mut Silent, StopFlag::new()).unwrap();
    assert_eq!((resumed.ending, resumed.steps), (Ending::Completed, 24));
    let weights = |run: &Path| std::fs::read(run.join("last/model.safetensors")).unwrap();
    assert!(weights(&whole) == weights(&parts), "the bits differ");
    // It is over, and says so.
    let told =
        pretrain(PretrainStart::Resume(Box::default()), &parts, &mut Silent, StopFlag::new()).unwrap_err();
    assert!(matches!(told, PretrainError::Train(TrainError::Complete { .. })), "{told}");
    // Another corpus in the same place is noticed.
    let flag = StopFlag::new();
    let other = folder.path().join("other");
    pretrain(begin(&corpus), &other, &mut StopAfter(2, flag.clone()), flag).unwrap();
    std::fs::write(&corpus, "{\"version\": \"v2.0\", \"data\": []}").unwrap();
    let told =
        pretrain(PretrainStart::Resume(Box::default()), &other, &mut Silent, StopFlag::new()).unwrap_err();
    assert!(matches!(told, PretrainError::Train(TrainError::Changed { .. })), "{told}");
}

#[test]
fn single_pieces_and_spans_without_their_boundaries_are_learnt_too() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = corpus(folder.path());
    for (name, masking) in [("pieces", MaskedUnit::Pieces), ("spans", MaskedUnit::Spans)] {
        let output = folder.path().join(name);
        let mut start = begin(&corpus);
        if let PretrainStart::New { recipe, .. } = &mut start {
            (recipe.masking, recipe.span_boundary) = (masking, false);
        }
        let done = pretrain(start, &output, &mut Silent, StopFlag::new()).unwrap();
        assert_eq!((done.ending, done.steps), (Ending::Completed, 24));
        let (mlm, sbo) = recent_losses(&done.layout).unwrap().unwrap();
        assert!(mlm > 0.0 && sbo == 0.0, "{mlm} {sbo}");
    }
    // Single pieces have no boundaries: the contradiction is told before anything is made.
    let mut start = begin(&corpus);
    if let PretrainStart::New { recipe, .. } = &mut start {
        recipe.masking = MaskedUnit::Pieces;
    }
    let told = pretrain(start, &folder.path().join("none"), &mut Silent, StopFlag::new()).unwrap_err();
    assert!(told.to_string().starts_with("recipe: span_boundary is true"), "{told}");
}

#[test]
fn what_was_pre_trained_is_fine_tuned() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = corpus(folder.path());
    let spanbert = |arguments: &[&str]| {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_spanbert_cli"));
        command.current_dir(folder.path()).env("XDG_CACHE_HOME", folder.path().join("cache")).args(arguments);
        let output = command.output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    };
    let config = demo::random_model().config.to_hugging_face().to_string();
    std::fs::write(folder.path().join("tiny.json"), config).unwrap();
    let corpus = corpus.to_str().unwrap();
    let told = spanbert(&[
        "pretrain",
        "--corpus",
        corpus,
        "--config",
        "tiny.json",
        "--train-vocab",
        "600",
        "--max-seq-length",
        "64",
        "--train-batch-size",
        "8",
        "--max-steps",
        "6",
        "--backend",
        "cpu",
        "--output-dir",
        "run",
        "--json",
    ]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["steps"], &told["completed"]), (&6.into(), &true.into()));
    assert!(told["mlm_loss"].as_f64().unwrap() > 0.0 && told["sbo_loss"].as_f64().unwrap() > 0.0);
    assert!(spanbert(&["inspect", "run/last"]).contains("3 layers"));
    let listed = spanbert(&["runs", "list", "."]);
    assert!(listed.contains("run"), "{listed}");
    spanbert(&[
        "train",
        "--preset",
        "demo",
        "--model",
        "run/last",
        "--train-file",
        corpus,
        "--max-steps",
        "3",
        "--backend",
        "cpu",
        "--output-dir",
        "tuned",
    ]);
}
