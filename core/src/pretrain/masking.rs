//! Span masking (the paper, section 3.1): contiguous spans of whole words, their lengths from a clipped geometric
//! distribution, until the budget is spent; each span replaced as one.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::{batch::Masked, random::SplitMix};

/// What is masked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum MaskedUnit {
    /// Spans of whole words: SpanBERT.
    #[default]
    Spans,
    /// Single word pieces at random places: the first BERT, to compare with.
    Pieces,
}

/// How much is masked, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaskingOptions {
    /// What is masked.
    pub unit: MaskedUnit,
    /// Share of the pieces.
    pub budget: f64,
    /// Parameter of the geometric distribution of span lengths.
    pub span_probability: f64,
    /// Longest span in words.
    pub max_span_words: usize,
    /// Share of the spans that `[MASK]` replaces.
    pub masked: f64,
    /// Share of the spans that random pieces replace; the rest stays as it is.
    pub random: f64,
}

impl Default for MaskingOptions {
    /// The paper's values.
    fn default() -> Self {
        Self {
            unit: MaskedUnit::Spans,
            budget: 0.15,
            span_probability: 0.2,
            max_span_words: 10,
            masked: 0.8,
            random: 0.1,
        }
    }
}

impl MaskingOptions {
    /// Length of a span in words, 1 to `max_span_words`: geometric, renormalised over what is allowed, so that the mean is
    /// 3.8 for the paper's values.
    #[must_use]
    pub fn draw_span_words(&self, random: &mut SplitMix) -> usize {
        let weight =
            |words: usize| self.span_probability * (1.0 - self.span_probability).powi(words as i32 - 1);
        let total: f64 = (1..=self.max_span_words).map(weight).sum();
        let mut left = unit(random) * total;
        for words in 1..self.max_span_words {
            left -= weight(words);
            if left < 0.0 {
                return words;
            }
        }
        self.max_span_words.max(1)
    }
}

/// The pieces that masking puts in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskPieces {
    /// Id of `[MASK]`.
    pub mask_id: u32,
    /// Ids that may stand for any piece: the vocabulary without special and unused ones.
    pub ordinary: Vec<u32>,
}

/// Masks a text. `word_starts` says of each piece whether a word begins with it. The budget is met exactly, rounded up;
/// the last span may therefore end within a word, as in the reference.
#[must_use]
pub fn mask(
    pieces: &[u32],
    word_starts: &[bool],
    put_in: &MaskPieces,
    options: &MaskingOptions,
    random: &mut SplitMix,
) -> Masked {
    let budget = (pieces.len() as f64 * options.budget).ceil() as usize;
    let chosen = match options.unit {
        MaskedUnit::Spans => choose_spans(word_starts, budget, options, random),
        MaskedUnit::Pieces => choose_pieces(pieces.len(), budget, random),
    };
    let spans = runs(&chosen);
    let mut input = pieces.to_vec();
    // Single pieces are replaced each on its own, spans as one.
    let replaced: Vec<Range<usize>> = match options.unit {
        MaskedUnit::Spans => spans.clone(),
        MaskedUnit::Pieces => spans.iter().cloned().flatten().map(|place| place..place + 1).collect(),
    };
    for span in replaced {
        let draw = unit(random);
        for place in span {
            if draw < options.masked {
                input[place] = put_in.mask_id;
            } else if draw < options.masked + options.random && !put_in.ordinary.is_empty() {
                input[place] = put_in.ordinary[random.below(put_in.ordinary.len())];
            }
        }
    }
    Masked { input, spans }
}

/// Which pieces are masked.
fn choose_spans(
    word_starts: &[bool],
    budget: usize,
    options: &MaskingOptions,
    random: &mut SplitMix,
) -> Vec<bool> {
    let length = word_starts.len();
    let mut chosen = vec![false; length];
    let mut left = budget.min(length);
    // A word goes from its start to the next one's; what comes before the first start counts as a word.
    let word_end = |place: usize| (place + 1..length).find(|&next| word_starts[next]).unwrap_or(length);
    while left > 0 {
        let words = options.draw_span_words(random);
        let anchor = random.below(length);
        if chosen[anchor] {
            continue;
        }
        let mut place = (0..=anchor).rev().find(|&place| word_starts[place]).unwrap_or(0);
        for _ in 0..words {
            let end = word_end(place);
            for piece in &mut chosen[place..end] {
                if left > 0 && !*piece {
                    *piece = true;
                    left -= 1;
                }
            }
            place = end;
            if place == length || left == 0 {
                break;
            }
        }
    }
    chosen
}

fn choose_pieces(length: usize, budget: usize, random: &mut SplitMix) -> Vec<bool> {
    let mut places: Vec<usize> = (0..length).collect();
    random.shuffle(&mut places);
    let mut chosen = vec![false; length];
    places.into_iter().take(budget).for_each(|place| chosen[place] = true);
    chosen
}

/// Maximal runs of what is chosen.
fn runs(chosen: &[bool]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (place, _) in chosen.iter().enumerate().filter(|(_, chosen)| **chosen) {
        match runs.last_mut() {
            Some(run) if run.end == place => run.end += 1,
            _ => runs.push(place..place + 1),
        }
    }
    runs
}

/// Uniform in [0, 1).
fn unit(random: &mut SplitMix) -> f64 {
    (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASK: u32 = 4;

    fn put_in() -> MaskPieces {
        MaskPieces { mask_id: MASK, ordinary: (10..1000).collect() }
    }

    /// 400 pieces in words of one to three.
    fn text() -> (Vec<u32>, Vec<bool>) {
        let mut random = SplitMix::new(9);
        let mut starts = Vec::new();
        while starts.len() < 400 {
            starts.push(true);
            starts.resize(starts.len() + random.below(3), false);
        }
        starts.truncate(400);
        ((0..400).map(|place| 2000 + place).collect(), starts)
    }

    #[test]
    fn span_lengths_follow_the_paper() {
        let options = MaskingOptions::default();
        let mut random = SplitMix::new(1);
        let mut counts = [0_usize; 11];
        let draws = 200_000;
        for _ in 0..draws {
            counts[options.draw_span_words(&mut random)] += 1;
        }
        let share = |words: usize| counts[words] as f64 / f64::from(draws);
        let total: f64 = (1..=10).map(|words| 0.2 * 0.8_f64.powi(words - 1)).sum();
        for words in 1..=10 {
            let expected = 0.2 * 0.8_f64.powi(words as i32 - 1) / total;
            // Four standard errors.
            assert!((share(words) - expected).abs() < 4.0 * (expected / f64::from(draws)).sqrt(), "{words}");
        }
        let mean: f64 = (1..=10).map(|words| words as f64 * share(words)).sum();
        assert!((mean - 3.797).abs() < 0.03, "{mean}");
    }

    #[test]
    fn the_budget_is_met_and_spans_begin_with_words_and_never_touch() {
        let (pieces, starts) = text();
        let mut random = SplitMix::new(2);
        let (mut whole, mut cut) = (0, 0);
        for _ in 0..500 {
            let masked = mask(&pieces, &starts, &put_in(), &MaskingOptions::default(), &mut random);
            let told: usize = masked.spans.iter().map(ExactSizeIterator::len).sum();
            assert_eq!(told, 60, "15 % of 400");
            for pair in masked.spans.windows(2) {
                assert!(pair[0].end < pair[1].start);
            }
            for span in &masked.spans {
                let at_word = span.end == 400 || starts[span.end];
                if starts[span.start] && at_word { whole += 1 } else { cut += 1 }
            }
            for (place, piece) in pieces.iter().enumerate() {
                let told = masked.spans.iter().any(|span| span.contains(&place));
                assert!(told || masked.input[place] == *piece, "what is not told stays");
            }
        }
        // One span at most is cut by the budget, and one may go on where such a one has ended.
        assert!(whole > 9 * cut, "{whole} {cut}");
    }

    #[test]
    fn a_span_is_replaced_as_one_in_the_paper_s_shares() {
        let (pieces, starts) = text();
        let mut random = SplitMix::new(3);
        let mut counts = [0_usize; 3];
        for _ in 0..1000 {
            let masked = mask(&pieces, &starts, &put_in(), &MaskingOptions::default(), &mut random);
            for span in &masked.spans {
                let input = &masked.input[span.clone()];
                let kept = input.iter().zip(&pieces[span.clone()]).all(|(now, before)| now == before);
                let kind = if input.iter().all(|piece| *piece == MASK) {
                    0
                } else if kept {
                    2
                } else {
                    assert!(
                        input.iter().all(|piece| (10..1000).contains(piece)),
                        "all or nothing: {input:?}"
                    );
                    1
                };
                counts[kind] += 1;
            }
        }
        let total: usize = counts.iter().sum();
        for (count, expected) in counts.into_iter().zip([0.8, 0.1, 0.1]) {
            let share = count as f64 / total as f64;
            assert!((share - expected).abs() < 0.015, "{share} instead of {expected}");
        }
    }

    #[test]
    fn single_pieces_are_masked_to_compare_with() {
        let (pieces, starts) = text();
        let options = MaskingOptions { unit: MaskedUnit::Pieces, ..MaskingOptions::default() };
        let masked = mask(&pieces, &starts, &put_in(), &options, &mut SplitMix::new(4));
        let told: usize = masked.spans.iter().map(ExactSizeIterator::len).sum();
        assert_eq!(told, 60);
        assert!(masked.spans.len() > 40, "they lie apart");
    }

    #[test]
    fn the_smallest_texts_can_be_masked() {
        let options = MaskingOptions::default();
        for length in 0..4 {
            let pieces: Vec<u32> = (0..length).collect();
            let masked =
                mask(&pieces, &vec![false; pieces.len()], &put_in(), &options, &mut SplitMix::new(5));
            assert_eq!(masked.spans.len(), usize::from(length > 0));
        }
        let nothing = MaskPieces { mask_id: MASK, ordinary: Vec::new() };
        let masked = mask(&[7; 50], &[true; 50], &nothing, &options, &mut SplitMix::new(6));
        assert!(masked.input.iter().all(|piece| [7, MASK].contains(piece)));
    }
}
