//! SpanBERT's engines on the processor: the one place where model, optimizer and kernels are compiled for it.
//!
//! A crate of its own, as `spanbert-gpu` is, so that a change above the engines does not compile them again.
#![recursion_limit = "256"]

use spanbert_backends::{dispatch_autodiff_on_cpu, dispatch_on_cpu};
use spanbert_model::engine::{
    EngineError, InferenceEngine, InferenceTask, PretrainEngine, PretrainTask, TrainingEngine, TrainingTask,
};

/// Opens a model that answers.
///
/// # Errors
/// If the weights do not fit the configuration.
pub fn open_inference(task: InferenceTask) -> Result<Box<dyn InferenceEngine>, EngineError> {
    dispatch_on_cpu(task)?
}

/// Opens a model that learns.
///
/// # Errors
/// As [`open_inference`].
pub fn open_training(task: TrainingTask) -> Result<Box<dyn TrainingEngine>, EngineError> {
    dispatch_autodiff_on_cpu(task)?
}

/// Opens a model that is pre-trained.
///
/// # Errors
/// As [`open_inference`].
pub fn open_pretraining(task: PretrainTask) -> Result<Box<dyn PretrainEngine>, EngineError> {
    dispatch_autodiff_on_cpu(task)?
}
