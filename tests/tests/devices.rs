//! The GPU of this machine, a software one included, computes what the processor computes.
#![recursion_limit = "256"]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use spanbert_backends::{DeviceChoice, Fusion, Precision, fault, select};
use spanbert_core::selftest::{self, Outcome};

#[test]
fn the_best_adapter_passes_its_self_test_once() {
    let device = match select(&DeviceChoice::Wgpu(None)) {
        Ok(device) => device,
        Err(error) => {
            assert!(std::env::var_os("SPANBERT_REQUIRE_WGPU").is_none(), "{error}");
            println!("skipped: no adapter ({error})");
            return;
        }
    };
    let folder = tempfile::tempdir().unwrap();
    let verdict = selftest::test(&device, Precision::F32, Some(folder.path())).unwrap();
    let Outcome::Passed(differences) = &verdict.fused else { panic!("{verdict:?}") };
    println!("{}: {differences:?}", device.name);
    assert_eq!(fault::check(), Ok(()));
    let fusion =
        selftest::ensure(&device, Precision::F32, folder.path(), |_| panic!("the verdict is stored"))
            .unwrap();
    assert_eq!(fusion, Fusion::Fused);
}
