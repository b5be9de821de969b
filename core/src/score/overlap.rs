//! Agreement of one prediction with one gold answer.

use std::collections::HashMap;

use super::normalize::{answer_tokens, normalize_answer};

/// 1 if both texts are the same answer after normalisation, else 0 (`compute_exact`).
#[must_use]
pub fn compute_exact(gold: &str, prediction: &str) -> f64 {
    f64::from(u8::from(normalize_answer(gold) == normalize_answer(prediction)))
}

/// F1 of the words two texts share after normalisation (`compute_f1`). If either has no words, 1 if neither has, else 0.
#[must_use]
pub fn compute_f1(gold: &str, prediction: &str) -> f64 {
    token_f1(&answer_tokens(gold), &answer_tokens(prediction))
}

/// F1 of two bags of words.
pub(super) fn token_f1(gold: &[String], prediction: &[String]) -> f64 {
    if gold.is_empty() || prediction.is_empty() {
        return f64::from(u8::from(gold.is_empty() && prediction.is_empty()));
    }
    let mut left: HashMap<&str, usize> = HashMap::with_capacity(gold.len());
    for word in gold {
        *left.entry(word).or_default() += 1;
    }
    let mut shared = 0_usize;
    for word in prediction {
        if let Some(count) = left.get_mut(word.as_str()).filter(|count| **count > 0) {
            *count -= 1;
            shared += 1;
        }
    }
    if shared == 0 {
        return 0.0;
    }
    let precision = shared as f64 / prediction.len() as f64;
    let recall = shared as f64 / gold.len() as f64;
    (2.0 * precision * recall) / (precision + recall)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_words_count_as_often_as_both_have_them() {
        assert_eq!(compute_f1("cat cat dog", "cat dog dog"), 2.0 / 3.0);
        assert_eq!(compute_f1("the cat", "cat"), 1.0);
        assert_eq!(compute_f1("cat", "dog"), 0.0);
    }

    #[test]
    fn empty_agrees_with_empty_only() {
        assert_eq!((compute_f1("the", ""), compute_exact("the", "")), (1.0, 1.0));
        assert_eq!((compute_f1("x", ""), compute_exact("x", "")), (0.0, 0.0));
        assert_eq!((compute_f1("", "x"), compute_exact("", "x")), (0.0, 0.0));
    }
}
