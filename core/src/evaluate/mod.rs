//! A data set answered and scored.
//!
//! [`PreparedEvaluation`] cuts the data set into windows once; each [`run`](PreparedEvaluation::run) works through them with an
//! engine and returns an [`Evaluation`], which writes the files of a run's `eval` folder.

mod error;
mod evaluation;
mod options;
mod prepared;
mod record;
mod stored;
mod trainer_seam;
mod verdict;

pub use error::EvaluateError;
pub use evaluation::{Evaluation, ResultsFile};
pub use options::EvaluateOptions;
pub use prepared::{PreparedEvaluation, evaluate};
pub use record::{Record, RecordSpan};
pub use stored::{StoredEvaluation, evaluated_steps};
pub use verdict::Verdict;

#[cfg(test)]
mod tests;
