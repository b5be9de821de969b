//! A model that learns, on one training backend, whatever its [`Objective`].

use std::collections::BTreeMap;

use burn::{
    module::{AutodiffModule, Module, ModuleVisitor, Param},
    tensor::Tensor,
};
use spanbert_backends::{
    MemoryUse, Precision, TrainingBackend,
    collective::tree::{self, Node},
    fault, memory_in_use,
};

use super::{
    Engine, EngineError, EngineFuture, Learner, LossScale, OptimizerConfig, OptimizerState, PartedSum,
    StepMetrics,
    averages::averaged,
    gradients::{Gradients, Inner, add, matrix_shape},
    inference::{read, read_async, read_error},
    memory::{self, Work},
    objective::{Objective, Pass},
    optimizer::{Optimizer, Stepped},
    parts,
    reserve::{self, Reserve},
    sums::{PartSum, PartSums, Vector},
};
use crate::{
    batch::Batch,
    config::BertConfig,
    host::Weights,
    model::{ParameterKind, ParameterPath, export_weights, export_weights_async},
};

/// Model, optimizer and summed gradients on a device.
pub(super) struct BurnLearner<AB: TrainingBackend, O: Objective<AB>> {
    config: BertConfig,
    device: AB::Device,
    /// Taken out while the optimizer rebuilds it.
    model: Option<O::Model>,
    optimizer: Optimizer<Inner<AB>>,
    /// Gradients and losses since the last update.
    sums: PartSums<Inner<AB>>,
    /// How the sums of parts are put together; without it there is one sum.
    parted: Option<PartedSum>,
    /// Losses of the last micro-batch.
    last_losses: Option<Tensor<Inner<AB>, 1>>,
    /// Losses and gradient norm of each update not read yet, and the loss scale at which it overflowed.
    pending: Vec<(Tensor<Inner<AB>, 1>, Option<f32>)>,
    /// In fp16.
    loss_scale: Option<LossScale>,
    /// Tensors of the checkpoint that the model does not use (the pooler), kept for saving.
    unused: Weights,
    /// Whether activations are computed again in the backward pass.
    recompute: bool,
    /// Length of the adversarial perturbation, if batches are learnt from once more with one.
    adversarial: Option<f32>,
    /// Whether products are made in a half precision.
    half: bool,
    reserve: Reserve,
    /// Whether a processor computes several micro-batches at once, each with gradients of its own.
    small: bool,
}

impl<AB: TrainingBackend, O: Objective<AB>> BurnLearner<AB, O> {
    pub fn new(
        config: BertConfig,
        mut weights: Weights,
        optimizer: OptimizerConfig,
        precision: Precision,
        device: AB::Device,
    ) -> Result<Self, EngineError> {
        if precision == Precision::Int8 {
            let what = "models are not trained in int8, which has no gradients".to_owned();
            return Err(EngineError::Input { what, remedy: "use f32 or a half precision" });
        }
        let small = memory::is_small(&config);
        let model = O::build(&config, &mut weights, precision, &device)?;
        Ok(Self {
            loss_scale: (precision == Precision::F16).then(|| LossScale::new(optimizer.loss_scale)),
            optimizer: Optimizer::new(optimizer, &config),
            config,
            device,
            model: Some(model),
            sums: PartSums::new(),
            parted: None,
            last_losses: None,
            pending: Vec::new(),
            unused: weights,
            recompute: false,
            adversarial: None,
            half: precision != Precision::F32,
            reserve: Reserve::default(),
            small,
        })
    }

    fn model(&self) -> Result<&O::Model, EngineError> {
        self.model.as_ref().ok_or(EngineError::NoModel)
    }

    /// Sets the length of the adversarial perturbation.
    pub fn perturb(&mut self, length: Option<f32>) {
        self.adversarial = length;
    }

    /// The model without gradients, and what a pass of it needs.
    pub fn answering(&mut self) -> Result<Answering<'_, AB, O>, EngineError> {
        let model = averaged(&self.optimizer, self.model.as_ref().ok_or(EngineError::NoModel)?.valid());
        Ok(Answering { model, config: &self.config, device: &self.device, reserve: &mut self.reserve })
    }

    /// Adds the gradients and losses of micro-batches, in order, each to the sum of the part in `places`.
    pub fn accumulate_micros(&mut self, places: &[usize], parts: &[O::Part<'_>]) -> Result<(), EngineError> {
        if places.len() != parts.len() {
            let (places, parts) = (places.len(), parts.len());
            return Err(EngineError::Defect(format!("{parts} micro-batches belong to {places} parts")));
        }
        parts.iter().try_for_each(|part| O::check(&self.config, part))?;
        self.make_room(parts)?;
        let model = self.model.as_ref().ok_or(EngineError::NoModel)?;
        let pass = Pass::<AB> {
            config: &self.config,
            device: &self.device,
            scale: self.loss_scale.as_ref().map(LossScale::scale),
            recompute: self.recompute,
            adversarial: self.adversarial,
        };
        let passed = parts::accumulate::<AB, _, _, _>(
            model,
            &self.device,
            self.small,
            parts,
            places,
            &mut self.sums,
            |model, part, sum| O::pass(&pass, model, part, sum),
        )?;
        let passed: Vec<_> = passed.into_iter().collect::<Result<_, _>>()?;
        for (losses, place) in passed.into_iter().zip(places) {
            self.last_losses = Some(losses.clone());
            parts::add_losses(&mut self.sums.entry(*place).or_default().losses, losses);
        }
        Ok(())
    }

    /// [`Self::accumulate_micros`] where nothing is divided.
    pub fn accumulate_undivided(&mut self, parts: &[O::Part<'_>]) -> Result<(), EngineError> {
        self.accumulate_micros(&vec![0; parts.len()], parts)
    }

    /// The sums since the last update, put together.
    fn take_sum(&mut self) -> Result<PartSum<Inner<AB>>, EngineError> {
        let mut sums = std::mem::take(&mut self.sums);
        match &self.parted {
            None => Ok(sums.remove(&0).unwrap_or_default()),
            Some(parted) => {
                let layout = Layout::of(self.model()?);
                let parameters = layout.parameters.into_iter().map(|(name, (_, dims))| (name, dims));
                let vector = Vector { parameters: parameters.collect(), losses: O::LOSSES };
                parted.total(sums, &vector, &self.device)
            }
        }
    }

    /// This process's gradients since the last update, put together without those of others.
    fn own_gradients(&self) -> Gradients<Inner<AB>> {
        let mut sums =
            self.sums.iter().map(|(part, sum)| (Node::part(*part), sum.gradients.clone())).collect();
        let mut plus = |mut sum: Gradients<_>, other| {
            add(&mut sum, other);
            sum
        };
        let count = self.parted.as_ref().map_or(1, |parted| parted.count);
        tree::sum(count, &mut sums, &mut plus).unwrap_or_default()
    }

    /// Losses and gradient norms of the updates that were not read yet, and their loss scales.
    fn take_pending(&mut self) -> Pending<AB> {
        std::mem::take(&mut self.pending).into_iter().unzip()
    }

    /// What was read of the updates, by name.
    fn metrics(values: Vec<Vec<f32>>, overflows: Vec<Option<f32>>) -> Result<Vec<StepMetrics>, EngineError> {
        let metrics = values.into_iter().zip(overflows).map(|(values, overflowed_at)| {
            let read = values.split_last().and_then(|(&grad_norm, losses)| {
                Some(StepMetrics { overflowed_at, ..O::metrics(losses, grad_norm)? })
            });
            read.ok_or_else(|| {
                EngineError::Read(format!("{} values instead of losses and norm", values.len()))
            })
        });
        metrics.collect()
    }

    /// Weights of the model with the tensors that it does not use.
    fn with_unused(&self, mut weights: Weights) -> Weights {
        weights.extend(self.unused.iter().map(|(name, tensor)| (name.clone(), tensor.clone())));
        weights
    }

    /// Gradients in checkpoint layout, without the loss scale.
    fn gradients_to_host<'n>(
        &self,
        names: impl Iterator<Item = &'n String>,
        values: Vec<Vec<f32>>,
    ) -> Result<Weights, EngineError> {
        let layout = Layout::of(self.model()?);
        let unscale = self.loss_scale.map_or(1.0, |scale| scale.scale().recip());
        let unscaled = values.into_iter().map(|mut values| {
            values.iter_mut().for_each(|value| *value *= unscale);
            values
        });
        Ok(layout.to_host(names.zip(unscaled)))
    }

    /// Gives unused memory back where the parts of a batch need it.
    fn make_room(&mut self, parts: &[O::Part<'_>]) -> Result<(), EngineError> {
        let accumulates = parts.len() > 1
            || self.adversarial.is_some()
            || self.sums.values().any(|sum| !sum.gradients.is_empty());
        let averages = self.optimizer.averages();
        let work = Work::Training { recompute: self.recompute, accumulates, half: self.half, averages };
        let without_moments = self.optimizer.without_moments();
        parts.iter().try_for_each(|part| {
            let Batch { rows, length, .. } = *O::batch(part);
            let head = O::head_bytes(&self.config, part);
            let pass = reserve::Pass { rows, length, work, head, without_moments };
            self.reserve.make_room::<AB>(&self.config, &self.device, pass)
        })
    }
}

impl<AB: TrainingBackend, O: Objective<AB>> Engine for BurnLearner<AB, O> {
    fn config(&self) -> &BertConfig {
        &self.config
    }

    fn memory(&self) -> Option<MemoryUse> {
        memory_in_use::<AB>(&self.device)
    }

    fn share_device(&mut self, others: u64) {
        self.reserve.share(others);
    }
}

impl<AB: TrainingBackend, O: Objective<AB>> Learner for BurnLearner<AB, O> {
    fn discard_gradients(&mut self) {
        self.sums.clear();
        self.last_losses = None;
    }

    fn set_recompute(&mut self, recompute: bool) {
        self.recompute = recompute;
    }

    fn sum_in_parts(&mut self, parted: PartedSum) {
        self.parted = Some(parted);
    }

    fn update(&mut self, learning_rate: f64) -> Result<(), EngineError> {
        let PartSum { mut gradients, losses } = self.take_sum()?;
        let model = self.model.take().ok_or(EngineError::NoModel)?;
        if let Some(idle) = O::idle(&gradients) {
            let named = Layout::of(&model).parameters.into_iter().filter(|(name, _)| name.starts_with(idle));
            let zeros = |dims: Vec<usize>| Tensor::zeros(matrix_shape(&dims), &self.device);
            gradients.extend(named.map(|(name, (_, dims))| (name, zeros(dims))));
        }
        let scale = self.loss_scale.as_ref().map(LossScale::scale);
        let Stepped { model, norm, overflowed } = fault::guard(|| {
            AB::bert_inside(|| self.optimizer.step(model, gradients, learning_rate, scale))
        })??;
        self.model = Some(model);
        // Where nothing is left to try, the metrics only say that the norm is not finite.
        let left_out = overflowed && self.loss_scale.is_some_and(|scale| scale.goes_on());
        if let Some(loss_scale) = &mut self.loss_scale {
            loss_scale.note(overflowed);
        }
        if let Some(losses) = losses {
            self.pending.push((Tensor::cat(vec![losses, norm.reshape([1])], 0), scale.filter(|_| left_out)));
        }
        Ok(())
    }

    fn last_loss(&mut self) -> Result<Option<f32>, EngineError> {
        let losses = self.last_losses.clone();
        Ok(fault::guard(|| read(losses))??.first().map(|losses| losses.iter().sum()))
    }

    fn last_loss_async(&mut self) -> EngineFuture<'_, Option<f32>> {
        let losses = self.last_losses.clone();
        Box::pin(async {
            let values = fault::guard_async(read_async(losses)).await??;
            Ok(values.first().map(|losses| losses.iter().sum()))
        })
    }

    fn drain_metrics(&mut self) -> Result<Vec<StepMetrics>, EngineError> {
        if self.pending.is_empty() {
            return Ok(Vec::new());
        }
        let (pending, overflows) = self.take_pending();
        Self::metrics(fault::guard(|| read(pending))??, overflows)
    }

    fn drain_metrics_async(&mut self) -> EngineFuture<'_, Vec<StepMetrics>> {
        Box::pin(async {
            if self.pending.is_empty() {
                return Ok(Vec::new());
            }
            let (pending, overflows) = self.take_pending();
            Self::metrics(fault::guard_async(read_async(pending)).await??, overflows)
        })
    }

    fn weights(&mut self) -> Result<Weights, EngineError> {
        let model = self.model()?;
        let weights = fault::guard(|| export_weights(model))?.map_err(read_error)?;
        Ok(self.with_unused(weights))
    }

    fn weights_async(&mut self) -> EngineFuture<'_, Weights> {
        Box::pin(async {
            let weights = fault::guard_async(export_weights_async(self.model()?)).await?;
            Ok(self.with_unused(weights.map_err(read_error)?))
        })
    }

    fn predicting_weights_async(&mut self) -> EngineFuture<'_, Weights> {
        if !self.optimizer.averages() {
            return self.weights_async();
        }
        Box::pin(async {
            let model = averaged(&self.optimizer, self.model()?.valid());
            let weights = fault::guard_async(export_weights_async(&model)).await?;
            Ok(self.with_unused(weights.map_err(read_error)?))
        })
    }

    fn gradients(&mut self) -> Result<Weights, EngineError> {
        let own = self.own_gradients();
        let values = fault::guard(|| read(own.values().cloned()))??;
        self.gradients_to_host(own.keys(), values)
    }

    fn gradients_async(&mut self) -> EngineFuture<'_, Weights> {
        Box::pin(async {
            let own = self.own_gradients();
            let values = fault::guard_async(read_async(own.values().cloned())).await??;
            self.gradients_to_host(own.keys(), values)
        })
    }

    fn optimizer_state(&mut self) -> Result<OptimizerState, EngineError> {
        let state = fault::guard(|| self.optimizer.state())??;
        Ok(OptimizerState { loss_scale: self.loss_scale, ..state })
    }

    fn optimizer_state_async(&mut self) -> EngineFuture<'_, OptimizerState> {
        Box::pin(async {
            let state = fault::guard_async(self.optimizer.state_async()).await??;
            Ok(OptimizerState { loss_scale: self.loss_scale, ..state })
        })
    }

    fn load_optimizer_state(&mut self, state: OptimizerState) -> Result<(), EngineError> {
        let layout = Layout::of(self.model()?);
        // A run that goes on in another precision has none, or one too many.
        if let (Some(own), Some(saved)) = (&mut self.loss_scale, state.loss_scale) {
            *own = saved;
        }
        fault::guard(|| self.optimizer.load(state, &layout.parameters, &self.device))?
    }
}

/// Losses and gradient norm of each update, and the loss scale at which it overflowed.
type Pending<AB> = (Vec<Tensor<Inner<AB>, 1>>, Vec<Option<f32>>);

/// The model without gradients, and what a pass of it needs.
pub(super) struct Answering<'a, AB: TrainingBackend, O: Objective<AB>> {
    pub model: <O::Model as AutodiffModule<AB>>::InnerModule,
    pub config: &'a BertConfig,
    pub device: &'a AB::Device,
    pub reserve: &'a mut Reserve,
}

/// Names, kinds and device dimensions of all parameters.
#[derive(Default)]
struct Layout {
    path: ParameterPath,
    parameters: BTreeMap<String, (ParameterKind, Vec<usize>)>,
}

impl Layout {
    fn of<B: burn::tensor::backend::Backend>(model: &impl Module<B>) -> Self {
        let mut layout = Self::default();
        model.visit(&mut layout);
        layout
    }

    /// Values in device layout as host tensors in checkpoint layout.
    fn to_host<'a>(&self, values: impl Iterator<Item = (&'a String, Vec<f32>)>) -> Weights {
        let named = values.filter_map(|(name, values)| {
            let (kind, dims) = self.parameters.get(name)?;
            Some((name.clone(), kind.to_host(values, dims.clone())))
        });
        named.collect()
    }
}

impl<B: burn::tensor::backend::Backend> ModuleVisitor<B> for Layout {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let kind = self.path.kind(D);
        let dims = param.val().dims().to_vec();
        self.parameters.insert(self.path.hugging_face_name(), (kind, dims));
    }
}
