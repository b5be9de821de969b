//! What the system knows about its own answers: risk against coverage, and the reliability of its probabilities.

use serde::Serialize;

use super::Case;

/// Equal parts of the probabilities from 0 to 1.
const BINS: usize = 20;
/// Accuracies for which the coverage is told, in percent.
const ACCURACIES: [f64; 4] = [80.0, 90.0, 95.0, 99.0];

/// Errors among the answers given, when only the surest are given (El-Yaniv and Wiener 2010; Kamath, Jia and Liang 2020).
///
/// Unanswerable questions are questions like the others: an answer to one is an error. Answers of equal confidence are
/// given together; between, errors are spread evenly, so that no order within them matters.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RiskCoverage {
    /// What the answers are sorted by.
    pub confidence: &'static str,
    /// Share of questions answered, rising, one entry for each distinct confidence.
    pub coverages: Vec<f64>,
    /// Share of those answers that are not exact.
    pub risks: Vec<f64>,
    /// Mean risk over all coverages (AURC), 0 to 1; lower is better.
    pub area: f64,
    /// Largest share of questions that can be answered with this accuracy.
    pub coverage_at: Vec<CoverageAt>,
}

/// How many questions can be answered with some accuracy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CoverageAt {
    /// Exact match of the answers given, in percent.
    pub accuracy: f64,
    /// Share of questions answered, in percent.
    pub coverage: f64,
}

/// Walks from the surest answer to the least sure. `confidence` names what `sureness` gives; questions without are left out.
pub(super) fn risk_coverage(
    cases: &[Case],
    confidence: &'static str,
    sureness: impl Fn(&Case) -> Option<f64>,
) -> Option<RiskCoverage> {
    // An empty prediction is never an answer, however sure.
    let mut walk: Vec<(f64, f64)> = cases
        .iter()
        .filter(|case| !case.prediction.is_empty())
        .filter_map(|case| Some((sureness(case)?, 1.0 - case.exact)))
        .collect();
    if walk.is_empty() {
        return None;
    }
    walk.sort_by(|a, b| b.0.total_cmp(&a.0));
    let total = cases.len() as f64;
    let (mut coverages, mut risks) = (Vec::new(), Vec::new());
    let (mut given, mut errors, mut area) = (0_usize, 0.0, 0.0);
    for tied in walk.chunk_by(|a, b| a.0 == b.0) {
        let more: f64 = tied.iter().map(|(_, error)| error).sum();
        for place in 1..=tied.len() {
            area += (errors + more * place as f64 / tied.len() as f64) / (given + place) as f64;
        }
        given += tied.len();
        errors += more;
        coverages.push(given as f64 / total);
        risks.push(errors / given as f64);
    }
    let coverage_at = |accuracy: f64| {
        let fits = coverages.iter().zip(&risks).rev().find(|(_, risk)| 100.0 * (1.0 - **risk) >= accuracy);
        CoverageAt { accuracy, coverage: fits.map_or(0.0, |(coverage, _)| 100.0 * coverage) }
    };
    let coverage_at = ACCURACIES.map(coverage_at).to_vec();
    Some(RiskCoverage { confidence, area: area / given as f64, coverage_at, coverages, risks })
}

/// How often what is said to be so with some probability is so.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reliability {
    /// What has the probability.
    pub of: &'static str,
    /// Twenty equal parts of the probabilities, rising.
    pub bins: Vec<ReliabilityBin>,
    /// Expected calibration error: mean distance of both, weighted by count; 0 to 1.
    pub calibration_error: f64,
    /// Brier score: mean squared distance of probability and outcome, 0 to 1.
    pub brier: f64,
}

/// The questions whose probability falls into a part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ReliabilityBin {
    /// How many.
    pub count: usize,
    /// How many of them are so.
    pub right: usize,
    /// Mean probability.
    pub probability: f64,
    /// Share that are so.
    pub share: f64,
}

/// Sorts (probability, whether it is so) into bins; `None` if there are none.
pub(super) fn reliability(of: &'static str, pairs: impl Iterator<Item = (f64, bool)>) -> Option<Reliability> {
    let mut bins = vec![ReliabilityBin::default(); BINS];
    let (mut total, mut brier) = (0_usize, 0.0);
    for (probability, is_so) in pairs {
        let probability = probability.clamp(0.0, 1.0);
        let place = ((probability * BINS as f64) as usize).min(BINS - 1);
        let Some(bin) = bins.get_mut(place) else { continue };
        bin.count += 1;
        bin.right += usize::from(is_so);
        bin.probability += probability;
        total += 1;
        brier += (probability - f64::from(u8::from(is_so))).powi(2);
    }
    if total == 0 {
        return None;
    }
    let mut calibration_error = 0.0;
    for bin in bins.iter_mut().filter(|bin| bin.count > 0) {
        bin.probability /= bin.count as f64;
        bin.share = bin.right as f64 / bin.count as f64;
        calibration_error += (bin.probability - bin.share).abs() * bin.count as f64 / total as f64;
    }
    Some(Reliability { of, bins, calibration_error, brier: brier / total as f64 })
}

/// The probability of "no answer" that null odds mean: themselves if all are probabilities, else, as differences of
/// logits, their logistic function.
pub(super) fn null_probability(odds_are_probabilities: bool, odds: f64) -> f64 {
    if odds_are_probabilities { odds } else { 1.0 / (1.0 + libm::exp(-odds)) }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::case, *};

    #[test]
    fn risk_falls_where_the_surest_are_right() {
        // Sure and right, sure and wrong together; then right; then never answered.
        let cases = [
            case("a", "x", "x", Some(-2.0)),
            case("b", "x", "y", Some(-2.0)),
            case("c", "x", "x", Some(1.0)),
            case("d", "x", "", Some(5.0)),
        ];
        let curve = risk_coverage(&cases, "null odds", |case| case.null_odds.map(|odds| -odds)).unwrap();
        assert_eq!(
            (curve.coverages.as_slice(), curve.risks.as_slice()),
            (&[0.5, 0.75][..], &[0.5, 1.0 / 3.0][..])
        );
        // Half an error each of the first two: 0.5, 0.5, then 1 of 3.
        assert!((curve.area - (0.5 + 0.5 + 1.0 / 3.0) / 3.0).abs() < 1e-12);
        assert!(curve.coverage_at.iter().all(|at| at.coverage == 0.0));
        assert!(risk_coverage(&cases, "none", |_| None).is_none());
    }

    #[test]
    fn bins_compare_probability_and_share() {
        let pairs = [(0.91, true), (0.93, false), (0.2, false), (1.0, true)];
        let found = reliability("answer", pairs.into_iter()).unwrap();
        assert_eq!((found.bins[18].count, found.bins[19].count, found.bins[4].count), (2, 1, 1));
        assert!((found.bins[18].probability - 0.92).abs() < 1e-12);
        assert!((found.calibration_error - (0.42 * 2.0 + 0.2) / 4.0).abs() < 1e-12);
        assert!((found.brier - (0.09f64.powi(2) + 0.93f64.powi(2) + 0.04) / 4.0).abs() < 1e-12);
        assert!(reliability("answer", std::iter::empty()).is_none());
    }
}
