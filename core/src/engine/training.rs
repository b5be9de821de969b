//! A model that learns, on one training backend.

use std::collections::BTreeMap;

use burn::{
    module::{AutodiffModule, Module, ModuleVisitor, Param},
    tensor::{Tensor, Transaction, backend::AutodiffBackend},
};
use spanbert_backends::TrainingBackend;

use super::{
    EngineError, InferenceEngine, Logits, MicroBatch, OptimizerConfig, OptimizerState, StepMetrics,
    TrainingEngine,
    inference::{check_batch, check_faults, predict},
    optimizer::{Gradients, Inner, Optimizer, matrix_shape},
};
use crate::{
    batch::Batch,
    checkpoint::Weights,
    config::BertConfig,
    model::{
        DropoutSeeds, ModelInput, ParameterKind, SpanBert, export_weights, hugging_face_name, span_loss,
    },
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
    /// Loss and gradient norm of each update not read yet.
    pending: Vec<Tensor<Inner<AB>, 1>>,
    /// Tensors of the checkpoint that the model does not use (the pooler), kept for saving.
    unused: Weights,
}

impl<AB: TrainingBackend> BurnTrainer<AB> {
    pub fn new(
        config: BertConfig,
        mut weights: Weights,
        optimizer: OptimizerConfig,
        device: AB::Device,
    ) -> Result<Self, EngineError> {
        let model = SpanBert::from_weights(&config, &mut weights, &device)
            .map_err(|error| EngineError::Weights(error.to_string()))?;
        check_faults()?;
        Ok(Self {
            optimizer: Optimizer::new(optimizer, config.pad_token_id),
            config,
            device,
            model: Some(model),
            gradients: Gradients::new(),
            loss: None,
            last_loss: None,
            pending: Vec::new(),
            unused: weights,
        })
    }

    fn model(&self) -> Result<&SpanBert<AB>, EngineError> {
        self.model
            .as_ref()
            .ok_or_else(|| EngineError::Fault("an earlier update failed and left no model".into()))
    }
}

impl<AB: TrainingBackend> InferenceEngine for BurnTrainer<AB> {
    fn config(&self) -> &BertConfig {
        &self.config
    }

    fn predict(&mut self, batch: &Batch) -> Result<Logits, EngineError> {
        predict::<Inner<AB>>(&self.model()?.valid(), &self.config, batch, &self.device)
    }
}

impl<AB: TrainingBackend> TrainingEngine for BurnTrainer<AB> {
    fn accumulate(&mut self, micro: &MicroBatch<'_>) -> Result<(), EngineError> {
        check_batch(&self.config, micro.batch)?;
        let Some(targets) = &micro.batch.targets else {
            return Err(EngineError::Input("a training batch needs targets".into()));
        };
        // For backends that draw dropout masks from their device generator.
        AB::seed(&self.device, micro.seed);
        let Some(model) = &self.model else {
            return Err(EngineError::Fault("an earlier update failed and left no model".into()));
        };
        let input = ModelInput::from_batch(micro.batch, &self.device);
        let logits = model.forward(input, Some(DropoutSeeds::new(micro.seed)));
        let loss = span_loss(logits, targets, micro.start_weight, micro.end_weight);
        let mut collector = Collector::<AB> {
            all: loss.backward(),
            path: Vec::new(),
            collected: std::mem::take(&mut self.gradients),
        };
        model.visit(&mut collector);
        self.gradients = collector.collected;
        let loss = loss.inner();
        self.last_loss = Some(loss.clone());
        self.loss = Some(match self.loss.take() {
            Some(sum) => sum + loss,
            None => loss,
        });
        check_faults()
    }

    fn update(&mut self, learning_rate: f64) -> Result<(), EngineError> {
        let model = self
            .model
            .take()
            .ok_or_else(|| EngineError::Fault("an earlier update failed and left no model".into()))?;
        let gradients = std::mem::take(&mut self.gradients);
        let (model, norm) = self.optimizer.step(model, gradients, learning_rate)?;
        self.model = Some(model);
        if let Some(loss) = self.loss.take() {
            self.pending.push(Tensor::cat(vec![loss, norm.reshape([1])], 0));
        }
        check_faults()
    }

    fn last_loss(&mut self) -> Result<Option<f32>, EngineError> {
        let Some(loss) = self.last_loss.clone() else { return Ok(None) };
        let value = loss.try_into_scalar().map_err(|error| EngineError::Fault(format!("{error:?}")))?;
        check_faults()?;
        Ok(Some(burn::tensor::ElementConversion::elem::<f32>(value)))
    }

    fn drain_metrics(&mut self) -> Result<Vec<StepMetrics>, EngineError> {
        if self.pending.is_empty() {
            return Ok(Vec::new());
        }
        let mut transaction = Transaction::<Inner<AB>>::default();
        for metrics in self.pending.drain(..) {
            transaction = transaction.register(metrics);
        }
        let data = transaction.try_execute().map_err(|error| EngineError::Fault(format!("{error:?}")))?;
        check_faults()?;
        let metrics = data.into_iter().filter_map(|data| {
            let values: Vec<f32> = data.convert::<f32>().into_vec().ok()?;
            Some(StepMetrics { loss: *values.first()?, grad_norm: *values.get(1)? })
        });
        Ok(metrics.collect())
    }

    fn weights(&mut self) -> Result<Weights, EngineError> {
        let mut weights =
            export_weights(self.model()?).map_err(|error| EngineError::Fault(format!("{error:?}")))?;
        check_faults()?;
        weights.extend(self.unused.iter().map(|(name, tensor)| (name.clone(), tensor.clone())));
        Ok(weights)
    }

    fn gradients(&mut self) -> Result<Weights, EngineError> {
        let mut layout = Layout::default();
        self.model()?.visit(&mut layout);
        let mut result = Weights::new();
        for (name, gradient) in &self.gradients {
            let data =
                gradient.clone().try_into_data().map_err(|error| EngineError::Fault(format!("{error:?}")))?;
            if let Some((kind, dims)) = layout.parameters.get(name) {
                let values = data.convert::<f32>().into_vec().unwrap_or_default();
                result.insert(name.clone(), kind.to_host(values, dims.clone()));
            }
        }
        check_faults()?;
        Ok(result)
    }

    fn optimizer_state(&mut self) -> Result<OptimizerState, EngineError> {
        let state = self.optimizer.state()?;
        check_faults()?;
        Ok(state)
    }

    fn load_optimizer_state(&mut self, state: OptimizerState) -> Result<(), EngineError> {
        let mut layout = Layout::default();
        self.model()?.visit(&mut layout);
        self.optimizer.load(state, &layout.parameters, &self.device)?;
        check_faults()
    }
}

/// Moves the gradients of a backward pass into the sum.
struct Collector<AB: TrainingBackend> {
    all: <AB as AutodiffBackend>::Gradients,
    path: Vec<String>,
    collected: Gradients<Inner<AB>>,
}

impl<AB: TrainingBackend> ModuleVisitor<AB> for Collector<AB> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<AB, D>>) {
        let Some(grad) = param.val().grad_remove(&mut self.all) else { return };
        let grad = grad.clone().reshape(matrix_shape(&grad.dims()));
        let name = hugging_face_name(&self.path);
        let sum = match self.collected.remove(&name) {
            Some(earlier) => earlier + grad,
            None => grad,
        };
        self.collected.insert(name, sum);
    }
}

/// Names, kinds and device dimensions of all parameters.
#[derive(Default)]
struct Layout {
    path: Vec<String>,
    containers: Vec<String>,
    parameters: BTreeMap<String, (ParameterKind, Vec<usize>)>,
}

impl<B: burn::tensor::backend::Backend> ModuleVisitor<B> for Layout {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.push(name.to_owned());
        self.containers.push(container_type.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
        self.containers.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let kind = ParameterKind::of(self.containers.last().map(String::as_str), D);
        let dims = param.val().dims().to_vec();
        self.parameters.insert(hugging_face_name(&self.path), (kind, dims));
    }
}
