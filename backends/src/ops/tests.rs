//! Products in the half formats: what is rounded, what is not, and how far that is from f32.
//!
//! The CPU's own kernels imitate the half formats; the forms from primitives, which the GPU backends run, are run on the
//! CPU's half tensors beside them, and on f32.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use burn::{
    backend::Autodiff,
    tensor::{DType, Tensor, TensorData, TensorPrimitive, backend::Backend, ops::FloatTensor},
};
use half::{bf16, f16};

use super::{
    Clip, Dropout, SelfAttention, adam, attention, clip_factors, linear, product, round, rounded,
    self_attention,
};
use crate::{Cpu, Precision};

type Training = Autodiff<Cpu>;

/// The half formats with half a unit in the last place of 1, the largest relative error of rounding.
const HALVES: [(Precision, f32); 2] = [(Precision::Bf16, 1.0 / 256.0), (Precision::F16, 1.0 / 2048.0)];

/// Values spread over -3 to 3, the same for the same seed.
fn random<const D: usize>(shape: [usize; D], seed: u32) -> Tensor<Training, D> {
    let mut state = seed.wrapping_mul(0x9e37_79b9).wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from((state >> 16) as u16) / 65_536.0 - 0.5
    };
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| 2.0 * (next() + next() + next())).collect();
    Tensor::from_data(TensorData::new(values, shape), &Default::default()).require_grad()
}

/// A scalar that weighs every element differently, so that its gradient tests each of them.
fn weighed<const D: usize>(y: Tensor<Training, D>) -> Tensor<Training, 1> {
    let weights = random(y.dims(), 99).detach();
    (y * weights).sum()
}

fn values<B: Backend, const D: usize>(x: Tensor<B, D>) -> Vec<f32> {
    assert_eq!(x.dtype(), DType::F32, "results and gradients are f32");
    x.into_data().into_vec().unwrap()
}

/// Norm of the difference by the norm of what is expected.
fn distance(ours: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(ours.len(), expected.len());
    let norm =
        |values: &mut dyn Iterator<Item = f32>| values.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    let difference = norm(&mut ours.iter().zip(expected).map(|(a, b)| a - b));
    (difference / norm(&mut expected.iter().copied())) as f32
}

/// A value in a half format.
fn half(value: f32, precision: Precision) -> f32 {
    match precision {
        Precision::F32 | Precision::Int8 => value,
        Precision::F16 => f16::from_f32(value).to_f32(),
        Precision::Bf16 => bf16::from_f32(value).to_f32(),
    }
}

/// `left` `[rows, inner]` times `right` `[inner, columns]`, operands rounded, summed in f64, the sum rounded.
fn rounded_product(left: &[f32], right: &[f32], inner: usize, precision: Precision) -> Vec<f32> {
    let columns = right.len() / inner;
    let element = |index: usize| {
        let (row, column) = (index / columns, index % columns);
        let terms = (0..inner).map(|k| {
            let (a, b) = (left[row * inner + k], right[k * columns + column]);
            f64::from(half(a, precision)) * f64::from(half(b, precision))
        });
        half(terms.sum::<f64>() as f32, precision)
    };
    (0..left.len() / inner * columns).map(element).collect()
}

fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|column| values.iter().skip(column).step_by(columns).copied()).collect()
}

#[test]
fn a_linear_layer_rounds_the_operands_of_its_three_products() {
    let (rows, input, output) = (40, 33, 24);
    for (precision, unit) in HALVES {
        let (x, weight, bias) = (random([rows, input], 1), random([input, output], 2), random([output], 3));
        let y = linear(x.clone(), weight.clone(), bias.clone(), precision);
        let (x_values, w_values, b_values) =
            (values(x.clone().inner()), values(weight.clone().inner()), values(bias.clone().inner()));
        let mut expected = rounded_product(&x_values, &w_values, input, precision);
        for row in expected.chunks_exact_mut(output) {
            row.iter_mut().zip(&b_values).for_each(|(value, bias)| *value += bias);
        }
        let grad = values(random([rows, output], 99).inner());
        let gradients = weighed(y.clone()).backward();
        let found = [
            values(y.inner()),
            values(x.grad(&gradients).unwrap()),
            values(weight.grad(&gradients).unwrap()),
        ];
        let wanted = [
            expected,
            rounded_product(&grad, &transposed(&w_values, output), output, precision),
            rounded_product(&transposed(&x_values, input), &grad, rows, precision),
        ];
        for (name, (found, wanted)) in ["output", "input's", "weight's"].iter().zip(found.iter().zip(&wanted))
        {
            // Sums in another order may fall on the other side of a tie, by one unit each.
            let apart = distance(found, wanted);
            assert!(apart < 0.2 * unit, "{precision}: {name} {apart}");
        }
        // The bias's gradient is a sum of f32, not a product: it is not rounded.
        let sums: Vec<f32> =
            (0..output).map(|column| grad.iter().skip(column).step_by(output).sum()).collect();
        let apart = distance(&values(bias.grad(&gradients).unwrap()), &sums);
        assert!(apart < 1e-6, "{precision}: the bias's gradient {apart}");

        // And it is not f32 under another name.
        let plain = linear(x, weight, bias, Precision::F32);
        let apart = distance(&found[0], &values(plain.inner()));
        assert!((0.05 * unit..2.0 * unit).contains(&apart), "{precision}: {apart} from f32");
    }
}

/// Whether Burn's own products on a processor, which the forms from primitives take there and ours do not, also sum in the format.
fn sums_in_half(precision: Precision) -> bool {
    cfg!(target_arch = "aarch64") && precision == Precision::F16
}

fn spec(dropout: Option<Dropout>, precision: Precision) -> SelfAttention {
    SelfAttention { batch: 3, length: 21, heads: 4, head_size: 8, scale: 0.35, dropout, precision }
}

fn mask() -> Tensor<Training, 2> {
    let mut mask = vec![0.0f32; 3 * 21];
    mask[50..].fill(-10_000.0);
    Tensor::<Training, 1>::from_floats(mask.as_slice(), &Default::default()).reshape([3, 21])
}

/// Context and the gradients of query, key and value.
fn attend(inputs: &[Tensor<Training, 2>; 3], spec: &SelfAttention) -> [Vec<f32>; 4] {
    let context = self_attention(inputs.clone(), mask(), spec);
    let gradients = weighed(context.clone()).backward();
    let [query, key, value] = inputs.each_ref().map(|input| values(input.grad(&gradients).unwrap()));
    [values(context.inner()), query, key, value]
}

/// The same from primitives, on rounded inputs.
fn attend_by_primitives(inputs: &[Tensor<Training, 2>; 3], spec: &SelfAttention) -> [Vec<f32>; 4] {
    let inputs = inputs.clone().map(|input| round::<Cpu>(primitive(input.inner()), spec.precision));
    let kept = attention::forward::<Cpu>(inputs, primitive(mask().inner()), spec, true);
    let grad = primitive(random([3 * 21, 32], 99).inner());
    let parts = attention::backward::<Cpu>(kept.query_key_value, kept.probabilities, grad, spec);
    let [query, key, value] = parts.map(|part| values(wrapped::<2>(part)));
    [values(wrapped::<2>(kept.context)), query, key, value]
}

#[test]
fn the_primitives_of_attention_give_what_the_kernels_give() {
    for dropout in [None, Some(Dropout { probability: 0.3, seed: 17, first: 5 })] {
        let inputs = [10, 11, 12].map(|seed| random([3 * 21, 32], seed));
        let spec = spec(dropout, Precision::F32);
        let ours = attend(&inputs, &spec);
        for (ours, primitives) in ours.iter().zip(attend_by_primitives(&inputs, &spec)) {
            let apart = distance(ours, &primitives);
            assert!(apart < 1e-5, "{dropout:?}: {apart}");
        }
    }
}

#[test]
fn clip_factors_from_primitives_are_those_of_the_kernels() {
    // More values than one task sums, with and without whole vectors.
    let grads = || [[3, 7], [90, 301], [64, 400]].map(|shape| random::<2>(shape, 8).inner()).to_vec();
    let clip = Clip { max_norm: 1.0, global: false };
    let ours = clip_factors(grads(), clip).unwrap();
    let theirs = adam::clip_factors_of::<Cpu>(grads().into_iter().map(primitive).collect(), clip).unwrap();
    for (ours, theirs) in [(ours.factors, theirs.factors), (ours.norm, theirs.norm)] {
        let apart = distance(&values(ours), &values(wrapped::<2>(theirs)));
        assert!(apart < 1e-6, "{apart}");
    }
}

#[test]
fn attention_in_a_half_format_is_near_f32_and_near_the_form_from_primitives() {
    for dropout in [None, Some(Dropout { probability: 0.3, seed: 17, first: 5 })] {
        let inputs = [10, 11, 12].map(|seed| random([3 * 21, 32], seed));
        let plain = attend(&inputs, &spec(dropout, Precision::F32));
        for (precision, unit) in HALVES {
            let spec = spec(dropout, precision);
            let ours = attend(&inputs, &spec);

            let primitives = attend_by_primitives(&inputs, &spec);

            for (name, index) in ["the context", "query", "key", "value"].iter().zip(0..) {
                let (from_f32, apart) =
                    (distance(&ours[index], &plain[index]), distance(&ours[index], &primitives[index]));
                println!("{precision} {dropout:?} {name}: {from_f32} from f32, {apart} from the primitives");
                assert!((0.05 * unit..4.0 * unit).contains(&from_f32), "{precision} {name}: {from_f32}");
                let most = if sums_in_half(precision) { 8.0 } else { 1.0 };
                assert!(apart < most * unit, "{precision} {name}: {apart} from the primitives");
            }
        }
    }
}

#[test]
fn the_form_from_primitives_of_a_linear_layer_is_the_cpu_s() {
    for (precision, unit) in HALVES {
        let (x, weight, bias) = (random([40, 32], 1), random([32, 24], 2), random([24], 3));
        let ours = values(linear(x.clone(), weight.clone(), bias.clone(), precision).inner());
        let [x, weight] = [x, weight].map(|part| round::<Cpu>(primitive(part.inner()), precision));
        let [x_type, weight_type] = [&x, &weight].map(|part| wrapped::<2>(part.clone()).dtype());
        assert!(x_type != DType::F32 && x_type == weight_type, "what is kept for the backward is half");
        let product = wrapped::<2>(product::<Cpu>(x, weight)) + bias.inner().unsqueeze();
        let apart = distance(&ours, &values(product));
        let most = if sums_in_half(precision) { 8.0 } else { 0.2 };
        assert!(apart < most * unit, "{precision}: {apart}");
    }
}

#[test]
fn a_shared_rounded_input_has_an_f32_gradient() {
    for (precision, unit) in HALVES {
        let (x, weight, bias) = (random([12, 16], 1), random([16, 8], 2), random([8], 3));
        let project = |x: Tensor<Training, 2>| weighed(linear(x, weight.clone(), bias.clone(), precision));
        let shared = rounded(x.clone(), precision);
        assert_ne!(shared.dtype(), DType::F32);
        let gradients = (project(shared.clone()) + project(shared)).backward();
        let twice = values(x.grad(&gradients).unwrap());
        let once = values(x.grad(&project(x.clone()).backward()).unwrap());
        let doubled: Vec<f32> = once.iter().map(|value| 2.0 * value).collect();
        assert!(distance(&twice, &doubled) < 0.01 * unit, "{precision}");
    }
}

#[test]
fn beyond_the_largest_half_is_infinite_and_f32_takes_no_part_in_it() {
    let x = Tensor::<Cpu, 2>::from_floats([[300.0, 300.0]], &Default::default());
    let weight = Tensor::<Cpu, 2>::from_floats([[300.0], [300.0]], &Default::default());
    let bias = Tensor::<Cpu, 1>::from_floats([1.0], &Default::default());
    let y = |precision| values(linear(x.clone(), weight.clone(), bias.clone(), precision))[0];
    assert_eq!(y(Precision::F32), 180_001.0);
    assert_eq!(y(Precision::F16), f32::INFINITY);
    assert_eq!(y(Precision::Bf16), half(180_000.0, Precision::Bf16) + 1.0);
}

#[test]
#[should_panic(expected = "the formats of a product's operands")]
fn mixed_formats_are_refused() {
    let x = primitive(random([4, 4], 1).inner());
    product::<Cpu>(round::<Cpu>(x.clone(), Precision::F16), x);
}

#[test]
fn a_prepared_weight_gives_the_same_outputs() {
    // Wide enough for panels.
    let (x, weight, bias) = (random([20, 24], 1), random([24, 128], 2), random([128], 3));
    for (precision, _) in HALVES {
        let plain = linear(x.clone().inner(), weight.clone().inner(), bias.clone().inner(), precision);
        let prepared = super::prepare_linear(weight.clone().inner(), precision);
        let ours = linear(x.clone().inner(), prepared, bias.clone().inner(), precision);
        let apart = distance(&values(ours), &values(plain));
        assert!(apart < 1e-3, "{precision}: {apart}");
    }
}

fn primitive(tensor: Tensor<Cpu, 2>) -> FloatTensor<Cpu> {
    tensor.into_primitive().tensor()
}

fn wrapped<const D: usize>(primitive: FloatTensor<Cpu>) -> Tensor<Cpu, D> {
    Tensor::from_primitive(TensorPrimitive::Float(primitive))
}
