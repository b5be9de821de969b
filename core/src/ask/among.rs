//! One question put to several passages: the best answer over all of them.

use serde::Serialize;

use super::{Answer, AskOptions, Fitted, RankedAnswer};
use crate::answers::softmax;

/// An answer, with the passage that offers it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FoundAnswer {
    /// Which passage, as numbered by the caller of [`Among::add`].
    pub passage: usize,
    /// The null score of that passage minus the logit sum of this answer.
    pub score_diff: f64,
    /// The answer and its place in that passage. Its probability is its share among the answers of all passages and "no
    /// answer".
    #[serde(flatten)]
    pub answer: RankedAnswer,
}

/// What several passages say about a question.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AnswerAmong {
    /// Whether the best answer counts, rather than "no answer".
    pub answered: bool,
    /// Answers by rising [`score_diff`](FoundAnswer::score_diff), by falling logit sum if the threshold is infinite; empty if
    /// no passage offers any.
    pub answers: Vec<FoundAnswer>,
    /// That of the best answer: the lowest of all passages. With an infinite threshold, the lowest null score of all minus the
    /// best logit sum.
    pub score_diff: f64,
    /// What [`score_diff`](Self::score_diff) was compared with.
    pub threshold: f64,
    /// Share of "no answer" in the probability of all ranked answers.
    pub null_probability: f64,
    /// How many passages were searched.
    pub passages: usize,
    /// How many windows they were cut into, all together.
    pub windows: usize,
    /// How the question was fitted to the model's input.
    #[serde(flatten)]
    pub fitted: Fitted,
}

impl AnswerAmong {
    /// The best answer, unless it is "no answer".
    #[must_use]
    pub fn best(&self) -> Option<&FoundAnswer> {
        if self.answered { self.answers.first() } else { None }
    }
}

/// Collects the answers of passage after passage and keeps the best, so that only one passage need be in memory.
///
/// Each passage has a null score of its own, and an answer is ranked by how far its logit sum is above the null score of
/// the passage that it stands in. (Logit sums alone do not compare: a passage about something else may have high ones, and
/// a still higher null score.) So the collection answers exactly if at least one of its passages would answer by itself
/// with the same threshold, and the answer is that of the passage that is surest of having one. With more passages there
/// are more chances of a wrong answer; a lower threshold makes up for it.
///
/// With an infinite threshold the model may not abstain, and was perhaps never taught to: its null scores say nothing then.
/// All passages count as one long one, as the windows of a passage do: the highest logit sum is the answer.
#[derive(Clone, Debug)]
pub struct Among {
    n_best_size: usize,
    threshold: f64,
    found: Vec<FoundAnswer>,
    /// The lowest null score difference, of passages without any answer too.
    lowest: f64,
    lowest_null: f64,
    /// Share of "no answer" in the only passage so far.
    only_null: f64,
    passages: usize,
    windows: usize,
    fitted: Fitted,
}

impl Among {
    /// No passage yet. Of the options those count that rank and decide.
    #[must_use]
    pub fn new(options: &AskOptions) -> Self {
        Self {
            n_best_size: options.n_best_size,
            threshold: options.threshold,
            found: Vec::new(),
            lowest: f64::INFINITY,
            lowest_null: f64::INFINITY,
            only_null: 1.0,
            passages: 0,
            windows: 0,
            fitted: Fitted::default(),
        }
    }

    /// Takes in the answer of a passage. Gives whether its best answer is the best so far.
    pub fn add(&mut self, passage: usize, answer: Answer) -> bool {
        self.passages += 1;
        self.windows += answer.windows;
        self.only_null = answer.null_probability;
        self.lowest = self.lowest.min(answer.score_diff);
        self.fitted = answer.fitted;
        let Some(best) = answer.answers.first() else { return false };
        let null_score = answer.score_diff + best.logit_sum();
        self.lowest_null = self.lowest_null.min(null_score);
        let before = self.found.first().map_or(f64::NEG_INFINITY, |found| self.score(found));
        self.found.extend(answer.answers.into_iter().map(|ranked| FoundAnswer {
            passage,
            score_diff: null_score - ranked.logit_sum(),
            answer: ranked,
        }));
        let abstains = self.abstains();
        // Stable: of equal answers the earlier passage's comes first.
        self.found.sort_by(|one, other| score(abstains, other).total_cmp(&score(abstains, one)));
        self.found.truncate(self.n_best_size);
        self.found.first().is_some_and(|found| found.passage == passage && self.score(found) > before)
    }

    fn abstains(&self) -> bool {
        self.threshold < f64::INFINITY
    }

    fn score(&self, found: &FoundAnswer) -> f64 {
        score(self.abstains(), found)
    }

    /// The answer over all passages.
    #[must_use]
    pub fn finish(self) -> AnswerAmong {
        let abstains = self.abstains();
        let Self { threshold, found: mut answers, lowest, lowest_null, only_null, .. } = self;
        let Self { passages, windows, fitted, .. } = self;
        let score_diff = match answers.first() {
            Some(best) if abstains => best.score_diff,
            Some(best) => lowest_null - best.answer.logit_sum(),
            None => lowest,
        };
        let mut null_probability = only_null;
        if passages != 1 {
            // "No answer" has a difference of 0 to itself, in every passage.
            let null = if abstains || answers.is_empty() { 0.0 } else { lowest_null };
            let scores: Vec<f64> =
                answers.iter().map(|found| score(abstains, found)).chain(std::iter::once(null)).collect();
            let shares = softmax(&scores);
            null_probability = shares.last().copied().unwrap_or(1.0);
            for (found, share) in answers.iter_mut().zip(shares) {
                found.answer.probability = share;
            }
        }
        AnswerAmong {
            answered: !answers.is_empty() && score_diff <= threshold,
            answers,
            score_diff,
            threshold,
            null_probability,
            passages,
            windows,
            fitted,
        }
    }
}

/// What answers of different passages are ranked by.
fn score(abstains: bool, found: &FoundAnswer) -> f64 {
    if abstains { -found.score_diff } else { found.answer.logit_sum() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A passage with this null score whose answers have these logit sums.
    fn answer(null_score: f64, sums: &[f64]) -> Answer {
        let answers: Vec<RankedAnswer> = sums
            .iter()
            .map(|sum| RankedAnswer {
                text: format!("{sum}"),
                bytes: 0..1,
                chars: 0..1,
                probability: 0.25,
                start_logit: sum / 2.0,
                end_logit: sum / 2.0,
                window: 0,
            })
            .collect();
        Answer {
            answered: false,
            score_diff: null_score - sums.first().copied().unwrap_or(0.0),
            answers,
            threshold: 0.0,
            null_probability: 0.125,
            windows: 2,
            fitted: Fitted::default(),
        }
    }

    fn among(threshold: f64, passages: &[Answer]) -> AnswerAmong {
        let mut among = Among::new(&AskOptions { threshold, n_best_size: 3, ..AskOptions::default() });
        for (index, passage) in passages.iter().enumerate() {
            among.add(index, passage.clone());
        }
        among.finish()
    }

    #[test]
    fn the_passage_surest_of_an_answer_gives_it() {
        // The first passage has the higher logits, and no answer by its own null score.
        let passages = [answer(12.0, &[9.0, 8.0]), answer(1.0, &[5.0, 2.0]), answer(0.5, &[1.0])];
        let all = among(0.0, &passages);
        let ranked: Vec<_> = all.answers.iter().map(|found| (found.passage, found.score_diff)).collect();
        assert_eq!(ranked, [(1, -4.0), (1, -1.0), (2, -0.5)]);
        assert_eq!((all.answered, all.score_diff, all.passages, all.windows), (true, -4.0, 3, 6));
        let sum: f64 = all.answers.iter().map(|found| found.answer.probability).sum();
        assert!((sum + all.null_probability - 1.0).abs() < 1e-12);
        let odds = all.answers[0].answer.probability / all.null_probability;
        assert!((odds - 4f64.exp()).abs() < 1e-9, "{odds}");
    }

    #[test]
    fn all_answer_exactly_if_one_of_them_does() {
        let passages = [answer(12.0, &[9.0]), answer(1.0, &[5.0]), answer(3.0, &[2.0])];
        for threshold in [-4.5, -4.0, 0.0, 1.0, 3.0] {
            let one_does = passages.iter().any(|passage| passage.score_diff <= threshold);
            assert_eq!(among(threshold, &passages).answered, one_does, "{threshold}");
        }
        assert_eq!(among(-4.5, &passages).best(), None);
    }

    #[test]
    fn without_a_threshold_all_passages_count_as_one() {
        let passages = [answer(12.0, &[9.0, 8.0]), answer(1.0, &[5.0, 2.0])];
        let all = among(f64::INFINITY, &passages);
        let ranked: Vec<_> = all.answers.iter().map(|found| found.answer.logit_sum()).collect();
        assert_eq!((ranked, all.answered, all.score_diff), (vec![9.0, 8.0, 5.0], true, -8.0));
        let odds = all.answers[0].answer.probability / all.null_probability;
        assert!((odds - 8f64.exp()).abs() < 1e-6, "{odds}");
    }

    #[test]
    fn a_single_passage_is_as_it_was() {
        let one = among(0.0, &[answer(1.0, &[5.0, 2.0])]);
        assert_eq!((one.null_probability, one.answers[0].answer.probability), (0.125, 0.25));
    }

    #[test]
    fn passages_without_answers_count_and_say_nothing() {
        let none = among(9.0, &[answer(3.0, &[]), answer(2.0, &[])]);
        assert_eq!((none.answered, none.score_diff, none.null_probability), (false, 2.0, 1.0));
        assert_eq!(among(0.0, &[]).null_probability, 1.0);
    }

    #[test]
    fn the_best_so_far_is_said() {
        let mut among = Among::new(&AskOptions::default());
        assert!(among.add(0, answer(1.0, &[2.0])));
        assert!(!among.add(1, answer(1.0, &[2.0])), "no better than the earlier one");
        assert!(among.add(2, answer(1.0, &[2.5])));
        assert!(!among.add(3, answer(1.0, &[])));
    }
}
