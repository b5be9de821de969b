//! Each operation's value and gradient against the same formula written with Burn's own operations.

use burn::{
    backend::Autodiff,
    tensor::{
        Distribution, ElementConversion, Tensor, TensorPrimitive, activation::softmax, backend::Backend,
        ops::FloatTensor,
    },
};

use super::{
    AdamStep, AdamTensors, Dropout, SelfAttention, adam_update, attention, backward_from, dropout, gelu,
    layer_norm, linear, self_attention,
};
use crate::{Cpu, Precision};

type Training = Autodiff<Cpu>;

fn random<const D: usize>(shape: [usize; D], seed: u64) -> Tensor<Training, D> {
    let device = Default::default();
    Training::seed(&device, seed);
    Tensor::random(shape, Distribution::Normal(0.0, 2.0), &device).require_grad()
}

/// A scalar that weighs every element differently, so that its gradient tests each of them.
fn weighed<const D: usize>(y: Tensor<Training, D>) -> Tensor<Training, 1> {
    let weights = random(y.dims(), 99).detach();
    (y * weights).sum()
}

fn assert_close<B: Backend, const D: usize>(
    ours: Tensor<B, D>,
    theirs: Tensor<B, D>,
    tolerance: f32,
    what: &str,
) {
    assert_eq!(ours.dims(), theirs.dims());
    let largest: f32 = (ours - theirs).abs().max().into_scalar().elem();
    assert!(largest <= tolerance, "{what} differs by {largest}");
}

#[test]
fn gelu_matches_the_error_function_form() {
    let x = random([7, 33], 1);
    let ours = gelu(x.clone());
    let theirs = x.clone() * ((x.clone() * std::f32::consts::FRAC_1_SQRT_2).erf() + 1.0) * 0.5;
    assert_close(ours.clone(), theirs.clone(), 2e-6, "GELU");
    let (ours, theirs) = (weighed(ours).backward(), weighed(theirs).backward());
    assert_close(x.grad(&ours).unwrap(), x.grad(&theirs).unwrap(), 1e-5, "GELU's gradient");
}

#[test]
fn layer_norm_matches_its_formula() {
    // More rows than one task takes, and a width with a remainder.
    let (x, gamma, beta) = (random([70, 45], 3), random([45], 4), random([45], 5));
    let ours = layer_norm(x.clone(), gamma.clone(), beta.clone(), 1e-12);
    let centred = x.clone() - x.clone().mean_dim(1);
    let deviation = (centred.clone().powi_scalar(2).mean_dim(1) + 1e-12).sqrt();
    let theirs = centred / deviation * gamma.clone().unsqueeze() + beta.clone().unsqueeze();
    assert_close(ours.clone(), theirs.clone(), 1e-5, "LayerNorm");
    let (ours, theirs) = (weighed(ours).backward(), weighed(theirs).backward());
    assert_close(x.grad(&ours).unwrap(), x.grad(&theirs).unwrap(), 2e-5, "the input's gradient");
    assert_close(gamma.grad(&ours).unwrap(), gamma.grad(&theirs).unwrap(), 2e-4, "gamma's gradient");
    assert_close(beta.grad(&ours).unwrap(), beta.grad(&theirs).unwrap(), 2e-4, "beta's gradient");
}

#[test]
fn dropout_sends_gradients_through_what_it_kept() {
    let x = random([50, 20], 6);
    let y = dropout(x.clone(), Dropout { probability: 0.3, seed: 11, first: 0 });
    let kept = y.clone().inner().equal_elem(0.0).bool_not().float() / 0.7;
    assert_close(y.clone().inner(), x.clone().inner() * kept.clone(), 1e-5, "dropout");
    let gradient = x.grad(&y.sum().backward()).unwrap();
    assert_close(gradient, kept, 1e-6, "dropout's gradient");
}

#[test]
fn a_backward_pass_starts_from_any_gradient() {
    let (x, weight, bias) = (random([9, 5], 20), random([5, 4], 21), random([4], 22));
    let y = || linear(x.clone(), weight.clone(), bias.clone(), Precision::F32);
    let ours = backward_from(y(), random([9, 4], 99).inner());
    let theirs = weighed(y()).backward();
    for (ours, theirs) in [(x.grad(&ours), x.grad(&theirs)), (weight.grad(&ours), weight.grad(&theirs))] {
        assert_close(ours.unwrap(), theirs.unwrap(), 0.0, "a gradient");
    }
}

#[test]
fn adam_follows_the_formula_by_hand() {
    let one = |value: f32| Tensor::<Cpu, 2>::from_floats([[value]], &Default::default());
    let step = AdamStep { beta1: 0.9, beta2: 0.999, eps: 1e-6, weight_decay: 0.01, learning_rate: 0.1 };
    let tensors = AdamTensors { weight: one(2.0), first: one(0.5), second: one(0.04) };
    // With g = 3 * 0.5: m = 0.6, v = 0.04221, w = 2 - 0.1 (m / (sqrt(v) + 1e-6) + 0.02).
    let updated = adam_update(tensors, one(3.0), one(0.5), step);
    assert_close(updated.first, one(0.6), 1e-6, "the first moment");
    assert_close(updated.second, one(0.042_21), 1e-7, "the second moment");
    assert_close(updated.weight, one(1.705_960_6), 1e-6, "the weight");
}

#[test]
fn linear_matches_the_matrix_product() {
    // More rows than one partial sum of the bias takes.
    let (x, weight, bias) = (random([150, 19], 7), random([19, 23], 8), random([23], 9));
    let ours = linear(x.clone(), weight.clone(), bias.clone(), Precision::F32);
    let theirs = x.clone().matmul(weight.clone()) + bias.clone().unsqueeze();
    assert_close(ours.clone(), theirs.clone(), 1e-4, "the output");
    let (ours, theirs) = (weighed(ours).backward(), weighed(theirs).backward());
    assert_close(x.grad(&ours).unwrap(), x.grad(&theirs).unwrap(), 1e-4, "the input's gradient");
    assert_close(weight.grad(&ours).unwrap(), weight.grad(&theirs).unwrap(), 5e-4, "the weight's gradient");
    assert_close(bias.grad(&ours).unwrap(), bias.grad(&theirs).unwrap(), 2e-4, "the bias's gradient");
}

/// The same attention from Burn's operations.
fn composed(
    inputs: [Tensor<Training, 2>; 3],
    mask: &Tensor<Training, 2>,
    spec: &SelfAttention,
) -> Tensor<Training, 2> {
    let SelfAttention { batch, length, heads, head_size, scale, dropout: drop, .. } = *spec;
    let [query, key, value] = inputs.map(|x| x.reshape([batch, length, heads, head_size]).swap_dims(1, 2));
    let scores = query.matmul(key.swap_dims(2, 3)) * scale + mask.clone().reshape([batch, 1, 1, length]);
    let mut weights = softmax(scores, 3);
    if let Some(drop) = drop {
        weights = dropout(weights, drop);
    }
    weights.matmul(value).swap_dims(1, 2).reshape([batch * length, heads * head_size])
}

#[test]
fn attention_in_one_operation_matches_the_composed_one() {
    for dropout in [None, Some(Dropout { probability: 0.3, seed: 17, first: 5 })] {
        let spec = SelfAttention {
            batch: 3,
            length: 21,
            heads: 4,
            head_size: 6,
            scale: 0.4,
            dropout,
            precision: Precision::F32,
        };
        let inputs = [10, 11, 12].map(|seed| random([3 * 21, 24], seed));
        let mut mask = vec![0.0f32; 3 * 21];
        mask[50..].fill(-10_000.0);
        let mask = Tensor::<Training, 1>::from_floats(mask.as_slice(), &Default::default()).reshape([3, 21]);
        let ours = self_attention(inputs.clone(), mask.clone(), &spec);
        let theirs = composed(inputs.clone(), &mask, &spec);
        assert_close(ours.clone(), theirs.clone(), 1e-5, "the context");
        let output = ours.clone().inner();
        let (ours, theirs) = (weighed(ours).backward(), weighed(theirs).backward());
        let gradients = inputs.each_ref().map(|input| input.grad(&ours).unwrap());
        for (name, input) in ["query", "key", "value"].iter().zip(&inputs) {
            assert_close(input.grad(&ours).unwrap(), input.grad(&theirs).unwrap(), 5e-5, name);
        }

        // What the GPU backends run, on the CPU.
        let [query, key, value] = inputs.map(|input| primitive(input.inner()));
        let mask = primitive(mask.inner());
        let probabilities = attention::probabilities::<Cpu>(query.clone(), key.clone(), mask, &spec);
        let context = attention::context::<Cpu>(probabilities.clone(), value.clone(), &spec);
        assert_close(wrapped(context), output, 1e-5, "the context from primitives");
        let grad = primitive(random([3 * 21, 24], 99).inner());
        let parts = attention::backward::<Cpu>([query, key, value], probabilities, grad, &spec);
        for ((name, part), gradient) in ["query", "key", "value"].iter().zip(parts).zip(gradients) {
            assert_close(wrapped(part), gradient, 5e-5, name);
        }
    }
}

fn primitive(tensor: Tensor<Cpu, 2>) -> FloatTensor<Cpu> {
    tensor.into_primitive().tensor()
}

fn wrapped(primitive: FloatTensor<Cpu>) -> Tensor<Cpu, 2> {
    Tensor::from_primitive(TensorPrimitive::Float(primitive))
}
