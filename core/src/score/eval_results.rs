//! `eval_results.txt`: the reference's record of its best evaluation, one `key = value` a line, keys sorted.

use super::Scores;
use crate::python_json::python_float;

/// A value of `eval_results.txt`.
#[derive(Clone, Debug, PartialEq)]
pub enum ResultValue {
    /// A whole number.
    Count(u64),
    /// A float, written as Python writes it.
    Float(f64),
    /// Any text without line breaks.
    Text(String),
}

impl ResultValue {
    /// The value as a number, if it is one.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Count(count) => Some(*count as f64),
            Self::Float(value) => Some(*value),
            Self::Text(_) => None,
        }
    }
}

impl std::fmt::Display for ResultValue {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count(count) => write!(formatter, "{count}"),
            Self::Float(value) => formatter.write_str(&python_float(*value)),
            Self::Text(text) => formatter.write_str(text),
        }
    }
}

/// The content of `eval_results.txt`: the scores and whatever else the trainer records (`epoch`, `global_step`,
/// `learning_rate`, `batch_size` in the reference).
#[must_use]
pub fn eval_results_text(scores: &Scores, extra: &[(&str, ResultValue)]) -> String {
    let mut lines: Vec<(&str, String)> = scores
        .entries()
        .iter()
        .map(|(key, value)| (*key, value.to_string()))
        .chain(extra.iter().map(|(key, value)| (*key, value.to_string())))
        .collect();
    lines.sort();
    lines.into_iter().map(|(key, value)| format!("{key} = {value}\n")).collect()
}

/// The threshold that an earlier run recorded (`--eval_test` reads it back); `None` if the text holds none.
#[must_use]
pub fn best_f1_thresh_from_eval_results(text: &str) -> Option<f64> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        if key.trim() == "best_f1_thresh" { value.trim().parse().ok() } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_and_the_threshold_reads_back() {
        let scores = Scores {
            exact: 76.5,
            f1: 80.0,
            total: 3,
            has_ans_exact: Some(1e-5),
            best_f1_thresh: Some(-5.023_437_5),
            ..Scores::default()
        };
        let extra =
            [("learning_rate", ResultValue::Float(2e-5)), ("global_step", ResultValue::Count(25_311))];
        let text = eval_results_text(&scores, &extra);
        assert_eq!(
            text,
            "HasAns_exact = 1e-05\nbest_f1_thresh = -5.0234375\nexact = 76.5\nf1 = 80.0\nglobal_step = 25311\nlearning_rate = 2e-05\ntotal = 3\n"
        );
        assert_eq!(best_f1_thresh_from_eval_results(&text), Some(-5.023_437_5));
        assert_eq!(best_f1_thresh_from_eval_results("exact = 1\n"), None);
    }
}
