//! Memory of an open device.

use std::any::Any;

use burn::tensor::backend::Backend;

/// Memory that the calling thread holds on a device, in bytes. CubeCL keeps a pool for every thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryUse {
    /// In use by tensors.
    pub in_use: u64,
    /// Taken from the driver: in use, padding, and what waits for the next tensor.
    pub reserved: u64,
}

/// Whether CubeCL allocates the device's memory, so that [`memory_in_use`] and [`cleanup`] have something to say and to give
/// back; it is not asked.
#[must_use]
pub fn has_reserve<B: Backend>(device: &B::Device) -> bool {
    let device: &dyn Any = device;
    // A browser's answer would have to be waited for.
    #[cfg(all(with_wgpu, not(target_family = "wasm")))]
    if device.is::<burn_wgpu::WgpuDevice>() {
        return true;
    }
    #[cfg(with_cuda)]
    if device.is::<burn_cuda::CudaDevice>() {
        return true;
    }
    let _ = device;
    false
}

/// Memory in use by the calling thread; none for the processor, in a browser, and once the device has failed.
#[must_use]
pub fn memory_in_use<B: Backend>(device: &B::Device) -> Option<MemoryUse> {
    let device: &dyn Any = device;
    #[cfg(all(with_wgpu, not(target_family = "wasm")))]
    if let Some(device) = device.downcast_ref::<burn_wgpu::WgpuDevice>() {
        return of_runtime::<burn_wgpu::WgpuRuntime>(device);
    }
    #[cfg(with_cuda)]
    if let Some(device) = device.downcast_ref::<burn_cuda::CudaDevice>() {
        return of_runtime::<cubecl::cuda::CudaRuntime>(device);
    }
    let _ = device;
    None
}

/// Waits for the device, then gives unused memory of the calling thread back to the driver.
///
/// # Errors
/// The device's error, or its fault.
pub fn cleanup<B: Backend>(device: &B::Device) -> Result<(), String> {
    crate::fault::guard(|| {
        B::sync(device).map_err(|error| error.to_string())?;
        B::memory_cleanup(device);
        Ok(())
    })
    .map_err(|fault| fault.to_string())?
}

#[cfg(all(with_gpu, not(target_family = "wasm")))]
fn of_runtime<R: cubecl::Runtime>(device: &R::Device) -> Option<MemoryUse> {
    // CubeCL unwraps the answer of the device thread.
    let usage = crate::fault::guard(|| R::client(device).memory_usage()).ok()?.ok()?;
    Some(MemoryUse { in_use: usage.bytes_in_use, reserved: usage.bytes_reserved })
}
