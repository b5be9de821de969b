//! The Burn backends this build carries: list them, probe them, open one, and the operations they add.
#![recursion_limit = "256"]

pub mod ops;

pub use ops::{BertBackend, BertKernels, TrainingBackend};

/// The CPU backend.
#[cfg(feature = "cpu")]
pub type Cpu = burn_flex::Flex;

/// wgpu with fused kernels.
#[cfg(feature = "wgpu")]
pub type WgpuFused = burn_wgpu::Wgpu;

/// wgpu, one kernel per operation.
#[cfg(feature = "wgpu")]
pub type WgpuUnfused = burn_wgpu::CubeBackend<burn_wgpu::WgpuRuntime, f32, i32, u32>;

/// CUDA with fused kernels.
#[cfg(all(feature = "cuda", target_arch = "x86_64", any(target_os = "linux", target_os = "windows")))]
pub type CudaFused = burn_cuda::Cuda;

/// CUDA, one kernel per operation.
#[cfg(all(feature = "cuda", target_arch = "x86_64", any(target_os = "linux", target_os = "windows")))]
pub type CudaUnfused = burn_cubecl::CubeBackend<cubecl::cuda::CudaRuntime, f32, i32, u8>;

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
