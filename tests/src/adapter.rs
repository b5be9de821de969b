//! GPUs to test on.

use spanbert_backends::{DeviceChoice, select};

/// The best wgpu adapter, software rasterisers included; `None`, with a word, where there is none.
///
/// # Panics
/// If there is none although `SPANBERT_REQUIRE_WGPU` is set: then its absence is the failure.
#[must_use]
pub fn wgpu() -> Option<DeviceChoice> {
    match select(&DeviceChoice::Wgpu(None)) {
        Ok(info) => Some(info.choice),
        Err(error) if std::env::var_os("SPANBERT_REQUIRE_WGPU").is_some() => panic!("{error}"),
        Err(error) => {
            eprintln!("skipped: no adapter ({error})");
            None
        }
    }
}
