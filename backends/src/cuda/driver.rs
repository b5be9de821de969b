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
pub(super) fn gpus() -> Result<Vec<Gpu>, String> {
    use sys::CUdevice_attribute::{
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR as MAJOR,
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR as MINOR,
    };
    let explain = |error: result::DriverError| format!("the NVIDIA driver does not start: {}", reason(error));
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
pub(super) fn cuda_version() -> Result<Version, String> {
    let mut version = 0;
    // SAFETY: writes one integer.
    unsafe { sys::cuDriverGetVersion(&raw mut version) }
        .result()
        .map_err(|error| format!("the NVIDIA driver does not tell its version: {}", reason(error)))?;
    Ok(Version { major: version / 1000, minor: version % 1000 / 10 })
}

/// The version of NVRTC that will be used.
pub(super) fn nvrtc_version() -> Result<Version, String> {
    let (mut major, mut minor) = (0, 0);
    // SAFETY: writes two integers.
    match unsafe { nvrtc::sys::nvrtcVersion(&raw mut major, &raw mut minor) } {
        nvrtc::sys::nvrtcResult::NVRTC_SUCCESS => Ok(Version { major, minor }),
        error => Err(format!("NVRTC does not tell its version: {error:?}")),
    }
}

/// The driver's own words; its error codes alone say little.
fn reason(error: result::DriverError) -> String {
    error.error_string().map_or_else(|_| format!("{:?}", error.0), |text| text.to_string_lossy().into_owned())
}
