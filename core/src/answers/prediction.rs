//! The answers to one question.

use std::ops::Range;

use crate::features::DocTokens;

/// Where an answer lies: the window that proposed it, and the words of the context it covers.
///
/// The answer's text starts at `first_byte` of the context's word `first_word` and ends before `last_byte` of
/// word `last_word` (inclusive index), with one space between words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerSpan {
    /// Which of the question's windows, from 0.
    pub window: usize,
    /// Position of the first word piece in that window.
    pub start_position: usize,
    /// Position of the last word piece, inclusive.
    pub end_position: usize,
    /// First word, an index into `doc_tokens`.
    pub first_word: usize,
    /// Where the text starts within the first word, in bytes.
    pub first_byte: usize,
    /// Last word, inclusive.
    pub last_word: usize,
    /// Where the text ends within the last word, in bytes, exclusive.
    pub last_byte: usize,
}

impl AnswerSpan {
    /// Where the answer stands in the context that `tokens` were cut from, in bytes. Between words the context may have
    /// other white space than the single spaces of the answer's text. `None` if the span is of another context.
    #[must_use]
    pub fn bytes_in(&self, tokens: &DocTokens) -> Option<Range<usize>> {
        self.bytes_among(&tokens.byte_ranges)
    }

    /// [`bytes_in`](Self::bytes_in) given where the context's words stand.
    pub(crate) fn bytes_among(&self, word_ranges: &[Range<usize>]) -> Option<Range<usize>> {
        let start = word_ranges.get(self.first_word)?.start + self.first_byte;
        let end = word_ranges.get(self.last_word)?.start + self.last_byte;
        (start <= end).then_some(start..end)
    }
}

/// One of a question's best answers.
#[derive(Clone, Debug, PartialEq)]
pub struct NbestEntry {
    /// The answer; empty for "no answer".
    pub text: String,
    /// Softmax of `start_logit + end_logit` over the question's n-best list.
    pub probability: f64,
    /// Start logit, widened so that sums are exact.
    pub start_logit: f64,
    /// End logit, widened.
    pub end_logit: f64,
    /// Where it lies; `None` for "no answer" and for the reference's made-up `empty`.
    pub span: Option<AnswerSpan>,
}

/// The answers to one question, best first.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The question's id.
    pub qas_id: String,
    /// The best answer that is not "no answer" (SQuAD 2.0; whether to give it depends on
    /// [`score_diff`](Self::score_diff)), or simply the best answer (SQuAD 1.1). Empty only if the context
    /// has no window at all.
    pub text: String,
    /// Up to `n_best_size` answers with distinct texts, by falling logit sum; with SQuAD 2.0 one of them, or one
    /// more after them, is "no answer".
    pub nbest: Vec<NbestEntry>,
    /// Null score minus the logit sum of the best answer: higher means "no answer" is likelier. SQuAD 2.0 only.
    pub score_diff: Option<f64>,
    /// How many windows the question's context was cut into.
    pub windows: usize,
    /// How many of them had logits that are not finite: a sign of a broken model or device.
    pub non_finite_windows: usize,
}

impl Prediction {
    /// The answer to give when a [`score_diff`](Self::score_diff) above `threshold` means "no answer" (`""`).
    #[must_use]
    pub fn text_at(&self, threshold: f64) -> &str {
        if self.score_diff.is_some_and(|score_diff| score_diff > threshold) { "" } else { &self.text }
    }

    /// The entry that [`text`](Self::text) comes from.
    #[must_use]
    pub fn best(&self) -> Option<&NbestEntry> {
        if self.score_diff.is_some() {
            self.nbest.iter().find(|entry| !entry.text.is_empty())
        } else {
            self.nbest.first()
        }
    }
}
