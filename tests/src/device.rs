//! The device that the tests of devices run on.

use spanbert_backends::{DeviceChoice, DeviceInfo, select};

/// Which device to test, as for `--backend`; else the best wgpu adapter.
const DEVICE: &str = "SPANBERT_TEST_DEVICE";

/// The device under test: that of `SPANBERT_TEST_DEVICE`, which has to be there, else the best wgpu adapter, software
/// rasterisers included; `None`, with a word, where there is none.
///
/// # Panics
/// If there is no adapter although `SPANBERT_REQUIRE_WGPU` is set: then its absence is the failure.
#[must_use]
pub fn under_test() -> Option<DeviceInfo> {
    let named = std::env::var(DEVICE).ok();
    let choice = named.as_deref().map_or(Ok(DeviceChoice::Wgpu(None)), str::parse);
    match choice.and_then(|choice| select(&choice)) {
        Ok(device) => Some(device),
        Err(error) if named.is_some() => panic!("{DEVICE}: {error}"),
        Err(error) if std::env::var_os("SPANBERT_REQUIRE_WGPU").is_some() => panic!("{error}"),
        Err(error) => {
            eprintln!("skipped: no adapter ({error})");
            None
        }
    }
}
