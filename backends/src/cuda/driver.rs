//! The few calls into the CUDA driver and NVRTC that probing needs.
#![allow(
    unsafe_code,
    reason = "the driver's interface is C; cudarc marks every call unsafe, safe queries included"
)]

use cudarc::{
    driver::{result, sys},
    nvrtc,
};

use super::Version;
use crate::{Obstacle, fault};

/// What to do about a driver that is there and does not work.
const NOT_WORKING: &str =
    "check that `nvidia-smi` works, and restart the machine if the driver was just updated";

/// One GPU.
pub(super) struct Gpu {
    pub(super) name: String,
    pub(super) capability: Version,
    pub(super) memory_bytes: u64,
}

/// Whether the driver library can be loaded.
pub(super) fn has_driver() -> bool {
    // SAFETY: only loads the library; NVIDIA's has no initialiser that asks anything of us.
    unsafe { sys::is_culib_present() }
}

/// Whether NVRTC can be loaded.
pub(super) fn has_nvrtc() -> bool {
    // SAFETY: as in `has_driver`.
    unsafe { nvrtc::sys::is_culib_present() }
}

/// The GPUs that `CUDA_VISIBLE_DEVICES` leaves, in the driver's order. Creates no context.
pub(super) fn gpus() -> Result<Vec<Gpu>, Obstacle> {
    use sys::CUdevice_attribute::{
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR as MAJOR,
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR as MINOR,
    };
    let explain = |error: result::DriverError| {
        Obstacle::new(format!("the NVIDIA driver does not start: {}", text(error)), NOT_WORKING)
    };
    match result::init() {
        Err(error) if error.0 == sys::cudaError_enum::CUDA_ERROR_NO_DEVICE => return Ok(Vec::new()),
        other => other.map_err(explain)?,
    }
    let count = result::device::get_count().map_err(explain)?;
    (0..count)
        .map(|index| {
            let device = result::device::get(index)?;
            // SAFETY: `device` was just returned by the driver, and these are queries of its properties.
            let (major, minor, memory) = unsafe {
                (
                    result::device::get_attribute(device, MAJOR)?,
                    result::device::get_attribute(device, MINOR)?,
                    result::device::total_mem(device)?,
                )
            };
            Ok(Gpu {
                name: result::device::get_name(device)?,
                capability: Version { major, minor },
                memory_bytes: memory as u64,
            })
        })
        .collect::<Result<_, _>>()
        .map_err(explain)
}

/// The newest CUDA that the driver runs.
pub(super) fn cuda_version() -> Result<Version, Obstacle> {
    let mut version = 0;
    // SAFETY: writes one integer.
    unsafe { sys::cuDriverGetVersion(&raw mut version) }.result().map_err(|error| {
        Obstacle::new(format!("the NVIDIA driver does not tell its version: {}", text(error)), NOT_WORKING)
    })?;
    Ok(Version { major: version / 1000, minor: version % 1000 / 10 })
}

/// The version of NVRTC that will be used.
pub(super) fn nvrtc_version() -> Result<Version, Obstacle> {
    let (mut major, mut minor) = (0, 0);
    // SAFETY: writes two integers.
    match unsafe { nvrtc::sys::nvrtcVersion(&raw mut major, &raw mut minor) } {
        nvrtc::sys::nvrtcResult::NVRTC_SUCCESS => Ok(Version { major, minor }),
        error => Err(Obstacle::new(
            format!("NVRTC does not tell its version: {error:?}"),
            "install the CUDA toolkit again",
        )),
    }
}

/// The compute capabilities that NVRTC compiles for; none if it is too old to tell.
pub(super) fn nvrtc_capabilities() -> Option<Vec<Version>> {
    let mut count = 0;
    // SAFETY: writes one integer. cudarc panics where the library lacks the symbol.
    let told = fault::quietly(|| unsafe { nvrtc::sys::nvrtcGetNumSupportedArchs(&raw mut count) });
    if told != Ok(nvrtc::sys::nvrtcResult::NVRTC_SUCCESS) {
        return None;
    }
    let mut numbers = vec![0; usize::try_from(count).ok()?];
    // SAFETY: writes as many integers as it has just said.
    let told = fault::quietly(|| unsafe { nvrtc::sys::nvrtcGetSupportedArchs(numbers.as_mut_ptr()) });
    let version = |number: i32| Version { major: number / 10, minor: number % 10 };
    (told == Ok(nvrtc::sys::nvrtcResult::NVRTC_SUCCESS)).then(|| numbers.into_iter().map(version).collect())
}

/// The error that a GPU's context is in, as "an illegal memory access was encountered (CUDA_ERROR_ILLEGAL_ADDRESS)".
///
/// After a kernel's error every call on its context returns it until the process ends. Waits for what the GPU is doing.
pub(super) fn standing_error(index: usize) -> Option<String> {
    let device = result::device::get(i32::try_from(index).ok()?).ok()?;
    // SAFETY: the primary context was made by the runtime and is released as often as it is retained; the context that
    // this thread had is current again afterwards.
    let outcome = unsafe {
        result::primary_ctx::retain(device).and_then(|context| {
            let before = result::ctx::get_current().ok().flatten();
            let outcome = result::ctx::set_current(context).and_then(|()| result::ctx::synchronize());
            let _ = result::ctx::set_current(before.unwrap_or(std::ptr::null_mut()));
            let _ = result::primary_ctx::release(device);
            outcome
        })
    };
    outcome.err().map(|error| format!("{} ({:?})", text(error), error.0))
}

/// Lets the GPU's memory pool keep what is freed instead of giving it back to the system at the next wait.
///
/// The runtime frees and takes memory when the lengths of batches change; with the default threshold of zero each time
/// unmaps and maps gigabytes. The driver still gives the pool's unused memory back before an allocation fails (CUDA
/// programming guide, "Stream Ordered Memory Allocator").
pub(super) fn keep_freed_memory(index: usize) -> Result<(), result::DriverError> {
    use sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD as RELEASE_THRESHOLD;

    let Ok(index) = i32::try_from(index) else { return Ok(()) };
    let device = result::device::get(index)?;
    let mut bytes = u64::MAX;
    // SAFETY: the driver has just returned both handles, and the attribute's value is a 64-bit integer.
    unsafe {
        let pool = result::device::get_default_mem_pool(device)?;
        result::mem_pool::set_attribute(pool, RELEASE_THRESHOLD, (&raw mut bytes).cast())
    }
}

/// The driver's own words; its error codes alone say little.
fn text(error: result::DriverError) -> String {
    error.error_string().map_or_else(|_| format!("{:?}", error.0), |text| text.to_string_lossy().into_owned())
}
