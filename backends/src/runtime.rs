//! Settings of the GPU runtime that hold for the whole process: where tuned and compiled kernels are kept.
//!
//! Left alone, CubeCL and Burn read `cubecl.toml` and `burn.toml` from the current directory and its parents, and
//! panic if one is malformed; tuning results land in the `target` folder of whatever project that is. CubeCL files
//! them by device index, not by model, so after a change of GPU it would use the old one's choices.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use burn_std::config::{BurnConfig, RuntimeConfig};

#[cfg(with_gpu)]
use crate::kernel_cache::{kernel_folder, prepare, same_architecture};
use crate::{BackendReport, fault};

/// Why the runtime's settings are not as wanted.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RuntimeError {
    /// A tensor was made before the settings, so the runtime has read its own.
    #[error("the GPU runtime was configured after its first use")]
    TooLate,
    /// The settings are made, but kernels are tuned and compiled anew in every run.
    #[error("kernels cannot be cached in {}: {reason}, so every start will take longer", path.display())]
    NoCache {
        /// Folder that was to be used.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
}

impl RuntimeError {
    /// What to do about it: begins with a verb, one line.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::TooLate => "set it up first in main",
            Self::NoCache { .. } => "make that folder writable, or free some space",
        }
        .into()
    }
}

/// Makes the settings, once; call it at the start of `main`, before any tensor. Further calls return the first's
/// outcome.
///
/// Kernels are kept in a folder of `cache_dir` that is named after this machine's GPUs, their drivers and our
/// version: a change of any of them starts afresh. Returns that folder; none without a GPU.
///
/// # Errors
/// If it comes too late (nothing is set), or if the folder cannot be written (all else is set).
pub fn configure(cache_dir: &Path) -> Result<Option<PathBuf>, RuntimeError> {
    static OUTCOME: OnceLock<Result<Option<PathBuf>, RuntimeError>> = OnceLock::new();
    OUTCOME
        .get_or_init(|| {
            fault::quietly(|| BurnConfig::set(BurnConfig::default().override_from_env()))
                .map_err(|_| RuntimeError::TooLate)?;
            let reports = crate::devices();
            configure_cubecl(cache_dir, &reports)
        })
        .clone()
}

#[cfg(with_gpu)]
fn configure_cubecl(cache_dir: &Path, reports: &[BackendReport]) -> Result<Option<PathBuf>, RuntimeError> {
    use cubecl::config::{CubeClRuntimeConfig, cache::CacheConfig, memory::PersistentMemory};

    let folder = kernel_folder(cache_dir, reports);
    let writable = folder.as_deref().map(prepare);
    let mut config = CubeClRuntimeConfig::default().override_from_env();
    // Every tensor gets memory of its own size, kept for the next one of that size. By default CubeCL cuts tensors
    // from pages of up to a quarter of the device's memory, a pool for each range of sizes: pages that are mostly
    // empty, and pools that do not share, can take half as much again as the tensors.
    config.memory.persistent_memory = PersistentMemory::Enforced;
    // In a folder that cannot be written, the tuning cache turns itself off; the compilation cache panics.
    config.autotune.cache = CacheConfig::File(folder.clone().unwrap_or_else(|| cache_dir.to_owned()));
    config.compilation.cache = match (&writable, same_architecture(reports)) {
        (Some(Ok(())), true) => folder.clone().map(CacheConfig::File),
        _ => None,
    };
    fault::quietly(|| CubeClRuntimeConfig::set(config)).map_err(|_| RuntimeError::TooLate)?;
    match (folder, writable) {
        (Some(path), Some(Err(error))) => Err(RuntimeError::NoCache { path, reason: error.to_string() }),
        (folder, _) => Ok(folder),
    }
}

#[cfg(not(with_gpu))]
fn configure_cubecl(_: &Path, _: &[BackendReport]) -> Result<Option<PathBuf>, RuntimeError> {
    Ok(None)
}
