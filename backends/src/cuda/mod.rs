//! NVIDIA GPUs: what is installed, what is missing, without opening a device.
//!
//! Besides the driver, CubeCL needs NVRTC (it compiles every kernel at run time) and the toolkit's headers, which
//! the kernels include. It panics without them, so all three are looked for first.

mod driver;

use std::path::{Path, PathBuf};

use crate::{BackendKind, DeviceChoice, DeviceInfo, Precision, fault};

/// Lists the CUDA devices.
///
/// # Errors
/// One line that says what is missing, and what to install.
pub(crate) fn probe() -> Result<Vec<DeviceInfo>, String> {
    // cudarc panics where a library lacks a symbol.
    fault::quietly(list)
        .map_err(|message| format!("the NVIDIA driver failed while it was probed: {message}"))?
}

fn list() -> Result<Vec<DeviceInfo>, String> {
    if !driver::has_driver() {
        return Err("no NVIDIA driver found (libcuda)".into());
    }
    let gpus = driver::gpus()?;
    if gpus.is_empty() {
        return Err(
            "the NVIDIA driver is there, but no GPU; check `nvidia-smi` and CUDA_VISIBLE_DEVICES".into()
        );
    }
    if !driver::has_nvrtc() {
        return Err(
            "NVRTC not found (libnvrtc), which compiles the kernels; install the CUDA toolkit, or put the folder of libnvrtc on the library path"
                .into(),
        );
    }
    let (cuda, nvrtc) = (driver::cuda_version()?, driver::nvrtc_version()?);
    if nvrtc > cuda {
        return Err(format!(
            "NVRTC {nvrtc} is newer than the driver, which supports CUDA {cuda}; update the driver, or install the CUDA {cuda} toolkit"
        ));
    }
    check_headers(toolkit().as_deref())?;
    let kernel_driver = kernel_driver_version();
    Ok(gpus
        .into_iter()
        .enumerate()
        .map(|(index, gpu)| DeviceInfo {
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
        })
        .collect())
}

/// A version of CUDA, NVRTC, or of a GPU's instruction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version {
    major: i32,
    minor: i32,
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
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

/// The toolkit's folder, looked for where cubecl-cuda will look (its `install::cuda_path`).
fn toolkit() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("CUDA_PATH") {
        return Some(path.into());
    }
    if cfg!(target_os = "windows") {
        return Some("C:/Program Files/NVIDIA GPU Computing Toolkit/CUDA/".into());
    }
    let candidates =
        [("/usr/local/cuda", "/usr/local/cuda"), ("/opt/cuda", "/opt/cuda"), ("/usr/bin/nvcc", "/usr")];
    candidates.into_iter().find(|(proof, _)| Path::new(proof).exists()).map(|(_, folder)| folder.into())
}

/// Every kernel includes the first; the half formats and the tensor cores need the others.
fn check_headers(toolkit: Option<&Path>) -> Result<(), String> {
    const HEADERS: [&str; 4] = ["cuda_runtime.h", "cuda_fp16.h", "cuda_bf16.h", "mma.h"];
    const REMEDY: &str =
        "install the CUDA toolkit's headers (cuda-cudart-dev), or set CUDA_PATH to the toolkit";
    let Some(toolkit) = toolkit else {
        return Err(format!("CUDA headers not found; {REMEDY}"));
    };
    let include = toolkit.join("include");
    match HEADERS.iter().find(|header| !include.join(header).is_file()) {
        Some(header) => Err(format!("{} not found; {REMEDY}", include.join(header).display())),
        None => Ok(()),
    }
}

/// The kernel module's version, as `nvidia-smi` shows it; CUDA's interface does not tell it.
fn kernel_driver_version() -> Option<String> {
    let version = std::fs::read_to_string("/sys/module/nvidia/version").ok()?;
    Some(format!("NVIDIA {}", version.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_headers_are_named_with_the_remedy() {
        let folder = std::env::temp_dir().join(format!("spanbert-headers-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("include")).unwrap();
        let error = check_headers(Some(&folder)).unwrap_err();
        assert!(error.contains("cuda_runtime.h") && error.contains("CUDA_PATH"), "{error}");
        for header in ["cuda_runtime.h", "cuda_fp16.h", "cuda_bf16.h", "mma.h"] {
            assert!(check_headers(Some(&folder)).unwrap_err().contains(header));
            std::fs::write(folder.join("include").join(header), "").unwrap();
        }
        assert_eq!(check_headers(Some(&folder)), Ok(()));
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(check_headers(None).unwrap_err().contains("CUDA_PATH"));
    }

    #[test]
    fn precisions_follow_the_compute_capability() {
        let of = |major, minor| precisions(Version { major, minor });
        assert_eq!(of(5, 2), [Precision::F32]);
        assert_eq!(of(7, 5), [Precision::F32, Precision::F16]);
        assert_eq!(of(8, 0), [Precision::F32, Precision::F16, Precision::Bf16]);
    }

    #[test]
    fn a_newer_nvrtc_compares_above_an_older_driver() {
        assert!(Version { major: 13, minor: 0 } > Version { major: 12, minor: 8 });
        assert!(Version { major: 12, minor: 4 } <= Version { major: 12, minor: 4 });
    }
}
