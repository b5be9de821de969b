//! What runs on a device whose type is known only at run time.

use crate::{BertBackend, TrainingBackend};

/// A task generic over an inference backend.
pub trait DeviceTask {
    /// What the task returns.
    type Output;
    /// Runs on the chosen backend.
    fn run<B: BertBackend>(self, device: B::Device) -> Self::Output;
}

/// A task generic over a training backend.
pub trait AutodiffDeviceTask {
    /// What the task returns.
    type Output;
    /// Runs on the chosen backend.
    fn run<B: TrainingBackend>(self, device: B::Device) -> Self::Output;
}
