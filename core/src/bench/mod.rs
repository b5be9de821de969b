//! How fast this build computes on a device: fine-tuning and answering ([`measure`] over a [`Workload`]), and the
//! work on text around them ([`preprocess`], [`postprocess`]).
//!
//! Batches are made by the trainer's own thread in the trainer's own order, and the device is waited for only at the
//! ends of blocks of steps, as in a training: what is measured is what a user gets.

mod environment;
mod logits;
mod measure;
mod memory;
mod peak;
mod postprocess;
mod preprocess;
mod row;
mod statistics;
mod subject;
mod workload;

pub use environment::BenchEnvironment;
pub use logits::synthetic_logits;
pub use measure::{Measured, Plan, measure};
pub use memory::peak_host_bytes;
pub use peak::{Peak, peak};
pub use postprocess::{PostprocessRow, postprocess};
pub use preprocess::{PreprocessRow, preprocess};
pub use row::SpeedRow;
pub use statistics::Summary;
pub use subject::{Answering, Learning, Subject};
pub use workload::{Workload, WorkloadError};
