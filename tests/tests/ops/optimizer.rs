//! Clip factors and the Adam update.

use burn::tensor::Tensor;

use crate::{assert_close, on_every_backend, random, values};
use spanbert_backends::{
    TrainingBackend,
    ops::{AdamStep, AdamTensors, Clip, adam_update, clip_factors},
};

on_every_backend!(
    adam_follows_the_formula_by_hand,
    adam_updates_every_element,
    clip_factors_follow_the_formula_by_hand,
    clip_factors_of_large_gradients_follow_the_formula,
);

const STEP: AdamStep =
    AdamStep { beta1: 0.9, beta2: 0.999, eps: 1e-6, weight_decay: 0.01, learning_rate: 0.1 };

fn adam_follows_the_formula_by_hand<B: TrainingBackend>(device: &B::Device) {
    let one = |value: f32| Tensor::<B::InnerBackend, 2>::from_floats([[value]], device);
    let tensors = AdamTensors { weight: one(2.0), first: one(0.5), second: one(0.04) };
    // With g = 3 * 0.5: m = 0.6, v = 0.04221, w = 2 - 0.1 (m / (sqrt(v) + 1e-6) + 0.02).
    let factors = Tensor::from_floats([[9.0, 0.5]], device);
    let updated = adam_update(tensors, one(3.0), factors, 1, STEP);
    assert_close(updated.first, one(0.6), 1e-6, "the first moment");
    assert_close(updated.second, one(0.042_21), 1e-7, "the second moment");
    assert_close(updated.weight, one(1.705_960_6), 1e-6, "the weight");
}

fn adam_updates_every_element<B: TrainingBackend>(device: &B::Device) {
    for [rows, columns] in [[3, 7], [40, 52]] {
        let tensor = |seed| random::<B::InnerBackend, 2>([rows, columns], seed, device);
        let tensors = || AdamTensors { weight: tensor(1), first: tensor(2), second: tensor(3).abs() };
        let factors = || Tensor::from_floats([[0.25]], device);
        // A second holder of the weight must not see it change.
        let old = tensors();
        let held = old.weight.clone();
        let updated = adam_update(old, tensor(4), factors(), 0, STEP);
        assert_close(held, tensor(1), 0.0, "the weight that another holds");
        let elements = |seed| values(rows * columns, seed).into_iter();
        let expected: Vec<f32> = elements(1)
            .zip(elements(2))
            .zip(elements(3))
            .zip(elements(4))
            .map(|(((w, m), v), g)| {
                let g = f64::from(g) * 0.25;
                let m = 0.9 * f64::from(m) + (1.0 - 0.9) * g;
                let v = 0.999 * f64::from(v.abs()) + (1.0 - 0.999) * g * g;
                let w = f64::from(w);
                (w - 0.1 * (m / (v.sqrt() + 1e-6) + 0.01 * w)) as f32
            })
            .collect();
        let expected = Tensor::<B::InnerBackend, 1>::from_floats(expected.as_slice(), device);
        assert_close(updated.weight, expected.reshape([rows, columns]), 2e-5, "the weight");
    }
}

fn clip_factors_follow_the_formula_by_hand<B: TrainingBackend>(device: &B::Device) {
    let matrix =
        |values: &[f32]| Tensor::<B::InnerBackend, 1>::from_floats(values, device).reshape([1, values.len()]);
    let grads = || vec![matrix(&[3.0, 4.0]), matrix(&[0.0, 0.3, 0.4]), matrix(&[12.0])];
    for (global, expected) in [(false, [0.2, 1.0, 1.0 / 12.0]), (true, [1.0 / 169.25f32.sqrt(); 3])] {
        let clip = clip_factors(grads(), Clip { max_norm: 1.0, global }).unwrap();
        assert_close(clip.factors, matrix(&expected), 1e-6, "a factor");
        assert_close(clip.norm, matrix(&[169.25f32.sqrt()]), 1e-5, "the norm");
    }
    assert!(clip_factors::<B::InnerBackend>(Vec::new(), Clip { max_norm: 1.0, global: true }).is_none());
}

fn clip_factors_of_large_gradients_follow_the_formula<B: TrainingBackend>(device: &B::Device) {
    // More values than a cube sums, with and without whole vectors.
    let shapes = [[3, 7], [90, 301], [64, 400]];
    let grads = shapes.map(|shape| random::<B::InnerBackend, 2>(shape, 8, device)).to_vec();
    let squares: Vec<f64> = shapes
        .iter()
        .map(|shape| values(shape.iter().product(), 8).iter().map(|value| f64::from(*value).powi(2)).sum())
        .collect();
    let clip = clip_factors(grads, Clip { max_norm: 1.0, global: false }).unwrap();
    let row = |values: Vec<f64>| {
        let values: Vec<f32> = values.into_iter().map(|value| value as f32).collect();
        Tensor::<B::InnerBackend, 1>::from_floats(values.as_slice(), device).unsqueeze::<2>()
    };
    let factors = squares.iter().map(|sum| 1.0 / sum.sqrt().max(1.0)).collect();
    assert_close(clip.factors, row(factors), 1e-6, "a factor");
    assert_close(clip.norm, row(vec![squares.iter().sum::<f64>().sqrt()]), 1e-3, "the norm");
}
