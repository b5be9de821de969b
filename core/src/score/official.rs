//! evaluate-v2.0.py, the official scorer.

use super::{
    GoldQuestions, NullOdds, PrecisionRecall, Predictions, QuestionTable, ScoreError, Scores,
    best_thresholds, precision_recall,
};

/// What the official script makes of predictions.
#[derive(Clone, Debug, PartialEq)]
pub struct OfficialEvaluation {
    /// What it prints. The `pr_*_ap` values that it adds when asked to draw curves are left out; see
    /// [`Scores::set_precision_recall`].
    pub scores: Scores,
    /// Every question's score, before the threshold.
    pub questions: QuestionTable,
    /// The curves, given null odds and at least one question that has an answer.
    pub precision_recall: Option<PrecisionRecall>,
}

/// Scores predictions as evaluate-v2.0.py does. Null odds above `na_prob_thresh` (the script's default is 1.0) turn a
/// prediction into "no answer". Predictions and null odds for other questions are ignored. Works on SQuAD 1.1 data too.
///
/// # Errors
/// If the data set is empty, or a question has no prediction or (given any) no null odds: the script stops there, too.
pub fn official(
    gold: &GoldQuestions,
    predictions: &Predictions,
    null_odds: Option<&NullOdds>,
    na_prob_thresh: f64,
) -> Result<OfficialEvaluation, ScoreError> {
    let questions = QuestionTable::new(gold, predictions).complete()?;
    let (scores, precision_recall) = official_of_table(&questions, null_odds, na_prob_thresh)?;
    Ok(OfficialEvaluation { scores, questions, precision_recall })
}

/// [`official`] of predictions that are scored already.
///
/// # Errors
/// If a question has no null odds, given any.
pub(crate) fn official_of_table(
    questions: &QuestionTable,
    null_odds: Option<&NullOdds>,
    na_prob_thresh: f64,
) -> Result<(Scores, Option<PrecisionRecall>), ScoreError> {
    let scored = match null_odds {
        Some(null_odds) => scored_at(questions, &questions.null_odds(null_odds)?, na_prob_thresh),
        // Without null odds the script takes 0 for all of them.
        None => scored_at(questions, &vec![0.0; questions.rows.len()], na_prob_thresh),
    };
    let mut scores = Scores::with_parts(&questions.rows, &scored);
    let mut curves = None;
    if let Some(null_odds) = null_odds {
        let (exact, f1) = best_thresholds(questions, null_odds);
        scores.set_best(exact, f1);
        curves = precision_recall(questions, null_odds);
    }
    Ok((scores, curves))
}

/// Exact match and F1 of every row at a threshold (`apply_no_ans_threshold`).
pub(super) fn scored_at(table: &QuestionTable, null_odds: &[f64], threshold: f64) -> Vec<(f64, f64)> {
    table.rows.iter().zip(null_odds).map(|(row, &odds)| row.at(odds, threshold)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::GoldQuestion;
    use super::*;
    use crate::advice::Advice;

    fn gold() -> GoldQuestions {
        let question = |id: &str, answers: &[&str]| GoldQuestion::new(id.into(), answers.iter().copied());
        GoldQuestions { questions: vec![question("q1", &["the cat", "dog"]), question("q2", &[])] }
    }

    fn predictions(pairs: &[(&str, &str)]) -> Predictions {
        pairs.iter().map(|(id, text)| ((*id).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn parts_average_their_own_questions() {
        let result = official(&gold(), &predictions(&[("q1", "A cat"), ("q2", "x")]), None, 1.0).unwrap();
        let json = serde_json::to_string(&result.scores).unwrap();
        assert_eq!(
            json,
            r#"{"exact":50.0,"f1":50.0,"total":2,"HasAns_exact":100.0,"HasAns_f1":100.0,"HasAns_total":1,"NoAns_exact":0.0,"NoAns_f1":0.0,"NoAns_total":1}"#
        );
    }

    #[test]
    fn the_threshold_blanks_strictly_above_it() {
        let odds: NullOdds = [("q1".to_owned(), 0.5), ("q2".to_owned(), 0.6)].into_iter().collect();
        let predictions = predictions(&[("q1", "cat"), ("q2", "x")]);
        let exact = |threshold| official(&gold(), &predictions, Some(&odds), threshold).unwrap().scores.exact;
        assert_eq!((exact(1.0), exact(0.5), exact(0.4)), (50.0, 100.0, 50.0));
        let scores = official(&gold(), &predictions, Some(&odds), 1.0).unwrap().scores;
        assert_eq!((scores.best_exact, scores.best_exact_thresh), (Some(100.0), Some(0.5)));
    }

    #[test]
    fn what_is_missing_is_listed() {
        let error = official(&gold(), &predictions(&[("q1", "cat")]), None, 1.0).unwrap_err();
        assert!(
            error.in_one_line().starts_with("no prediction for 1 of 2 questions: q2; add them"),
            "{error}"
        );
        let odds: NullOdds = [("q2".to_owned(), 0.0)].into_iter().collect();
        let all = predictions(&[("q1", "cat"), ("q2", "")]);
        let error = official(&gold(), &all, Some(&odds), 1.0).unwrap_err();
        assert!(error.in_one_line().starts_with("no null odds for 1 of 2 questions: q1; give"), "{error}");
        let error = official(&GoldQuestions::default(), &all, None, 1.0).unwrap_err();
        assert!(matches!(error, ScoreError::NoQuestions));
    }
}
