//! Training: the recipe, the schedule and the loop.
//!
//! [`Trainer`] is the loop, over any [`Task`] and in any [`Host`]: [`Schedule`] says when to update and evaluate, the task makes
//! batches and evaluates, the host records what happens and keeps the weights. Fine-tuning is the task [`FineTuning`];
//! pre-training is in [`pretrain`](crate::pretrain). [`fine_tune`] trains in memory, for a browser or a test; what trains in a
//! run folder, with files, threads and Ctrl-C, is in `native`: `run_training` goes from files to a finished run.

mod batches;
mod demonstration;
mod development;
mod difference;
mod engines;
mod error;
mod evaluator;
#[cfg(test)]
mod fake;
mod fine_tuning;
mod fit;
mod host;
mod inputs;
mod memory_host;
mod micro_batch_size;
#[cfg(feature = "native")]
mod native;
mod observer;
mod optimizer;
mod pace;
mod patience;
mod prepare;
mod probe;
mod progress;
pub mod recipe;
pub mod recipe_fields;
pub(crate) mod recipe_macro;
pub(crate) mod recipe_text;
pub mod recipe_validate;
mod samples;
mod saved_model;
mod schedule;
mod seed;
mod session;
#[cfg(test)]
mod session_tests;
mod source;
mod standing;
mod task;
mod teacher;
mod trainer;

pub use batches::{Batches, Prepared, Share, TrainingData, batches, prepare};
#[cfg(feature = "native")]
pub(crate) use batches::{in_order, micro_ranges};
pub use demonstration::{Demonstration, NoSuchSize};
pub use difference::Difference;
pub use engines::OpenEngine;
pub use error::TrainError;
pub use evaluator::{Evaluator, EvaluatorError, Scored};
pub use fine_tuning::FineTuning;
pub use fit::{Activity, Fit, InjectedFault};
pub use host::{EvaluationFiles, Host};
pub use memory_host::{MemoryHost, MemoryModel, Requests, Sleep};
pub use micro_batch_size::MicroBatchSize;
#[cfg(feature = "native")]
pub(crate) use native::{
    Beginning, Facts, Follower, WorkersHost, accept_changes, field_changes, file_changes, refuse_completed,
    shake_hands, share, train_ahead,
};
#[cfg(feature = "native")]
pub use native::{
    Forecast, MergedSweep, PastSpeed, Recorder, RunHost, Start, StopFlag, SweepError, SweepPart, TrainJob,
    TrainOutcome, WindowLengths, ahead, holds_sweep, merge_sweep, resume_command, run_training,
};
pub use observer::{Observer, Silent};
pub use optimizer::optimizer_config;
pub use pace::{Pace, Speed};
pub use patience::Patience;
pub use probe::DeviceLimits;
#[cfg(feature = "native")]
pub(crate) use probe::{Demand, kept_sums, plan, settle};
pub use progress::{Place, Progress, TrainingCheckpoint};
pub use recipe::{EvalMetric, OptimizerKind, Precision, Preset, Recipe, RecipeError};
pub use recipe_fields::RecipeArgs;
pub use recipe_validate::FieldError;
#[cfg(feature = "native")]
pub(crate) use recipe_validate::{LARGEST_COUNT, check};
pub use saved_model::{Heads, SavedModel};
pub use schedule::{EvaluateEvery, LrSchedule, Schedule, warmup_linear};
pub use seed::dropout_seed;
pub use session::{FineTuneJob, fine_tune};
pub use source::{DataSource, ModelSource};
pub use standing::{Metric, Standing};
pub use task::{EvaluatedAt, Limits, Serving, Task};
pub use teacher::{OpenTeacher, Teacher, TeacherError};
#[cfg(feature = "native")]
pub(crate) use trainer::record_failure;
pub use trainer::{Ending, Trained, Trainer, Training};
