//! Verdicts on disk: `self-test-<digest of the device>.json`, with `-<precision>` for the half ones.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use spanbert_backends::{BURN_VERSION, DeviceInfo, Precision};

use super::device::Verdict;
use crate::{
    atomic::{WriteError, create_folder, write_json},
    hash::sha256_hex,
};

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    /// Versions that the verdict holds for.
    spanbert: String,
    burn: String,
    verdict: Verdict,
}

/// The stored verdict on exactly this device, driver and version; none if there is none that can be read.
pub(super) fn load(device: &DeviceInfo, precision: Precision, cache_dir: &Path) -> Option<Verdict> {
    let text = fs::read_to_string(path(device, precision, cache_dir)).ok()?;
    let entry: Entry = serde_json::from_str(&text).ok()?;
    let fits = entry.spanbert == env!("CARGO_PKG_VERSION")
        && entry.burn == BURN_VERSION
        && entry.verdict.precision == precision
        && entry.verdict.device.fingerprint() == device.fingerprint();
    fits.then_some(entry.verdict)
}

/// Stores a verdict; a reader sees the old one or the new one, never half of it.
pub(super) fn save(verdict: &Verdict, cache_dir: &Path) -> Result<(), WriteError> {
    create_folder(cache_dir)?;
    let entry = Entry {
        spanbert: env!("CARGO_PKG_VERSION").to_owned(),
        burn: BURN_VERSION.to_owned(),
        verdict: verdict.clone(),
    };
    write_json(&path(&verdict.device, verdict.precision, cache_dir), &entry)
}

fn path(device: &DeviceInfo, precision: Precision, cache_dir: &Path) -> PathBuf {
    let digest = sha256_hex(device.fingerprint().as_bytes());
    // Enough digits to tell a user's devices apart.
    let name = digest.get(..16).unwrap_or(&digest);
    let suffix = match precision {
        Precision::F32 => String::new(),
        half => format!("-{half}"),
    };
    cache_dir.join(format!("self-test-{name}{suffix}.json"))
}
