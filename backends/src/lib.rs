//! The Burn backends this build carries: list them, probe them, open one, and the operations they add.
#![recursion_limit = "256"]

use burn::tensor::backend::{AutodiffBackend, Backend};

/// Kind of backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackendKind {
    /// NVIDIA GPUs.
    Cuda,
    /// Any GPU through Vulkan, Metal, DirectX 12 or WebGPU.
    Wgpu,
    /// The processor.
    Cpu,
}

/// Why a backend or device could not be used.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// The name is not one of ours.
    #[error("unknown device {0:?}; use auto, cpu, wgpu, wgpu:N, cuda or cuda:N")]
    Unknown(String),
    /// The backend cannot run here.
    #[error("{kind:?} is not available: {reason}; `spanbert devices` lists what is")]
    Unavailable {
        /// Which backend.
        kind: BackendKind,
        /// Why, in one line.
        reason: String,
    },
}

/// A backend with the operations SpanBERT adds (exact GELU, softmax that keeps only its output).
pub trait BertBackend: Backend {}

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
    fn run<B>(self, device: B::Device) -> Self::Output
    where
        B: AutodiffBackend + BertBackend,
        B::InnerBackend: BertBackend;
}
