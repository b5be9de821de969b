//! From a choice made at run time to a type: once, at the top of the program.

#[cfg(all(with_gpu, not(target_family = "wasm")))]
use burn::tensor::Tensor;
#[cfg(with_gpu)]
use burn::tensor::backend::Backend;

use crate::{
    AutodiffDeviceTask, BackendError, DeviceChoice, DeviceTask, Fusion,
    devices::{Address, Found, find},
    fault,
};

/// Runs `$task` on the GPU backend of an address; `$wrap` names the type to run on, given the plain backend.
macro_rules! on_gpu {
    ($found:expr, $fusion:expr, $task:expr, $wrap:ident) => {{
        let Found { info, address } = $found;
        let choice = info.choice;
        match (address, $fusion) {
            #[cfg(feature = "cpu")]
            (Address::Cpu, _) => Err(BackendError::Failed { choice, reason: "it is no GPU".to_owned() }),
            #[cfg(with_wgpu)]
            (Address::Wgpu(device), Fusion::Fused) => {
                start::<crate::WgpuFused>(&choice, &device)?;
                run(choice, device, |device| $task.run::<$wrap<crate::WgpuFused>>(device))
            }
            #[cfg(all(with_wgpu, target_family = "wasm"))]
            (Address::Wgpu(_), Fusion::Unfused) => {
                Err(BackendError::Failed { choice, reason: "this build has fused kernels only".to_owned() })
            }
            #[cfg(all(with_wgpu, not(target_family = "wasm")))]
            (Address::Wgpu(device), Fusion::Unfused) => {
                start::<crate::WgpuUnfused>(&choice, &device)?;
                run(choice, device, |device| $task.run::<$wrap<crate::WgpuUnfused>>(device))
            }
            #[cfg(with_cuda)]
            (Address::Cuda(device), Fusion::Fused) => {
                crate::cuda::opened(device.index);
                start::<crate::CudaFused>(&choice, &device)?;
                run(choice, device, |device| $task.run::<$wrap<crate::CudaFused>>(device))
            }
            #[cfg(with_cuda)]
            (Address::Cuda(device), Fusion::Unfused) => {
                crate::cuda::opened(device.index);
                start::<crate::CudaUnfused>(&choice, &device)?;
                run(choice, device, |device| $task.run::<$wrap<crate::CudaUnfused>>(device))
            }
        }
    }};
}

#[cfg(with_gpu)]
type Plain<B> = B;
type Autodiff<B> = burn::backend::Autodiff<B>;

/// Opens a device and runs a task on it, on the calling thread.
///
/// # Errors
/// If there is no such device, if it does not start, or if the task panicked because the device failed.
pub fn dispatch<T: DeviceTask>(
    choice: &DeviceChoice,
    fusion: Fusion,
    task: T,
) -> Result<T::Output, BackendError> {
    let found = find(choice)?;
    #[cfg(feature = "cpu")]
    if matches!(found.address, Address::Cpu) {
        return dispatch_on_cpu(task);
    }
    on_gpu!(found, fusion, task, Plain)
}

/// [`dispatch`] of a task that needs gradients.
///
/// # Errors
/// As [`dispatch`].
pub fn dispatch_autodiff<T: AutodiffDeviceTask>(
    choice: &DeviceChoice,
    fusion: Fusion,
    task: T,
) -> Result<T::Output, BackendError> {
    let found = find(choice)?;
    #[cfg(feature = "cpu")]
    if matches!(found.address, Address::Cpu) {
        return dispatch_autodiff_on_cpu(task);
    }
    on_gpu!(found, fusion, task, Autodiff)
}

/// [`dispatch`] for the processor, which compiles the task for nothing else.
///
/// # Errors
/// As [`dispatch`].
#[cfg(feature = "cpu")]
pub fn dispatch_on_cpu<T: DeviceTask>(task: T) -> Result<T::Output, BackendError> {
    run(DeviceChoice::Cpu, burn_flex::FlexDevice, |device| task.run::<crate::Cpu>(device))
}

/// [`dispatch_autodiff`] for the processor, which compiles the task for nothing else.
///
/// # Errors
/// As [`dispatch`].
#[cfg(feature = "cpu")]
pub fn dispatch_autodiff_on_cpu<T: AutodiffDeviceTask>(task: T) -> Result<T::Output, BackendError> {
    run(DeviceChoice::Cpu, burn_flex::FlexDevice, |device| task.run::<Autodiff<crate::Cpu>>(device))
}

/// [`dispatch`] for GPUs, which compiles the task for nothing else.
///
/// # Errors
/// As [`dispatch`], and if the device is the processor.
#[cfg_attr(not(with_gpu), expect(unused_variables, reason = "there is no GPU to run it on"))]
pub fn dispatch_on_gpu<T: DeviceTask>(
    choice: &DeviceChoice,
    fusion: Fusion,
    task: T,
) -> Result<T::Output, BackendError> {
    on_gpu!(find(choice)?, fusion, task, Plain)
}

/// [`dispatch_autodiff`] for GPUs, which compiles the task for nothing else.
///
/// # Errors
/// As [`dispatch_on_gpu`].
#[cfg_attr(not(with_gpu), expect(unused_variables, reason = "there is no GPU to run it on"))]
pub fn dispatch_autodiff_on_gpu<T: AutodiffDeviceTask>(
    choice: &DeviceChoice,
    fusion: Fusion,
    task: T,
) -> Result<T::Output, BackendError> {
    on_gpu!(find(choice)?, fusion, task, Autodiff)
}

fn run<D, T>(choice: DeviceChoice, device: D, task: impl FnOnce(D) -> T) -> Result<T, BackendError> {
    fault::contain(|| task(device))
        .map_err(|fault| BackendError::Failed { choice, reason: fault.to_string() })
}

/// In a browser a device has been opened by then, and nothing can be waited for.
#[cfg(all(with_gpu, target_family = "wasm"))]
#[allow(clippy::unnecessary_wraps, reason = "its twin for other platforms may fail")]
fn start<B: Backend>(_: &DeviceChoice, _: &B::Device) -> Result<(), BackendError> {
    Ok(())
}

/// Has the device add two numbers: a missing library, a driver that refuses to compile and a lost GPU show here,
/// with their reason, and not as a panic in the middle of the task.
#[cfg(all(with_gpu, not(target_family = "wasm")))]
fn start<B: Backend>(choice: &DeviceChoice, device: &B::Device) -> Result<(), BackendError> {
    let failed = |reason: String| BackendError::Failed { choice: choice.clone(), reason };
    let sum = fault::guard(|| Tensor::<B, 1>::full([8], 2.0, device).add_scalar(1.0).try_into_data())
        .map_err(|fault| failed(fault.to_string()))?
        .map_err(|error| failed(fault::explain(&error.to_string())))?;
    match sum.as_slice::<f32>() {
        Ok(values) if values.iter().all(|&value| value == 3.0) => Ok(()),
        _ => Err(failed("it computes a wrong sum of two numbers".to_owned())),
    }
}
