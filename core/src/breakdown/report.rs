//! An evaluation summed up at a threshold.

use serde::Serialize;

use super::{
    Analysis, BreakdownError, Outcome, Reliability, RiskCoverage, Slice, SliceScores,
    curves::{null_probability, reliability, risk_coverage},
};
use crate::score::{PrecisionRecall, Scores, ThresholdCurve};

/// Sizes of n-best lists whose best answer is looked for.
const ORACLE_SIZES: [usize; 4] = [1, 3, 5, 20];

/// Everything the tables show. Scores are in percent, null odds as the system gave them.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What the system is called.
    pub name: String,
    /// The data set.
    pub data: String,
    /// The threshold everything but `thresholds` and the curves goes by; none without null odds.
    pub threshold: Option<f64>,
    /// What the official script prints for this threshold.
    pub official: Scores,
    /// Scores at the thresholds that have a name.
    pub thresholds: Vec<AtThreshold>,
    /// What became of the questions.
    pub outcomes: Vec<OutcomeCount>,
    /// The unanswerable questions with plausible answers; none if the data set has none.
    pub plausible: Option<Plausible>,
    /// How much better the best of the first k answers is; empty without n-best lists.
    pub oracle: Vec<OracleScore>,
    /// Answerable questions whose answer cannot be given.
    pub unreachable: Unreachable,
    /// All questions.
    pub overall: SliceScores,
    /// Groups of questions.
    pub slices: Vec<SliceScores>,
    /// Errors among the surest answers.
    pub risk_coverage: Vec<RiskCoverage>,
    /// How well calibrated the probabilities are.
    pub reliability: Vec<Reliability>,
    /// The official script's curves.
    pub precision_recall: Option<PrecisionRecall>,
    /// The scores at every threshold.
    pub curve: Option<ThresholdCurve>,
    /// How many questions had no prediction and count as unanswered.
    pub missing: usize,
    /// How many predictions were for other questions.
    pub other_questions: usize,
}

/// Scores at a threshold that has a name.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AtThreshold {
    /// `threshold 0`, `stored threshold`, `given threshold`, `best threshold`, `chosen threshold`; `as given` without null odds.
    pub name: &'static str,
    /// Null odds above it mean "no answer"; none without null odds.
    pub threshold: Option<f64>,
    /// Exact match of all questions.
    pub exact: f64,
    /// F1 of all questions.
    pub f1: f64,
    /// Exact match of the answerable ones.
    pub has_ans_exact: Option<f64>,
    /// F1 of the answerable ones.
    pub has_ans_f1: Option<f64>,
    /// Exact match and F1 of the unanswerable ones.
    pub no_ans: Option<f64>,
    /// Who was answered.
    pub confusion: Confusion,
}

/// Answerable and unanswerable questions against answered and not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Confusion {
    /// Answerable and answered.
    pub has_ans_answered: usize,
    /// Answerable, but not answered.
    pub has_ans_abstained: usize,
    /// Unanswerable, but answered.
    pub no_ans_answered: usize,
    /// Unanswerable and not answered.
    pub no_ans_abstained: usize,
}

/// How many questions have an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct OutcomeCount {
    /// The outcome.
    pub outcome: Outcome,
    /// How many questions.
    pub n: usize,
    /// Share of all questions.
    pub share: f64,
    /// What these questions cost of the F1 of the whole set, in points.
    pub lost_f1: f64,
}

/// Unanswerable questions with plausible answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Plausible {
    /// Unanswerable questions with plausible answers.
    pub n: usize,
    /// Of those, answered at all.
    pub answered: usize,
    /// Of those, answered with words of a plausible answer.
    pub fell: usize,
    /// Of those, answered exactly as a plausible answer.
    pub fell_exactly: usize,
}

/// F1 if the best of the first k answers were always picked.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct OracleScore {
    /// Length of the list, "no answer" not counted.
    pub k: usize,
    /// F1 of the answerable questions.
    pub f1: f64,
}

/// Answerable questions whose answer cannot be given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Unreachable {
    /// No window holds a whole gold answer; none where unknown.
    pub outside_every_window: Option<usize>,
    /// Every gold answer is longer than the longest answer given; none where unknown.
    pub longer_than_max_answer_length: Option<usize>,
}

impl Analysis {
    /// Sums everything up, the user's slices included.
    ///
    /// # Errors
    /// Never, the null odds having been checked before.
    pub fn report(&self, threshold: f64, queries: &[Slice]) -> Result<Report, BreakdownError> {
        let (official, precision_recall) = self.official(threshold)?;
        let slices: Vec<Slice> = self.slices.iter().chain(queries).cloned().collect();
        let mut rows = self.slice_scores(&slices, threshold);
        let mut overall = self.overall(threshold);
        rayon::join(
            || self.add_intervals(&mut rows, &slices, threshold),
            || self.add_overall_interval(&mut overall, threshold),
        );
        Ok(Report {
            name: self.name.clone(),
            data: self.data.clone(),
            threshold: self.curve.is_some().then_some(threshold),
            official,
            thresholds: self.named_thresholds(threshold),
            outcomes: self.outcome_counts(threshold),
            plausible: self.plausible(threshold),
            oracle: self.oracle_scores(),
            unreachable: self.unreachable(),
            overall,
            slices: rows,
            risk_coverage: self.risk_coverage(),
            reliability: self.reliability(threshold),
            precision_recall,
            curve: self.curve.clone(),
            missing: self.missing,
            other_questions: self.other_questions,
        })
    }

    /// The scores at the thresholds that have a name, and at `chosen` if it is none of them.
    #[must_use]
    pub fn named_thresholds(&self, chosen: f64) -> Vec<AtThreshold> {
        let Some(curve) = &self.curve else { return vec![self.at("as given", f64::INFINITY)] };
        let mut rows = vec![self.at("threshold 0", 0.0)];
        rows.extend(self.stored_threshold.map(|threshold| self.at("stored threshold", threshold)));
        rows.extend(self.given_threshold.map(|threshold| self.at("given threshold", threshold)));
        rows.extend(curve.best_f1().map(|point| self.at("best threshold", point.threshold)));
        if rows.iter().all(|row| row.threshold != Some(chosen)) {
            rows.push(self.at("chosen threshold", chosen));
        }
        rows
    }

    /// The scores at a threshold.
    #[must_use]
    pub fn at(&self, name: &'static str, threshold: f64) -> AtThreshold {
        let mut confusion = Confusion::default();
        // Exact match and F1 of the answerable, then the unanswerable questions.
        let mut sums = [(0.0, 0.0); 2];
        for case in &self.cases {
            let (exact, f1) = case.scores(threshold);
            let [answerable, unanswerable] = &mut sums;
            let sum = if case.has_answer() { answerable } else { unanswerable };
            *sum = (sum.0 + exact, sum.1 + f1);
            *match (case.has_answer(), case.abstains(threshold)) {
                (true, false) => &mut confusion.has_ans_answered,
                (true, true) => &mut confusion.has_ans_abstained,
                (false, false) => &mut confusion.no_ans_answered,
                (false, true) => &mut confusion.no_ans_abstained,
            } += 1;
        }
        let percent = |sum: f64, n: usize| 100.0 * sum / n.max(1) as f64;
        let part = |sum: f64, n: usize| (n > 0).then(|| percent(sum, n));
        let [(has_exact, has_f1), (no_exact, no_f1)] = sums;
        let has = confusion.has_ans_answered + confusion.has_ans_abstained;
        let no = confusion.no_ans_answered + confusion.no_ans_abstained;
        AtThreshold {
            name,
            threshold: self.curve.is_some().then_some(threshold),
            exact: percent(has_exact + no_exact, has + no),
            f1: percent(has_f1 + no_f1, has + no),
            has_ans_exact: part(has_exact, has),
            has_ans_f1: part(has_f1, has),
            no_ans: part(no_exact, no),
            confusion,
        }
    }

    /// What became of the questions at a threshold, with nothing left out.
    #[must_use]
    pub fn outcome_counts(&self, threshold: f64) -> Vec<OutcomeCount> {
        let total = self.cases.len().max(1) as f64;
        let mut counts = Outcome::ALL.map(|outcome| OutcomeCount { outcome, n: 0, share: 0.0, lost_f1: 0.0 });
        for case in &self.cases {
            let outcome = case.outcome(threshold);
            if let Some(count) = counts.iter_mut().find(|count| count.outcome == outcome) {
                count.n += 1;
                count.lost_f1 += 100.0 * (1.0 - case.scores(threshold).1) / total;
            }
        }
        for count in &mut counts {
            count.share = 100.0 * count.n as f64 / total;
        }
        counts.to_vec()
    }

    fn plausible(&self, threshold: f64) -> Option<Plausible> {
        let mut found = Plausible { n: 0, answered: 0, fell: 0, fell_exactly: 0 };
        for case in &self.cases {
            if case.has_answer() || case.plausible_answers.is_empty() {
                continue;
            }
            found.n += 1;
            if case.abstains(threshold) {
                continue;
            }
            found.answered += 1;
            found.fell += usize::from(case.answered == Outcome::FellForPlausible);
            let given = self.language.normalize(&case.prediction);
            let exactly = |answer: &crate::squad::Answer| self.language.normalize(&answer.text) == given;
            found.fell_exactly += usize::from(case.plausible_answers.iter().any(exactly));
        }
        (found.n > 0).then_some(found)
    }

    fn oracle_scores(&self) -> Vec<OracleScore> {
        let lists = self.cases.iter().filter(|case| case.has_answer());
        if lists.clone().all(|case| case.oracle_f1.is_empty()) {
            return Vec::new();
        }
        let n = lists.clone().count() as f64;
        let of = |k: usize| {
            let best = |case: &super::Case| {
                case.oracle_f1.get(..k).map_or(case.oracle_f1.last(), <[f64]>::last).copied()
            };
            let sum: f64 = lists.clone().map(|case| best(case).unwrap_or(0.0)).sum();
            OracleScore { k, f1: 100.0 * sum / n }
        };
        ORACLE_SIZES.map(of).to_vec()
    }

    fn unreachable(&self) -> Unreachable {
        let answerable = || self.cases.iter().filter(|case| case.has_answer());
        let outside = answerable().filter_map(|case| case.known.gold_in_window);
        let pieces = answerable().filter_map(|case| case.known.gold_pieces);
        Unreachable {
            outside_every_window: (outside.clone().next().is_some())
                .then(|| outside.filter(|inside| !inside).count()),
            longer_than_max_answer_length: self
                .max_answer_length
                .filter(|_| pieces.clone().next().is_some())
                .map(|longest| pieces.filter(|pieces| *pieces > longest).count()),
        }
    }

    fn risk_coverage(&self) -> Vec<RiskCoverage> {
        [
            risk_coverage(&self.cases, "null odds", |case| case.null_odds.map(|odds| -odds)),
            risk_coverage(&self.cases, "answer probability", |case| case.probability),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn reliability(&self, threshold: f64) -> Vec<Reliability> {
        let answered = self.cases.iter().filter(|case| !case.abstains(threshold));
        let answers = answered.filter_map(|case| Some((case.probability?, case.exact > 0.0)));
        let nulls = self.cases.iter().filter_map(|case| {
            Some((null_probability(self.odds_are_probabilities, case.null_odds?), !case.has_answer()))
        });
        [reliability("answer right", answers), reliability("no answer", nulls)]
            .into_iter()
            .flatten()
            .collect()
    }
}
