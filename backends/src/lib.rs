//! The Burn backends this build carries: list them, probe them, open one, and the operations they add.
#![recursion_limit = "256"]

#[cfg(with_wgpu)]
mod adapters;
mod choice;
pub mod collective;
#[cfg(feature = "cpu")]
mod cpu;
#[cfg(with_cuda)]
mod cuda;
#[cfg(with_any)]
mod devices;
#[cfg(with_any)]
mod dispatch;
mod error;
pub mod fault;
mod headless;
mod info;
#[cfg(all(with_gpu, not(target_family = "wasm")))]
mod kernel_cache;
mod kind;
mod memory;
pub mod ops;
mod portable;
// In a browser there are no folders to cache kernels in, and no environment to take settings from.
#[cfg(all(with_any, not(target_family = "wasm")))]
pub mod runtime;
mod task;
mod version;

#[cfg(all(with_wgpu, target_family = "wasm"))]
pub use adapters::{close_web_gpu, open_web_gpu};
pub use choice::DeviceChoice;
#[cfg(with_any)]
pub use devices::{automatic, devices, nvidia_gpus, passed_over, select};
#[cfg(with_any)]
pub use dispatch::{dispatch, dispatch_autodiff};
#[cfg(feature = "cpu")]
pub use dispatch::{dispatch_autodiff_on_cpu, dispatch_on_cpu};
#[cfg(with_any)]
pub use dispatch::{dispatch_autodiff_on_gpu, dispatch_on_gpu};
pub use error::BackendError;
pub use headless::quiet_vulkan;
pub use info::{BackendReport, DeviceInfo, Obstacle};
pub use kind::{BackendKind, Fusion, Precision};
pub use memory::{MemoryUse, cleanup, has_reserve, memory_in_use};
pub use ops::{BertBackend, BertKernels, TrainingBackend};
pub use portable::{PORTABLE, portable};
pub use task::{AutodiffDeviceTask, DeviceTask};
pub use version::BURN_VERSION;

// Named for their features alone, which decide where random numbers come from.
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
use {getrandom_03 as _, getrandom_04 as _};

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
#[cfg(with_cuda)]
pub type CudaFused = burn_cuda::Cuda;

/// CUDA, one kernel per operation.
#[cfg(with_cuda)]
pub type CudaUnfused = burn_cubecl::CubeBackend<cubecl::cuda::CudaRuntime, f32, i32, u8>;
