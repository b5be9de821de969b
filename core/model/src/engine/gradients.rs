//! Gradients by parameter name, summed over backward passes.

use std::collections::BTreeMap;

use burn::{
    module::{Module, ModuleVisitor, Param},
    tensor::{
        Tensor,
        backend::{AutodiffBackend, Backend},
    },
};
use spanbert_backends::TrainingBackend;

use crate::model::ParameterPath;

/// The inner backend of a training backend.
pub(super) type Inner<AB> = <AB as AutodiffBackend>::InnerBackend;

/// Gradients by Hugging Face name, each as `[rows, columns]` in device layout.
pub(super) type Gradients<B> = BTreeMap<String, Tensor<B, 2>>;

/// `[first dimension, rest]`, or `[1, length]` for a vector.
pub(super) fn matrix_shape(dims: &[usize]) -> [usize; 2] {
    match dims {
        [first, rest @ ..] if !rest.is_empty() => [*first, rest.iter().product()],
        dims => [1, dims.iter().product()],
    }
}

/// Adds the gradients of a model's parameters from a backward pass to `sum`, of those that took part in it.
pub(super) fn collect<AB: TrainingBackend>(
    model: &impl Module<AB>,
    pass: <AB as AutodiffBackend>::Gradients,
    sum: &mut Gradients<Inner<AB>>,
) {
    collect_from(model, "", pass, sum);
}

/// [`collect`] from a module of the model, `path` being its place.
pub(super) fn collect_from<AB: TrainingBackend>(
    module: &impl Module<AB>,
    path: &str,
    pass: <AB as AutodiffBackend>::Gradients,
    sum: &mut Gradients<Inner<AB>>,
) {
    module.visit(&mut Collector::<AB> { pass, path: ParameterPath::at(path), sum });
}

/// Adds gradients to `sum`.
pub(super) fn add<B: Backend>(sum: &mut Gradients<B>, gradients: Gradients<B>) {
    for (name, grad) in gradients {
        add_one(sum, name, grad);
    }
}

fn add_one<B: Backend>(sum: &mut Gradients<B>, name: String, grad: Tensor<B, 2>) {
    let total = match sum.remove(&name) {
        Some(earlier) => earlier + grad,
        None => grad,
    };
    sum.insert(name, total);
}

struct Collector<'a, AB: TrainingBackend> {
    pass: <AB as AutodiffBackend>::Gradients,
    path: ParameterPath,
    sum: &'a mut Gradients<Inner<AB>>,
}

impl<AB: TrainingBackend> ModuleVisitor<AB> for Collector<'_, AB> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<AB, D>>) {
        let Some(grad) = param.val().grad_remove(&mut self.pass) else { return };
        let shape = matrix_shape(&grad.dims());
        let grad = grad.reshape(shape);
        let name = self.path.hugging_face_name();
        add_one(self.sum, name, grad);
    }
}
