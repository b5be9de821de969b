//! SpanBERT for question answering, generic over the Burn backend.
//!
//! Outside attention, activations are `[batch * length, hidden]`: one large matrix product per linear layer and
//! per weight gradient. Modules are built from weights, never from lazy initialisers, so nothing draws random
//! numbers behind the dropout seed.

mod attention;
mod distillation;
mod dropout;
mod embeddings;
mod layer;
mod layer_norm;
mod linear;
mod loss;
mod names;
mod prepare;
mod pretraining;
mod span_bert;
mod weights;

pub use distillation::{SoftTargets, distilled_loss};
pub use dropout::DropoutSeeds;
pub use loss::span_loss;
pub use names::ParameterPath;
pub(crate) use prepare::prepared;
pub use pretraining::{PretrainingBert, PretrainingLoss, fresh_pretraining};
pub(crate) use span_bert::Bert;
pub use span_bert::{ModelInput, SpanBert, SpanLogits};
pub use weights::{ParameterKind, WeightSource, WeightsError, export_weights, export_weights_async};
