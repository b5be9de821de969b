//! The model on a device behind an object-safe interface: everything above it is compiled once, not per backend.

mod adversarial;
mod averages;
mod flops;
mod gradients;
mod inference;
mod learner;
mod loss_scale;
pub mod memory;
mod objective;
mod open;
mod optimizer;
mod parts;
mod recompute;
mod reserve;
mod span_answers;
mod span_masking;
mod sums;

pub use flops::{forward_flops, training_flops};
pub use loss_scale::LossScale;
pub use open::{InferenceTask, PretrainTask, TrainingTask};
pub use optimizer::{ClipScope, OptimizerConfig};
pub use span_masking::head_bytes as pretraining_head_bytes;
pub use sums::{PartedSum, SharedRanks};

pub use crate::model::SoftTargets;

use std::{
    future::{Future, ready},
    pin::Pin,
};

use spanbert_backends::{MemoryUse, collective::CollectiveError, fault::Fault};

use crate::{
    advice::{self, Advice},
    batch::{Batch, PretrainBatch},
    config::BertConfig,
    host::Weights,
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
    /// Sum of the weighted losses of the micro-batches since the update before. In fine-tuning the mean of the start and
    /// end cross-entropies over the whole batch, in pre-training the sum of both objectives' losses.
    pub loss: f32,
    /// In pre-training, the two that `loss` is the sum of.
    pub pretraining: Option<PretrainLosses>,
    /// Global L2 norm of the gradient before clipping.
    pub grad_norm: f32,
    /// The loss scale at which a gradient was infinite, so that the update was left out. One that adapts itself is halved
    /// for the next.
    pub overflowed_at: Option<f32>,
}

/// Losses of the two pre-training objectives, each the mean over what it predicts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PretrainLosses {
    /// Of masked language modelling.
    pub mlm: f32,
    /// Of the span-boundary objective; 0 where it is left out.
    pub sbo: f32,
}

/// How well masked pieces are predicted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PredictionSums {
    /// Sum of the cross-entropies.
    pub loss: f64,
    /// Pieces predicted right.
    pub correct: f64,
    /// Pieces.
    pub targets: usize,
}

impl PredictionSums {
    /// Adds those of another batch.
    pub fn add(&mut self, other: Self) {
        self.loss += other.loss;
        self.correct += other.correct;
        self.targets += other.targets;
    }
}

/// [`PredictionSums`] of both pre-training objectives.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PretrainSums {
    /// Of masked language modelling.
    pub mlm: PredictionSums,
    /// Of the span-boundary objective.
    pub sbo: PredictionSums,
}

/// Moments of the optimizer by Hugging Face parameter name, in PyTorch layout.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OptimizerState {
    /// First moments.
    pub first: Weights,
    /// Second moments.
    pub second: Weights,
    /// Running averages of the parameters themselves; empty if none are kept.
    pub average: Weights,
    /// Updates made.
    pub updates: u64,
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

/// A part of a pre-training batch that fits on the device, and what its losses count.
#[derive(Clone, Copy, Debug)]
pub struct PretrainMicroBatch<'a> {
    /// The rows.
    pub batch: &'a PretrainBatch,
    /// Row of the whole batch that the first of them is.
    pub first_row: usize,
    /// Factor of the summed loss of masked language modelling: one over the targets of the whole batch.
    pub mlm_weight: f32,
    /// As `mlm_weight`, of the span-boundary objective; 0 leaves it out.
    pub sbo_weight: f32,
    /// Seed of the whole batch's dropout.
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
    /// The other processes of the training.
    #[error(transparent)]
    Workers(#[from] CollectiveError),
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
            Self::Workers(error) => error.remedy(),
            Self::Defect(_) => advice::REPORT.into(),
        }
    }
}

impl EngineError {
    /// Weights that the model cannot be built from.
    #[must_use]
    pub fn weights(error: WeightsError) -> Self {
        Self::Weights { what: error.to_string(), remedy: WeightsError::REMEDY }
    }
}

/// What to do about ids that the model does not have.
const OTHER_VOCABULARY: &str = "use the vocabulary that the model was trained with";

/// What a device will have computed once the thread has come back to it.
///
/// In a browser results of a GPU arrive only after the running task has ended, so there the methods that wait for the device
/// fail, and their twins that end in `_async` are to be used. Elsewhere both give the same. A device is driven from one thread, so
/// the future stays on it; one that is dropped before its end loses what it was about to read.
pub type EngineFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, EngineError>> + 'a>>;

/// A model on a device.
pub trait Engine {
    /// The model's architecture.
    fn config(&self) -> &BertConfig;
    /// Memory that the calling thread holds on the device; none for the processor.
    fn memory(&self) -> Option<MemoryUse>;
    /// Says how many bytes other models of this thread take on the device at most, so that their memory is not taken for a reserve
    /// that can be given back.
    fn share_device(&mut self, others: u64) {
        let _ = others;
    }
}

/// A model that answers.
pub trait InferenceEngine: Engine {
    /// How often all batches have to be given, in the same order, before the answers count: once, unless several models answer
    /// that are not on the device together.
    fn passes(&self) -> usize {
        1
    }
    /// Has the batches of a pass follow, the first of which is 0.
    ///
    /// # Errors
    /// If the device fails, or a model cannot be opened.
    fn begin_pass(&mut self, pass: usize) -> Result<(), EngineError> {
        let _ = pass;
        Ok(())
    }
    /// Start and end logits of every position, padding included.
    ///
    /// # Errors
    /// If the batch does not fit the model or the device fails.
    fn predict(&mut self, batch: &Batch) -> Result<Logits, EngineError>;
    /// [`predict`](Self::predict) without keeping the thread.
    ///
    /// # Errors
    /// As [`predict`](Self::predict).
    fn predict_async<'a>(&'a mut self, batch: &'a Batch) -> EngineFuture<'a, Logits> {
        Box::pin(ready(self.predict(batch)))
    }
}

/// A model that learns, whatever its objective. Gradients are summed by the `accumulate` of [`TrainingEngine`] or
/// [`PretrainEngine`] until the next [`update`](Self::update).
pub trait Learner: Engine {
    /// Forgets the gradients and losses summed since the last update.
    fn discard_gradients(&mut self);
    /// Chooses between keeping every layer's activations for the backward pass and computing them again layer by
    /// layer: a third more arithmetic, and memory for the activations of one layer only. Gradients are the same.
    fn set_recompute(&mut self, recompute: bool);
    /// Has the gradients of every update from now on summed in parts, and with those of other processes. Without it they are
    /// summed one after another.
    fn sum_in_parts(&mut self, parted: PartedSum) {
        let _ = parted;
    }
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
    /// [`last_loss`](Self::last_loss) without keeping the thread.
    ///
    /// # Errors
    /// As [`last_loss`](Self::last_loss).
    fn last_loss_async(&mut self) -> EngineFuture<'_, Option<f32>> {
        Box::pin(ready(self.last_loss()))
    }
    /// Waits for the device and returns the metrics of all updates since the last call, oldest first.
    ///
    /// # Errors
    /// If the device fails.
    fn drain_metrics(&mut self) -> Result<Vec<StepMetrics>, EngineError>;
    /// [`drain_metrics`](Self::drain_metrics) without keeping the thread.
    ///
    /// # Errors
    /// As [`drain_metrics`](Self::drain_metrics).
    fn drain_metrics_async(&mut self) -> EngineFuture<'_, Vec<StepMetrics>> {
        Box::pin(ready(self.drain_metrics()))
    }
    /// Copies the weights to the host.
    ///
    /// # Errors
    /// If the device fails.
    fn weights(&mut self) -> Result<Weights, EngineError>;
    /// [`weights`](Self::weights) without keeping the thread.
    ///
    /// # Errors
    /// As [`weights`](Self::weights).
    fn weights_async(&mut self) -> EngineFuture<'_, Weights> {
        Box::pin(ready(self.weights()))
    }
    /// Copies to the host what predicts: the running average of the weights, where one is kept, else the weights.
    ///
    /// # Errors
    /// As [`weights`](Self::weights).
    fn predicting_weights_async(&mut self) -> EngineFuture<'_, Weights> {
        self.weights_async()
    }
    /// Copies the gradients summed since the last update to the host, by name, in checkpoint layout,
    /// and in fp16 without the loss scale.
    ///
    /// # Errors
    /// If the device fails.
    fn gradients(&mut self) -> Result<Weights, EngineError>;
    /// [`gradients`](Self::gradients) without keeping the thread.
    ///
    /// # Errors
    /// As [`gradients`](Self::gradients).
    fn gradients_async(&mut self) -> EngineFuture<'_, Weights> {
        Box::pin(ready(self.gradients()))
    }
    /// Copies the optimizer's moments to the host.
    ///
    /// # Errors
    /// If the device fails.
    fn optimizer_state(&mut self) -> Result<OptimizerState, EngineError>;
    /// [`optimizer_state`](Self::optimizer_state) without keeping the thread.
    ///
    /// # Errors
    /// As [`optimizer_state`](Self::optimizer_state).
    fn optimizer_state_async(&mut self) -> EngineFuture<'_, OptimizerState> {
        Box::pin(ready(self.optimizer_state()))
    }
    /// Replaces the optimizer's moments (resume).
    ///
    /// # Errors
    /// If a name or shape does not fit the model.
    fn load_optimizer_state(&mut self, state: OptimizerState) -> Result<(), EngineError>;
}

/// A model that is fine-tuned to answer.
pub trait TrainingEngine: InferenceEngine + Learner {
    /// Runs forward and backward on a micro-batch and adds its gradients; does not wait for the device.
    ///
    /// # Errors
    /// If the batch does not fit the model or has no targets, or the device fails.
    fn accumulate(&mut self, micro: &MicroBatch<'_>) -> Result<(), EngineError>;
    /// [`accumulate`](Self::accumulate) for the parts of a batch; a processor computes those of a small model side by
    /// side. Gradients are summed in their order, so that the result is the same.
    ///
    /// # Errors
    /// As [`accumulate`](Self::accumulate), before anything is done if a part does not fit the model.
    fn accumulate_all(&mut self, micros: &[MicroBatch<'_>]) -> Result<(), EngineError> {
        micros.iter().try_for_each(|micro| self.accumulate(micro))
    }
    /// [`accumulate_all`](Self::accumulate_all), each micro-batch for the part of the batch in `places`, which counts only after
    /// [`sum_in_parts`](Learner::sum_in_parts). Without it all are of part 0.
    ///
    /// # Errors
    /// As [`accumulate_all`](Self::accumulate_all).
    fn accumulate_parts(&mut self, places: &[usize], micros: &[MicroBatch<'_>]) -> Result<(), EngineError> {
        let _ = places;
        self.accumulate_all(micros)
    }
    /// Has every window learnt from twice from now on: as it is, and with its words' embeddings moved by `epsilon` where the loss
    /// rises most (adversarial training). Without it, once.
    fn set_adversarial(&mut self, epsilon: Option<f32>) {
        let _ = epsilon;
    }
    /// [`accumulate_parts`](Self::accumulate_parts) with a teacher's logits for each micro-batch: the loss is that of
    /// [`distilled_loss`](crate::model::distilled_loss).
    ///
    /// # Errors
    /// As [`accumulate_parts`](Self::accumulate_parts), or if the logits are not of the shape of their micro-batch.
    fn accumulate_distilled(
        &mut self,
        places: &[usize],
        micros: &[MicroBatch<'_>],
        soft: &[SoftTargets<'_>],
    ) -> Result<(), EngineError> {
        let _ = (places, micros, soft);
        Err(EngineError::Defect("this engine learns from no teacher".into()))
    }
}

/// A model that is pre-trained.
pub trait PretrainEngine: Learner {
    /// Runs forward and backward on the parts of a batch and adds their gradients in order; does not wait for the device.
    ///
    /// # Errors
    /// If a part does not fit the model, before anything is done, or the device fails.
    fn accumulate(&mut self, micros: &[PretrainMicroBatch<'_>]) -> Result<(), EngineError>;
    /// [`accumulate`](Self::accumulate), each micro-batch for the part of the batch in `places`, which counts only after
    /// [`sum_in_parts`](Learner::sum_in_parts). Without it all are of part 0.
    ///
    /// # Errors
    /// As [`accumulate`](Self::accumulate).
    fn accumulate_parts(
        &mut self,
        places: &[usize],
        micros: &[PretrainMicroBatch<'_>],
    ) -> Result<(), EngineError> {
        let _ = places;
        self.accumulate(micros)
    }
    /// Predicts the masked pieces of a batch without dropout, and waits for the device. Leaves the gradients alone.
    ///
    /// # Errors
    /// If the batch does not fit the model or the device fails.
    fn predict_masked(&mut self, batch: &PretrainBatch) -> Result<PretrainSums, EngineError>;
    /// [`predict_masked`](Self::predict_masked) without keeping the thread.
    ///
    /// # Errors
    /// As [`predict_masked`](Self::predict_masked).
    fn predict_masked_async<'a>(&'a mut self, batch: &'a PretrainBatch) -> EngineFuture<'a, PretrainSums> {
        Box::pin(ready(self.predict_masked(batch)))
    }
}
