//! The model on a device behind an object-safe interface: everything above it is compiled once, not per backend.

mod gradients;
mod inference;
mod loss_scale;
pub mod memory;
mod open;
mod optimizer;
mod parts;
#[cfg(feature = "native")]
mod pretraining;
mod recompute;
mod reserve;
mod training;

pub use loss_scale::LossScale;
pub use open::{InferenceTask, TrainingTask};
#[cfg(feature = "native")]
pub use open::{open_inference, open_training};
pub use optimizer::{ClipScope, OptimizerConfig};
#[cfg(feature = "native")]
pub use pretraining::{PretrainEngine, PretrainMetrics, PretrainMicroBatch, open_pretraining};

use spanbert_backends::{MemoryUse, fault::Fault};

use crate::{
    advice::{self, Advice},
    batch::Batch,
    checkpoint::Weights,
    config::BertConfig,
    model::WeightsError,
};

/// Start and end logits of a batch, row-major `[rows, length]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Logits {
    /// Number of windows.
    pub rows: usize,
    /// Padded length.
    pub length: usize,
    /// Start logits.
    pub start: Vec<f32>,
    /// End logits.
    pub end: Vec<f32>,
}

/// What one optimizer update did, read from the device some steps later.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepMetrics {
    /// Sum of the weighted losses of the micro-batches since the update before: the mean of the start and end
    /// cross-entropies over the whole batch.
    pub loss: f32,
    /// Global L2 norm of the gradient before clipping.
    pub grad_norm: f32,
    /// The loss scale at which a gradient was infinite, so that the update was left out. One that adapts itself is halved
    /// for the next.
    pub overflowed_at: Option<f32>,
}

/// Moments of the optimizer by Hugging Face parameter name, in PyTorch layout.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OptimizerState {
    /// First moments.
    pub first: Weights,
    /// Second moments.
    pub second: Weights,
    /// In fp16, the loss scale.
    pub loss_scale: Option<LossScale>,
}

/// A part of a training batch that fits on the device.
#[derive(Clone, Debug)]
pub struct MicroBatch<'a> {
    /// The rows.
    pub batch: &'a Batch,
    /// Row of the whole batch that the first of them is.
    pub first_row: usize,
    /// Factor of the summed start loss: `0.5 / rows that count in the whole batch / accumulation steps`.
    pub start_weight: f32,
    /// As `start_weight`, for the end loss.
    pub end_weight: f32,
    /// Seed of the whole batch's dropout. What is dropped depends on it and on the row of the whole batch.
    pub seed: u64,
}

/// Failure of a device or of a transfer to or from it.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The backend could not be opened.
    #[error(transparent)]
    Backend(#[from] spanbert_backends::BackendError),
    /// A device thread failed; nothing computed since can be trusted.
    #[error("the device failed: {0}")]
    Fault(#[from] Fault),
    /// The device reported an error while it was read.
    #[error("the device could not be read: {0}")]
    Read(String),
    /// An earlier update failed half-way.
    #[error("an earlier update failed and left no model")]
    NoModel,
    /// The weights do not fit the configuration.
    #[error("{what}")]
    Weights {
        /// What does not fit.
        what: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The input does not fit the model.
    #[error("{what}")]
    Input {
        /// What does not fit.
        what: String,
        /// What to do.
        remedy: &'static str,
    },
    /// What cannot happen has happened.
    #[error("{0}, which is a defect of the program")]
    Defect(String),
}

impl Advice for EngineError {
    fn remedy(&self) -> String {
        match self {
            Self::Backend(error) => error.remedy(),
            Self::Fault(fault) if fault.is_out_of_memory() => {
                "use a smaller batch or max_seq_length, or choose another device with --device".into()
            }
            Self::Fault(_) | Self::Read(_) => {
                "run it again; should it fail once more, choose another device with --device".into()
            }
            Self::NoModel => "start again from the last checkpoint".into(),
            Self::Weights { remedy, .. } | Self::Input { remedy, .. } => (*remedy).into(),
            Self::Defect(_) => advice::REPORT.into(),
        }
    }
}

impl EngineError {
    /// Weights that the model cannot be built from.
    pub(crate) fn weights(error: WeightsError) -> Self {
        Self::Weights { what: error.to_string(), remedy: WeightsError::REMEDY }
    }
}

/// What to do about ids that the model does not have.
const OTHER_VOCABULARY: &str = "use the vocabulary that the model was trained with";

/// A model that answers.
pub trait InferenceEngine {
    /// The model's architecture.
    fn config(&self) -> &BertConfig;
    /// Start and end logits of every position, padding included.
    ///
    /// # Errors
    /// If the batch does not fit the model or the device fails.
    fn predict(&mut self, batch: &Batch) -> Result<Logits, EngineError>;
    /// Memory that the calling thread holds on the device; none for the processor.
    fn memory(&self) -> Option<MemoryUse>;
}

/// A model that learns. Gradients are summed by [`accumulate`](Self::accumulate) until the next [`update`](Self::update).
pub trait TrainingEngine: InferenceEngine {
    /// Runs forward and backward on a micro-batch and adds its gradients; does not wait for the device.
    ///
    /// # Errors
    /// If the batch does not fit the model or has no targets, or the device fails.
    fn accumulate(&mut self, micro: &MicroBatch<'_>) -> Result<(), EngineError>;
    /// [`accumulate`](Self::accumulate) for the parts of a batch; a processor computes those of a small model side by
    /// side. Gradients are summed in their order, so that the result is the same.
    ///
    /// # Errors
    /// As [`accumulate`](Self::accumulate); some parts may be counted then.
    fn accumulate_all(&mut self, micros: &[MicroBatch<'_>]) -> Result<(), EngineError> {
        micros.iter().try_for_each(|micro| self.accumulate(micro))
    }
    /// Forgets the gradients and losses summed since the last update.
    fn discard_gradients(&mut self);
    /// Chooses between keeping every layer's activations for the backward pass and computing them again layer by
    /// layer: a third more arithmetic, and memory for the activations of one layer only. Gradients are the same.
    fn set_recompute(&mut self, recompute: bool);
    /// Applies the summed gradients with this learning rate and clears them. Does not wait for the device, except in
    /// fp16, to see whether a gradient is infinite; if so, weights and moments stay as they are.
    ///
    /// # Errors
    /// If the device fails.
    fn update(&mut self, learning_rate: f64) -> Result<(), EngineError>;
    /// Waits for the device and returns the weighted loss of the last micro-batch, if there was one.
    ///
    /// # Errors
    /// If the device fails.
    fn last_loss(&mut self) -> Result<Option<f32>, EngineError>;
    /// Waits for the device and returns the metrics of all updates since the last call, oldest first.
    ///
    /// # Errors
    /// If the device fails.
    fn drain_metrics(&mut self) -> Result<Vec<StepMetrics>, EngineError>;
    /// Copies the weights to the host.
    ///
    /// # Errors
    /// If the device fails.
    fn weights(&mut self) -> Result<Weights, EngineError>;
    /// Copies the gradients summed since the last update to the host, by name, in checkpoint layout,
    /// and in fp16 without the loss scale.
    ///
    /// # Errors
    /// If the device fails.
    fn gradients(&mut self) -> Result<Weights, EngineError>;
    /// Copies the optimizer's moments to the host.
    ///
    /// # Errors
    /// If the device fails.
    fn optimizer_state(&mut self) -> Result<OptimizerState, EngineError>;
    /// Replaces the optimizer's moments (resume).
    ///
    /// # Errors
    /// If a name or shape does not fit the model.
    fn load_optimizer_state(&mut self, state: OptimizerState) -> Result<(), EngineError>;
}
