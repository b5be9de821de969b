//! The CUDA toolkit's headers, which kernels include.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use super::Version;
use crate::Obstacle;

/// Headers of the CUDA runtime: every kernel includes the first; the half formats and tensor cores need the others.
const OF_RUNTIME: [&str; 4] = ["cuda_runtime.h", "cuda_fp16.h", "cuda_bf16.h", "mma.h"];
/// What `mma.h` includes. It belongs to the compiler, and NVIDIA's packages of the runtime lack it. (What other headers
/// include beyond their own package, NVRTC brings along.)
const OF_COMPILER: &str = "crt/mma.h";

/// The toolkit's folder, looked for where cubecl-cuda will look (its `install::cuda_path`).
pub(super) fn folder() -> Option<PathBuf> {
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

/// Whether `CUDA_PATH` (`named`, if it is set) can be the toolkit's folder at all.
pub(super) fn check_variable(named: Option<&OsStr>, nvrtc: Version) -> Result<(), Obstacle> {
    let named = match named.map(Path::new) {
        Some(folder) if !folder.is_dir() => folder,
        _ => return Ok(()),
    };
    let cause = if named.as_os_str().is_empty() {
        "the variable CUDA_PATH is set to nothing".to_owned()
    } else {
        format!("the variable CUDA_PATH names {}, which is no folder", named.display())
    };
    Err(Obstacle::new(cause, format!("set CUDA_PATH to the folder of the CUDA {nvrtc} toolkit, or unset it")))
}

/// Looks for the headers in the toolkit's folder; `nvrtc` is the version that the packages named must have.
pub(super) fn check_headers(toolkit: Option<&Path>, nvrtc: Version) -> Result<(), Obstacle> {
    let Version { major, minor } = nvrtc;
    let Some(toolkit) = toolkit else {
        return Err(Obstacle::new(
            "the CUDA toolkit, whose headers kernels include, was not found",
            format!("install the CUDA {nvrtc} toolkit, or set CUDA_PATH to its folder"),
        ));
    };
    let include = toolkit.join("include");
    if let Some(header) = OF_RUNTIME.iter().find(|header| !include.join(header).is_file()) {
        return Err(Obstacle::new(
            format!("{}, which kernels include, was not found", include.join(header).display()),
            format!(
                "install cuda-cudart-dev-{major}-{minor} and cuda-nvcc-{major}-{minor} (apt, dnf) or cuda-nvcc (conda), \
                 or set CUDA_PATH to the folder of the CUDA toolkit"
            ),
        ));
    }
    if include.join(OF_COMPILER).is_file() {
        return Ok(());
    }
    // The wheels for CUDA 12 have a folder each, those for CUDA 13 one for all.
    let wheel = if major < 13 {
        format!("copy include/crt of the wheel nvidia-cuda-nvcc-cu12 into {}", include.display())
    } else {
        "install the wheel nvidia-cuda-crt".to_owned()
    };
    Err(Obstacle::new(
        format!(
            "{}, which kernels for tensor cores include, was not found",
            include.join(OF_COMPILER).display()
        ),
        format!("install cuda-nvcc-{major}-{minor} (apt, dnf) or cuda-nvcc (conda), or {wheel}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NVRTC: Version = Version { major: 12, minor: 8 };

    #[test]
    fn a_variable_that_names_no_folder_is_named() {
        let check = |named: &str| check_variable(Some(OsStr::new(named)), NVRTC);
        assert_eq!(check_variable(None, NVRTC), Ok(()));
        assert_eq!(check(env!("CARGO_MANIFEST_DIR")), Ok(()));
        let wrong = check("/nonexistent").unwrap_err();
        assert!(wrong.cause.contains("CUDA_PATH names /nonexistent"), "{wrong:?}");
        assert!(wrong.remedy.contains("12.8") && wrong.remedy.ends_with("unset it"), "{wrong:?}");
        assert!(check("").unwrap_err().cause.contains("set to nothing"));
    }

    #[test]
    fn missing_headers_are_named_with_the_packages_that_have_them() {
        let folder = std::env::temp_dir().join(format!("spanbert-headers-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("include/crt")).unwrap();
        for header in OF_RUNTIME {
            let obstacle = check_headers(Some(&folder), NVRTC).unwrap_err();
            assert!(obstacle.cause.contains(header), "{obstacle:?}");
            for package in ["cuda-cudart-dev-12-8", "cuda-nvcc-12-8", "CUDA_PATH"] {
                assert!(obstacle.remedy.contains(package), "{obstacle:?}");
            }
            std::fs::write(folder.join("include").join(header), "").unwrap();
        }
        let obstacle = check_headers(Some(&folder), NVRTC).unwrap_err();
        assert!(obstacle.cause.contains("include/crt/mma.h"), "{obstacle:?}");
        assert!(obstacle.remedy.contains("cuda-nvcc-12-8"), "{obstacle:?}");
        assert!(obstacle.remedy.contains("nvidia-cuda-nvcc-cu12"), "{obstacle:?}");
        let newer = check_headers(Some(&folder), Version { major: 13, minor: 0 }).unwrap_err();
        assert!(newer.remedy.contains("nvidia-cuda-crt"), "{newer:?}");
        std::fs::write(folder.join("include/crt/mma.h"), "").unwrap();
        assert_eq!(check_headers(Some(&folder), NVRTC), Ok(()));
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(check_headers(None, NVRTC).unwrap_err().remedy.contains("CUDA_PATH"));
    }
}
