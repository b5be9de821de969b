//! Probabilities of an n-best list.

/// Softmax in f64 (`_compute_softmax` of the reference, summed in the same order).
#[must_use]
pub fn softmax(scores: &[f64]) -> Vec<f64> {
    let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let exponentials: Vec<f64> = scores.iter().map(|score| libm::exp(score - highest)).collect();
    let sum: f64 = exponentials.iter().fold(0.0, |sum, value| sum + value);
    exponentials.into_iter().map(|value| value / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_scores_do_not_overflow() {
        assert_eq!(softmax(&[]), [0.0; 0]);
        assert_eq!(softmax(&[1e6]), [1.0]);
        assert_eq!(softmax(&[1e6, 1e6]), [0.5, 0.5]);
        let probabilities = softmax(&[0.0, 3f64.ln()]);
        assert!((probabilities[1] - 0.75).abs() < 1e-15, "{probabilities:?}");
    }
}
