//! From ranked logits to answers, question by question (`make_predictions` of the reference).

use std::{cmp::Ordering, ops::Range, sync::Arc};

use rayon::prelude::*;

use super::{
    AnswerError, AnswerOptions, AnswerSpan, NbestEntry, Prediction, WindowCandidates,
    context::{Context, Recovered},
    softmax,
};
use crate::{
    features::{Example, Window},
    tokenizer::BertTokenizer,
};

/// Null score of a question before any window was seen, as in the reference.
const NO_NULL_SCORE: f64 = 1_000_000.0;
/// Text of the entry that stands in where a list has no answer (the reference's word for it).
const NONCE: &str = "empty";

/// Answers every example, in the order given; on all cores.
///
/// `candidates[i]` holds the best logits of `windows[i]`. Every example gets a prediction. A context without
/// windows (nothing in it that the tokenizer keeps) gets the reference's `empty` in version 1 and "no answer" in
/// version 2, where the reference stops with an error.
///
/// # Errors
/// If the numbers of windows and candidates differ, or a window names an example or a word that does not exist.
pub fn predict(
    examples: &[Example],
    windows: &[Window],
    candidates: &[WindowCandidates],
    tokenizer: &BertTokenizer,
    options: &AnswerOptions,
) -> Result<Vec<Prediction>, AnswerError> {
    if windows.len() != candidates.len() {
        return Err(AnswerError::CandidateCount { windows: windows.len(), candidates: candidates.len() });
    }
    let windows_of = windows_by_example(examples, windows)?;
    let predictions = same_context_runs(examples)
        .into_par_iter()
        .flat_map_iter(|run| {
            let members = examples.get(run.clone()).unwrap_or_default();
            let Some(first) = members.first() else { return Vec::new() };
            let context = Context::new(&first.doc_tokens, tokenizer);
            let windows_of = windows_of.get(run).unwrap_or_default();
            members
                .iter()
                .zip(windows_of)
                .map(|(example, indices)| {
                    let ranked =
                        indices.iter().filter_map(|&i| windows.get(i).zip(candidates.get(i))).collect();
                    Question { qas_id: &example.qas_id, context: &context, ranked, tokenizer }.answer(options)
                })
                .collect::<Vec<_>>()
        })
        .collect();
    Ok(predictions)
}

/// For each example the indices of its windows, in order.
fn windows_by_example(examples: &[Example], windows: &[Window]) -> Result<Vec<Vec<usize>>, AnswerError> {
    let mut windows_of: Vec<Vec<usize>> = vec![Vec::new(); examples.len()];
    for (index, window) in windows.iter().enumerate() {
        let (unique_id, example_index) = (window.unique_id, window.example_index);
        let (Some(example), Some(own)) = (examples.get(example_index), windows_of.get_mut(example_index))
        else {
            return Err(AnswerError::UnknownExample { unique_id, example_index, examples: examples.len() });
        };
        let words = example.doc_tokens.len();
        if let Some(&word) = window.token_to_orig.iter().find(|&&word| word as usize >= words) {
            return Err(AnswerError::UnknownWord { unique_id, word, words });
        }
        own.push(index);
    }
    Ok(windows_of)
}

/// Consecutive examples that share a context.
fn same_context_runs(examples: &[Example]) -> Vec<Range<usize>> {
    let mut start = 0;
    examples
        .chunk_by(|a, b| Arc::ptr_eq(&a.doc_tokens, &b.doc_tokens))
        .map(|run| {
            let range = start..start + run.len();
            start = range.end;
            range
        })
        .collect()
}

/// One question with its windows.
struct Question<'a> {
    qas_id: &'a str,
    context: &'a Context<'a>,
    ranked: Vec<(&'a Window, &'a WindowCandidates)>,
    tokenizer: &'a BertTokenizer,
}

/// A pair of start and end that may be an answer; `positions` is `None` for "no answer".
struct Preliminary {
    window: usize,
    positions: Option<(usize, usize)>,
    start_logit: f64,
    end_logit: f64,
}

impl Preliminary {
    fn score(&self) -> f64 {
        self.start_logit + self.end_logit
    }
}

impl Question<'_> {
    fn answer(&self, options: &AnswerOptions) -> Prediction {
        let (null, null_score) = self.null_candidate();
        let with_negative = options.version_2_with_negative;
        let mut nbest = self.distinct_answers(options, with_negative.then_some(&null));
        if with_negative && !nbest.iter().any(|entry| entry.text.is_empty()) {
            nbest.push(entry(String::new(), null.start_logit, null.end_logit, None));
        }
        // A question without windows keeps its lone "no answer"; any other lone null gets company, as in the reference.
        let lone_null = with_negative && nbest.len() == 1 && !self.ranked.is_empty();
        if lone_null || nbest.is_empty() {
            nbest.insert(0, entry(NONCE.to_owned(), 0.0, 0.0, None));
        }
        let scores: Vec<f64> = nbest.iter().map(|entry| entry.start_logit + entry.end_logit).collect();
        for (entry, probability) in nbest.iter_mut().zip(softmax(&scores)) {
            entry.probability = probability;
        }

        let (text, score_diff) = if with_negative {
            match nbest.iter().find(|entry| !entry.text.is_empty()) {
                Some(best) => (best.text.clone(), Some(null_score - best.start_logit - best.end_logit)),
                None => (String::new(), Some(null_score)),
            }
        } else {
            (nbest.first().map(|entry| entry.text.clone()).unwrap_or_default(), None)
        };
        Prediction {
            qas_id: self.qas_id.to_owned(),
            text,
            nbest,
            score_diff,
            windows: self.ranked.len(),
            non_finite_windows: self
                .ranked
                .iter()
                .filter(|(_, candidates)| candidates.non_finite > 0)
                .count(),
        }
    }

    /// "No answer" with the lowest null score of all windows, and that score.
    fn null_candidate(&self) -> (Preliminary, f64) {
        let mut lowest = Preliminary { window: 0, positions: None, start_logit: 0.0, end_logit: 0.0 };
        let mut lowest_score = NO_NULL_SCORE;
        for (window, (_, candidates)) in self.ranked.iter().enumerate() {
            let (start_logit, end_logit) =
                (f64::from(candidates.null_start_logit), f64::from(candidates.null_end_logit));
            let score = start_logit + end_logit;
            if score.is_finite() && score < lowest_score {
                lowest_score = score;
                lowest = Preliminary { window, positions: None, start_logit, end_logit };
            }
        }
        (lowest, lowest_score)
    }

    /// Up to `n_best_size` answers with distinct texts, best first; without probabilities yet.
    fn distinct_answers(&self, options: &AnswerOptions, null: Option<&Preliminary>) -> Vec<NbestEntry> {
        let mut preliminaries = self.pairs(options.max_answer_length);
        if let (Some(null), false) = (null, self.ranked.is_empty()) {
            preliminaries.push(Preliminary { positions: None, ..*null });
        }
        preliminaries.sort_by(|a, b| b.score().partial_cmp(&a.score()).unwrap_or(Ordering::Equal));

        let mut nbest: Vec<NbestEntry> = Vec::with_capacity(options.n_best_size.min(preliminaries.len()) + 1);
        let mut pieces = String::new();
        for preliminary in preliminaries {
            if nbest.len() >= options.n_best_size {
                break;
            }
            let Recovered { text, span } = match preliminary.positions {
                Some(positions) => {
                    let Some((window, _)) = self.ranked.get(preliminary.window) else { continue };
                    let recovered = self.context.recover(
                        window,
                        preliminary.window,
                        positions,
                        self.tokenizer,
                        &mut pieces,
                    );
                    if nbest.iter().any(|entry| entry.text == recovered.text) {
                        continue;
                    }
                    recovered
                }
                None => Recovered { text: "", span: None },
            };
            nbest.push(entry(text.to_owned(), preliminary.start_logit, preliminary.end_logit, span));
        }
        nbest
    }

    /// All pairs of a start and an end that make an answer of at most `max_answer_length` pieces.
    fn pairs(&self, max_answer_length: usize) -> Vec<Preliminary> {
        let mut pairs = Vec::new();
        for (window, (_, candidates)) in self.ranked.iter().enumerate() {
            for start in &candidates.starts {
                for end in &candidates.ends {
                    let (first, last) = (start.position as usize, end.position as usize);
                    if last >= first && last - first < max_answer_length {
                        pairs.push(Preliminary {
                            window,
                            positions: Some((first, last)),
                            start_logit: f64::from(start.logit),
                            end_logit: f64::from(end.logit),
                        });
                    }
                }
            }
        }
        pairs
    }
}

fn entry(text: String, start_logit: f64, end_logit: f64, span: Option<AnswerSpan>) -> NbestEntry {
    NbestEntry { text, probability: 0.0, start_logit, end_logit, span }
}

#[cfg(test)]
mod tests;
