//! Windows gathered into rectangular batches of plain vectors, the only thing that crosses to a device.

mod collate;
mod micro;
mod order;
mod python_random;

pub use collate::{collate, padded_length};
pub(crate) use micro::slice;
pub use micro::{LossWeights, loss_weights, micro_batches};
pub use order::{Order, TrainMode};
pub use python_random::PythonRandom;
pub use spanbert_model::batch::*;
