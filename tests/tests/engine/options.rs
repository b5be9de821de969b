//! What a recipe may add to the reference's optimizer and loss.

use spanbert_core::{
    batch::Batch,
    checkpoint::{HostTensor, Weights, fresh},
    engine::{Logits, OptimizerConfig, TrainingEngine},
};

use super::{accumulate, batch, config, now, open_optimized};

const RATE: f64 = 1e-3;

fn open(dropout: f64, optimizer: OptimizerConfig) -> Box<dyn TrainingEngine> {
    open_optimized(config(dropout), fresh(&config(dropout), 7), optimizer)
}

fn train(engine: &mut dyn TrainingEngine, steps: std::ops::Range<u64>) {
    for step in steps {
        accumulate(engine, &batch(5), 5, step);
        engine.update(RATE).unwrap();
    }
}

/// The largest change of each parameter by one update without decay, in learning rates.
fn first_changes(optimizer: OptimizerConfig) -> Vec<(String, f64)> {
    let mut engine = open(0.0, OptimizerConfig { weight_decay: 0.0, ..optimizer });
    let before = engine.weights().unwrap();
    train(engine.as_mut(), 0..1);
    let largest = |(name, after): (String, HostTensor)| {
        let changes = after.values.iter().zip(&before[&name].values).map(|(a, b)| f64::from((a - b).abs()));
        (name, changes.fold(0.0, f64::max) / RATE)
    };
    engine.weights().unwrap().into_iter().map(largest).collect()
}

/// Of a gradient that is large against `eps`, the first update takes `0.1 / sqrt(0.001)` of the rate, and corrected all of it.
#[test]
fn the_moments_bias_is_corrected_on_demand() {
    let corrected = OptimizerConfig { bias_correction: true, ..OptimizerConfig::bert_adam() };
    for (optimizer, expected) in [(OptimizerConfig::bert_adam(), 0.1 / 0.001_f64.sqrt()), (corrected, 1.0)] {
        let changes = first_changes(optimizer);
        let head = changes.iter().find(|(name, _)| name == "qa_outputs.weight").unwrap().1;
        assert!((head / expected - 1.0).abs() < 1e-3, "{head}, not {expected}");
        assert!(changes.iter().all(|(_, change)| *change < 1.001 * expected), "{changes:?}");
    }
}

/// Beside PyTorch's formulas in f64 over several updates, with decay.
#[test]
fn corrected_updates_are_adamw_s() {
    let config = OptimizerConfig { bias_correction: true, ..OptimizerConfig::bert_adam() };
    let mut engine = open(0.0, config);
    let name = "bert.encoder.layer.0.output.dense.weight";
    let mut weight: Vec<f64> =
        engine.weights().unwrap()[name].values.iter().copied().map(f64::from).collect();
    let (mut first, mut second) = (vec![0.0; weight.len()], vec![0.0; weight.len()]);
    for step in 1..=5 {
        accumulate(engine.as_mut(), &batch(5), 5, 0);
        let gradient = engine.gradients().unwrap()[name].values.clone();
        let norm = gradient.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>().sqrt();
        let clip = (1.0 / (norm + 1e-6)).min(1.0);
        engine.update(RATE).unwrap();
        for (index, &g) in gradient.iter().enumerate() {
            let g = f64::from(g) * clip;
            first[index] = 0.9 * first[index] + 0.1 * g;
            second[index] = 0.999 * second[index] + 0.001 * g * g;
            let (m, v) =
                (first[index] / (1.0 - 0.9_f64.powi(step)), second[index] / (1.0 - 0.999_f64.powi(step)));
            weight[index] -= RATE * (m / (v.sqrt() + 1e-6) + 0.01 * weight[index]);
        }
    }
    let ours = &engine.weights().unwrap()[name].values;
    let largest = ours.iter().zip(&weight).map(|(&a, b)| (f64::from(a) - b).abs()).fold(0.0, f64::max);
    assert!(largest < 1e-3 * RATE, "{largest}");
}

#[test]
fn rates_fall_from_the_head_to_the_embeddings() {
    let optimizer =
        OptimizerConfig { bias_correction: true, layer_lr_decay: 0.5, ..OptimizerConfig::bert_adam() };
    let changes = first_changes(optimizer);
    let expected = [
        ("qa_outputs.weight", 1.0),
        ("bert.encoder.layer.1.output.dense.weight", 0.5),
        ("bert.encoder.layer.0.attention.self.value.weight", 0.25),
        ("bert.embeddings.word_embeddings.weight", 0.125),
    ];
    for (name, factor) in expected {
        let change = changes.iter().find(|(other, _)| other == name).unwrap().1;
        assert!((change / factor - 1.0).abs() < 1e-2, "{name}: {change}, not {factor}");
    }
}

#[test]
fn the_average_of_the_weights_predicts_and_survives_a_resume() {
    let optimizer = OptimizerConfig { ema_decay: Some(0.6), ..OptimizerConfig::bert_adam() };
    let mut engine = open(0.1, optimizer);
    assert_eq!(now(engine.predicting_weights_async()).unwrap(), engine.weights().unwrap());
    let mut expected = Weights::new();
    for step in 0..8 {
        train(engine.as_mut(), step..step + 1);
        let updates = (step + 1) as f32;
        let decay = ((1.0 + updates) / (10.0 + updates)).min(0.6);
        for (name, tensor) in engine.weights().unwrap() {
            match expected.get_mut(&name) {
                None => _ = expected.insert(name, tensor),
                Some(average) => {
                    for (a, w) in average.values.iter_mut().zip(tensor.values) {
                        *a += (w - *a) * (1.0 - decay);
                    }
                }
            }
        }
    }
    let average = now(engine.predicting_weights_async()).unwrap();
    let largest = super::difference(&expected, &average);
    assert!(largest.0 < 1e-6, "{largest:?}");
    assert!(super::difference(&engine.weights().unwrap(), &average).0 > 1e-4);
    // Predictions are those of a model with these weights, and training goes on with the others.
    let mut answering = open_optimized(config(0.1), average.clone(), optimizer);
    assert_eq!(answering.predict(&batch(3)).unwrap(), engine.predict(&batch(3)).unwrap());
    let mut plain = open(0.1, OptimizerConfig::bert_adam());
    train(plain.as_mut(), 0..8);
    assert_eq!(plain.weights().unwrap(), engine.weights().unwrap());

    let mut resumed = open_optimized(config(0.1), engine.weights().unwrap(), optimizer);
    resumed.load_optimizer_state(engine.optimizer_state().unwrap()).unwrap();
    for engine in [&mut engine, &mut resumed] {
        train(engine.as_mut(), 8..11);
    }
    assert_eq!(resumed.optimizer_state().unwrap(), engine.optimizer_state().unwrap());
    assert_eq!(
        now(resumed.predicting_weights_async()).unwrap(),
        now(engine.predicting_weights_async()).unwrap()
    );
}

/// Mean cross-entropy of the start positions of a batch of one row, of which `shares` are right.
fn cross_entropy(logits: &Logits, shares: &[(usize, f64)]) -> f64 {
    let start: Vec<f64> = logits.start.iter().copied().map(f64::from).collect();
    let total = start.iter().map(|logit| logit.exp()).sum::<f64>().ln();
    shares.iter().map(|&(position, share)| share * (total - start[position])).sum()
}

#[test]
fn neighbours_share_a_target() {
    let mut batch: Batch = batch(1);
    let targets = batch.targets.as_mut().unwrap();
    // The end is beyond the window, so only the start counts.
    (targets.start, targets.end, targets.smoothing) = (vec![8], vec![32], 0.2);
    let mut engine = open(0.0, OptimizerConfig::bert_adam());
    let logits = engine.predict(&batch).unwrap();
    let mut loss = |batch: &Batch| {
        accumulate(engine.as_mut(), batch, 1, 0);
        engine.discard_gradients();
        accumulate(engine.as_mut(), batch, 1, 0);
        2.0 * f64::from(engine.last_loss().unwrap().unwrap())
    };
    let soft = loss(&batch);
    assert!((soft - cross_entropy(&logits, &[(7, 0.1), (8, 0.8), (9, 0.1)])).abs() < 1e-5, "{soft}");
    batch.targets.as_mut().unwrap().smoothing = 0.0;
    let hard = loss(&batch);
    assert!((hard - cross_entropy(&logits, &[(8, 1.0)])).abs() < 1e-5, "{hard}");
    assert!((soft - hard).abs() > 1e-4, "{soft}, {hard}");
}
