//! Every path against the definition, element by element.

use super::*;

fn values(count: usize, step: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * step % 101) as f32 - 43.0) / 40.0).collect()
}

/// The definition, in the plainest code.
fn plain(x: &[f32], weight: &[f32], bias: &[f32], input: usize) -> Vec<f32> {
    let output = bias.len();
    let mut result = Vec::new();
    for row in x.chunks_exact(input) {
        let low = row.iter().fold(0.0f32, |low, value| low.min(*value));
        let high = row.iter().fold(0.0f32, |high, value| high.max(*value));
        let t = (high - low) / 255.0;
        let spoilt = row.iter().any(|value| !value.is_finite());
        let inverse = if (1.0 / t).is_finite() { 1.0 / t } else { 0.0 };
        let t = if spoilt {
            f32::NAN
        } else if inverse == 0.0 {
            0.0
        } else {
            t
        };
        let z = (-low * inverse).round_ties_even().clamp(0.0, 255.0) as i64;
        let u: Vec<i64> =
            row.iter().map(|value| ((value * inverse).round_ties_even() as i64 + z).clamp(0, 255)).collect();
        for (j, bias) in bias.iter().enumerate() {
            let channel: Vec<f32> = (0..input).map(|k| weight[k * output + j]).collect();
            let largest = channel.iter().fold(0.0f32, |largest, weight| largest.max(weight.abs()));
            let s = largest / 127.0;
            let q = channel.iter().map(|w| if s > 0.0 { (w / s).round_ties_even() as i64 } else { 0 });
            let n: i64 = u.iter().zip(q).map(|(u, q)| (u - z) * q).sum();
            result.push((n as f32 * t) * s + bias);
        }
    }
    result
}

#[test]
fn every_path_gives_the_bits_of_the_definition() {
    let paths: Vec<_> = Instructions::available().collect();
    println!("{paths:?}");
    // One element; rests in every dimension; whole panels and tiles; several tasks.
    for (rows, input, output) in [
        (1, 1, 1),
        (5, 7, 3),
        (6, 8, 64),
        (13, 37, 70),
        (64, 384, 128),
        (7, 3072, 65),
        (400, 30, 130),
        (40, 100, 70),
    ] {
        let (x, weight) = (values(rows * input, 37), values(input * output, 13));
        let bias = values(output, 7);
        let expected = plain(&x, &weight, &bias, input);
        let (x, weight) = (quantize_rows(&x, input), pack_weights(&weight, input, output));
        for &path in &paths {
            assert_eq!(
                linear(&x, row_bytes(input), &weight, &bias, path),
                expected,
                "{path:?}, {rows} x {input} x {output}"
            );
        }
    }
}

#[test]
fn sums_of_the_largest_layers_do_not_overflow() {
    let input = MOST_INPUTS;
    let (x, weight) = (quantize_rows(&vec![3.0; input], input), pack_weights(&vec![-2.0; input], input, 1));
    for path in Instructions::available() {
        let [result] = linear(&x, row_bytes(input), &weight, &[0.0], path)[..] else { panic!("one value") };
        assert!((result / (-6.0 * input as f32) - 1.0).abs() < 1e-6, "{path:?}: {result}");
    }
}

#[test]
fn extremes_are_as_the_definition_has_them() {
    let weight = [1.0, -0.5, 0.25, 2.0];
    let packed = pack_weights(&weight, 2, 2);
    let of = |x: [f32; 2]| {
        linear(&quantize_rows(&x, 2), row_bytes(2), &packed, &[1.0, 2.0], Instructions::Portable)
    };
    // Nothing, and next to nothing, is the bias.
    assert_eq!(of([0.0, 0.0]), [1.0, 2.0]);
    assert_eq!(of([1e-40, 0.0]), [1.0, 2.0]);
    // The ends of the range are met.
    assert_eq!(of([255.0, 0.0])[0], 256.0);
    assert_eq!(of([-255.0, 0.0])[0], -254.0);
    for spoilt in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert!(of([spoilt, 1.0]).iter().all(|value| value.is_nan()), "{spoilt}");
        let weight = pack_weights(&[spoilt, -0.5, 0.25, 2.0], 2, 2);
        let result =
            linear(&quantize_rows(&[1.0, 0.5], 2), row_bytes(2), &weight, &[0.0; 2], Instructions::Portable);
        assert!(result[0].is_nan() && result[1].is_finite(), "{spoilt}: {result:?}");
    }
    // A channel without weights.
    let weight = pack_weights(&[0.0, 1.0], 1, 2);
    let result =
        linear(&quantize_rows(&[1.0], 1), row_bytes(1), &weight, &[3.0, 0.0], Instructions::Portable);
    assert_eq!(result, [3.0, 1.0]);
}

#[test]
fn rounding_is_to_even() {
    // Scale 1: 255 in one element, and what lies in the middle of two integers.
    let row = quantize_rows(&[255.0, 0.5, 1.5, 2.5], 4);
    assert_eq!(row[..4], [255, 0, 2, 2]);
    let packed = pack_weights(&[127.0, 0.5, 1.5, -2.5], 4, 1);
    let panel = packed.chunks_exact(GROUP).next().unwrap();
    assert_eq!(panel, [127, 0, 2, -2]);
}
