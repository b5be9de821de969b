//! A data set answered and scored.
//!
//! [`PreparedEvaluation`] cuts the data set into windows once; each [`run`](PreparedEvaluation::run) works through them with an
//! engine and returns an [`Evaluation`], which writes the files of a run's `eval` folder.

mod abstention;
mod broken_down;
mod error;
mod evaluation;
mod options;
mod prepared;
mod reach;
mod record;
mod stored;
mod trainer_seam;

pub use abstention::{Abstention, AbstentionReason};
pub use broken_down::{AnalysedEvaluation, EvaluationPlace};
pub use error::EvaluateError;
pub use evaluation::{Evaluation, ResultsFile};
pub use options::EvaluateOptions;
pub use prepared::{PreparedEvaluation, evaluate, non_finite_windows};
pub use reach::GoldReach;
pub use record::{Record, RecordSpan};
pub use stored::{StoredEvaluation, evaluated_steps};

#[cfg(test)]
mod tests;
