//! Scores of answers: the official SQuAD metrics, the reference's own, and the choice of a "no answer" threshold.
//!
//! [`GoldQuestions`] is what a data set says, [`QuestionTable`] scores every prediction against it, and everything
//! else sums up that table: [`official`] (evaluate-v2.0.py), [`run_squad`] (the reference's `evaluate`),
//! [`ThresholdCurve`] (all thresholds at once) and [`named_scores`] (the three that a report names).

mod answer_file;
mod curve;
mod error;
mod eval_results;
mod gold;
mod held_out;
mod id_map;
mod ids;
mod json_float;
mod language;
mod named;
mod normalize;
mod official;
mod overlap;
mod precision_recall;
mod questions;
mod rules;
mod run_squad;
mod scores;
mod script;
mod threshold;

pub use answer_file::AnswerFile;
pub use curve::{ThresholdCurve, ThresholdPoint};
pub use error::ScoreError;
pub use eval_results::{ResultValue, best_f1_thresh_from_eval_results, eval_results_text};
pub use gold::{GoldQuestion, GoldQuestions};
pub use held_out::HeldOutScores;
pub use id_map::{IdMap, NullOdds, Predictions};
pub use ids::{UnknownIds, fill_missing, unknown_ids};
pub use language::AnswerLanguage;
pub use named::{NamedScores, named_scores};
pub use normalize::{answer_tokens, normalize_answer};
pub(crate) use official::official_of_table;
pub use official::{OfficialEvaluation, official};
pub use overlap::{compute_exact, compute_f1};
pub use precision_recall::{PrecisionRecall, PrecisionRecallCurve, precision_recall};
pub use questions::{QuestionScore, QuestionTable};
pub use rules::ScoringRules;
pub use run_squad::{RunSquadEvaluation, pred_only, run_squad};
pub use scores::Scores;
pub use threshold::{BestThreshold, best_thresholds};
