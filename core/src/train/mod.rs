//! Training: the recipe, the schedule and the loop.
//!
//! [`Trainer`] is the loop, over any [`Task`]: batches come from a thread that makes them ahead, [`Schedule`] says when to
//! update and evaluate, [`Recorder`] writes what happens and the task the weights. Fine-tuning is the task
//! [`FineTuning`]; pre-training is in [`pretrain`](crate::pretrain). [`run_training`] goes from files to a finished run
//! folder.

mod changes;
mod checkpoints;
mod development;
mod engines;
mod error;
mod evaluator;
#[cfg(test)]
mod fake;
mod fine_tuning;
mod fit;
mod forecast;
mod inputs;
mod job;
mod micro_batch_size;
mod observer;
mod optimizer;
mod pace;
mod patience;
mod prefetch;
mod prepare;
mod probe;
pub mod recipe;
pub mod recipe_fields;
pub(crate) mod recipe_macro;
pub(crate) mod recipe_text;
pub mod recipe_validate;
mod recorder;
mod resume;
mod samples;
mod schedule;
mod seed;
mod source;
mod standing;
mod task;
mod trainer;

pub use changes::Difference;
pub(crate) use changes::{field_changes, file_changes};
pub use checkpoints::{Place, Progress};
pub use engines::OpenEngine;
pub use error::TrainError;
pub use evaluator::{Evaluator, EvaluatorError};
pub use fine_tuning::FineTuning;
pub use fit::{Activity, Fit, InjectedFault, resume_command};
pub use forecast::{Forecast, PastSpeed, WindowLengths};
pub use job::{Start, TrainJob, TrainOutcome, run_training};
pub use micro_batch_size::MicroBatchSize;
pub use observer::{Observer, Silent, StopFlag};
pub use optimizer::optimizer_config;
pub use pace::{Pace, Speed};
pub use patience::Patience;
pub(crate) use prefetch::feed;
pub use prefetch::{Prepared, TrainingData, prefetch, prepare};
pub use probe::DeviceLimits;
pub(crate) use probe::{Demand, plan, settle};
pub use recipe::{EvalMetric, OptimizerKind, Precision, Preset, Recipe, RecipeError};
pub use recipe_fields::RecipeArgs;
pub use recipe_validate::FieldError;
pub(crate) use recipe_validate::{LARGEST_COUNT, check};
pub use recorder::Recorder;
pub use resume::TrainingCheckpoint;
pub(crate) use resume::{accept_changes, refuse_completed};
pub use schedule::{EvaluateEvery, LrSchedule, Schedule, warmup_linear};
pub use seed::dropout_seed;
pub(crate) use seed::text_seed;
pub use source::{DataSource, ModelSource};
pub use standing::{Metric, Standing};
pub use task::{EvaluatedAt, Limits, Serving, Task};
pub(crate) use trainer::record_failure;
pub use trainer::{Ending, Trainer, Training};
