//! What an evaluation found, and its files.

use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    Abstention, EvaluateError, EvaluateOptions, GoldReach, Record, non_finite_windows, record::records,
};
use crate::{
    answers::{Prediction, nbest_json, null_odds_json},
    hash::Fingerprint,
    python_json::to_python_json,
    score::{
        AnswerLanguage, GoldQuestions, NamedScores, NullOdds, Predictions, QuestionTable, Scores,
        ScoringRules, ThresholdCurve, official, pred_only, run_squad,
    },
    squad::{Dataset, SquadVersion},
};

/// The threshold that the reference's `evaluate` compares logit differences with during training.
const REFERENCE_NA_PROB_THRESH: f64 = 1.0;

/// How many records are put into lines by one thread.
const RECORDS_AT_A_TIME: usize = 256;

/// A data set's answers and scores.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// Every question's answers, in the data set's order.
    pub predictions: Vec<Prediction>,
    /// The answers that go into `predictions.json`: where the model may abstain, those with a score
    /// difference above the threshold asked for, else, as the reference's, above `best_f1_thresh`, are blanked.
    pub final_predictions: Predictions,
    /// The summary.
    pub results: ResultsFile,
    /// Every question's score, before any threshold.
    pub questions: QuestionTable,
    /// The scores at every threshold, where the model may abstain.
    pub curve: Option<ThresholdCurve>,
    dataset: Arc<Dataset>,
    /// Of every question, or empty.
    reach: Vec<Option<GoldReach>>,
}

/// `results.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResultsFile {
    /// Whether the model might abstain, and what decided; older evaluations do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abstention: Option<Abstention>,
    /// Exact match and F1 at threshold 0, the stored one, the one asked for and this set's best, where the model may abstain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<NamedScores>,
    /// What the reference's run_squad.py reports, `eval_metric` being one of its names.
    pub run_squad: Scores,
    /// What the data's official script finds for the `predictions.json` written along with it, under the names of
    /// evaluate-v2.0.py. SQuAD 1.1 is scored by the rules of evaluate-v1.1.py.
    pub official: Scores,
    /// By whose rules answers were compared, if not SQuAD's.
    #[serde(default, skip_serializing_if = "is_squad")]
    pub answer_language: AnswerLanguage,
    /// Number of windows.
    pub windows: usize,
    /// Windows whose logits were not finite; any at all means that the scores mean nothing.
    pub non_finite_windows: usize,
    /// Longest answer given, in word pieces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_answer_length: Option<usize>,
    /// The file that was answered; that of a run stands in its `environment.json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Fingerprint>,
    /// The checkpoint that answered it; that of a run is the run's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The checkpoints whose logits were averaged with that one's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ensemble: Vec<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_squad(language: &AnswerLanguage) -> bool {
    *language == AnswerLanguage::Squad
}

impl ResultsFile {
    /// The checkpoint that gave these answers, if one alone did and is named.
    #[must_use]
    pub fn only_model(&self) -> Option<&str> {
        self.model.as_deref().filter(|_| self.ensemble.is_empty())
    }
}

impl Evaluation {
    /// Scores predictions for a data set, `gold` being its answers under its official rules.
    ///
    /// # Errors
    /// If a question has no prediction, or there are no questions.
    pub fn new(
        dataset: Arc<Dataset>,
        gold: &GoldQuestions,
        predictions: Vec<Prediction>,
        options: &EvaluateOptions,
    ) -> Result<Self, EvaluateError> {
        let texts: Predictions = predictions.iter().map(|p| (p.qas_id.clone(), p.text.clone())).collect();
        let null_odds: NullOdds =
            predictions.iter().filter_map(|p| Some((p.qas_id.clone(), p.score_diff?))).collect();
        let null_odds = (!null_odds.is_empty()).then_some(null_odds);
        // The reference goes by the rules of SQuAD 2.0 for either version.
        let reference_gold = (dataset.version == SquadVersion::V1).then(|| {
            let rules = ScoringRules { language: options.answer_language, ..ScoringRules::default() };
            GoldQuestions::with_rules(&dataset, rules)
        });
        let questions = QuestionTable::new(gold, &texts).complete()?;
        let final_at = options.threshold.zip(null_odds.as_ref());
        let kept = final_at.map(|_| texts.clone());
        let reference = run_squad(
            reference_gold.as_ref().unwrap_or(gold),
            texts,
            null_odds.as_ref(),
            REFERENCE_NA_PROB_THRESH,
        )?;
        let mut final_predictions = reference.predictions;
        if let (Some((threshold, odds)), Some(kept)) = (final_at, kept) {
            final_predictions = kept;
            pred_only(&mut final_predictions, odds, threshold);
        }
        let official = official(gold, &final_predictions, None, 1.0)?;
        let (named, curve) = match &null_odds {
            Some(odds) => {
                let curve = ThresholdCurve::new(&questions, odds)?;
                let named = NamedScores::from_curve(&curve, options.stored_threshold)?;
                (Some(named.with_given(&curve, options.threshold)), Some(curve))
            }
            None => (None, None),
        };
        let results = ResultsFile {
            abstention: options.abstention,
            named,
            run_squad: reference.scores,
            official: official.scores,
            answer_language: options.answer_language,
            windows: predictions.iter().map(|prediction| prediction.windows).sum(),
            non_finite_windows: non_finite_windows(&predictions),
            max_answer_length: Some(options.max_answer_length),
            data: None,
            model: None,
            ensemble: Vec::new(),
        };
        Ok(Self { predictions, final_predictions, results, questions, curve, dataset, reach: Vec::new() })
    }

    /// Adds what is known about the gold answers, one entry for each question.
    #[must_use]
    pub fn with_reach(self, reach: Vec<Option<GoldReach>>) -> Self {
        Self { reach, ..self }
    }

    /// The threshold to store with a checkpoint that was evaluated on a dev set, where it may abstain.
    #[must_use]
    pub fn best_threshold(&self) -> Option<f64> {
        self.results.named.map(|named| named.best_threshold.threshold)
    }

    /// One record per question, in the data set's order.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        records(&self.dataset, &self.predictions, &self.questions, &self.reach)
    }

    /// Names of all files of an evaluation; the last one shows that it is complete.
    pub const FILES: &[&str] =
        &["predictions.json", "nbest_predictions.json", "null_odds.json", "records.jsonl", "results.json"];

    /// The evaluation's files by name, `null_odds.json` only where the model may abstain.
    ///
    /// # Errors
    /// Never in practice: texts and numbers always serialise.
    pub fn files(&self) -> Result<Vec<(&'static str, Vec<u8>)>, EvaluateError> {
        let mut files = vec![
            ("predictions.json", to_python_json(&self.final_predictions)?.into_bytes()),
            ("nbest_predictions.json", nbest_json(&self.predictions)?.into_bytes()),
        ];
        if self.curve.is_some() {
            files.push(("null_odds.json", null_odds_json(&self.predictions)?.into_bytes()));
        }
        files.push(("records.jsonl", lines(&self.records())?.into_bytes()));
        files.push(("results.json", to_python_json(&self.results)?.into_bytes()));
        Ok(files)
    }
}

/// Each record as a line of JSON.
fn lines(records: &[Record]) -> serde_json::Result<String> {
    let parts: Vec<Vec<u8>> = records
        .par_chunks(RECORDS_AT_A_TIME)
        .map(|part| {
            let mut bytes = Vec::new();
            for record in part {
                serde_json::to_writer(&mut bytes, record)?;
                bytes.push(b'\n');
            }
            Ok(bytes)
        })
        .collect::<Result<_, serde_json::Error>>()?;
    String::from_utf8(parts.concat()).map_err(<serde_json::Error as serde::ser::Error>::custom)
}
