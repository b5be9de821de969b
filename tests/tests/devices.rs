//! The device under test, the best adapter of this machine if none is named, computes what the processor computes.
#![recursion_limit = "256"]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use spanbert_backends::{DeviceInfo, Fusion, Precision, fault};
use spanbert_core::selftest::{self, Outcome};
use spanbert_tests::device;

#[test]
fn the_device_passes_its_self_test_once() {
    let Some(device) = device::under_test() else { return };
    passes_once(&device, Precision::F32);
}

#[test]
fn each_half_format_has_a_test_and_a_verdict_of_its_own() {
    let Some(device) = device::under_test() else { return };
    for precision in [Precision::F16, Precision::Bf16] {
        if device.precisions.contains(&precision) {
            passes_once(&device, precision);
        } else {
            println!("skipped: this device does not compute in {precision}");
        }
    }
}

fn passes_once(device: &DeviceInfo, precision: Precision) {
    let folder = tempfile::tempdir().unwrap();
    let (verdict, warning) = selftest::test(device, precision, Some(folder.path()), &mut |_| ()).unwrap();
    assert_eq!(warning, None);
    let Outcome::Passed(differences) = &verdict.fused else { panic!("{verdict:?}") };
    println!("{} in {precision}: {differences:?}", device.name);
    assert_eq!((verdict.precision, fault::check()), (precision, Ok(())));
    let stored = &mut |_| panic!("the verdict is stored");
    let (fusion, _) = selftest::ensure(device, precision, folder.path(), stored).unwrap();
    assert_eq!(fusion, Fusion::Fused);
}
