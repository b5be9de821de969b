//! The reference's own `evaluate` (run_squad.py).

use super::{
    GoldQuestions, NullOdds, Predictions, QuestionTable, ScoreError, Scores, best_thresholds,
    official::scored_at,
};

/// The reference's scores and final answers.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSquadEvaluation {
    /// What goes to `eval_results.txt`.
    pub scores: Scores,
    /// The final answers; in version 2 those with null odds above `best_f1_thresh` are blanked.
    pub predictions: Predictions,
    /// Every question's score, before any threshold.
    pub questions: QuestionTable,
}

/// Scores raw predictions as the reference does. `null_odds` are differences of logits and make it version 2.
///
/// The reference compares them with `na_prob_thresh`, 1.0 unless it reads another from an earlier run, as though they were
/// probabilities: its `exact` and `f1` are thus neither at threshold 0 nor at the best one. [`named_scores`](super::named_scores)
/// gives those.
///
/// # Errors
/// If the data set is empty, or a question has no prediction or (given any) no null odds.
pub fn run_squad(
    gold: &GoldQuestions,
    mut predictions: Predictions,
    null_odds: Option<&NullOdds>,
    na_prob_thresh: f64,
) -> Result<RunSquadEvaluation, ScoreError> {
    let questions = QuestionTable::new(gold, &predictions).complete()?;
    let scores = match null_odds {
        Some(null_odds) => {
            let values = questions.null_odds(null_odds)?;
            let mut scores =
                Scores::with_parts(&questions.rows, &scored_at(&questions, &values, na_prob_thresh));
            let (exact, f1) = best_thresholds(&questions, null_odds);
            scores.set_best(exact, f1);
            pred_only(&mut predictions, null_odds, f1.threshold);
            scores
        }
        None => {
            let scored: Vec<_> = questions.rows.iter().map(|row| (row.exact, row.f1)).collect();
            Scores::overall(&questions.rows, &scored)
        }
    };
    Ok(RunSquadEvaluation { scores, predictions, questions })
}

/// Blanks the predictions whose null odds exceed the threshold: all that remains of `evaluate` when there are no gold answers
/// (`pred_only`).
pub fn pred_only(predictions: &mut Predictions, null_odds: &NullOdds, na_prob_thresh: f64) {
    for (id, prediction) in predictions.iter_mut() {
        if null_odds.get(id).is_some_and(|&odds| odds > na_prob_thresh) {
            prediction.clear();
        }
    }
}
