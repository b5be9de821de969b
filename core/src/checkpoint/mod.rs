//! Checkpoints in and out: Hugging Face directories, through plain host tensors.

use std::collections::BTreeMap;

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
