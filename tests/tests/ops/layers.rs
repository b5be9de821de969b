//! Activations, linear layer, LayerNorm, dropout, embedding.

use burn::tensor::{Int, Tensor, activation::log_softmax};

use crate::{assert_close, leaf, on_every_backend, random, weighed};
use spanbert_backends::{
    Precision, TrainingBackend,
    ops::{
        Activation, Dropout, TokenPlaces, activate, backward_from, cross_entropy, dropout, embedding, gelu,
        layer_norm, linear, matmul, narrow_linear, residual_layer_norm,
    },
};

on_every_backend!(
    gelu_matches_the_error_function_form,
    activations_match_their_formulas,
    derivatives_of_activations_are_differences,
    linear_matches_the_matrix_product,
    products_of_transposed_and_cut_matrices_are_burn_s,
    a_narrow_linear_layer_is_the_transposed_one,
    cross_entropy_matches_its_formula,
    layer_norm_matches_its_formula,
    residual_layer_norm_is_its_parts,
    dropout_sends_gradients_through_what_it_kept,
    an_embedding_s_gradient_is_burn_s_scatter,
    a_backward_pass_starts_from_any_gradient,
);

fn gelu_matches_the_error_function_form<B: TrainingBackend>(device: &B::Device) {
    // With and without whole vectors.
    for shape in [[7, 33], [5, 64]] {
        let x = leaf::<B, 2>(shape, 1, device);
        let ours = gelu(x.clone());
        let theirs = x.clone() * ((x.clone() * std::f32::consts::FRAC_1_SQRT_2).erf() + 1.0) * 0.5;
        assert_close(ours.clone(), theirs.clone(), 2e-6, "GELU");
        let (ours, theirs) = (weighed(ours).backward(), weighed(theirs).backward());
        assert_close(x.grad(&ours).unwrap(), x.grad(&theirs).unwrap(), 1e-5, "GELU's gradient");
    }
}

fn activations_match_their_formulas<B: TrainingBackend>(device: &B::Device) {
    let tanh = |x: Tensor<B, 2>| {
        let inner = (x.clone() + x.clone().powi_scalar(3) * 0.044_715) * (2.0 / std::f32::consts::PI).sqrt();
        x * (inner.tanh() + 1.0) * 0.5
    };
    let sigmoid = |x: Tensor<B, 2>| ((-x).exp() + 1.0).recip();
    for shape in [[7, 33], [5, 64]] {
        let x = leaf::<B, 2>(shape, 1, device) * 3.0;
        let x = Tensor::from_inner(x.inner()).require_grad();
        for (activation, theirs) in [
            (Activation::GeluTanh, tanh(x.clone())),
            (Activation::QuickGelu, x.clone() * sigmoid(x.clone() * 1.702)),
            (Activation::Silu, x.clone() * sigmoid(x.clone())),
            (Activation::Relu, x.clone().clamp_min(0.0)),
        ] {
            let ours = activate(x.clone(), activation);
            assert_close(ours.clone(), theirs.clone(), 4e-6, &format!("{activation:?}"));
            let (ours, theirs) = (weighed(ours).backward(), weighed(theirs).backward());
            let what = format!("the gradient of {activation:?}");
            assert_close(x.grad(&ours).unwrap(), x.grad(&theirs).unwrap(), 2e-5, &what);
        }
    }
}

/// Against differences in double precision, beyond where the gate saturates.
fn derivatives_of_activations_are_differences<B: TrainingBackend>(device: &B::Device) {
    let points: Vec<f32> = (-60..=60).map(|step| step as f32 * 0.25 + 0.01).collect();
    let x = Tensor::<B, 1>::from_data(points.as_slice(), device).require_grad();
    let sigmoid = |y: f64| 1.0 / (1.0 + (-y).exp());
    let tanh = move |x: f64| {
        x / 2.0 * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3))).tanh())
    };
    let value = |activation, x: f64| match activation {
        Activation::Gelu | Activation::GeluTanh => tanh(x),
        Activation::QuickGelu => x * sigmoid(1.702 * x),
        Activation::Silu => x * sigmoid(x),
        Activation::Relu => x.max(0.0),
    };
    for activation in [Activation::GeluTanh, Activation::QuickGelu, Activation::Silu, Activation::Relu] {
        let y = activate(x.clone(), activation);
        let values = y.clone().into_data().to_vec::<f32>().unwrap();
        let gradients = x.grad(&y.sum().backward()).unwrap().into_data().to_vec::<f32>().unwrap();
        for ((&x, found), gradient) in points.iter().zip(values).zip(gradients) {
            let (x, h) = (f64::from(x), 1e-4);
            let expected = value(activation, x);
            assert!(
                (f64::from(found) - expected).abs() < 2e-6 * (1.0 + x.abs()),
                "{activation:?}({x}): {found}"
            );
            let slope = (value(activation, x + h) - value(activation, x - h)) / (2.0 * h);
            assert!(
                (f64::from(gradient) - slope).abs() < 1e-5,
                "{activation:?}'({x}): {gradient}, not {slope}"
            );
        }
    }
}

fn linear_matches_the_matrix_product<B: TrainingBackend>(device: &B::Device) {
    // More rows than one partial sum of the bias takes, on every backend, and a remainder.
    let (x, weight, bias) = (
        leaf::<B, 2>([530, 19], 7, device),
        leaf::<B, 2>([19, 39], 8, device),
        leaf::<B, 1>([39], 9, device),
    );
    let ours = linear(x.clone(), weight.clone(), bias.clone(), Precision::F32);
    let theirs = x.clone().matmul(weight.clone()) + bias.clone().unsqueeze();
    assert_close(ours.clone(), theirs.clone(), 1e-4, "the output");
    let (ours, theirs) = (weighed(ours).backward(), weighed(theirs).backward());
    assert_close(x.grad(&ours).unwrap(), x.grad(&theirs).unwrap(), 1e-4, "the input's gradient");
    assert_close(weight.grad(&ours).unwrap(), weight.grad(&theirs).unwrap(), 5e-4, "the weight's gradient");
    assert_close(bias.grad(&ours).unwrap(), bias.grad(&theirs).unwrap(), 2e-4, "the bias's gradient");
}

fn products_of_transposed_and_cut_matrices_are_burn_s<B: TrainingBackend>(device: &B::Device) {
    let (left, right) = (leaf::<B, 2>([70, 41], 11, device), leaf::<B, 2>([53, 90], 12, device));
    let left_of = |x: &Tensor<B, 2>| x.clone().slice([3..63, 1..40]);
    let right_of = |x: &Tensor<B, 2>| x.clone().slice([2..41, 5..77]);
    let turned = |x: &Tensor<B, 2>| x.clone().transpose().slice([10..49, 0..53]);
    for (name, ours, theirs) in [
        ("cut", matmul(left_of(&left), right_of(&right)), left_of(&left).matmul(right_of(&right))),
        ("transposed", matmul(left_of(&left), turned(&right)), left_of(&left).matmul(turned(&right))),
    ] {
        assert_close(ours.clone(), theirs.clone(), 2e-4, name);
        let (ours, theirs) = (weighed(ours).backward(), weighed(theirs).backward());
        for (side, input) in [("left", &left), ("right", &right)] {
            let what = format!("{name}, the {side} gradient");
            assert_close(input.grad(&ours).unwrap(), input.grad(&theirs).unwrap(), 5e-4, &what);
        }
    }
    // A factor without a gradient.
    let fixed = random::<B, 2>([6, 41], 13, device);
    let gradient = left.grad(&weighed(matmul(fixed.clone(), left.clone().transpose())).backward()).unwrap();
    let theirs = left.grad(&weighed(fixed.matmul(left.clone().transpose())).backward()).unwrap();
    assert_close(gradient, theirs, 2e-4, "the only gradient");
}

fn a_narrow_linear_layer_is_the_transposed_one<B: TrainingBackend>(device: &B::Device) {
    let (x, weight, bias) =
        (leaf::<B, 2>([530, 19], 7, device), leaf::<B, 2>([19, 2], 8, device), leaf::<B, 1>([2], 9, device));
    let ours = narrow_linear(x.clone(), weight.clone(), bias.clone());
    let theirs = linear(x.clone(), weight.clone(), bias.clone(), Precision::F32).transpose();
    assert_close(ours.clone(), theirs.clone(), 1e-4, "the output");
    let (ours, theirs) = (weighed(ours).backward(), weighed(theirs).backward());
    assert_close(x.grad(&ours).unwrap(), x.grad(&theirs).unwrap(), 1e-4, "the input's gradient");
    assert_close(weight.grad(&ours).unwrap(), weight.grad(&theirs).unwrap(), 5e-4, "the weight's gradient");
    assert_close(bias.grad(&ours).unwrap(), bias.grad(&theirs).unwrap(), 2e-4, "the bias's gradient");
}

fn cross_entropy_matches_its_formula<B: TrainingBackend>(device: &B::Device) {
    // One target a row and several, of which one is there twice.
    for (rows, classes, per_row) in [(5, 37, 1), (40, 1100, 3), (1, 2, 2)] {
        let logits = leaf::<B, 2>([rows, classes], 3, device);
        let targets: Vec<i32> =
            (0..rows * per_row).map(|place| (place * place * 7 % classes) as i32).collect();
        let targets = Tensor::<B, 1, Int>::from_ints(targets.as_slice(), device).reshape([rows, per_row]);
        let weights = random::<B, 2>([rows, per_row], 5, device);
        let ours = cross_entropy(logits.clone(), targets.clone(), weights.clone()) * 1.5;
        let theirs = (log_softmax(logits.clone(), 1).gather(1, targets) * weights).sum() * -1.5;
        // Sums of so many terms in orders of their own.
        assert_close(ours.clone(), theirs.clone(), 1e-6 * (rows * per_row * 20) as f32, "the loss");
        let (ours, theirs) = (ours.backward(), theirs.backward());
        assert_close(logits.grad(&ours).unwrap(), logits.grad(&theirs).unwrap(), 2e-5, "the gradient");
    }
}

fn layer_norm_matches_its_formula<B: TrainingBackend>(device: &B::Device) {
    // Widths with and without whole vectors, more rows than one task or cube takes, fewer than a cube has.
    for [rows, width] in [[300, 45], [70, 48], [3, 132]] {
        let x = leaf::<B, 2>([rows, width], 3, device);
        let (gamma, beta) = (leaf::<B, 1>([width], 4, device), leaf::<B, 1>([width], 5, device));
        let ours = layer_norm(x.clone(), gamma.clone(), beta.clone(), 1e-12);
        let centred = x.clone() - x.clone().mean_dim(1);
        let deviation = (centred.clone().powi_scalar(2).mean_dim(1) + 1e-12).sqrt();
        let theirs = centred / deviation * gamma.clone().unsqueeze() + beta.clone().unsqueeze();
        assert_close(ours.clone(), theirs.clone(), 1e-5, "LayerNorm");
        let (ours, theirs) = (weighed(ours).backward(), weighed(theirs).backward());
        assert_close(x.grad(&ours).unwrap(), x.grad(&theirs).unwrap(), 2e-5, "the input's gradient");
        for (name, input) in [("gamma's gradient", &gamma), ("beta's gradient", &beta)] {
            assert_close(input.grad(&ours).unwrap(), input.grad(&theirs).unwrap(), 2e-4, name);
        }
    }
}

fn residual_layer_norm_is_its_parts<B: TrainingBackend>(device: &B::Device) {
    let drop = Dropout { probability: 0.3, seed: 17, first: 5 };
    for (width, drop) in [(45, None), (48, None), (45, Some(drop)), (48, Some(drop))] {
        let (x, residual) = (leaf::<B, 2>([70, width], 3, device), leaf::<B, 2>([70, width], 6, device));
        let (gamma, beta) = (leaf::<B, 1>([width], 4, device), leaf::<B, 1>([width], 5, device));
        let (inputs, affine) = ([x.clone(), residual.clone()], [gamma.clone(), beta.clone()]);
        let ours = residual_layer_norm(inputs, affine, 1e-12, drop);
        let branch = drop.map_or(x.clone(), |drop| dropout(x.clone(), drop));
        let theirs = layer_norm(branch + residual.clone(), gamma.clone(), beta.clone(), 1e-12);
        assert_close(ours.clone(), theirs.clone(), 2e-6, "the output");
        let (ours, theirs) = (weighed(ours).backward(), weighed(theirs).backward());
        for (name, input) in [("x", &x), ("the residual", &residual)] {
            assert_close(input.grad(&ours).unwrap(), input.grad(&theirs).unwrap(), 2e-6, name);
        }
        for (name, input) in [("gamma", &gamma), ("beta", &beta)] {
            assert_close(input.grad(&ours).unwrap(), input.grad(&theirs).unwrap(), 2e-5, name);
        }
    }
}

fn dropout_sends_gradients_through_what_it_kept<B: TrainingBackend>(device: &B::Device) {
    for shape in [[50, 20], [9, 7]] {
        let x = leaf::<B, 2>(shape, 6, device);
        let y = dropout(x.clone(), Dropout { probability: 0.3, seed: 11, first: 0 });
        let kept = y.clone().inner().equal_elem(0.0).bool_not().float() / 0.7;
        assert_close(y.clone().inner(), x.clone().inner() * kept.clone(), 1e-5, "dropout");
        let gradient = x.grad(&y.sum().backward()).unwrap();
        assert_close(gradient, kept, 1e-6, "dropout's gradient");
    }
}

fn an_embedding_s_gradient_is_burn_s_scatter<B: TrainingBackend>(device: &B::Device) {
    // Token 1 has more positions than a chunk, 4 has one, 0 and 5 none.
    let ids: Vec<i32> = (0..120).map(|place| if place == 7 { 4 } else { 1 + place % 10 / 8 * 2 }).collect();
    let on_device = Tensor::<B, 1, Int>::from_ints(ids.as_slice(), device).reshape([8, 15]);
    for hidden in [5, 12] {
        let table = leaf::<B, 2>([6, hidden], 30, device);
        let places = TokenPlaces::new(&ids, 6, device);
        let ours = embedding(table.clone(), on_device.clone(), Some(&places));
        let theirs = embedding(table.clone(), on_device.clone(), None);
        assert_close(ours.clone(), theirs.clone(), 0.0, "the rows");
        let (ours, theirs) = (weighed(ours).backward(), weighed(theirs).backward());
        assert_close(table.grad(&ours).unwrap(), table.grad(&theirs).unwrap(), 2e-5, "the table's gradient");
    }
}

fn a_backward_pass_starts_from_any_gradient<B: TrainingBackend>(device: &B::Device) {
    let (x, weight, bias) =
        (leaf::<B, 2>([9, 5], 20, device), leaf::<B, 2>([5, 4], 21, device), leaf::<B, 1>([4], 22, device));
    let y = || linear(x.clone(), weight.clone(), bias.clone(), Precision::F32);
    let ours = backward_from(y(), random([9, 4], 99, device));
    let theirs = weighed(y()).backward();
    for (ours, theirs) in [(x.grad(&ours), x.grad(&theirs)), (weight.grad(&ours), weight.grad(&theirs))] {
        assert_close(ours.unwrap(), theirs.unwrap(), 0.0, "a gradient");
    }
}
