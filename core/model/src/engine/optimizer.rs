//! BertAdam and apex's FusedAdam on the device, keyed by parameter name.

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
    EngineError, OptimizerState,
    gradients::{Gradients, matrix_shape},
    inference::{read, read_async},
};
use crate::{
    config::names::WORD_EMBEDDINGS,
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

/// Constants of the optimizer; neither variant corrects the moments' bias.
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
    /// How the parameter is stored in a checkpoint.
    kind: ParameterKind,
    dims: Vec<usize>,
}

impl<B: BertKernels> Moments<B> {
    fn tensors(&self) -> [Tensor<B, 2>; 2] {
        [self.first.clone(), self.second.clone()]
    }

    /// Adds what was read of [`Self::tensors`] to a state, in checkpoint layout.
    fn put(&self, name: &str, values: Vec<Vec<f32>>, state: &mut OptimizerState) {
        let mut values = values.into_iter().map(|values| self.kind.to_host(values, self.dims.clone()));
        if let (Some(first), Some(second)) = (values.next(), values.next()) {
            state.first.insert(name.to_owned(), first);
            state.second.insert(name.to_owned(), second);
        }
    }
}

/// The optimizer's state on the device.
pub(super) struct Optimizer<B: BertKernels> {
    config: OptimizerConfig,
    pad_token_id: usize,
    moments: BTreeMap<String, Moments<B>>,
}

impl<B: BertKernels> Optimizer<B> {
    pub fn new(config: OptimizerConfig, pad_token_id: usize) -> Self {
        Self { config, pad_token_id, moments: BTreeMap::new() }
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
        let slots = gradients.into_iter().enumerate();
        let mut pass = Pass::<AB> {
            optimizer: self,
            gradients: slots.map(|(slot, (name, grad))| (name, (grad, slot))).collect(),
            factors,
            learning_rate: learning_rate as f32,
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
        let mut state = OptimizerState::default();
        for (name, moments) in &self.moments {
            moments.put(name, read(moments.tensors())?, &mut state);
        }
        Ok(state)
    }

    /// [`Self::state`] without keeping the thread.
    pub async fn state_async(&self) -> Result<OptimizerState, EngineError> {
        let mut state = OptimizerState::default();
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
            moments.insert(name.clone(), Moments { first, second, kind: *kind, dims: dims.clone() });
        }
        self.moments = moments;
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
    learning_rate: f32,
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
        let config = self.optimizer.config;
        let weight = tensor.inner();
        let dims = weight.dims();
        let moments = self.optimizer.moments.remove(&name).unwrap_or_else(|| {
            let zeros = || Tensor::zeros(matrix_shape(&dims), &weight.device());
            let kind = self.path.kind(D);
            Moments { first: zeros(), second: zeros(), kind, dims: dims.to_vec() }
        });
        let Moments { first, second, kind, dims: shape } = moments;
        // Biases and LayerNorm parameters are the vectors, and the reference decays neither.
        let weight_decay = if D >= 2 { config.weight_decay } else { 0.0 };
        let step = AdamStep {
            beta1: config.beta1,
            beta2: config.beta2,
            eps: config.eps,
            weight_decay,
            learning_rate: self.learning_rate,
        };
        let tensors = AdamTensors { weight: weight.reshape(matrix_shape(&dims)), first, second };
        let updated = adam_update(tensors, grad, self.factors.clone(), slot, step);
        let moments = Moments { first: updated.first, second: updated.second, kind, dims: shape };
        self.optimizer.moments.insert(name, moments);
        let weight = Tensor::<AB, D>::from_inner(updated.weight.reshape(dims)).require_grad();
        Param::from_mapped_value(id, weight, mapper)
    }
}
