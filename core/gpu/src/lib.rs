//! SpanBERT's engines on Burn's GPU backends: the one place where model, optimizer and kernels are compiled for them.
//!
//! That takes longer than everything else of the program, so it is a crate of its own, which changes only with the model.
#![recursion_limit = "256"]

use spanbert_backends::{DeviceChoice, Fusion, dispatch_on_gpu};
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
/// If there is no such GPU, it fails, or the weights do not fit the configuration.
#[cfg(feature = "training")]
pub fn open_training(
    choice: &DeviceChoice,
    fusion: Fusion,
    task: TrainingTask,
) -> Result<Box<dyn TrainingEngine>, EngineError> {
    spanbert_backends::dispatch_autodiff_on_gpu(choice, fusion, task)?
}

/// Opens a model that is pre-trained.
///
/// # Errors
/// If there is no such GPU, it fails, or the weights do not fit the configuration.
#[cfg(feature = "training")]
pub fn open_pretraining(
    choice: &DeviceChoice,
    fusion: Fusion,
    task: PretrainTask,
) -> Result<Box<dyn PretrainEngine>, EngineError> {
    spanbert_backends::dispatch_autodiff_on_gpu(choice, fusion, task)?
}

/// Says that this build does not train on GPUs.
///
/// # Errors
/// Always.
#[cfg(not(feature = "training"))]
pub fn open_training(
    choice: &DeviceChoice,
    _fusion: Fusion,
    _task: TrainingTask,
) -> Result<Box<dyn TrainingEngine>, EngineError> {
    Err(left_out(choice))
}

/// Says that this build does not train on GPUs.
///
/// # Errors
/// Always.
#[cfg(not(feature = "training"))]
pub fn open_pretraining(
    choice: &DeviceChoice,
    _fusion: Fusion,
    _task: PretrainTask,
) -> Result<Box<dyn PretrainEngine>, EngineError> {
    Err(left_out(choice))
}

#[cfg(not(feature = "training"))]
fn left_out(choice: &DeviceChoice) -> EngineError {
    use spanbert_backends::{BackendError, Obstacle, select};

    let device = match select(choice) {
        Ok(device) => device,
        Err(error) => return error.into(),
    };
    let obstacle = Obstacle::new("this build trains on the processor only", "train on the processor");
    BackendError::Unusable { choice: device.choice, name: device.name, obstacle }.into()
}
