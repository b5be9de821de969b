//! The GPU of this machine, a software one included, computes what the processor computes.
#![recursion_limit = "256"]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use spanbert_backends::{DeviceChoice, DeviceInfo, Fusion, Precision, fault, select};
use spanbert_core::selftest::{self, Outcome};

#[test]
fn the_best_adapter_passes_its_self_test_once() {
    let Some(device) = adapter() else { return };
    passes_once(&device, Precision::F32);
}

#[test]
fn half_precision_has_a_test_and_a_verdict_of_its_own() {
    let Some(device) = adapter() else { return };
    if device.precisions.contains(&Precision::F16) {
        passes_once(&device, Precision::F16);
    } else {
        println!("skipped: this adapter does not compute in f16");
    }
}

fn adapter() -> Option<DeviceInfo> {
    match select(&DeviceChoice::Wgpu(None)) {
        Ok(device) => Some(device),
        Err(error) => {
            assert!(std::env::var_os("SPANBERT_REQUIRE_WGPU").is_none(), "{error}");
            println!("skipped: no adapter ({error})");
            None
        }
    }
}

fn passes_once(device: &DeviceInfo, precision: Precision) {
    let folder = tempfile::tempdir().unwrap();
    let (verdict, warning) = selftest::test(device, precision, Some(folder.path())).unwrap();
    assert_eq!(warning, None);
    let Outcome::Passed(differences) = &verdict.fused else { panic!("{verdict:?}") };
    println!("{} in {precision}: {differences:?}", device.name);
    assert_eq!((verdict.precision, fault::check()), (precision, Ok(())));
    let stored = |_: &DeviceInfo| panic!("the verdict is stored");
    let (fusion, _) = selftest::ensure(device, precision, folder.path(), stored).unwrap();
    assert_eq!(fusion, Fusion::Fused);
}
