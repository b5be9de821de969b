//! A model that learns to tell masked spans, on one training backend.

use burn::{module::Module, tensor::Tensor};
use spanbert_backends::{
    AutodiffDeviceTask, DeviceChoice, Fusion, TrainingBackend, dispatch_autodiff, fault,
};

use super::{
    EngineError, OTHER_VOCABULARY, OptimizerConfig, OptimizerState,
    gradients::{Gradients, collect},
    inference::{check_batch, outside, read, read_error},
    memory::{self, Work},
    optimizer::{Inner, Optimizer, Stepped, matrix_shape},
    parts,
    reserve::{self, Reserve},
    training::Layout,
};
use crate::{
    batch::Batch,
    checkpoint::Weights,
    config::BertConfig,
    model::{DropoutSeeds, ModelInput, PretrainingBert, export_weights},
    pretrain::PretrainBatch,
};

/// Bytes a logit takes: in f32 itself, its logarithmic probability, and the gradients of both.
const LOGITS_BYTES: u64 = 16;

/// Where the span-boundary head's parameters are.
const SBO_HEAD: &str = "sbo.";
/// The one of them that every batch with spans gives a gradient.
const SBO_POSITIONS: &str = "sbo.position_embeddings.weight";

/// A part of a batch that fits on the device, and what its losses count.
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

/// What one update of a pre-training did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PretrainMetrics {
    /// Mean loss of masked language modelling over the batch's masked pieces.
    pub mlm_loss: f32,
    /// Mean loss of the span-boundary objective.
    pub sbo_loss: f32,
    /// Global L2 norm of the gradient before clipping.
    pub grad_norm: f32,
}

/// A model that is pre-trained; see [`TrainingEngine`](super::TrainingEngine) for what the methods have in common.
pub trait PretrainEngine {
    /// Runs forward and backward on parts of a batch and adds their gradients in order; does not wait for the device.
    ///
    /// # Errors
    /// If a part does not fit the model, before anything is done, or the device fails.
    fn accumulate(&mut self, micros: &[PretrainMicroBatch<'_>]) -> Result<(), EngineError>;
    /// Applies the summed gradients and clears them; does not wait for the device.
    ///
    /// # Errors
    /// If the device fails.
    fn update(&mut self, learning_rate: f64) -> Result<(), EngineError>;
    /// Waits for the device and returns the metrics of all updates since the last call, oldest first.
    ///
    /// # Errors
    /// If the device fails.
    fn drain_metrics(&mut self) -> Result<Vec<PretrainMetrics>, EngineError>;
    /// Copies the weights to the host, heads included.
    ///
    /// # Errors
    /// If the device fails.
    fn weights(&mut self) -> Result<Weights, EngineError>;
    /// Copies the gradients summed since the last update to the host, in checkpoint layout.
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

/// Opens a model that is pre-trained on the chosen device; `weights` are those of
/// [`fresh_pretraining`](crate::model::fresh_pretraining) or of a checkpoint with both heads.
///
/// # Errors
/// If the device is not there or fails, or the weights do not fit the configuration.
pub fn open_pretraining(
    choice: &DeviceChoice,
    fusion: Fusion,
    config: &BertConfig,
    weights: Weights,
    optimizer: OptimizerConfig,
) -> Result<Box<dyn PretrainEngine>, EngineError> {
    dispatch_autodiff(choice, fusion, PretrainTask { config: config.clone(), weights, optimizer })?
}

struct PretrainTask {
    config: BertConfig,
    weights: Weights,
    optimizer: OptimizerConfig,
}

impl AutodiffDeviceTask for PretrainTask {
    type Output = Result<Box<dyn PretrainEngine>, EngineError>;

    fn run<B: TrainingBackend>(self, device: B::Device) -> Self::Output {
        Ok(Box::new(BurnPretrainer::<B>::new(self.config, self.weights, self.optimizer, device)?))
    }
}

/// Model, optimizer and summed gradients on a device.
struct BurnPretrainer<AB: TrainingBackend> {
    config: BertConfig,
    device: AB::Device,
    /// Taken out while the optimizer rebuilds it.
    model: Option<PretrainingBert<AB>>,
    optimizer: Optimizer<Inner<AB>>,
    gradients: Gradients<Inner<AB>>,
    /// Sums of both weighted losses since the last update, `[2]`.
    losses: Option<Tensor<Inner<AB>, 1>>,
    /// Both losses and the gradient norm of each update not read yet, `[3]`.
    pending: Vec<Tensor<Inner<AB>, 1>>,
    reserve: Reserve,
    /// Whether a processor computes several micro-batches at once, each with gradients of its own.
    small: bool,
}

impl<AB: TrainingBackend> BurnPretrainer<AB> {
    fn new(
        config: BertConfig,
        mut weights: Weights,
        optimizer: OptimizerConfig,
        device: AB::Device,
    ) -> Result<Self, EngineError> {
        let small = memory::is_small(&config);
        let model = fault::guard(|| PretrainingBert::from_weights(&config, &mut weights, &device))?
            .map_err(EngineError::weights)?;
        Ok(Self {
            optimizer: Optimizer::new(optimizer, config.pad_token_id),
            config,
            device,
            model: Some(model),
            gradients: Gradients::new(),
            losses: None,
            pending: Vec::new(),
            reserve: Reserve::default(),
            small,
        })
    }

    fn model(&self) -> Result<&PretrainingBert<AB>, EngineError> {
        self.model.as_ref().ok_or(EngineError::NoModel)
    }
}

impl<AB: TrainingBackend> PretrainEngine for BurnPretrainer<AB> {
    fn accumulate(&mut self, micros: &[PretrainMicroBatch<'_>]) -> Result<(), EngineError> {
        for micro in micros {
            check_batch(&self.config, &micro.batch.batch)?;
            check_targets(&self.config, micro.batch)?;
        }
        let accumulates = micros.len() > 1 || !self.gradients.is_empty();
        let work = Work::Training { recompute: false, accumulates, half: false };
        let without_moments = self.optimizer.without_moments();
        for PretrainMicroBatch { batch, .. } in micros {
            let Batch { rows, length, .. } = batch.batch;
            let targets = batch.mlm.pieces.len() + batch.sbo.pieces.len();
            let head = (targets * self.config.vocab_size) as u64 * LOGITS_BYTES;
            let pass = reserve::Pass { rows, length, work, head, without_moments };
            self.reserve.make_room::<AB>(&self.config, &self.device, pass)?;
        }
        let model = self.model.as_ref().ok_or(EngineError::NoModel)?;
        let pass = Pass::<AB> { vocab_size: self.config.vocab_size, device: &self.device };
        let losses = parts::accumulate::<AB, _, _, _>(
            model,
            &self.device,
            self.small,
            micros,
            &mut self.gradients,
            |model, micro, sum| pass.run(model, micro, sum),
        )?;
        for losses in losses {
            parts::add_loss(&mut self.losses, losses);
        }
        Ok(())
    }

    fn update(&mut self, learning_rate: f64) -> Result<(), EngineError> {
        let model = self.model.take().ok_or(EngineError::NoModel)?;
        let mut gradients = std::mem::take(&mut self.gradients);
        // Without the span-boundary objective its head learns nothing, and is kept as it was but for its decay.
        if !gradients.is_empty() && !gradients.contains_key(SBO_POSITIONS) {
            let mut layout = Layout::default();
            model.visit(&mut layout);
            let idle = layout.parameters.into_iter().filter(|(name, _)| name.starts_with(SBO_HEAD));
            let zeros = |dims: Vec<usize>| Tensor::zeros(matrix_shape(&dims), &self.device);
            gradients.extend(idle.map(|(name, (_, dims))| (name, zeros(dims))));
        }
        let Stepped { model, norm, .. } =
            fault::guard(|| AB::bert_inside(|| self.optimizer.step(model, gradients, learning_rate, None)))??;
        self.model = Some(model);
        if let Some(losses) = self.losses.take() {
            self.pending.push(Tensor::cat(vec![losses, norm.reshape([1])], 0));
        }
        Ok(())
    }

    fn drain_metrics(&mut self) -> Result<Vec<PretrainMetrics>, EngineError> {
        if self.pending.is_empty() {
            return Ok(Vec::new());
        }
        let pending = std::mem::take(&mut self.pending);
        let values = fault::guard(|| read(pending))??;
        let metrics = values.into_iter().map(|values| match values.as_slice() {
            &[mlm_loss, sbo_loss, grad_norm] => Ok(PretrainMetrics { mlm_loss, sbo_loss, grad_norm }),
            other => Err(EngineError::Read(format!("{} values instead of losses and norm", other.len()))),
        });
        metrics.collect()
    }

    fn weights(&mut self) -> Result<Weights, EngineError> {
        let model = self.model()?;
        fault::guard(|| export_weights(model))?.map_err(read_error)
    }

    fn gradients(&mut self) -> Result<Weights, EngineError> {
        let mut layout = Layout::default();
        self.model()?.visit(&mut layout);
        let values = fault::guard(|| read(self.gradients.values().cloned()))??;
        Ok(layout.to_host(self.gradients.keys().zip(values)))
    }

    fn optimizer_state(&mut self) -> Result<OptimizerState, EngineError> {
        fault::guard(|| self.optimizer.state())?
    }

    fn load_optimizer_state(&mut self, state: OptimizerState) -> Result<(), EngineError> {
        let mut layout = Layout::default();
        self.model()?.visit(&mut layout);
        fault::guard(|| self.optimizer.load(state, &layout.parameters, &self.device))?
    }
}

/// A forward and backward pass.
struct Pass<'a, AB: TrainingBackend> {
    vocab_size: usize,
    device: &'a AB::Device,
}

impl<AB: TrainingBackend> Pass<'_, AB> {
    /// Adds the gradients of a micro-batch to `sum` and gives both weighted losses `[2]`.
    fn run(
        &self,
        model: &PretrainingBert<AB>,
        micro: &PretrainMicroBatch<'_>,
        sum: &mut Gradients<Inner<AB>>,
    ) -> Tensor<Inner<AB>, 1> {
        let batch = micro.batch;
        let seeds = DropoutSeeds::new(micro.seed, micro.first_row * batch.batch.length);
        let input = ModelInput::for_training(&batch.batch, self.vocab_size, self.device);
        let found = model.forward(input, batch, Some(seeds));
        let weighted = |loss: Option<Tensor<AB, 1>>, weight: f32| {
            loss.filter(|_| weight > 0.0).map(|loss| loss.mul_scalar(weight))
        };
        let (mlm, sbo) = (weighted(found.mlm, micro.mlm_weight), weighted(found.sbo, micro.sbo_weight));
        let value = |loss: &Option<Tensor<AB, 1>>| {
            loss.as_ref().map_or_else(|| Tensor::zeros([1], self.device), |loss| loss.clone().inner())
        };
        let values = Tensor::cat(vec![value(&mlm), value(&sbo)], 0);
        let total = match (mlm, sbo) {
            (Some(mlm), Some(sbo)) => Some(mlm + sbo),
            (one, other) => one.or(other),
        };
        if let Some(total) = total {
            collect(model, &[], total.backward(), sum);
        }
        values
    }
}

/// Refuses targets that the device would read out of bounds.
fn check_targets(config: &BertConfig, batch: &PretrainBatch) -> Result<(), EngineError> {
    let size = batch.batch.rows * batch.batch.length;
    let (mlm, sbo) = (&batch.mlm, &batch.sbo);
    let lengths = [
        mlm.places.len() == mlm.pieces.len(),
        [&sbo.left, &sbo.right, &sbo.offset].into_iter().all(|list| list.len() == sbo.pieces.len()),
    ];
    if lengths != [true, true] {
        return Err(EngineError::Defect("targets and their places differ in number".into()));
    }
    for (name, values, limit) in [
        ("masked places", &mlm.places, size),
        ("masked pieces", &mlm.pieces, config.vocab_size),
        ("places before spans", &sbo.left, size),
        ("places after spans", &sbo.right, size),
        ("places within spans", &sbo.offset, crate::pretrain::SPAN_POSITIONS),
        ("pieces of spans", &sbo.pieces, config.vocab_size),
    ] {
        if let Some(value) = outside(values, limit) {
            let what = format!("{name} hold {value}, allowed is 0 to {}", limit.saturating_sub(1));
            return Err(EngineError::Input { what, remedy: OTHER_VOCABULARY });
        }
    }
    Ok(())
}
