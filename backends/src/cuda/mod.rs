//! NVIDIA GPUs: what is installed, what is missing, without opening a device.
//!
//! Besides the driver, CubeCL needs NVRTC (it compiles every kernel at run time) and the toolkit's headers, which
//! the kernels include. It panics without them, so all three are looked for first.

mod driver;
mod toolkit;
mod version;

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{BackendKind, DeviceChoice, DeviceInfo, Obstacle, Precision, fault};
use driver::Gpu;
use version::Version;

/// The first CUDA that will do. Its driver has tensor maps, which launches on GPUs of compute capability 9.0 use; its NVRTC
/// takes CubeCL's kernels (that of 11.8 refuses most: "type name is not allowed") and knows the architecture sm_90a.
const FIRST_CUDA: Version = Version { major: 12, minor: 0 };

/// The Linux driver that came with [`FIRST_CUDA`] (CUDA toolkit release notes, "CUDA toolkit and minimum required driver").
const FIRST_DRIVER: &str = "525";

/// Lists the CUDA devices.
///
/// # Errors
/// What is missing, and what to install.
pub(crate) fn probe() -> Result<Vec<DeviceInfo>, Obstacle> {
    // cudarc panics where a library lacks a symbol.
    fault::quietly(list).unwrap_or_else(|message| {
        let cause = format!("the NVIDIA driver failed while it was probed: {message}");
        Err(Obstacle::new(cause, "update the NVIDIA driver"))
    })
}

/// What keeps NVIDIA GPUs that are there from being used; none where there are none.
pub(crate) fn hindrance() -> Option<Obstacle> {
    let any = || driver::has_driver() && !driver::gpus().is_ok_and(|gpus| gpus.is_empty());
    // A driver that cannot even be asked is there.
    if !fault::quietly(any).unwrap_or(true) {
        return None;
    }
    probe().map_or_else(Some, |devices| devices.into_iter().find_map(|device| device.unusable))
}

fn list() -> Result<Vec<DeviceInfo>, Obstacle> {
    if !driver::has_driver() {
        let driver = if cfg!(windows) { "nvcuda.dll" } else { "libcuda" };
        return Err(Obstacle::new(format!("no NVIDIA driver found ({driver})"), "install the NVIDIA driver"));
    }
    let gpus = driver::gpus()?;
    if gpus.is_empty() {
        return Err(Obstacle::new(
            "the NVIDIA driver finds no GPU",
            "check `nvidia-smi` and the variable CUDA_VISIBLE_DEVICES",
        ));
    }
    let cuda = driver::cuda_version()?;
    check_driver(cuda)?;
    if !driver::has_nvrtc() {
        return Err(Obstacle::new(
            "NVRTC, which compiles the kernels, was not found (libnvrtc)",
            format!("install the CUDA {cuda} toolkit, or put the folder of libnvrtc on the library path"),
        ));
    }
    let nvrtc = driver::nvrtc_version()?;
    check_nvrtc(nvrtc, cuda)?;
    toolkit::check_variable(std::env::var_os("CUDA_PATH").as_deref(), nvrtc)?;
    toolkit::check_headers(toolkit::folder().as_deref(), nvrtc)?;
    let known = driver::nvrtc_capabilities();
    let kernel_driver = kernel_driver_version();
    let describe = |(index, gpu): (usize, Gpu)| DeviceInfo {
        choice: DeviceChoice::Cuda(index),
        kind: BackendKind::Cuda,
        name: gpu.name,
        class: format!("compute capability {}", gpu.capability),
        api: Some(format!("CUDA {cuda}, NVRTC {nvrtc}")),
        driver: kernel_driver.clone(),
        memory_bytes: Some(gpu.memory_bytes),
        max_buffer_bytes: None,
        precisions: precisions(gpu.capability),
        software: false,
        unusable: known.as_ref().and_then(|known| version::uncompilable(gpu.capability, known, nvrtc, cuda)),
    };
    Ok(gpus.into_iter().enumerate().map(describe).collect())
}

fn check_driver(cuda: Version) -> Result<(), Obstacle> {
    if cuda >= FIRST_CUDA {
        return Ok(());
    }
    Err(Obstacle::new(
        format!("the NVIDIA driver supports CUDA {cuda} at most, {FIRST_CUDA} is needed"),
        format!("update the NVIDIA driver to version {FIRST_DRIVER} or newer"),
    ))
}

fn check_nvrtc(nvrtc: Version, cuda: Version) -> Result<(), Obstacle> {
    if nvrtc > cuda {
        return Err(Obstacle::new(
            format!("NVRTC {nvrtc} is newer than the driver, which supports CUDA {cuda} at most"),
            format!("update the NVIDIA driver, or install the CUDA {cuda} toolkit"),
        ));
    }
    if nvrtc < FIRST_CUDA {
        return Err(Obstacle::new(
            format!("NVRTC {nvrtc} is too old, {FIRST_CUDA} is needed"),
            format!("install the CUDA {cuda} toolkit"),
        ));
    }
    Ok(())
}

/// Half precision needs 5.3 for arithmetic, bfloat16 needs 8.0 (CUDA programming guide, "Arithmetic instructions").
fn precisions(capability: Version) -> Vec<Precision> {
    let mut precisions = vec![Precision::F32];
    if capability >= (Version { major: 5, minor: 3 }) {
        precisions.push(Precision::F16);
    }
    if capability >= (Version { major: 8, minor: 0 }) {
        precisions.push(Precision::Bf16);
    }
    precisions
}

/// The kernel module's version, as `nvidia-smi` shows it; CUDA's interface does not tell it.
fn kernel_driver_version() -> Option<String> {
    let version = std::fs::read_to_string("/sys/module/nvidia/version").ok()?;
    Some(format!("NVIDIA {}", version.trim()))
}

/// The GPU that was opened last, counted from 1; 0 for none.
static OPENED: AtomicUsize = AtomicUsize::new(0);

/// Notes that a GPU is in use by this process, and sets up its memory.
pub(crate) fn opened(index: usize) {
    OPENED.store(index.saturating_add(1), Ordering::Relaxed);
    // Only slower where the driver refuses.
    let _ = fault::quietly(|| driver::keep_freed_memory(index));
}

/// The error that the GPU in use is in, in the driver's words: after a kernel's error CubeCL tells everything that failed
/// because of it, but not the error.
pub(crate) fn standing_error() -> Option<String> {
    let index = OPENED.load(Ordering::Relaxed).checked_sub(1)?;
    fault::quietly(|| driver::standing_error(index)).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precisions_follow_the_compute_capability() {
        let of = |major, minor| precisions(Version { major, minor });
        assert_eq!(of(5, 2), [Precision::F32]);
        assert_eq!(of(7, 5), [Precision::F32, Precision::F16]);
        assert_eq!(of(8, 0), [Precision::F32, Precision::F16, Precision::Bf16]);
    }

    #[test]
    fn versions_that_do_not_fit_are_refused_with_what_to_install() {
        let version = |major, minor| Version { major, minor };
        assert_eq!(check_driver(version(12, 0)), Ok(()));
        let old = check_driver(version(11, 8)).unwrap_err();
        assert!(old.cause.contains("CUDA 11.8") && old.remedy.contains("525"), "{old:?}");
        assert_eq!(check_nvrtc(version(12, 4), version(12, 4)), Ok(()));
        let newer = check_nvrtc(version(13, 0), version(12, 8)).unwrap_err();
        assert!(newer.cause.contains("13.0") && newer.remedy.contains("12.8"), "{newer:?}");
        let older = check_nvrtc(version(11, 8), version(12, 8)).unwrap_err();
        assert!(older.cause.contains("11.8") && older.remedy.contains("12.8"), "{older:?}");
    }
}
