//! The running average of the weights (EMA): what a training that keeps one predicts with and saves.

use burn::{
    module::{Module, ModuleMapper, Param},
    tensor::Tensor,
};
use spanbert_backends::BertKernels;

use super::optimizer::Optimizer;
use crate::model::ParameterPath;

/// The average after an update: `a + (1 - d) (w - a)`, of which the first is the weights themselves. `d` is the decay, but at
/// most `(1 + updates) / (10 + updates)`, so that the average soon forgets where the training began.
pub(super) fn advance<B: BertKernels>(
    average: Option<Tensor<B, 2>>,
    weight: Tensor<B, 2>,
    decay: f64,
    updates: u64,
) -> Tensor<B, 2> {
    let Some(average) = average else { return weight };
    #[allow(clippy::cast_precision_loss, reason = "beyond 2^53 updates the quotient is 1")]
    let updates = updates as f64;
    let decay = decay.min((1.0 + updates) / (10.0 + updates));
    average.clone() + (weight - average).mul_scalar(1.0 - decay)
}

/// The model with the averages in place of its weights; as it is where there are none.
pub(super) fn averaged<B: BertKernels, M: Module<B>>(optimizer: &Optimizer<B>, model: M) -> M {
    if !optimizer.averages() {
        return model;
    }
    model.map(&mut Averaged { optimizer, path: ParameterPath::default() })
}

struct Averaged<'a, B: BertKernels> {
    optimizer: &'a Optimizer<B>,
    path: ParameterPath,
}

impl<B: BertKernels> ModuleMapper<B> for Averaged<'_, B> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let (id, tensor, mapper) = param.consume();
        let average = self.optimizer.average(&self.path.hugging_face_name());
        let tensor = average.map_or(tensor.clone(), |average| average.clone().reshape(tensor.dims()));
        Param::from_mapped_value(id, tensor, mapper)
    }
}
