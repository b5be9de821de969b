//! A data set answered and scored.
//!
//! [`PreparedEvaluation`] cuts the data set into windows once; each [`run`](PreparedEvaluation::run) works through them with an
//! engine and returns an [`Evaluation`], whose files are those of a run's `eval` folder. Where a device can only be awaited, as
//! WebGPU in a browser, [`run_async`](PreparedEvaluation::run_async) does.

mod abstention;
mod alone;
mod answered;
mod batches;
#[cfg(feature = "native")]
mod broken_down;
mod error;
mod evaluation;
mod gold_reach;
mod monitor;
mod options;
mod prepared;
mod record;
#[cfg(feature = "native")]
mod shard_error;
#[cfg(feature = "native")]
mod shards;
mod shared;
#[cfg(feature = "native")]
mod stored;

pub use abstention::{Abstention, AbstentionReason};
pub use alone::{QuestionAlone, answer_alone};
pub use answered::StoredEvaluation;
#[cfg(feature = "native")]
pub use broken_down::{AnalysedEvaluation, EvaluationPlace};
pub use error::EvaluateError;
pub use evaluation::{Evaluation, ResultsFile};
pub use gold_reach::GoldReach;
pub use monitor::{BoxFuture, Monitor};
pub use options::EvaluateOptions;
pub use prepared::{PreparedEvaluation, evaluate, evaluate_async, non_finite_windows};
pub use record::{Record, RecordSpan};
#[cfg(feature = "native")]
pub use shard_error::ShardError;
#[cfg(feature = "native")]
pub(crate) use shard_error::listed;
#[cfg(feature = "native")]
pub use shards::{MadeOf, Shard, ShardMark, ShardOutput, is_shard, merge};
#[cfg(feature = "native")]
pub use stored::evaluated_steps;

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;
