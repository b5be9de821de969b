//! Tensors on the host.

mod fresh;

use std::collections::BTreeMap;

pub use fresh::{fresh, fresh_tensor};

/// One tensor on the host, row-major.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostTensor {
    /// Dimensions, outermost first.
    pub shape: Vec<usize>,
    /// Values, `shape.iter().product()` of them.
    pub values: Vec<f32>,
}

/// Tensors by canonical Hugging Face name (`bert.encoder.layer.0.attention.self.query.weight`,
/// `qa_outputs.bias`, LayerNorm as `weight`/`bias`), in PyTorch layout (linear weights `[out, in]`).
pub type Weights = BTreeMap<String, HostTensor>;
