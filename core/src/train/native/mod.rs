//! Training in a run folder, with files, threads and Ctrl-C.

mod changes;
mod checkpoints;
mod fit_file;
mod forecast;
mod handshake;
mod job;
mod prefetch;
mod recorder;
mod resume;
mod run_host;
mod stop_flag;
mod sweep_error;
mod sweep_merge;
mod sweep_part;
mod workers;

use super::{
    DataSource, DeviceLimits, Difference, Ending, EvaluationFiles, Fit, Heads, Host, InjectedFault, Metric,
    ModelSource, Observer, OpenEngine, OpenTeacher, Place, Precision, Progress, Recipe, RecipeError,
    SavedModel, Schedule, Silent, Standing, Task, TrainError, Trained, Trainer, Training, TrainingCheckpoint,
    engines::Open,
    probe,
    progress::PROGRESS_VERSION,
    samples,
    session::{Before, Session},
};

pub(crate) use changes::{field_changes, file_changes};
pub use fit_file::resume_command;
pub use forecast::{Forecast, PastSpeed, WindowLengths};
pub(crate) use handshake::{Beginning, Facts, shake_hands, share};
pub use job::{Start, TrainJob, TrainOutcome, run_training};
pub use prefetch::ahead;
pub(crate) use prefetch::train_ahead;
pub use recorder::Recorder;
pub(crate) use resume::{accept_changes, refuse_completed};
pub use run_host::RunHost;
pub use stop_flag::StopFlag;
pub use sweep_error::SweepError;
pub use sweep_merge::{MergedSweep, holds_sweep, merge_sweep};
pub use sweep_part::SweepPart;
pub(crate) use workers::{Follower, WorkersHost};
