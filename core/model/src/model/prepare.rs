//! A model that only answers, with its weights laid out for that.

use burn::{
    module::{Module, ModuleMapper, Param},
    tensor::{Tensor, backend::Backend},
};
use spanbert_backends::{BertBackend, Precision, ops};

use super::{ParameterKind, ParameterPath, SpanBert};
use crate::config::names;

/// Lays the linear layers' weights out as the backend multiplies them fastest. The model can only answer afterwards:
/// its weights can be neither trained nor read back.
pub(crate) fn prepared<B: BertBackend>(model: SpanBert<B>, precision: Precision) -> SpanBert<B> {
    model.map(&mut Preparer { path: ParameterPath::default(), precision })
}

struct Preparer {
    path: ParameterPath,
    precision: Precision,
}

impl<B: Backend + BertBackend> ModuleMapper<B> for Preparer {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        // The head is multiplied the other way round and stays as it is.
        let linear = self.path.kind(D) == ParameterKind::Transposed;
        if !linear || self.path.hugging_face_name().starts_with(names::QA_OUTPUTS) {
            return param;
        }
        param.map(|weight| {
            let &[input, output] = weight.dims().as_slice() else { return weight };
            let weight = ops::prepare_linear(weight.reshape([input, output]), self.precision);
            let mut dims = [1; D];
            dims.copy_from_slice(&weight.dims());
            weight.reshape(dims)
        })
    }
}
