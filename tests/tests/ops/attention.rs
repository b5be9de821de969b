//! Self-attention.

use burn::tensor::{Tensor, activation::softmax, backend::Backend};

use crate::{assert_close, leaf, on_every_backend, rounds_to_tf32, weighed};
use spanbert_backends::{
    Precision, TrainingBackend,
    ops::{Dropout, SelfAttention, dropout, self_attention},
};

on_every_backend!(attention_in_one_operation_matches_the_composed_one);

/// Lengths with and without whole vectors, and one longer than a team of a GPU's units.
const SHAPES: [[usize; 2]; 3] = [[3, 21], [3, 24], [2, 70]];
const HEADS: usize = 4;
const HEAD_SIZE: usize = 6;

fn spec([batch, length]: [usize; 2], dropout: Option<Dropout>) -> SelfAttention {
    SelfAttention {
        batch,
        length,
        heads: HEADS,
        head_size: HEAD_SIZE,
        scale: 0.4,
        dropout,
        precision: Precision::F32,
    }
}

fn dropouts() -> [Option<Dropout>; 2] {
    [None, Some(Dropout { probability: 0.3, seed: 17, first: 5 })]
}

/// All but the last row's last third.
fn mask<B: Backend>([batch, length]: [usize; 2], device: &B::Device) -> Tensor<B, 2> {
    let mut mask = vec![0.0f32; batch * length];
    mask[batch * length - length / 3..].fill(-10_000.0);
    Tensor::<B, 1>::from_floats(mask.as_slice(), device).reshape([batch, length])
}

/// The same attention from Burn's operations.
fn composed<B: TrainingBackend>(
    inputs: [Tensor<B, 2>; 3],
    mask: &Tensor<B, 2>,
    spec: &SelfAttention,
) -> Tensor<B, 2> {
    let SelfAttention { batch, length, heads, head_size, scale, dropout: drop, .. } = *spec;
    let [query, key, value] = inputs.map(|x| x.reshape([batch, length, heads, head_size]).swap_dims(1, 2));
    let scores = query.matmul(key.swap_dims(2, 3)) * scale + mask.clone().reshape([batch, 1, 1, length]);
    let mut weights = softmax(scores, 3);
    if let Some(drop) = drop {
        weights = dropout(weights, drop);
    }
    weights.matmul(value).swap_dims(1, 2).reshape([batch * length, heads * head_size])
}

fn attention_in_one_operation_matches_the_composed_one<B: TrainingBackend>(device: &B::Device) {
    // In TF32 all weights of a row may round the other way: 2^-10 of values up to 3, scaled up where others are dropped.
    let (most, most_gradient) = if rounds_to_tf32::<B>(device) { (5e-3, 2e-2) } else { (1e-5, 1e-4) };
    for (shape, drop) in SHAPES.into_iter().flat_map(|shape| dropouts().map(|drop| (shape, drop))) {
        let spec = spec(shape, drop);
        let rows = shape.iter().product();
        let inputs = [10, 11, 12].map(|seed| leaf::<B, 2>([rows, HEADS * HEAD_SIZE], seed, device));
        let mask = mask::<B>(shape, device);
        let ours = self_attention(inputs.clone(), mask.clone(), &spec);
        let theirs = composed(inputs.clone(), &mask, &spec);
        assert_close(ours.clone(), theirs.clone(), most, "the context");
        let plain = self_attention(inputs.clone().map(Tensor::inner), mask.inner(), &spec);
        assert_close(ours.clone().inner(), plain, 1e-6, "the context without gradients");
        let (ours, theirs) = (weighed(ours).backward(), weighed(theirs).backward());
        for (name, input) in ["query", "key", "value"].iter().zip(&inputs) {
            assert_close(input.grad(&ours).unwrap(), input.grad(&theirs).unwrap(), most_gradient, name);
        }
    }
}
