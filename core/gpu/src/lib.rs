//! SpanBERT's engines on Burn's GPU backends: the one place where model, optimizer and kernels are compiled for them.
//!
//! That takes longer than everything else of the program, so it is a crate of its own, which changes only with the model.
#![recursion_limit = "256"]
// In a browser devices are opened asynchronously.
#![cfg(not(target_family = "wasm"))]

use spanbert_backends::{DeviceChoice, Fusion, dispatch_autodiff_on_gpu, dispatch_on_gpu};
use spanbert_model::engine::{
    EngineError, InferenceEngine, InferenceTask, PretrainEngine, PretrainTask, TrainingEngine, TrainingTask,
};

/// Opens a model that answers.
///
/// # Errors
/// If there is no such GPU, it fails, or the weights do not fit the configuration.
pub fn open_inference(
    choice: &DeviceChoice,
    fusion: Fusion,
    task: InferenceTask,
) -> Result<Box<dyn InferenceEngine>, EngineError> {
    dispatch_on_gpu(choice, fusion, task)?
}

/// Opens a model that learns.
///
/// # Errors
/// As [`open_inference`].
pub fn open_training(
    choice: &DeviceChoice,
    fusion: Fusion,
    task: TrainingTask,
) -> Result<Box<dyn TrainingEngine>, EngineError> {
    dispatch_autodiff_on_gpu(choice, fusion, task)?
}

/// Opens a model that is pre-trained.
///
/// # Errors
/// As [`open_inference`].
pub fn open_pretraining(
    choice: &DeviceChoice,
    fusion: Fusion,
    task: PretrainTask,
) -> Result<Box<dyn PretrainEngine>, EngineError> {
    dispatch_autodiff_on_gpu(choice, fusion, task)?
}
