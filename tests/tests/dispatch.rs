//! Small tensors on every device there is, and what happens when a device cannot do as asked.
#![recursion_limit = "256"]
#![allow(
    clippy::unwrap_used,
    reason = "a test that unwraps fails with a backtrace, which is what a test should do"
)]

use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::tensor::{Distribution, Tensor, TensorData};
use spanbert_backends::{
    AutodiffDeviceTask, BackendError, BackendKind, BertBackend, DeviceChoice, DeviceInfo, DeviceTask, Fusion,
    TrainingBackend, cleanup, devices, dispatch, dispatch_autodiff, fault, memory_in_use, select,
};
use spanbert_tests::device::adapter;

/// One process has one fault flag: tests that may set it take turns.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

const LEFT: [f32; 6] = [1.0, -2.0, 3.0, 0.5, 4.0, -1.0];
const RIGHT: [f32; 6] = [2.0, 0.0, 1.0, 1.0, -1.0, 3.0];

/// `[2, 3] x [3, 2]`, then GELU.
struct Product;

impl DeviceTask for Product {
    type Output = Vec<f32>;

    fn run<B: BertBackend>(self, device: B::Device) -> Vec<f32> {
        let left = Tensor::<B, 2>::from_data(TensorData::new(LEFT.to_vec(), [2, 3]), &device);
        let right = Tensor::<B, 2>::from_data(TensorData::new(RIGHT.to_vec(), [3, 2]), &device);
        spanbert_backends::ops::gelu(left.matmul(right)).into_data().to_vec().unwrap()
    }
}

/// Gradient of `sum(gelu(left x right))` with respect to `left`.
struct Gradient;

impl AutodiffDeviceTask for Gradient {
    type Output = Vec<f32>;

    fn run<B: TrainingBackend>(self, device: B::Device) -> Vec<f32> {
        let left = Tensor::<B, 2>::from_data(TensorData::new(LEFT.to_vec(), [2, 3]), &device).require_grad();
        let right = Tensor::<B, 2>::from_data(TensorData::new(RIGHT.to_vec(), [3, 2]), &device);
        let gradients = spanbert_backends::ops::gelu(left.clone().matmul(right)).sum().backward();
        left.grad(&gradients).unwrap().into_data().to_vec().unwrap()
    }
}

fn close(left: &[f32], right: &[f32]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(left, right)| (left - right).abs() < 1e-5)
}

#[test]
fn the_processor_computes() {
    let product = dispatch(&DeviceChoice::Cpu, Fusion::Fused, Product).unwrap();
    // left x right = [[-3, 7], [8, -7 + ...]] by hand: rows (1,-2,3) and (0.5,4,-1).
    // (1,-2,3) x columns (2,1,-1), (0,1,3) = -3, 7; (0.5,4,-1) x the same = 6, 1. GELU by scipy.
    let expected = [-0.004_049_7, 7.0, 6.0, 0.841_344_7];
    assert!(close(&product, &expected), "{product:?}");
}

#[test]
fn wgpu_computes_as_the_processor_does() {
    let _alone = alone();
    let Some(DeviceInfo { choice, .. }) = adapter() else { return };
    let product = dispatch(&DeviceChoice::Cpu, Fusion::Fused, Product).unwrap();
    let gradient = dispatch_autodiff(&DeviceChoice::Cpu, Fusion::Fused, Gradient).unwrap();
    assert!(gradient.iter().any(|value| value.abs() > 0.1), "{gradient:?}");
    for fusion in [Fusion::Fused, Fusion::Unfused] {
        let on_gpu = dispatch(&choice, fusion, Product).unwrap();
        assert!(close(&on_gpu, &product), "{fusion}: {on_gpu:?} {product:?}");
        let on_gpu = dispatch_autodiff(&choice, fusion, Gradient).unwrap();
        assert!(close(&on_gpu, &gradient), "{fusion}: {on_gpu:?} {gradient:?}");
    }
    assert_eq!(fault::check(), Ok(()));
}

/// Holds a megabyte, and reports the memory before, while and after.
struct Hold;

impl DeviceTask for Hold {
    type Output = [Option<u64>; 3];

    fn run<B: BertBackend>(self, device: B::Device) -> Self::Output {
        let used = || memory_in_use::<B>(&device).map(|memory| memory.in_use);
        let before = used();
        let tensor = Tensor::<B, 1>::random([1usize << 18], Distribution::Default, &device);
        B::sync(&device).unwrap();
        let held = used();
        drop(tensor);
        cleanup::<B>(&device).unwrap();
        [before, held, used()]
    }
}

#[test]
fn memory_is_counted_on_gpus() {
    let _alone = alone();
    assert_eq!(dispatch(&DeviceChoice::Cpu, Fusion::Fused, Hold).unwrap(), [None; 3]);
    let Some(DeviceInfo { choice, .. }) = adapter() else { return };
    for fusion in [Fusion::Fused, Fusion::Unfused] {
        let [before, held, after] = dispatch(&choice, fusion, Hold).unwrap().map(Option::unwrap);
        assert!(held >= before + (1 << 20), "{fusion}: {before} {held} {after}");
        assert!(after < held, "{fusion}: {before} {held} {after}");
    }
}

/// Asks for 12 GiB in one tensor; wgpu ends at 4.
struct TooMuch;

impl DeviceTask for TooMuch {
    type Output = Result<(), fault::Fault>;

    fn run<B: BertBackend>(self, device: B::Device) -> Self::Output {
        fault::guard(|| {
            let tensor = Tensor::<B, 1>::ones([3usize << 30], &device);
            // Wrong numbers may come back without an error: the guard is what tells.
            let _ = tensor.sum().try_into_data();
        })
    }
}

#[test]
fn an_allocation_beyond_the_limit_is_a_fault() {
    let _alone = alone();
    let Some(DeviceInfo { choice, .. }) = adapter() else { return };
    for fusion in [Fusion::Fused, Fusion::Unfused] {
        // A thread of its own: the fusion stream of this thread is broken afterwards.
        let choice = choice.clone();
        let outcome = std::thread::spawn(move || dispatch(&choice, fusion, TooMuch)).join().unwrap();
        let fault = outcome.unwrap().unwrap_err();
        assert!(fault.is_out_of_memory(), "{fusion}: {fault:?}");
        assert!(fault.thread.starts_with("DS"), "{fault:?}");
        assert_eq!(fault::take(), Some(fault));
    }
}

#[cfg(feature = "wgpu")]
#[test]
fn a_panic_that_a_fault_caused_is_contained() {
    use burn::tensor::backend::BackendTypes;
    use spanbert_backends::WgpuFused;

    let _alone = alone();
    // No machine has that many; Burn panics on the device thread, then in the caller.
    let missing = <WgpuFused as BackendTypes>::Device::DiscreteGpu(999);
    let outcome = fault::contain(|| Tensor::<WgpuFused, 1>::ones([4], &missing).into_data());
    let fault = outcome.unwrap_err();
    assert!(fault.message.contains("No Discrete GPU device found"), "{fault:?}");
    assert_eq!(fault::take(), Some(fault));
}

#[test]
fn a_missing_backend_is_an_error_with_its_reason() {
    let _alone = alone();
    for report in devices() {
        let choice: DeviceChoice = report.kind.to_string().parse().unwrap();
        let outcome = dispatch(&choice, Fusion::Fused, Product);
        match (report.unavailable, select(&choice)) {
            (Some(obstacle), _) => {
                assert_eq!(outcome, Err(BackendError::Unavailable { kind: report.kind, obstacle }))
            }
            // Listed as one that cannot be used.
            (None, Err(refusal)) => {
                assert!(matches!(refusal, BackendError::Unusable { .. }), "{refusal:?}");
                assert_eq!(outcome, Err(refusal));
            }
            (None, Ok(_)) => assert!(outcome.is_ok(), "{outcome:?}"),
        }
    }
    assert_eq!(
        dispatch(&DeviceChoice::Wgpu(Some(999)), Fusion::Fused, Product)
            .is_err_and(|error| error.to_string().contains("999")),
        devices().iter().any(|report| report.kind == BackendKind::Wgpu && !report.devices.is_empty()),
    );
}
