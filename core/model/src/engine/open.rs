//! Tasks that build an engine on whatever backend was chosen at run time.

use spanbert_backends::{AutodiffDeviceTask, BertBackend, DeviceTask, Precision, TrainingBackend};

use super::{
    EngineError, InferenceEngine, OptimizerConfig, TrainingEngine, inference::BurnInference,
    learner::BurnLearner, span_answers::SpanAnswers,
};
use super::{PretrainEngine, span_masking::SpanMasking};
use crate::{config::BertConfig, host::Weights};

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

impl AutodiffDeviceTask for PretrainTask {
    type Output = Result<Box<dyn PretrainEngine>, EngineError>;

    fn run<B: TrainingBackend>(self, device: B::Device) -> Self::Output {
        let Self { config, weights, optimizer, precision } = self;
        Ok(Box::new(BurnLearner::<B, SpanMasking>::new(config, weights, optimizer, precision, device)?))
    }
}
