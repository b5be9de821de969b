//! The folder of this machine's tuned and compiled kernels.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{BURN_VERSION, BackendKind, BackendReport, DeviceInfo};

/// `kernels-<digest of the GPUs and versions>`; none without a GPU.
pub(crate) fn kernel_folder(cache_dir: &Path, reports: &[BackendReport]) -> Option<PathBuf> {
    let gpus = reports.iter().filter(|report| report.kind != BackendKind::Cpu);
    let fingerprints: Vec<_> = gpus.flat_map(|report| &report.devices).map(DeviceInfo::fingerprint).collect();
    if fingerprints.is_empty() {
        return None;
    }
    let text = format!("{}|{BURN_VERSION}|{}", env!("CARGO_PKG_VERSION"), fingerprints.join("\n"));
    Some(cache_dir.join(format!("kernels-{:016x}", fnv1a(text.as_bytes()))))
}

/// Whether compiled CUDA kernels fit every CUDA GPU here: CubeCL files them without the architecture.
pub(crate) fn same_architecture(reports: &[BackendReport]) -> bool {
    let cuda = reports.iter().filter(|report| report.kind == BackendKind::Cuda);
    let mut classes = cuda.flat_map(|report| &report.devices).map(|device| &device.class);
    classes.next().is_none_or(|first| classes.all(|class| class == first))
}

/// Makes the folder and proves that it can be written.
pub(crate) fn prepare(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let probe = folder.join(format!(".probe-{}", std::process::id()));
    fs::write(&probe, b"probe")?;
    fs::remove_file(probe)
}

/// The 64-bit FNV-1a hash; unlike the standard library's it is the same in every release of Rust.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DeviceChoice, Precision};

    fn cuda(index: usize, class: &str, driver: &str) -> DeviceInfo {
        DeviceInfo {
            choice: DeviceChoice::Cuda(index),
            kind: BackendKind::Cuda,
            name: "GPU".into(),
            class: class.into(),
            api: None,
            driver: Some(driver.into()),
            memory_bytes: Some(1),
            max_buffer_bytes: None,
            precisions: vec![Precision::F32],
            software: false,
            unusable: None,
        }
    }

    fn reports(devices: Vec<DeviceInfo>) -> [BackendReport; 1] {
        [BackendReport::from_probe(BackendKind::Cuda, Ok(devices))]
    }

    #[test]
    fn the_folder_follows_gpu_and_driver() {
        let folder = |devices| kernel_folder(Path::new("cache"), &reports(devices));
        let one = folder(vec![cuda(0, "9.0", "550")]).unwrap();
        assert!(one.starts_with("cache"));
        assert_eq!(folder(vec![cuda(0, "9.0", "550")]).unwrap(), one);
        assert_ne!(folder(vec![cuda(0, "9.0", "560")]).unwrap(), one);
        assert_ne!(folder(vec![cuda(0, "9.0", "550"), cuda(1, "9.0", "550")]).unwrap(), one);
        assert_eq!(folder(vec![]), None);
    }

    #[test]
    fn kernels_are_not_shared_between_architectures() {
        assert!(same_architecture(&reports(vec![])));
        assert!(same_architecture(&reports(vec![cuda(0, "9.0", "1"), cuda(1, "9.0", "1")])));
        assert!(!same_architecture(&reports(vec![cuda(0, "9.0", "1"), cuda(1, "8.0", "1")])));
    }

    #[test]
    fn fnv1a_gives_the_published_values() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
