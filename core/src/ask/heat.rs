//! Where a model looked: start and end probabilities over the words of each window.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{AskError, PreparedQuestion};
use crate::{answers::AnswerError, engine::Logits, features::Window};

/// How likely an answer starts or ends at a word of the passage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WordHeat {
    /// The word's place in the passage, in bytes.
    pub bytes: Range<usize>,
    /// Probability that the answer starts at one of its pieces in this window.
    pub start: f32,
    /// Probability that the answer ends at one of its pieces in this window.
    pub end: f32,
}

/// Start and end distributions of one window: softmax of the logits over the window's pieces, padding left out.
///
/// What is missing from a sum of 1 lies on the question and on separators.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowHeat {
    /// From the first to the last word of the window, in bytes of the passage.
    pub bytes: Range<usize>,
    /// Its words that have pieces, in order.
    pub words: Vec<WordHeat>,
    /// Probability of "no answer" as start, that of `[CLS]`.
    pub null_start: f32,
    /// Probability of "no answer" as end, that of `[CLS]`.
    pub null_end: f32,
}

impl PreparedQuestion<'_> {
    /// Where the model looked in each window, given the logits of all [`batches`](Self::batches) in order.
    ///
    /// # Errors
    /// If logits are missing or do not fit.
    pub fn heat(&self, logits: &[Logits]) -> Result<Vec<WindowHeat>, AskError> {
        let rows: Vec<_> = rows(logits).collect();
        if rows.len() != self.windows.len() {
            let (windows, candidates) = (self.windows.len(), rows.len());
            return Err(AnswerError::CandidateCount { windows, candidates }.into());
        }
        let heat =
            |(window, (start, end)): (&Window, &(&[f32], &[f32]))| self.window_heat(window, start, end);
        self.windows.iter().zip(&rows).map(heat).collect()
    }

    fn window_heat(&self, window: &Window, start: &[f32], end: &[f32]) -> Result<WindowHeat, AskError> {
        let length = window.input_ids.len();
        let (Some(start), Some(end)) = (start.get(..length), end.get(..length)) else {
            let (unique_id, logits) = (window.unique_id, start.len().min(end.len()));
            return Err(AnswerError::TooFewLogits { unique_id, pieces: length, logits }.into());
        };
        let (start, end) = (softmax(start), softmax(end));
        let of_pieces = start.iter().zip(&end).skip(window.first_doc_token);
        let mut words: Vec<WordHeat> = Vec::new();
        let mut last = None;
        for (&word, (&start, &end)) in window.token_to_orig.iter().zip(of_pieces) {
            if last == Some(word) {
                if let Some(heat) = words.last_mut() {
                    heat.start += start;
                    heat.end += end;
                }
            } else if let Some(bytes) = self.words.bytes_of(word as usize) {
                words.push(WordHeat { bytes, start, end });
                last = Some(word);
            }
        }
        let bytes = match (words.first(), words.last()) {
            (Some(first), Some(last)) => first.bytes.start..last.bytes.end,
            _ => 0..0,
        };
        let null = |values: &[f32]| values.first().copied().unwrap_or_default();
        Ok(WindowHeat { bytes, words, null_start: null(&start), null_end: null(&end) })
    }
}

/// Start and end logits window by window.
pub(super) fn rows(logits: &[Logits]) -> impl Iterator<Item = (&[f32], &[f32])> {
    logits.iter().flat_map(|logits| {
        let length = logits.length.max(1);
        logits.start.chunks(length).zip(logits.end.chunks(length))
    })
}

fn softmax(logits: &[f32]) -> Vec<f32> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut values: Vec<f32> = logits.iter().map(|logit| libm::expf(logit - largest)).collect();
    let sum: f32 = values.iter().sum();
    values.iter_mut().for_each(|value| *value /= sum);
    values
}
