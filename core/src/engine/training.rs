//! A model that learns, on one training backend.

use std::collections::BTreeMap;

use burn::{
    module::{AutodiffModule, Module, ModuleVisitor, Param},
    tensor::Tensor,
};
use spanbert_backends::{MemoryUse, Precision, TrainingBackend, fault, memory_in_use};

use super::{
    EngineError, InferenceEngine, Logits, LossScale, MicroBatch, OptimizerConfig, OptimizerState,
    StepMetrics, TrainingEngine,
    gradients::{Gradients, collect},
    inference::{build, check_batch, predict, read, read_error},
    memory::{self, Work},
    optimizer::{Inner, Optimizer, Stepped},
    parts, recompute,
    reserve::{self, Reserve},
};
use crate::{
    batch::Batch,
    checkpoint::Weights,
    config::BertConfig,
    model::{DropoutSeeds, ModelInput, ParameterKind, ParameterPath, SpanBert, export_weights, span_loss},
};

/// Model, optimizer and summed gradients on a device.
pub(super) struct BurnTrainer<AB: TrainingBackend> {
    config: BertConfig,
    device: AB::Device,
    /// Taken out while the optimizer rebuilds it.
    model: Option<SpanBert<AB>>,
    optimizer: Optimizer<Inner<AB>>,
    gradients: Gradients<Inner<AB>>,
    /// Sum of the weighted losses since the last update.
    loss: Option<Tensor<Inner<AB>, 1>>,
    /// Loss of the last micro-batch.
    last_loss: Option<Tensor<Inner<AB>, 1>>,
    /// Loss and gradient norm of each update not read yet, and the loss scale at which it overflowed.
    pending: Vec<(Tensor<Inner<AB>, 1>, Option<f32>)>,
    /// In fp16.
    loss_scale: Option<LossScale>,
    /// Tensors of the checkpoint that the model does not use (the pooler), kept for saving.
    unused: Weights,
    /// Whether activations are computed again in the backward pass.
    recompute: bool,
    /// Whether products are made in a half precision.
    half: bool,
    reserve: Reserve,
    /// Whether a processor computes several micro-batches at once, each with gradients of its own.
    small: bool,
}

impl<AB: TrainingBackend> BurnTrainer<AB> {
    pub fn new(
        config: BertConfig,
        mut weights: Weights,
        optimizer: OptimizerConfig,
        precision: Precision,
        device: AB::Device,
    ) -> Result<Self, EngineError> {
        let small = memory::is_small(&config);
        let model = build::<AB>(&config, &mut weights, precision, &device)?;
        Ok(Self {
            loss_scale: (precision == Precision::F16).then(|| LossScale::new(optimizer.loss_scale)),
            optimizer: Optimizer::new(optimizer, config.pad_token_id),
            config,
            device,
            model: Some(model),
            gradients: Gradients::new(),
            loss: None,
            last_loss: None,
            pending: Vec::new(),
            unused: weights,
            recompute: false,
            half: precision != Precision::F32,
            reserve: Reserve::default(),
            small,
        })
    }

    fn model(&self) -> Result<&SpanBert<AB>, EngineError> {
        self.model.as_ref().ok_or(EngineError::NoModel)
    }

    /// Gives unused memory back where the parts of a batch need it.
    fn make_room(&mut self, micros: &[MicroBatch<'_>]) -> Result<(), EngineError> {
        let accumulates = micros.len() > 1 || !self.gradients.is_empty();
        let work = Work::Training { recompute: self.recompute, accumulates, half: self.half };
        let without_moments = self.optimizer.without_moments();
        micros.iter().try_for_each(|micro| {
            let Batch { rows, length, .. } = *micro.batch;
            let pass = reserve::Pass { rows, length, work, head: 0, without_moments };
            self.reserve.make_room::<AB>(&self.config, &self.device, pass)
        })
    }
}

impl<AB: TrainingBackend> InferenceEngine for BurnTrainer<AB> {
    fn config(&self) -> &BertConfig {
        &self.config
    }

    fn predict(&mut self, batch: &Batch) -> Result<Logits, EngineError> {
        let model = self.model.as_ref().ok_or(EngineError::NoModel)?.valid();
        predict::<Inner<AB>>(&model, &self.config, batch, &self.device, &mut self.reserve)
    }

    fn memory(&self) -> Option<MemoryUse> {
        memory_in_use::<AB>(&self.device)
    }
}

impl<AB: TrainingBackend> TrainingEngine for BurnTrainer<AB> {
    fn accumulate(&mut self, micro: &MicroBatch<'_>) -> Result<(), EngineError> {
        self.accumulate_all(std::slice::from_ref(micro))
    }

    fn accumulate_all(&mut self, micros: &[MicroBatch<'_>]) -> Result<(), EngineError> {
        self.make_room(micros)?;
        let model = self.model.as_ref().ok_or(EngineError::NoModel)?;
        let pass = Pass::<AB> {
            config: &self.config,
            device: &self.device,
            scale: self.loss_scale.as_ref().map(LossScale::scale),
            recompute: self.recompute,
        };
        let passed = parts::accumulate::<AB, _, _, _>(
            model,
            &self.device,
            self.small,
            micros,
            &mut self.gradients,
            |model, micro, sum| pass.run(model, micro, sum),
        )?;
        let losses: Vec<_> = passed.into_iter().collect::<Result<_, _>>()?;
        for loss in losses {
            self.last_loss = Some(loss.clone());
            parts::add_loss(&mut self.loss, loss);
        }
        Ok(())
    }

    fn discard_gradients(&mut self) {
        self.gradients.clear();
        self.loss = None;
        self.last_loss = None;
    }

    fn set_recompute(&mut self, recompute: bool) {
        self.recompute = recompute;
    }

    fn update(&mut self, learning_rate: f64) -> Result<(), EngineError> {
        let model = self.model.take().ok_or(EngineError::NoModel)?;
        let gradients = std::mem::take(&mut self.gradients);
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
        if let Some(loss) = self.loss.take() {
            self.pending.push((Tensor::cat(vec![loss, norm.reshape([1])], 0), scale.filter(|_| left_out)));
        }
        Ok(())
    }

    fn last_loss(&mut self) -> Result<Option<f32>, EngineError> {
        let loss = self.last_loss.clone();
        Ok(fault::guard(|| read(loss))??.first().and_then(|values| values.first().copied()))
    }

    fn drain_metrics(&mut self) -> Result<Vec<StepMetrics>, EngineError> {
        if self.pending.is_empty() {
            return Ok(Vec::new());
        }
        let (pending, overflows): (Vec<_>, Vec<_>) = std::mem::take(&mut self.pending).into_iter().unzip();
        let values = fault::guard(|| read(pending))??;
        let metrics =
            values.into_iter().zip(overflows).map(|(values, overflowed_at)| match values.as_slice() {
                &[loss, grad_norm] => Ok(StepMetrics { loss, grad_norm, overflowed_at }),
                other => Err(EngineError::Read(format!("{} values instead of loss and norm", other.len()))),
            });
        metrics.collect()
    }

    fn weights(&mut self) -> Result<Weights, EngineError> {
        let model = self.model()?;
        let mut weights = fault::guard(|| export_weights(model))?.map_err(read_error)?;
        weights.extend(self.unused.iter().map(|(name, tensor)| (name.clone(), tensor.clone())));
        Ok(weights)
    }

    fn gradients(&mut self) -> Result<Weights, EngineError> {
        let mut layout = Layout::default();
        self.model()?.visit(&mut layout);
        let values = fault::guard(|| read(self.gradients.values().cloned()))??;
        let unscale = self.loss_scale.map_or(1.0, |scale| scale.scale().recip());
        let unscaled = values.into_iter().map(|mut values| {
            values.iter_mut().for_each(|value| *value *= unscale);
            values
        });
        Ok(layout.to_host(self.gradients.keys().zip(unscaled)))
    }

    fn optimizer_state(&mut self) -> Result<OptimizerState, EngineError> {
        let state = fault::guard(|| self.optimizer.state())??;
        Ok(OptimizerState { loss_scale: self.loss_scale, ..state })
    }

    fn load_optimizer_state(&mut self, state: OptimizerState) -> Result<(), EngineError> {
        let mut layout = Layout::default();
        self.model()?.visit(&mut layout);
        // A run that goes on in another precision has none, or one too many.
        if let (Some(own), Some(saved)) = (&mut self.loss_scale, state.loss_scale) {
            *own = saved;
        }
        fault::guard(|| self.optimizer.load(state, &layout.parameters, &self.device))?
    }
}

/// A forward and backward pass.
struct Pass<'a, AB: TrainingBackend> {
    config: &'a BertConfig,
    device: &'a AB::Device,
    /// In fp16, the loss scale.
    scale: Option<f32>,
    recompute: bool,
}

impl<AB: TrainingBackend> Pass<'_, AB> {
    /// Adds the gradients of a micro-batch to `sum` and gives its weighted loss `[1]`.
    fn run(
        &self,
        model: &SpanBert<AB>,
        micro: &MicroBatch<'_>,
        sum: &mut Gradients<Inner<AB>>,
    ) -> Result<Tensor<Inner<AB>, 1>, EngineError> {
        check_batch(self.config, micro.batch)?;
        let Some(targets) = &micro.batch.targets else {
            return Err(EngineError::Defect("a training batch has no targets".into()));
        };
        let seeds = DropoutSeeds::new(micro.seed, micro.first_row * micro.batch.length);
        let input = ModelInput::for_training(micro.batch, self.config.vocab_size, self.device);
        let factor = self.scale.unwrap_or(1.0);
        let weights = (factor * micro.start_weight, factor * micro.end_weight);
        let loss_of = |logits| span_loss(logits, targets, weights.0, weights.1);
        let loss = if self.recompute {
            recompute::accumulate(model, input, seeds, loss_of, sum)?
        } else {
            let loss = loss_of(model.forward(input, Some(seeds)));
            collect(model, &[], loss.backward(), sum);
            loss.inner()
        };
        Ok(match self.scale {
            Some(scale) => loss.div_scalar(scale),
            None => loss,
        })
    }
}

/// Names, kinds and device dimensions of all parameters.
#[derive(Default)]
pub(super) struct Layout {
    path: ParameterPath,
    pub(super) parameters: BTreeMap<String, (ParameterKind, Vec<usize>)>,
}

impl Layout {
    /// Values in device layout as host tensors in checkpoint layout.
    pub(super) fn to_host<'a>(&self, values: impl Iterator<Item = (&'a String, Vec<f32>)>) -> Weights {
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
