//! Opening engines in a number format.

use spanbert_backends::{DeviceInfo, Fusion, Precision};

use crate::{
    checkpoint::Weights,
    cli::{
        error::CliError,
        model::{configure_runtime, prove_device},
    },
    config::BertConfig,
    engine::{InferenceEngine, OptimizerConfig, TrainingEngine, open_inference, open_training},
};

/// Refuses what the engines cannot compute in.
pub(super) fn check_precision(precision: Precision) -> Result<(), CliError> {
    match precision {
        Precision::F32 => Ok(()),
        other => Err(CliError::new(
            format_args!("this version does not compute in {other}"),
            "leave --precision out, or use f32",
        )),
    }
}

/// An engine that learns.
pub(super) fn learning(
    device: &DeviceInfo,
    config: &BertConfig,
    weights: Weights,
    (precision, unfused): (Precision, bool),
) -> Result<Box<dyn TrainingEngine>, CliError> {
    check_precision(precision)?;
    let fusion = kernels(device, unfused)?;
    Ok(open_training(&device.choice, fusion, config, weights, OptimizerConfig::bert_adam())?)
}

/// An engine that answers.
pub(super) fn answering(
    device: &DeviceInfo,
    config: &BertConfig,
    weights: Weights,
    (precision, unfused): (Precision, bool),
) -> Result<Box<dyn InferenceEngine>, CliError> {
    check_precision(precision)?;
    let fusion = kernels(device, unfused)?;
    Ok(open_inference(&device.choice, fusion, config, weights)?)
}

/// The kernels asked for, else those that the device's self-test allows.
fn kernels(device: &DeviceInfo, unfused: bool) -> Result<Fusion, CliError> {
    if unfused {
        configure_runtime();
        return Ok(Fusion::Unfused);
    }
    Ok(prove_device(device)?)
}
