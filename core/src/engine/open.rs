//! Engines on the backend that is chosen at run time.

use spanbert_backends::{BackendError, BackendKind, DeviceChoice, Fusion, Precision, select};
use spanbert_cpu as cpu;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
use spanbert_gpu as gpu;

use super::{
    EngineError, InferenceEngine, InferenceTask, OptimizerConfig, PretrainEngine, PretrainTask,
    TrainingEngine, TrainingTask,
};
use crate::{checkpoint::Weights, config::BertConfig};

/// Opens a model that answers on the chosen device.
///
/// # Errors
/// If the device is not there, fails, or lacks the precision, or the weights do not fit the configuration.
pub fn open_inference(
    choice: &DeviceChoice,
    fusion: Fusion,
    config: &BertConfig,
    weights: Weights,
    precision: Precision,
) -> Result<Box<dyn InferenceEngine>, EngineError> {
    check_precision(choice, precision)?;
    let task = InferenceTask { config: config.clone(), weights, precision };
    if is_processor(choice)? { cpu::open_inference(task) } else { gpu::open_inference(choice, fusion, task) }
}

/// Opens a model that learns on the chosen device.
///
/// # Errors
/// As [`open_inference`].
pub fn open_training(
    choice: &DeviceChoice,
    fusion: Fusion,
    config: &BertConfig,
    weights: Weights,
    optimizer: OptimizerConfig,
    precision: Precision,
) -> Result<Box<dyn TrainingEngine>, EngineError> {
    check_precision(choice, precision)?;
    let task = TrainingTask { config: config.clone(), weights, optimizer, precision };
    if is_processor(choice)? { cpu::open_training(task) } else { gpu::open_training(choice, fusion, task) }
}

/// Opens a model that is pre-trained on the chosen device; `weights` are those of
/// [`fresh_pretraining`](crate::model::fresh_pretraining) or of a checkpoint with both heads.
///
/// # Errors
/// As [`open_inference`].
pub fn open_pretraining(
    choice: &DeviceChoice,
    fusion: Fusion,
    config: &BertConfig,
    weights: Weights,
    optimizer: OptimizerConfig,
    precision: Precision,
) -> Result<Box<dyn PretrainEngine>, EngineError> {
    check_precision(choice, precision)?;
    let task = PretrainTask { config: config.clone(), weights, optimizer, precision };
    if is_processor(choice)? {
        cpu::open_pretraining(task)
    } else {
        gpu::open_pretraining(choice, fusion, task)
    }
}

/// Refuses a half precision that the device lacks before it is opened; f32 is not worth the probe.
fn check_precision(choice: &DeviceChoice, precision: Precision) -> Result<(), BackendError> {
    if precision == Precision::F32 { Ok(()) } else { select(choice)?.check_precision(precision) }
}

fn is_processor(choice: &DeviceChoice) -> Result<bool, BackendError> {
    let kind = choice.kind().map_or_else(|| select(choice).map(|device| device.kind), Ok)?;
    Ok(kind == BackendKind::Cpu)
}

/// What a program without GPU backends has in their place.
#[cfg(not(any(feature = "wgpu", feature = "cuda")))]
mod gpu {
    use super::*;

    pub(super) fn open_inference(
        choice: &DeviceChoice,
        _fusion: Fusion,
        _task: InferenceTask,
    ) -> Result<Box<dyn InferenceEngine>, EngineError> {
        absent(choice)
    }

    pub(super) fn open_training(
        choice: &DeviceChoice,
        _fusion: Fusion,
        _task: TrainingTask,
    ) -> Result<Box<dyn TrainingEngine>, EngineError> {
        absent(choice)
    }

    pub(super) fn open_pretraining(
        choice: &DeviceChoice,
        _fusion: Fusion,
        _task: PretrainTask,
    ) -> Result<Box<dyn PretrainEngine>, EngineError> {
        absent(choice)
    }

    /// Why there is no such device, as the list of devices has it.
    fn absent<T>(choice: &DeviceChoice) -> Result<T, EngineError> {
        let device = select(choice)?;
        Err(EngineError::Defect(format!("{} is listed and not compiled in", device.choice)))
    }
}
