//! Tasks that build an engine on whatever backend was chosen at run time.

use spanbert_backends::{AutodiffDeviceTask, BertBackend, DeviceTask, Precision, TrainingBackend};
#[cfg(feature = "native")]
use spanbert_backends::{BackendError, DeviceChoice, Fusion, dispatch, dispatch_autodiff, select};

use super::{
    EngineError, InferenceEngine, OptimizerConfig, TrainingEngine, inference::BurnInference,
    learner::BurnLearner, span_answers::SpanAnswers,
};
#[cfg(feature = "native")]
use super::{PretrainEngine, span_masking::SpanMasking};
use crate::{checkpoint::Weights, config::BertConfig};

/// Builds an [`InferenceEngine`] on the device it is dispatched to.
#[derive(Debug)]
pub struct InferenceTask {
    /// Architecture.
    pub config: BertConfig,
    /// Canonical weights, complete.
    pub weights: Weights,
    /// Format of the operands of matrix products.
    pub precision: Precision,
}

impl DeviceTask for InferenceTask {
    type Output = Result<Box<dyn InferenceEngine>, EngineError>;

    fn run<B: BertBackend>(self, device: B::Device) -> Self::Output {
        Ok(Box::new(BurnInference::<B>::new(self.config, self.weights, self.precision, device)?))
    }
}

/// Builds a [`TrainingEngine`] on the device it is dispatched to.
#[derive(Debug)]
pub struct TrainingTask {
    /// Architecture.
    pub config: BertConfig,
    /// Canonical weights, complete.
    pub weights: Weights,
    /// The optimizer's constants.
    pub optimizer: OptimizerConfig,
    /// Format of the operands of matrix products.
    pub precision: Precision,
}

impl AutodiffDeviceTask for TrainingTask {
    type Output = Result<Box<dyn TrainingEngine>, EngineError>;

    fn run<B: TrainingBackend>(self, device: B::Device) -> Self::Output {
        let Self { config, weights, optimizer, precision } = self;
        Ok(Box::new(BurnLearner::<B, SpanAnswers>::new(config, weights, optimizer, precision, device)?))
    }
}

/// Builds a [`PretrainEngine`] on the device it is dispatched to.
#[cfg(feature = "native")]
#[derive(Debug)]
pub struct PretrainTask {
    /// Architecture.
    pub config: BertConfig,
    /// Canonical weights of the encoder and both heads.
    pub weights: Weights,
    /// The optimizer's constants.
    pub optimizer: OptimizerConfig,
    /// Format of the operands of matrix products.
    pub precision: Precision,
}

#[cfg(feature = "native")]
impl AutodiffDeviceTask for PretrainTask {
    type Output = Result<Box<dyn PretrainEngine>, EngineError>;

    fn run<B: TrainingBackend>(self, device: B::Device) -> Self::Output {
        let Self { config, weights, optimizer, precision } = self;
        Ok(Box::new(BurnLearner::<B, SpanMasking>::new(config, weights, optimizer, precision, device)?))
    }
}

/// Opens a model that answers on the chosen device.
///
/// # Errors
/// If the device is not there, fails, or lacks the precision, or the weights do not fit the configuration.
#[cfg(feature = "native")]
pub fn open_inference(
    choice: &DeviceChoice,
    fusion: Fusion,
    config: &BertConfig,
    weights: Weights,
    precision: Precision,
) -> Result<Box<dyn InferenceEngine>, EngineError> {
    check_precision(choice, precision)?;
    dispatch(choice, fusion, InferenceTask { config: config.clone(), weights, precision })?
}

/// Opens a model that learns on the chosen device.
///
/// # Errors
/// As [`open_inference`].
#[cfg(feature = "native")]
pub fn open_training(
    choice: &DeviceChoice,
    fusion: Fusion,
    config: &BertConfig,
    weights: Weights,
    optimizer: OptimizerConfig,
    precision: Precision,
) -> Result<Box<dyn TrainingEngine>, EngineError> {
    check_precision(choice, precision)?;
    dispatch_autodiff(choice, fusion, TrainingTask { config: config.clone(), weights, optimizer, precision })?
}

/// Opens a model that is pre-trained on the chosen device; `weights` are those of
/// [`fresh_pretraining`](crate::model::fresh_pretraining) or of a checkpoint with both heads.
///
/// # Errors
/// As [`open_inference`].
#[cfg(feature = "native")]
pub fn open_pretraining(
    choice: &DeviceChoice,
    fusion: Fusion,
    config: &BertConfig,
    weights: Weights,
    optimizer: OptimizerConfig,
    precision: Precision,
) -> Result<Box<dyn PretrainEngine>, EngineError> {
    check_precision(choice, precision)?;
    dispatch_autodiff(choice, fusion, PretrainTask { config: config.clone(), weights, optimizer, precision })?
}

/// Refuses a half precision that the device lacks before it is opened; f32 is not worth the probe.
#[cfg(feature = "native")]
fn check_precision(choice: &DeviceChoice, precision: Precision) -> Result<(), BackendError> {
    if precision == Precision::F32 { Ok(()) } else { select(choice)?.check_precision(precision) }
}
