//! What an engine learns: the one part in which fine-tuning and pre-training differ on a device.

use burn::{module::AutodiffModule, tensor::Tensor};
use spanbert_backends::{Precision, TrainingBackend};

use super::{
    EngineError, StepMetrics,
    gradients::{Gradients, Inner},
};
use crate::{batch::Batch, config::BertConfig, host::Weights};

/// A model with its heads, and the losses that it is trained by.
pub(super) trait Objective<AB: TrainingBackend> {
    /// Encoder and heads.
    type Model: AutodiffModule<AB> + Sync;
    /// A part of a batch that fits on the device, with its targets and the weights of its losses.
    type Part<'a>: Sync;

    /// How many losses there are.
    const LOSSES: usize;

    /// Builds the model on a device; tensors that it does not use are left in `weights`.
    ///
    /// # Errors
    /// If the device lacks the precision, or the weights do not fit the configuration.
    fn build(
        config: &BertConfig,
        weights: &mut Weights,
        precision: Precision,
        device: &AB::Device,
    ) -> Result<Self::Model, EngineError>;

    /// Refuses what the device would read out of bounds or turn into garbage.
    ///
    /// # Errors
    /// Names what does not fit the model.
    fn check(config: &BertConfig, part: &Self::Part<'_>) -> Result<(), EngineError>;

    /// The rows of a part.
    fn batch<'a>(part: &'a Self::Part<'_>) -> &'a Batch;

    /// Bytes that the heads take for a part beyond what [`memory::estimate`](super::memory::estimate) counts.
    fn head_bytes(config: &BertConfig, part: &Self::Part<'_>) -> u64 {
        let _ = (config, part);
        0
    }

    /// Adds the gradients of a part to `sum` and gives its weighted losses, without the loss scale, `[losses]`.
    ///
    /// # Errors
    /// If a gradient is missing.
    fn pass(
        pass: &Pass<'_, AB>,
        model: &Self::Model,
        part: &Self::Part<'_>,
        sum: &mut Gradients<Inner<AB>>,
    ) -> Result<Tensor<Inner<AB>, 1>, EngineError>;

    /// How the names of parameters begin that took no part in the loss. They learn nothing, but decay like all others.
    fn idle(gradients: &Gradients<Inner<AB>>) -> Option<&'static str> {
        let _ = gradients;
        None
    }

    /// The losses of an update by name; none if there are more or fewer of them than the objective has.
    fn metrics(losses: &[f32], grad_norm: f32) -> Option<StepMetrics>;
}

/// A forward and backward pass.
pub(super) struct Pass<'a, AB: TrainingBackend> {
    pub config: &'a BertConfig,
    pub device: &'a AB::Device,
    /// In fp16, the loss scale.
    pub scale: Option<f32>,
    /// Whether activations are computed again layer by layer.
    pub recompute: bool,
    /// Length of the adversarial perturbation, if there is one.
    pub adversarial: Option<f32>,
}

impl<AB: TrainingBackend> Pass<'_, AB> {
    /// A loss's weight times the loss scale.
    pub fn scaled(&self, weight: f32) -> f32 {
        self.scale.unwrap_or(1.0) * weight
    }

    /// Losses without the loss scale.
    pub fn unscaled(&self, losses: Tensor<Inner<AB>, 1>) -> Tensor<Inner<AB>, 1> {
        match self.scale {
            Some(scale) => losses.div_scalar(scale),
            None => losses,
        }
    }
}
