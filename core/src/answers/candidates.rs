//! What one window contributes to its question's answers: its highest logits. All else can be forgotten, so
//! that evaluating a data set needs a few hundred bytes per window instead of its two rows of logits.

use super::AnswerError;
use crate::features::Window;

/// A position and its logit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Position in the window, in word pieces, `[CLS]` being 0.
    pub position: u32,
    /// Its start or end logit.
    pub logit: f32,
}

/// The highest logits of one window that may start or end an answer, and its null logits.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowCandidates {
    /// Positions that may start an answer (in the document, with maximal context), best first.
    pub starts: Vec<Candidate>,
    /// Positions that may end an answer (in the document), best first.
    pub ends: Vec<Candidate>,
    /// Start logit of `[CLS]`.
    pub null_start_logit: f32,
    /// End logit of `[CLS]`.
    pub null_end_logit: f32,
    /// How many logits of the window's real positions are not finite. Such logits never become candidates;
    /// any at all means that the model or the device is broken.
    pub non_finite: usize,
}

impl WindowCandidates {
    /// Ranks a window's logits.
    ///
    /// The ranking runs over all positions given, padding included, as the reference's does: a padding
    /// position may take one of the `n_best_size` places and is dropped afterwards. `start` and `end` have
    /// shape `[length]`, `length` being at least that of the window.
    ///
    /// # Errors
    /// If the logits are fewer than the window's word pieces or differ in number.
    pub fn from_logits(
        window: &Window,
        start: &[f32],
        end: &[f32],
        n_best_size: usize,
    ) -> Result<Self, AnswerError> {
        let unique_id = window.unique_id;
        if start.len() != end.len() {
            return Err(AnswerError::UnequalLogits { unique_id, start: start.len(), end: end.len() });
        }
        let pieces = window.input_ids.len();
        let (Some(&null_start_logit), Some(&null_end_logit), true) =
            (start.first(), end.first(), start.len() >= pieces)
        else {
            return Err(AnswerError::TooFewLogits { unique_id, pieces, logits: start.len() });
        };
        let best = |logits: &[f32], keep: &dyn Fn(usize) -> bool| -> Vec<Candidate> {
            best_indexes(logits, n_best_size)
                .into_iter()
                .filter_map(|position| {
                    let logit = *logits.get(position)?;
                    (logit.is_finite() && position < pieces && keep(position))
                        .then_some(Candidate { position: position as u32, logit })
                })
                .collect()
        };
        let document = |position: usize| position.checked_sub(window.first_doc_token);
        Ok(Self {
            starts: best(start, &|position| {
                document(position).is_some_and(|piece| {
                    piece < window.token_to_orig.len()
                        && window.token_is_max_context.get(piece) == Some(&true)
                })
            }),
            ends: best(end, &|position| {
                document(position).is_some_and(|piece| piece < window.token_to_orig.len())
            }),
            null_start_logit,
            null_end_logit,
            non_finite: start
                .iter()
                .zip(end)
                .take(pieces)
                .flat_map(|(s, e)| [s, e])
                .filter(|v| !v.is_finite())
                .count(),
        })
    }
}

/// Indices of the `n_best_size` highest logits, highest first, equal ones in order of position
/// (`_get_best_indexes` of the reference). NaN ranks below everything else.
#[must_use]
pub fn best_indexes(logits: &[f32], n_best_size: usize) -> Vec<usize> {
    if n_best_size == 0 {
        return Vec::new();
    }
    // One number for each position is quicker to compare than a pair: lowest for the best.
    let mut ranks: Vec<u64> = logits
        .iter()
        .zip(0_u32..)
        .map(|(&logit, index)| u64::from(!height(logit)) << 32 | u64::from(index))
        .collect();
    if n_best_size < ranks.len() {
        ranks.select_nth_unstable(n_best_size - 1);
        ranks.truncate(n_best_size);
    }
    ranks.sort_unstable();
    ranks.into_iter().map(|rank| (rank & u64::from(u32::MAX)) as usize).collect()
}

/// Whole numbers in the order of the logits; `-0.0` equals `0.0` (as in Python, unlike `total_cmp`), NaN is lowest.
fn height(logit: f32) -> u32 {
    if logit.is_nan() {
        return 0;
    }
    // Adding zero makes -0.0 positive. Negative floats fall as their bits rise.
    let bits = (logit + 0.0).to_bits();
    if bits >> 31 == 0 { bits | 1 << 31 } else { !bits }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_best_are_those_of_a_stable_sort(
            bits in prop::collection::vec(prop_oneof![any::<u32>(), Just(0), Just(1 << 31), 0x3f80_0000_u32..0x3f80_0004], 0..60),
            n_best_size in 0_usize..70,
        ) {
            let logits: Vec<f32> = bits.into_iter().map(f32::from_bits).collect();
            let mut expected: Vec<usize> = (0..logits.len()).collect();
            let descending = |a: f32, b: f32| b.partial_cmp(&a).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()));
            expected.sort_by(|&a, &b| descending(logits[a], logits[b]));
            expected.truncate(n_best_size);
            prop_assert_eq!(best_indexes(&logits, n_best_size), expected);
        }
    }

    /// `[CLS] q [SEP] d0 d1 d2 [SEP]`, the last document piece without maximal context.
    fn window() -> Window {
        Window {
            unique_id: 1_000_000_000,
            example_index: 0,
            doc_span_index: 0,
            input_ids: vec![101, 5, 102, 6, 7, 8, 102],
            first_segment_length: 3,
            first_doc_token: 3,
            token_to_orig: vec![0, 1, 2].into(),
            token_is_max_context: vec![true, true, false].into(),
            start_position: None,
            end_position: None,
        }
    }

    fn positions(candidates: &[Candidate]) -> Vec<u32> {
        candidates.iter().map(|candidate| candidate.position).collect()
    }

    #[test]
    fn ties_keep_the_lower_index_and_signed_zeros_are_equal() {
        assert_eq!(best_indexes(&[1.0, 3.0, 2.0, 3.0, -1.0, 3.0], 4), [1, 3, 5, 2]);
        assert_eq!(best_indexes(&[-0.0, 0.0, -0.0, 0.0], 3), [0, 1, 2]);
        assert_eq!(best_indexes(&[], 3), [0usize; 0]);
        assert_eq!(best_indexes(&[1.0], 0), [0usize; 0]);
    }

    #[test]
    fn nan_ranks_last() {
        let nan = f32::NAN;
        assert_eq!(best_indexes(&[nan, 1.0, -nan, f32::NEG_INFINITY, 2.0], 5), [4, 1, 3, 0, 2]);
    }

    #[test]
    fn only_usable_positions_remain_but_all_compete() {
        //           CLS  q    SEP  d0   d1   d2   SEP  pad  pad
        let start = [9.0, 1.0, 1.0, 2.0, 3.0, 8.0, 1.0, 7.0, 6.0];
        let candidates = WindowCandidates::from_logits(&window(), &start, &start, 5).unwrap();
        // The five best are CLS, d2, both paddings and d1: d0 lost its place to the padding.
        assert_eq!(positions(&candidates.starts), [4]);
        assert_eq!(positions(&candidates.ends), [5, 4]);
        assert_eq!((candidates.null_start_logit, candidates.non_finite), (9.0, 0));
    }

    #[test]
    fn values_that_are_not_finite_are_counted_and_never_candidates() {
        let mut start = [0.0; 9];
        start[3] = f32::NAN;
        start[4] = f32::INFINITY;
        start[8] = f32::NEG_INFINITY; // padding: may be masked with minus infinity
        let candidates = WindowCandidates::from_logits(&window(), &start, &[0.0; 9], 9).unwrap();
        assert_eq!(candidates.non_finite, 2);
        assert!(candidates.starts.is_empty());
    }

    #[test]
    fn logits_that_do_not_fit_are_refused() {
        let error = WindowCandidates::from_logits(&window(), &[0.0; 6], &[0.0; 6], 20).unwrap_err();
        assert_eq!(error, AnswerError::TooFewLogits { unique_id: 1_000_000_000, pieces: 7, logits: 6 });
        let error = WindowCandidates::from_logits(&window(), &[0.0; 9], &[0.0; 8], 20).unwrap_err();
        assert_eq!(error, AnswerError::UnequalLogits { unique_id: 1_000_000_000, start: 9, end: 8 });
    }
}
