//! The device that the tests of devices run on.

use spanbert_backends::{DeviceChoice, DeviceInfo, select};

/// How far values may be from exact ones, as a part of their norm, behind so many matrix products in series on a device that
/// rounds their operands to TF32: four times √(2n/3) units of 2^-11. The self-test's limits have the derivation
/// (core/src/selftest/compare.rs).
#[must_use]
pub fn tf32_rounding(products: f64) -> f64 {
    4.0 * (products * 2.0 / 3.0).sqrt() / 2048.0
}

/// Products in series before the loss of a model with two layers, and before the gradient of a weight.
pub const TWO_LAYERS: (f64, f64) = (13.0, 27.0);

/// Which device to test, as for `--backend`; else the best wgpu adapter.
const DEVICE: &str = "SPANBERT_TEST_DEVICE";

/// The device under test: that of `SPANBERT_TEST_DEVICE`, which has to be there, else the best wgpu adapter, software
/// rasterisers included; `None`, with a word, where there is none.
///
/// # Panics
/// If there is no adapter although `SPANBERT_REQUIRE_WGPU` is set: then its absence is the failure.
#[must_use]
pub fn under_test() -> Option<DeviceInfo> {
    std::env::var(DEVICE).ok().map_or_else(adapter, |name| Some(named(&name)))
}

/// A device that has to be there.
fn named(name: &str) -> DeviceInfo {
    let found = name.parse().and_then(|choice| select(&choice));
    found.unwrap_or_else(|error| panic!("{DEVICE}: {error}"))
}

/// The NVIDIA GPU under test: the one that `SPANBERT_TEST_DEVICE` names, which has to be there, else the first; `None`, with a
/// word, where there is none.
#[must_use]
pub fn nvidia_gpu() -> Option<DeviceInfo> {
    match std::env::var(DEVICE).ok().filter(|name| name.starts_with("cuda")) {
        Some(name) => Some(named(&name)),
        None => select(&DeviceChoice::Cuda(0)).inspect_err(|_| eprintln!("skipped: no NVIDIA GPU")).ok(),
    }
}

/// The best wgpu adapter, software rasterisers included; `None`, with a word, where there is none.
///
/// # Panics
/// If there is none although `SPANBERT_REQUIRE_WGPU` is set.
#[must_use]
pub fn adapter() -> Option<DeviceInfo> {
    match select(&DeviceChoice::Wgpu(None)) {
        Ok(device) => Some(device),
        Err(error) if std::env::var_os("SPANBERT_REQUIRE_WGPU").is_some() => panic!("{error}"),
        Err(error) => {
            eprintln!("skipped: no adapter ({error})");
            None
        }
    }
}
