//! How far two sets of gradients are apart.

use spanbert_core::checkpoint::Weights;

/// Largest norm of a parameter's difference by the norm of its gradient, and the parameter.
///
/// A softmax does not change when all its inputs shift: the gradients of key biases and of the last biases before the
/// loss are zero in truth and hold rounding noise only, so they are measured against the whole gradient.
#[must_use]
pub fn difference(expected: &Weights, actual: &Weights) -> (f64, String) {
    assert!(expected.keys().eq(actual.keys()), "the gradients are of different parameters");
    let norm = |values: &[f32]| values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    let whole = expected.values().map(|tensor| norm(&tensor.values).powi(2)).sum::<f64>().sqrt();
    let layer = |name: &String| {
        name.strip_suffix(".output.LayerNorm.bias")?.rsplit('.').next()?.parse::<usize>().ok()
    };
    let last = expected.keys().filter_map(layer).max();
    let relative = |(name, expected): (&String, &spanbert_core::checkpoint::HostTensor)| {
        let delta: Vec<f32> = expected.values.iter().zip(&actual[name].values).map(|(a, b)| a - b).collect();
        let zero = name.ends_with("key.bias")
            || name == "qa_outputs.bias"
            || layer(name).is_some_and(|layer| Some(layer) == last);
        let size = if zero { whole } else { norm(&expected.values) };
        (norm(&delta) / size, name.clone())
    };
    let larger = |a: (f64, String), b: (f64, String)| if b.0 > a.0 || b.0.is_nan() { b } else { a };
    expected.iter().map(relative).fold((0.0, String::new()), larger)
}
