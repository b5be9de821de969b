//! Adversarial training: the second pass beside one through a model whose table of words is moved by hand.

use spanbert_core::{
    batch::{Batch, Targets},
    checkpoint::{Weights, fresh},
    engine::TrainingEngine,
};

use super::{accumulate, accumulate_by, accumulate_together, batch, config, difference, open, open_with};

const WORDS: &str = "bert.embeddings.word_embeddings.weight";
const EPSILON: f32 = 0.7;

/// One window of different words, with padding.
fn different_words() -> Batch {
    let (real, length) = (20, 24);
    let ids = (0..length).map(|place| if place < real { 49 - 2 * place } else { 0 });
    let inside = |place: i32| i32::from(place < real);
    Batch {
        rows: 1,
        length: 24,
        input_ids: ids.collect(),
        segment_ids: (0..length).map(|place| inside(place) * i32::from(place > 5)).collect(),
        attention_mask: (0..length).map(inside).collect(),
        targets: Some(Targets { start: vec![8], end: vec![11], smoothing: 0.0 }),
    }
}

fn perturbed(dropout: f64) -> Box<dyn TrainingEngine> {
    let mut engine = open(dropout);
    engine.set_adversarial(Some(EPSILON));
    engine
}

fn sum(a: &Weights, b: &Weights) -> Weights {
    let mut sum = a.clone();
    for (name, tensor) in &mut sum {
        tensor.values.iter_mut().zip(&b[name].values).for_each(|(sum, value)| *sum += value);
    }
    sum
}

/// Where every word stands once, moving a word is moving its row of the table.
#[test]
fn the_second_pass_goes_up_the_gradient_of_the_words() {
    let batch = different_words();
    for dropout in [0.0, 0.2] {
        let mut plain = open(dropout);
        accumulate(plain.as_mut(), &batch, 1, 5);
        let (gradient, loss) = (plain.gradients().unwrap(), plain.last_loss().unwrap());
        let width = config(dropout).hidden_size;
        let mut step = gradient[WORDS].values.clone();
        // Padding stays where it is.
        step[..width].fill(0.0);
        let norm = step.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
        let mut weights = fresh(&config(dropout), 7);
        let words = weights.get_mut(WORDS).unwrap().values.iter_mut();
        words.zip(step).for_each(|(word, g)| *word += (f64::from(EPSILON) * f64::from(g) / norm) as f32);
        let mut moved = open_with(config(dropout), weights);
        accumulate(moved.as_mut(), &batch, 1, 5);
        assert!(moved.last_loss().unwrap() > loss, "the loss does not rise");
        let expected = sum(&gradient, &moved.gradients().unwrap());

        let mut engine = perturbed(dropout);
        accumulate(engine.as_mut(), &batch, 1, 5);
        let largest = difference(&expected, &engine.gradients().unwrap());
        assert!(largest.0 < 1e-5, "{largest:?}");
        assert!(difference(&sum(&gradient, &gradient), &expected).0 > 1e-3);
        // The loss that is told is the undisturbed one.
        assert_eq!(engine.last_loss().unwrap(), loss);
    }
}

#[test]
fn every_window_has_a_perturbation_of_its_own() {
    let batch = batch(9);
    let gradients = |accumulate: fn(&mut dyn TrainingEngine, &Batch, usize, u64), micro, recompute| {
        let mut engine = perturbed(0.2);
        engine.set_recompute(recompute);
        accumulate(engine.as_mut(), &batch, micro, 3);
        engine.gradients().unwrap()
    };
    let whole = gradients(accumulate_by, 9, false);
    for micro in [1, 4] {
        let largest = difference(&whole, &gradients(accumulate_by, micro, false));
        assert!(largest.0 <= 2e-6, "micro-batches of {micro}: {largest:?}");
    }
    let parts = gradients(accumulate_by, 4, false);
    assert!(parts == gradients(accumulate_together, 4, false));
    assert!(parts == gradients(accumulate_by, 4, true));
}

#[test]
fn without_a_perturbation_all_is_as_before() {
    let batch = batch(5);
    let run = |set: &[Option<f32>]| {
        let mut engine = open(0.1);
        set.iter().for_each(|epsilon| engine.set_adversarial(*epsilon));
        accumulate_by(engine.as_mut(), &batch, 2, 3);
        engine.update(1e-3).unwrap();
        (engine.weights().unwrap(), engine.drain_metrics().unwrap())
    };
    assert_eq!(run(&[]), run(&[Some(1.0), None]));
    assert_ne!(run(&[]), run(&[Some(1.0)]));
}
