//! The files of a finished evaluation, in the reference's format: JSON objects with one entry per question, in the
//! data set's order.

use rayon::prelude::*;
use serde::{Serialize, Serializer};

use super::{NbestEntry, Prediction};
use crate::python_json::{object_to_python_json, to_python_json};

/// How many questions are written at a time.
const PART: usize = 256;

/// `predictions.json`: each question's answer. With a threshold, answers whose score difference exceeds it are
/// blanked (`""`, "no answer").
///
/// # Errors
/// Never in practice: strings always serialise.
pub fn predictions_json(predictions: &[Prediction], threshold: Option<f64>) -> serde_json::Result<String> {
    by_id(predictions, |prediction| match threshold {
        Some(threshold) => prediction.text_at(threshold),
        None => &prediction.text,
    })
}

/// `nbest_predictions.json`: each question's answers with probability and logits, best first.
///
/// # Errors
/// Never in practice: strings and numbers always serialise.
pub fn nbest_json(predictions: &[Prediction]) -> serde_json::Result<String> {
    by_id(predictions, |prediction| prediction.nbest.iter().map(EntryLine::from).collect::<Vec<_>>())
}

/// `null_odds.json`: each question's [`score_diff`](Prediction::score_diff). Empty for SQuAD 1.1.
///
/// # Errors
/// Never in practice: numbers always serialise.
pub fn null_odds_json(predictions: &[Prediction]) -> serde_json::Result<String> {
    let scored = predictions.iter().filter_map(|p| Some((p.qas_id.as_str(), p.score_diff?)));
    to_python_json(&Pairs(scored.collect()))
}

/// An [`NbestEntry`] as the reference writes it.
#[derive(Serialize)]
pub(super) struct EntryLine<'a> {
    text: &'a str,
    probability: f64,
    start_logit: f64,
    end_logit: f64,
}

impl<'a> From<&'a NbestEntry> for EntryLine<'a> {
    fn from(entry: &'a NbestEntry) -> Self {
        Self {
            text: &entry.text,
            probability: entry.probability,
            start_logit: entry.start_logit,
            end_logit: entry.end_logit,
        }
    }
}

/// A JSON object from question ids to a value of each prediction.
fn by_id<'a, T: Serialize + Send>(
    predictions: &'a [Prediction],
    value: impl Fn(&'a Prediction) -> T + Sync,
) -> serde_json::Result<String> {
    object_to_python_json(predictions.par_chunks(PART).map(|part| {
        Pairs(part.iter().map(|prediction| (prediction.qas_id.as_str(), value(prediction))).collect())
    }))
}

/// Keys and values that become a JSON object in their order.
struct Pairs<'a, T>(Vec<(&'a str, T)>);

impl<T: Serialize> Serialize for Pairs<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prediction(score_diff: Option<f64>) -> Prediction {
        Prediction {
            qas_id: "q1".into(),
            text: "Zoë".into(),
            nbest: vec![NbestEntry {
                text: "Zoë".into(),
                probability: 1.0,
                start_logit: 0.5,
                end_logit: 2e-5,
                span: None,
            }],
            score_diff,
            windows: 1,
            non_finite_windows: 0,
        }
    }

    #[test]
    fn answers_are_blanked_above_the_threshold_only() {
        let predictions = [prediction(Some(1.0))];
        let kept = "{\n    \"q1\": \"Zo\\u00eb\"\n}\n";
        assert_eq!(predictions_json(&predictions, None).unwrap(), kept);
        assert_eq!(predictions_json(&predictions, Some(1.0)).unwrap(), kept);
        assert_eq!(predictions_json(&predictions, Some(0.5)).unwrap(), "{\n    \"q1\": \"\"\n}\n");
    }

    #[test]
    fn numbers_and_keys_are_the_references() {
        let predictions = [prediction(Some(-3.0))];
        let expected = "{\n    \"q1\": [\n        {\n            \"text\": \"Zo\\u00eb\",\n            \"probability\": 1.0,\n            \"start_logit\": 0.5,\n            \"end_logit\": 2e-05\n        }\n    ]\n}\n";
        assert_eq!(nbest_json(&predictions).unwrap(), expected);
        assert_eq!(null_odds_json(&predictions).unwrap(), "{\n    \"q1\": -3.0\n}\n");
        assert_eq!(null_odds_json(&[prediction(None)]).unwrap(), "{}\n");
    }
}
