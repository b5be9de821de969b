//! Opening engines in a number format.

use spanbert_backends::{DeviceInfo, Fusion, Precision};

use crate::{
    error::CliError,
    model::{configure_runtime, prove_device},
};
use spanbert_core::{
    checkpoint::Weights,
    config::BertConfig,
    engine::{InferenceEngine, OptimizerConfig, TrainingEngine, open_inference, open_training},
};

/// An engine that learns.
pub(super) fn learning(
    device: &DeviceInfo,
    config: &BertConfig,
    weights: Weights,
    (precision, unfused): (Precision, bool),
) -> Result<Box<dyn TrainingEngine>, CliError> {
    let fusion = kernels(device, precision, unfused)?;
    Ok(open_training(&device.choice, fusion, config, weights, OptimizerConfig::bert_adam(), precision)?)
}

/// An engine that answers.
pub(super) fn answering(
    device: &DeviceInfo,
    config: &BertConfig,
    weights: Weights,
    (precision, unfused): (Precision, bool),
) -> Result<Box<dyn InferenceEngine>, CliError> {
    let fusion = kernels(device, precision, unfused)?;
    Ok(open_inference(&device.choice, fusion, config, weights, precision)?)
}

/// The kernels asked for, else those that the device's self-test allows.
fn kernels(device: &DeviceInfo, precision: Precision, unfused: bool) -> Result<Fusion, CliError> {
    if unfused {
        configure_runtime();
        return Ok(Fusion::Unfused);
    }
    Ok(prove_device(device, precision)?)
}
