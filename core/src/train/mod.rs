//! Training: the recipe, the schedule and the loop.
//!
//! [`Trainer`] is the loop, over any [`TrainingEngine`](crate::engine::TrainingEngine): batches come from a
//! [`prefetch`]ing thread in the reference's order, [`Schedule`] says when to update and evaluate, [`Recorder`]
//! writes what happens and [`Keeper`] the weights. [`run_training`] goes from files to a finished run folder.

mod changes;
mod development;
mod engines;
mod error;
mod evaluator;
#[cfg(test)]
mod fake;
mod fit;
mod forecast;
mod inputs;
mod job;
mod keeper;
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
pub mod recipe_validate;
mod recorder;
mod resume;
mod samples;
mod schedule;
mod seed;
mod source;
mod trainer;
mod trainer_keeping;
#[cfg(test)]
mod trainer_tests;

pub use changes::Difference;
pub use engines::OpenEngine;
pub use error::TrainError;
pub use evaluator::{Evaluator, EvaluatorError};
pub use fit::{Activity, Fit, InjectedFault, resume_command};
pub use forecast::{Forecast, PastSpeed, WindowLengths};
pub use job::{Start, TrainJob, TrainOutcome, run_training};
pub use keeper::{Keeper, Moment, Place, Progress};
pub(crate) use keeper::{PROGRESS_VERSION, write_checkpoint};
pub use micro_batch_size::MicroBatchSize;
pub use observer::{Observer, Silent, StopFlag};
pub use optimizer::optimizer_config;
pub use pace::{Pace, Speed};
pub use patience::Patience;
pub use prefetch::{Prepared, TrainingData, prefetch, prepare};
pub use probe::DeviceLimits;
pub use recipe::{EvalMetric, OptimizerKind, Precision, Preset, Recipe, RecipeError};
pub use recipe_fields::RecipeArgs;
pub use recorder::Recorder;
pub use resume::TrainingCheckpoint;
pub use schedule::{LrSchedule, Schedule, warmup_linear};
pub use seed::dropout_seed;
pub use source::{DataSource, ModelSource};
pub use trainer::{Ending, Trainer, Training};
