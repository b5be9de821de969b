//! Host tensors into the model's parameters and back.

use std::pin::Pin;

use burn::{
    module::{Module, ModuleVisitor, Param},
    tensor::{
        Tensor, TensorData,
        backend::{Backend, ExecutionError},
    },
};

use spanbert_backends::Precision;

use super::ParameterPath;
use crate::{
    advice::Advice,
    host::{HostTensor, Weights},
};

/// Weights that do not make this model.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// A tensor is not there.
    #[error("the weights lack {name}")]
    Missing {
        /// Its canonical name.
        name: String,
    },
    /// A tensor has another shape.
    #[error("{name} is {found:?}, but the configuration asks for {expected:?}")]
    Shape {
        /// Its canonical name.
        name: String,
        /// Shape in the weights.
        found: Vec<usize>,
        /// Shape that follows from the configuration.
        expected: Vec<usize>,
    },
}

impl WeightsError {
    pub(crate) const REMEDY: &str = "give config.json and weights of one and the same model";
}

impl Advice for WeightsError {
    fn remedy(&self) -> String {
        match self {
            Self::Missing { .. } | Self::Shape { .. } => Self::REMEDY.into(),
        }
    }
}

/// Hands tensors out of a set of weights as device parameters.
#[derive(Debug)]
pub struct WeightSource<'a, B: Backend> {
    weights: &'a mut Weights,
    device: &'a B::Device,
    precision: Precision,
}

impl<'a, B: Backend> WeightSource<'a, B> {
    /// Takes from `weights`, makes f32 parameters on `device` for a model that multiplies in `precision`.
    pub fn new(weights: &'a mut Weights, device: &'a B::Device, precision: Precision) -> Self {
        Self { weights, device, precision }
    }

    /// Format of the products' operands.
    #[must_use]
    pub fn precision(&self) -> Precision {
        self.precision
    }

    fn take(&mut self, name: &str, expected: &[usize]) -> Result<Vec<f32>, WeightsError> {
        let tensor =
            self.weights.remove(name).ok_or_else(|| WeightsError::Missing { name: name.to_owned() })?;
        if tensor.shape != expected || tensor.values.len() != expected.iter().product::<usize>() {
            return Err(WeightsError::Shape {
                name: name.to_owned(),
                found: tensor.shape,
                expected: expected.to_vec(),
            });
        }
        Ok(tensor.values)
    }

    /// A vector `[length]`.
    ///
    /// # Errors
    /// If it is missing or has another shape.
    pub fn vector(&mut self, name: &str, length: usize) -> Result<Param<Tensor<B, 1>>, WeightsError> {
        let values = self.take(name, &[length])?;
        Ok(Param::from_tensor(Tensor::from_data(TensorData::new(values, [length]), self.device)))
    }

    /// A matrix `[rows, columns]`.
    ///
    /// # Errors
    /// If it is missing or has another shape.
    pub fn matrix(
        &mut self,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<Param<Tensor<B, 2>>, WeightsError> {
        let values = self.take(name, &[rows, columns])?;
        Ok(Param::from_tensor(Tensor::from_data(TensorData::new(values, [rows, columns]), self.device)))
    }

    /// A linear weight, stored `[output, input]`, as `[input, output]`.
    ///
    /// # Errors
    /// If it is missing or has another shape.
    pub fn matrix_transposed(
        &mut self,
        name: &str,
        input: usize,
        output: usize,
    ) -> Result<Param<Tensor<B, 2>>, WeightsError> {
        let values = transpose(&self.take(name, &[output, input])?, output, input);
        Ok(Param::from_tensor(Tensor::from_data(TensorData::new(values, [input, output]), self.device)))
    }
}

/// Row-major `[rows, columns]` to `[columns, rows]`.
pub(crate) fn transpose(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let mut result = Vec::with_capacity(values.len());
    for column in 0..columns {
        result.extend(values.iter().skip(column).step_by(columns.max(1)).take(rows));
    }
    result
}

/// How a parameter is stored in a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    /// As it is on the device.
    Plain,
    /// A linear weight, `[input, output]` on the device and `[output, input]` in the checkpoint.
    Transposed,
}

impl ParameterKind {
    /// The host tensor in checkpoint layout.
    #[must_use]
    pub fn to_host(self, values: Vec<f32>, shape: Vec<usize>) -> HostTensor {
        match (self, shape.as_slice()) {
            (Self::Transposed, &[input, output]) => {
                HostTensor { values: transpose(&values, input, output), shape: vec![output, input] }
            }
            _ => HostTensor { values, shape },
        }
    }
}

/// Reads a module's parameters back by their Hugging Face names, in PyTorch layout.
///
/// # Errors
/// If the device fails while a tensor is read.
pub fn export_weights<B: Backend>(module: &impl Module<B>) -> Result<Weights, ExecutionError> {
    let mut exporter = Exporter { path: ParameterPath::default(), weights: Ok(Weights::new()) };
    module.visit(&mut exporter);
    exporter.weights
}

/// [`export_weights`] without keeping the thread.
///
/// # Errors
/// As [`export_weights`].
pub async fn export_weights_async<B: Backend>(module: &impl Module<B>) -> Result<Weights, ExecutionError> {
    let mut listing = Listing { path: ParameterPath::default(), parameters: Vec::new() };
    module.visit(&mut listing);
    let mut weights = Weights::new();
    for Listed { name, kind, shape, values } in listing.parameters {
        weights.insert(name, kind.to_host(host_values(values.await?), shape));
    }
    Ok(weights)
}

/// All of a module's parameters.
struct Listing {
    path: ParameterPath,
    parameters: Vec<Listed>,
}

/// A parameter that is read once it is waited for.
struct Listed {
    name: String,
    kind: ParameterKind,
    shape: Vec<usize>,
    values: Pin<Box<dyn Future<Output = Result<TensorData, ExecutionError>>>>,
}

impl<B: Backend> ModuleVisitor<B> for Listing {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let tensor = param.val();
        self.parameters.push(Listed {
            name: self.path.hugging_face_name(),
            kind: self.path.kind(D),
            shape: tensor.dims().to_vec(),
            values: Box::pin(tensor.into_data_async()),
        });
    }
}

fn host_values(data: TensorData) -> Vec<f32> {
    data.convert::<f32>().into_vec().unwrap_or_default()
}

struct Exporter {
    path: ParameterPath,
    weights: Result<Weights, ExecutionError>,
}

impl<B: Backend> ModuleVisitor<B> for Exporter {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let Ok(weights) = &mut self.weights else { return };
        let kind = self.path.kind(D);
        let tensor = param.val();
        let shape = tensor.dims().to_vec();
        match tensor.try_into_data() {
            Ok(data) => {
                weights.insert(self.path.hugging_face_name(), kind.to_host(host_values(data), shape));
            }
            Err(error) => self.weights = Err(error),
        }
    }
}
