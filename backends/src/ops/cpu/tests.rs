//! The processor's instructions for low precision beside what it does without them.

use super::*;

const ROWS: usize = 100;
const INPUT: usize = 130;
const OUTPUT: usize = 70;

fn values(count: usize, step: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * step % 1009) as f32 - 500.0) / 300.0).collect()
}

fn rounded(mut values: Vec<f32>) -> Vec<f32> {
    bf16::round_row(&mut values);
    values
}

fn of(x: FlexTensor) -> Vec<f32> {
    dense(x).storage::<f32>().to_vec()
}

/// Whether values of bfloat16, sums of `terms` products in two orders, are as near as the definition says: those of the sums before
/// they were rounded, and a step of bfloat16.
fn near(ours: &[f32], imitated: &[f32], magnitudes: &[f32], terms: usize) -> bool {
    ours.iter().zip(imitated).zip(magnitudes).all(|((ours, imitated), magnitude)| {
        let sums = 2.0 * terms as f32 * 2f32.powi(-24) * magnitude;
        (ours - imitated).abs() <= sums + imitated.abs() * 2f32.powi(-7)
    })
}

#[test]
fn bf16_by_instruction_is_the_imitation_but_for_the_order_of_sums() {
    if bf16::Instructions::best().is_none() {
        println!("skipped: the processor has no instructions for bfloat16");
        return;
    }
    let half = |values: Vec<f32>, shape: [usize; 2]| Flex::to_half(tensor(values, shape), FloatDType::BF16);
    let (x, w) = (rounded(values(ROWS * INPUT, 37)), rounded(values(INPUT * OUTPUT, 13)));
    let (bias, grad) = (values(OUTPUT, 7), rounded(values(ROWS * OUTPUT, 11)));
    let tensors = || (half(x.clone(), [ROWS, INPUT]), half(w.clone(), [INPUT, OUTPUT]));
    let sizes = |values: &[f32]| values.iter().map(|value| value.abs()).collect::<Vec<_>>();
    let (x_sizes, w_sizes, grad_sizes) = (sizes(&x), sizes(&w), sizes(&grad));
    let no_bias = [0.0; OUTPUT];

    let (x_half, w_half) = tensors();
    let prepared = Flex::prepare_linear_weight(w_half.clone());
    let forward = |weight: &FlexTensor, bias: &[f32]| {
        of(Flex::linear_forward(x_half.clone(), weight.clone(), tensor(bias.to_vec(), [OUTPUT])))
    };
    assert_eq!(forward(&w_half, &bias), forward(&prepared, &bias), "a weight that was packed before");
    let products = forward(&w_half, &no_bias);
    let biased = products.iter().zip(bias.iter().cycle()).map(|(product, bias)| product + bias);
    assert_eq!(forward(&w_half, &bias), biased.collect::<Vec<_>>());
    let imitated = rounded(linear::forward(&x, &w, &no_bias, ROWS, INPUT));
    let magnitudes = linear::forward(&x_sizes, &w_sizes, &no_bias, ROWS, INPUT);
    assert!(near(&products, &imitated, &magnitudes, INPUT), "forward");

    let (x_half, w_half) = tensors();
    let [for_x, for_w, for_bias] =
        Flex::linear_backward(x_half, w_half, tensor(grad.clone(), [ROWS, OUTPUT])).map(of);
    let imitated = rounded(linear::input_gradient(&grad, &w, ROWS, INPUT, OUTPUT));
    let magnitudes = linear::input_gradient(&grad_sizes, &w_sizes, ROWS, INPUT, OUTPUT);
    assert!(near(&for_x, &imitated, &magnitudes, OUTPUT), "gradient of the input");
    let imitated = rounded(linear::weight_gradient(&grad, &x, ROWS, INPUT, OUTPUT));
    let magnitudes = linear::weight_gradient(&grad_sizes, &x_sizes, ROWS, INPUT, OUTPUT);
    assert!(near(&for_w, &imitated, &magnitudes, ROWS), "gradient of the weight");
    assert_eq!(for_bias, linear::bias_gradient(&grad, OUTPUT));
    // The bound is one that something else would break.
    let wrong: Vec<f32> = imitated.iter().map(|value| value * 1.02).collect();
    assert!(!near(&for_w, &wrong, &magnitudes, ROWS));
}

#[test]
fn a_shared_quantised_input_gives_the_bits_of_its_own() {
    let weight = Flex::quantize_linear_weight(tensor(values(INPUT * OUTPUT, 13), [INPUT, OUTPUT]));
    let x = || tensor(values(ROWS * INPUT, 37), [ROWS, INPUT]);
    let bias = || tensor(values(OUTPUT, 7), [OUTPUT]);
    let shared = Flex::quantize_linear_input(x());
    assert_eq!(shared.dtype(), DType::U8);
    let [own, shared] = [x(), shared].map(|x| of(Flex::linear_forward(x, weight.clone(), bias())));
    assert_eq!(own, shared);
    // It is the layer, but for rounding.
    let plain = linear::forward(
        &values(ROWS * INPUT, 37),
        &values(INPUT * OUTPUT, 13),
        &values(OUTPUT, 7),
        ROWS,
        INPUT,
    );
    let norm = |values: &mut dyn Iterator<Item = f32>| values.map(|value| value * value).sum::<f32>().sqrt();
    let apart = norm(&mut own.iter().zip(&plain).map(|(a, b)| a - b)) / norm(&mut plain.iter().copied());
    assert!((1e-4..2e-2).contains(&apart), "{apart}");
}
