//! BertAdam and apex's FusedAdam on the device, keyed by parameter name, and what newer recipes add to them.

use std::collections::BTreeMap;

use burn::{
    module::{Module, ModuleMapper, Param},
    tensor::{Tensor, TensorData},
};
use serde::{Deserialize, Serialize};
use spanbert_backends::{
    BertKernels, TrainingBackend,
    ops::{AdamStep, AdamTensors, Clip, adam_update, clip_factors},
};

use super::{
    EngineError, OptimizerState, averages,
    gradients::{Gradients, matrix_shape},
    inference::{read, read_async},
};
use crate::{
    config::{
        BertConfig,
        names::{EMBEDDINGS, LAYERS, WORD_EMBEDDINGS},
    },
    host::Weights,
    model::{ParameterKind, ParameterPath},
};

/// What to do about moments of another model.
const OTHER_STATE: &str = "resume from another checkpoint of the run, or start a new run";

/// Over what the gradient's norm is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClipScope {
    /// Each parameter's gradient on its own (BertAdam).
    PerParameter,
    /// All gradients together (FusedAdam under FP16_Optimizer).
    Global,
}

/// Constants of the optimizer. Those of the reference leave the last three as they are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OptimizerConfig {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the square root of the second moment.
    pub eps: f32,
    /// Decoupled decay of everything but biases and LayerNorm.
    pub weight_decay: f32,
    /// Largest gradient norm.
    pub max_grad_norm: f32,
    /// What that norm is taken over.
    pub clip: ClipScope,
    /// In fp16, the factor on the loss; 0 for one that adapts itself ([`LossScale`](super::LossScale)).
    pub loss_scale: f32,
    /// Factor of the learning rate from a layer to the one below it: heads have the whole rate, layer `i` of `n` that times
    /// the factor to the power of `n - i`, embeddings to the power of `n + 1`.
    pub layer_lr_decay: f64,
    /// Whether the moments are divided by `1 - beta^updates`, as Adam's paper has it and BERT's optimizer does not.
    pub bias_correction: bool,
    /// Decay of the running average of the weights, which then predicts and is saved in their place.
    pub ema_decay: Option<f64>,
}

impl OptimizerConfig {
    /// The reference's f32 optimizer (`BertAdam`).
    #[must_use]
    pub fn bert_adam() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-6,
            weight_decay: 0.01,
            max_grad_norm: 1.0,
            clip: ClipScope::PerParameter,
            loss_scale: 0.0,
            layer_lr_decay: 1.0,
            bias_correction: false,
            ema_decay: None,
        }
    }

    /// The reference's fp16 optimizer (apex `FusedAdam` with `bias_correction=False` under `FP16_Optimizer`).
    #[must_use]
    pub fn fused_adam() -> Self {
        Self { eps: 1e-8, clip: ClipScope::Global, ..Self::bert_adam() }
    }
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self::bert_adam()
    }
}

struct Moments<B: BertKernels> {
    first: Tensor<B, 2>,
    second: Tensor<B, 2>,
    /// The running average of the parameter itself, if one is kept.
    average: Option<Tensor<B, 2>>,
    /// How the parameter is stored in a checkpoint.
    kind: ParameterKind,
    dims: Vec<usize>,
}

impl<B: BertKernels> Moments<B> {
    fn tensors(&self) -> Vec<Tensor<B, 2>> {
        [self.first.clone(), self.second.clone()].into_iter().chain(self.average.clone()).collect()
    }

    /// Adds what was read of [`Self::tensors`] to a state, in checkpoint layout.
    fn put(&self, name: &str, values: Vec<Vec<f32>>, state: &mut OptimizerState) {
        let mut values = values.into_iter().map(|values| self.kind.to_host(values, self.dims.clone()));
        if let (Some(first), Some(second)) = (values.next(), values.next()) {
            state.first.insert(name.to_owned(), first);
            state.second.insert(name.to_owned(), second);
        }
        if let Some(average) = values.next() {
            state.average.insert(name.to_owned(), average);
        }
    }
}

/// The optimizer's state on the device.
pub(super) struct Optimizer<B: BertKernels> {
    config: OptimizerConfig,
    pad_token_id: usize,
    layers: usize,
    /// Updates made, those of the run that was resumed included.
    updates: u64,
    moments: BTreeMap<String, Moments<B>>,
}

impl<B: BertKernels> Optimizer<B> {
    pub fn new(config: OptimizerConfig, model: &BertConfig) -> Self {
        let (pad_token_id, layers) = (model.pad_token_id, model.num_hidden_layers);
        Self { config, pad_token_id, layers, updates: 0, moments: BTreeMap::new() }
    }

    /// The average of a parameter, in the shape `[rows, columns]`; none before the first update, or if none is kept.
    pub fn average(&self, name: &str) -> Option<&Tensor<B, 2>> {
        self.moments.get(name)?.average.as_ref()
    }

    /// Whether averages are kept.
    pub fn averages(&self) -> bool {
        self.config.ema_decay.is_some()
    }

    /// The scalars of a parameter's update. The correction of the moments' bias is put into the rate, `eps` and the decay:
    /// `m / c1 / (sqrt(v / c2) + eps) = sqrt(c2) / c1 * m / (sqrt(v) + sqrt(c2) * eps)`.
    fn scalars(&self, name: &str, decays: bool, learning_rate: f64) -> AdamStep {
        let OptimizerConfig { beta1, beta2, eps, bias_correction, layer_lr_decay, .. } = self.config;
        let rate = learning_rate * layer_lr_decay.powi(depth_below_heads(name, self.layers));
        let weight_decay = if decays { self.config.weight_decay } else { 0.0 };
        if !bias_correction {
            return AdamStep { beta1, beta2, eps, weight_decay, learning_rate: rate as f32 };
        }
        let updates = i32::try_from(self.updates).unwrap_or(i32::MAX);
        let root = (1.0 - beta2.powi(updates)).sqrt();
        let factor = root / (1.0 - beta1.powi(updates));
        AdamStep {
            beta1,
            beta2,
            eps: (f64::from(eps) * root) as f32,
            weight_decay: (f64::from(weight_decay) / factor) as f32,
            learning_rate: (rate * factor) as f32,
        }
    }

    /// Whether no update was made and no state loaded yet.
    pub fn without_moments(&self) -> bool {
        self.moments.is_empty()
    }

    /// Applies `gradients` to the model. With a loss scale they count divided by it, and are not applied if one is
    /// not finite; only then is the device waited for.
    pub fn step<AB, M>(
        &mut self,
        model: M,
        mut gradients: Gradients<B>,
        learning_rate: f64,
        loss_scale: Option<f32>,
    ) -> Result<Stepped<M, B>, EngineError>
    where
        AB: TrainingBackend<InnerBackend = B>,
        M: Module<AB>,
    {
        // The padding row gets no gradient.
        if let Some(grad) = gradients.remove(WORD_EMBEDDINGS) {
            let [rows, width] = grad.dims();
            let grad = if self.pad_token_id < rows {
                let zeros = Tensor::zeros([1, width], &grad.device());
                grad.slice_assign([self.pad_token_id..self.pad_token_id + 1, 0..width], zeros)
            } else {
                grad
            };
            gradients.insert(WORD_EMBEDDINGS.into(), grad);
        }
        let clip = Clip {
            max_norm: self.config.max_grad_norm * loss_scale.unwrap_or(1.0),
            global: self.config.clip == ClipScope::Global,
        };
        let Some(factors) = clip_factors(gradients.values().cloned().collect(), clip) else {
            return Err(EngineError::Input {
                what: "an update needs gradients".into(),
                remedy: "accumulate a batch first",
            });
        };
        let unscale = loss_scale.map(f32::recip);
        let (factors, norm) = (scaled(factors.factors, unscale), scaled(factors.norm, unscale));
        if loss_scale.is_some() && !read([norm.clone()])?.iter().flatten().all(|norm| norm.is_finite()) {
            return Ok(Stepped { model, norm, overflowed: true });
        }
        self.updates += 1;
        let slots = gradients.into_iter().enumerate();
        let mut pass = Pass::<AB> {
            optimizer: self,
            gradients: slots.map(|(slot, (name, grad))| (name, (grad, slot))).collect(),
            factors,
            learning_rate,
            path: ParameterPath::default(),
            without_gradient: Vec::new(),
        };
        let model = model.map(&mut pass);
        match pass.without_gradient.first() {
            Some(name) => Err(EngineError::Defect(format!("{name} got no gradient"))),
            None => Ok(Stepped { model, norm, overflowed: false }),
        }
    }

    /// Copies the moments to the host, in checkpoint layout.
    pub fn state(&self) -> Result<OptimizerState, EngineError> {
        let mut state = OptimizerState { updates: self.updates, ..OptimizerState::default() };
        for (name, moments) in &self.moments {
            moments.put(name, read(moments.tensors())?, &mut state);
        }
        Ok(state)
    }

    /// [`Self::state`] without keeping the thread.
    pub async fn state_async(&self) -> Result<OptimizerState, EngineError> {
        let mut state = OptimizerState { updates: self.updates, ..OptimizerState::default() };
        for (name, moments) in &self.moments {
            moments.put(name, read_async(moments.tensors()).await?, &mut state);
        }
        Ok(state)
    }

    /// Replaces the moments by saved ones. `layout` gives each parameter's kind and device dimensions.
    pub fn load(
        &mut self,
        mut state: OptimizerState,
        layout: &BTreeMap<String, (ParameterKind, Vec<usize>)>,
        device: &B::Device,
    ) -> Result<(), EngineError> {
        let mut moments = BTreeMap::new();
        for (name, (kind, dims)) in layout {
            let take = |from: &mut Weights| match from.remove(name) {
                Some(tensor) => {
                    let host = kind.to_host(tensor.values, tensor.shape);
                    if host.shape != *dims || host.values.len() != dims.iter().product::<usize>() {
                        let what = format!(
                            "the optimizer state of {name} is {:?}, the model's is {dims:?}",
                            host.shape
                        );
                        return Err(EngineError::Weights { what, remedy: OTHER_STATE });
                    }
                    let shape = matrix_shape(dims);
                    Ok(Tensor::<B, 2>::from_data(TensorData::new(host.values, shape), device))
                }
                None => {
                    let what = format!("the optimizer state lacks {name}");
                    Err(EngineError::Weights { what, remedy: OTHER_STATE })
                }
            };
            let (first, second) = (take(&mut state.first)?, take(&mut state.second)?);
            // A run that goes on with an average it did not begin with has none, and begins it then.
            let keeps = self.averages() && state.average.contains_key(name);
            let average = if keeps { Some(take(&mut state.average)?) } else { None };
            moments.insert(name.clone(), Moments { first, second, average, kind: *kind, dims: dims.clone() });
        }
        self.moments = moments;
        self.updates = state.updates;
        Ok(())
    }
}

/// What an update came to.
pub(super) struct Stepped<M, B: BertKernels> {
    /// The model, updated unless there was an overflow.
    pub model: M,
    /// Global norm of the gradients before clipping, `[1, 1]`.
    pub norm: Tensor<B, 2>,
    /// Whether it is not finite under a loss scale, and nothing was applied.
    pub overflowed: bool,
}

/// How many steps a parameter's layer is below the heads.
fn depth_below_heads(name: &str, layers: usize) -> i32 {
    let layer = || name.strip_prefix(LAYERS)?.strip_prefix('.')?.split('.').next()?.parse().ok();
    let depth = match layer() {
        Some(layer) => layers.saturating_sub(layer),
        None if name.starts_with(EMBEDDINGS) => layers + 1,
        None => 0,
    };
    i32::try_from(depth).unwrap_or(i32::MAX)
}

fn scaled<B: BertKernels>(x: Tensor<B, 2>, factor: Option<f32>) -> Tensor<B, 2> {
    match factor {
        Some(factor) => x.mul_scalar(factor),
        None => x,
    }
}

/// One update, walking over the model's parameters.
struct Pass<'a, AB: TrainingBackend> {
    optimizer: &'a mut Optimizer<AB::InnerBackend>,
    /// Each with its place in `factors`.
    gradients: BTreeMap<String, (Tensor<AB::InnerBackend, 2>, usize)>,
    /// `[1, gradients]`.
    factors: Tensor<AB::InnerBackend, 2>,
    learning_rate: f64,
    path: ParameterPath,
    without_gradient: Vec<String>,
}

impl<AB: TrainingBackend> ModuleMapper<AB> for Pass<'_, AB> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<AB, D>>) -> Param<Tensor<AB, D>> {
        let name = self.path.hugging_face_name();
        let (id, tensor, mapper) = param.consume();
        let Some((grad, slot)) = self.gradients.remove(&name) else {
            self.without_gradient.push(name);
            return Param::from_mapped_value(id, tensor, mapper);
        };
        let weight = tensor.inner();
        let dims = weight.dims();
        let moments = self.optimizer.moments.remove(&name).unwrap_or_else(|| {
            let zeros = || Tensor::zeros(matrix_shape(&dims), &weight.device());
            let kind = self.path.kind(D);
            Moments { first: zeros(), second: zeros(), average: None, kind, dims: dims.to_vec() }
        });
        let Moments { first, second, average, kind, dims: shape } = moments;
        // Biases and LayerNorm parameters are the vectors, and the reference decays neither.
        let step = self.optimizer.scalars(&name, D >= 2, self.learning_rate);
        let tensors = AdamTensors { weight: weight.reshape(matrix_shape(&dims)), first, second };
        let updated = adam_update(tensors, grad, self.factors.clone(), slot, step);
        let average =
            self.optimizer.config.ema_decay.map(|decay| {
                averages::advance(average, updated.weight.clone(), decay, self.optimizer.updates)
            });
        let moments = Moments { first: updated.first, second: updated.second, average, kind, dims: shape };
        self.optimizer.moments.insert(name, moments);
        let weight = Tensor::<AB, D>::from_inner(updated.weight.reshape(dims)).require_grad();
        Param::from_mapped_value(id, weight, mapper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_s_rate_falls_with_its_distance_from_the_heads() {
        let depth = |name: &str| depth_below_heads(name, 12);
        assert_eq!(depth("qa_outputs.weight"), 0);
        assert_eq!(depth("cls.predictions.bias"), 0);
        assert_eq!(depth("bert.encoder.layer.11.output.dense.weight"), 1);
        assert_eq!(depth("bert.encoder.layer.0.output.dense.weight"), 12);
        assert_eq!(depth("bert.embeddings.LayerNorm.bias"), 13);
    }
}
