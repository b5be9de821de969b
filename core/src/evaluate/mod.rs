//! A data set answered and scored.
//!
//! [`PreparedEvaluation`] cuts the data set into windows once; each [`run`](PreparedEvaluation::run) works through them with an
//! engine and returns an [`Evaluation`], which writes the files of a run's `eval` folder.

mod error;
mod evaluation;
mod options;
mod prepared;
mod record;
mod trainer_seam;

pub use error::EvaluateError;
pub use evaluation::{Evaluation, ResultsFile};
pub use options::EvaluateOptions;
pub use prepared::{PreparedEvaluation, evaluate};
pub use record::{Record, RecordSpan};

#[cfg(test)]
mod tests;
